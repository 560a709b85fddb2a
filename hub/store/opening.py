"""Opens the store that settings name: all that a command needs which only looks."""

from __future__ import annotations

from hub.clock import Clock
from hub.config import Fault, Loaded, SecretStore
from hub.errors import Misconfigured
from hub.store.crypto import Keyring
from hub.store.store import Store, open_store


class Faulty(Misconfigured):
    """The settings have faults; `faults` tells every one."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(f"the settings have {len(faults)} faults", fix="run: hub check")
        self.faults = faults


def open_hub_store(loaded: Loaded, secrets: SecretStore, clock: Clock) -> Store:
    """The store of these settings, with its master key; tables are not made here."""
    keyring = Keyring.from_text(secrets.master(loaded.settings.hub.master_key))
    loaded.data_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return open_store(loaded.store_url(secrets.get), keyring, clock)
