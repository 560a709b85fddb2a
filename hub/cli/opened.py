"""Opens the store of a settings folder for commands that look or act; plugins are not loaded for that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.clock import SystemClock
from hub.config import SecretStore, load
from hub.config.settings import Settings
from hub.store import Store
from hub.store.opening import Faulty, open_hub_store


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Settings and store."""

    settings: Settings
    store: Store


@contextmanager
def opened(folder: Path) -> Iterator[Opened]:
    """The settings and store of `folder`. Raises `Faulty` with every fault of the settings."""
    loaded = load(folder)
    if not loaded.ok:
        raise Faulty(loaded.faults)
    store = open_hub_store(loaded, SecretStore(folder), SystemClock())
    try:
        yield Opened(settings=loaded.settings, store=store)
    finally:
        store.close()
