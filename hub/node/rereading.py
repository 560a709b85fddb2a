"""Reads all settings anew: checked whole first, then put in place of the old ones, or refused whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

import msgspec

from hub.app import App, Current, Faulty, make_host, saved_state
from hub.config import Fault, Loaded, SecretStore, load
from hub.config.secrets import references, secret_faults
from hub.errors import HubError, Misconfigured
from hub.flow.ingest.following import heard
from hub.flow.overlays import overlay_faults
from hub.log import get_log
from hub.model.work import WorkItem
from hub.node.plan import plan_faults

REFUSED = "settings.refused"
FIXED: tuple[tuple[str, str], ...] = (
    *(("hub", key) for key in ("data", "store", "master_key")),
    *(("run", key) for key in ("runner", "threads", "roles", "listen", "public_listen", "bug_limit")),
)
"""What a running node cannot change: it holds until the next start."""

Prints = Mapping[str, str]


class Reread(msgspec.Struct, frozen=True, kw_only=True):
    """What a reload came to: the connectors that were made anew or removed, and the keys that wait for a restart."""

    remade: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


def prints(loaded: Loaded) -> dict[str, str]:
    """A digest of each enabled connector's settings and of the secrets that they name, as they are now."""
    secrets = SecretStore(loaded.folder)
    found = {
        name: hashlib.sha256(one.model_dump_json().encode())
        for name, one in loaded.settings.connectors.items()
        if one.enabled
    }
    for name, digest in found.items():
        followed = loaded.settings.connectors[name].follows
        digest.update("\x1f".join(map(loaded.settings.practice_of, (name, *followed))).encode())
    for path, reference in references(loaded):
        if path[0] == "connectors" and str(path[1]) in found:
            with suppress(Misconfigured):  # a secret that is not there: the connector says so when it is used
                found[str(path[1])].update(f"\x1f{reference}\x1f{secrets.get(reference)}".encode())
    return {name: digest.hexdigest() for name, digest in found.items()}


class Rereader:
    """Knows what the connectors in use were made of."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._began = current.app.loaded
        self._prints = prints(current.app.loaded)

    def reread(self) -> Reread:
        """Take the settings as they stand in their folder now, or none of them."""
        app = self._current.app
        try:
            loaded = self._checked(app)
            now = prints(loaded)
            keep = [name for name in now if self._same(app, name, now)]
            host = make_host(
                loaded,
                SecretStore(loaded.folder),
                app.clock,
                saved_state(app.store),
                app.stop,
                (app.host, keep),
                heard(loaded.settings, app.store),
            )
        except Faulty as faulty:
            return self._refused(app, faulty.faults)
        gone = tuple(name for name in self._prints if name not in now)
        made = tuple(name for name in now if name not in keep)
        app.watch.settings = loaded.settings
        self._current.put(replace(app, loaded=loaded, host=host), lambda: app.host.close(but=keep))
        self._prints = now
        _mended(app)
        return Reread(remade=made, removed=gone, waiting=_waiting(self._began, loaded))

    def _checked(self, app: App) -> Loaded:
        loaded = load(app.loaded.folder)
        if not loaded.ok:
            raise Faulty(tuple(fault for fault in loaded.faults if fault.severity == "error"))
        if faults := [*plan_faults(loaded), *overlay_faults(loaded), *own_secret_faults(loaded)]:
            raise Faulty(tuple(faults))
        return loaded

    def _same(self, app: App, name: str, now: Prints) -> bool:
        """Whether a connector may go on as it is: neither changed nor given up."""
        held = {one.name: one.held for one in app.host.instances()}
        return self._prints.get(name) == now[name] and held.get(name) is False

    def _refused(self, app: App, faults: tuple[Fault, ...]) -> Reread:
        first = faults[0]
        get_log().warning(REFUSED, place=f"{first.file}:{first.line}", code=first.key, faults=len(faults))
        _note(lambda: _open(app, faults))
        return Reread(faults=faults)


def own_secret_faults(loaded: Loaded) -> list[Fault]:
    """Secrets that the next start cannot do without; one of a connector stops that connector only."""
    found = secret_faults(loaded, SecretStore(loaded.folder))
    return [fault for fault in found if not fault.key.startswith("connectors.")]


def _open(app: App, faults: tuple[Fault, ...]) -> None:
    first = faults[0]
    place = f"{first.file}:{first.line} {first.key}".strip()
    item = WorkItem(
        reason="settings.refused",
        aggregate="settings",
        aggregate_id="settings",
        why=f"the changed settings are not used: {len(faults)} faults, the first at {place}: {first.wrong}",
        fix="run hub check, mend what it says, and reload again; until then the hub goes on with the old settings",
        where="reload",
        owner="it",
    )
    with app.store.begin("work.resolve") as tx:
        tx.work.open(item, practice=next(iter(app.settings.practices), ""))


def _mended(app: App) -> None:
    """Settings are in use again as they stand in their folder."""

    def resolve() -> None:
        with app.store.begin("work.resolve") as tx:
            for item in tx.work.list(aggregate="settings", aggregate_id="settings"):
                tx.work.resolve(item.id, "the settings were read again, and are in use", "hub")

    _note(resolve)


def _note(write: Callable[[], None]) -> None:
    """Keep it in the store, where that can be reached: a reload does not depend on it."""
    try:
        write()
    except HubError as error:
        get_log().warning("settings.unwritten", exception=type(error).__name__)


def _waiting(old: Loaded, new: Loaded) -> tuple[str, ...]:
    """The keys that are not those that the node started with, and wait for a restart."""

    def at(loaded: Loaded, part: str, key: str) -> object:
        return getattr(getattr(loaded.settings, part), key)

    return tuple(f"{part}.{key}" for part, key in FIXED if at(old, part, key) != at(new, part, key))
