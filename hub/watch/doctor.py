"""`hub doctor`: everything that can be told of a hub, whatever is broken about it.

Each part is looked at for itself: faulty settings do not hide the database, a missing key does not hide a full
disk, and a partner that hangs does not hold up the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue

import msgspec

from hub.clock import Clock
from hub.config import Fault, Loaded
from hub.errors import HubError
from hub.plugin.api import Step
from hub.plugin.host import PluginHost
from hub.store import Store
from hub.store.engine import Engines
from hub.store.vitals import damage, look, try_to_write
from hub.watch.catalogue import bad, good
from hub.watch.checks import PARTS, look_around
from hub.watch.checks_reach import doors
from hub.watch.checks_settings import faults
from hub.watch.finding import Finding
from hub.watch.looking import Findings, Place, made, store_trouble

CONNECTOR_SECONDS = 60.0
"""How long all connectors together may take: they are tried side by side."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """The hub that is examined, and how its parts are opened. `tell` hears what is being done now."""

    loaded: Loaded
    clock: Clock
    secret: Callable[[str], str]
    open_store: Callable[[Loaded], Store]
    open_plugins: Callable[[Loaded], tuple[PluginHost, Sequence[Fault]]]
    tell: Callable[[str], None] = lambda _words: None
    connector_seconds: float = CONNECTOR_SECONDS


def examine(one: Case, parts: Collection[str] = PARTS, *, quick: bool = False) -> Iterator[Finding]:
    """Every finding once, as it is made. `quick` leaves partners alone and does not read the whole database."""
    seen: set[str] = set()
    for finding in _examined(one, parts, quick=quick):
        if finding.ok or finding.key not in seen:
            yield finding
        seen.add(finding.key)


def _examined(one: Case, parts: Collection[str], *, quick: bool) -> Iterator[Finding]:
    loaded = _usable(one.loaded)
    if loaded is None:
        yield from faults(one.loaded.faults)
        yield _unseen("the database and the connectors", "what [hub] says of them cannot be read")
        return
    place = Place(settings=loaded.settings, folder=loaded.folder, clock=one.clock)
    place, trouble = _with_engines(one, loaded, place)
    try:
        one.tell("looking around")
        yield from trouble
        yield from look_around(place, parts)
        if "store" in parts:
            yield from _store(one, loaded, place, quick=quick)
    finally:
        if place.engines is not None:
            place.engines.dispose()
    if "connectors" in parts:
        yield from _connectors(one, loaded, quick=quick)


def _usable(loaded: Loaded) -> Loaded | None:
    """The settings as far as they are well-formed; None where even the place of the database is not known."""
    if loaded.ok:
        return loaded
    broken = any(fault.severity == "error" and _hides(fault) for fault in loaded.faults)
    return None if broken or loaded.rest is None else msgspec.structs.replace(loaded, tree=loaded.rest)


def _hides(fault: Fault) -> bool:
    """Whether a fault may hide where the hub keeps its data."""
    return fault.file == "hub.toml" and (not fault.key or fault.key.split(".")[0] == "hub")


def _unseen(what: str, why: str) -> Finding:
    return bad("check.failed", "unseen", f"{what} were not looked at", why=why, fix="mend the faults above first")


def _with_engines(one: Case, loaded: Loaded, place: Place) -> tuple[Place, list[Finding]]:
    """The place with its database, or what is wrong with that; a database that is not there is not made."""
    try:
        url = loaded.store_url(one.secret)
        file = Path(url.removeprefix("sqlite:///"))
        if url.startswith("sqlite:///") and not file.exists():
            return place, [bad("store.tables", "", f"database: there is no file {file} yet")]
        return replace(place, engines=Engines(url)), []
    except HubError as error:
        return place, [store_trouble(error)]


def _store(one: Case, loaded: Loaded, place: Place, *, quick: bool) -> Findings:
    """What only the doctor tries: the master key, writing, and reading every page."""
    if place.engines is None:
        return
    engines = place.engines
    yield from _guarded(lambda: _key(one, loaded, engines))
    yield from _guarded(lambda: _writable(one, engines))
    if not quick:
        one.tell("reading the whole database")
        yield from _guarded(lambda: _whole(engines))


def _guarded(findings: Callable[[], Findings]) -> list[Finding]:
    try:
        return made("store", findings)
    except HubError as error:
        return [store_trouble(error)]


def _key(one: Case, loaded: Loaded, engines: Engines) -> Findings:
    """Whether the master key is there and opens this database; keys are not made here."""
    try:
        store = one.open_store(loaded)
    except HubError as error:
        yield bad("key.master", "", f"master key: {error}", fix=error.fix)
        return
    try:
        with look(engines) as vitals:
            vitals.check_tables()
            any_keys = bool(vitals.data_keys())
        if any_keys:
            _ = store.keys
        yield good("key.master", "", "master key: opens the database" if any_keys else "master key: is there")
    finally:
        store.close()


def _writable(one: Case, engines: Engines) -> Findings:
    with look(engines) as vitals:
        vitals.check_tables()
    try:
        try_to_write(engines, one.clock.now())
    except HubError as error:
        yield bad("store.readonly", "", f"database: cannot be written ({error})", fix=error.fix)
    else:
        yield good("store.readonly", "", "database: can be written")


def _whole(engines: Engines) -> Findings:
    if faults := damage(engines):
        yield bad("store.damaged", "", f"database: {faults} faults in its own files")
    else:
        yield good("store.damaged", "", "database: no fault in its own files")


def _connectors(one: Case, loaded: Loaded, *, quick: bool) -> Iterator[Finding]:
    """The plugins, and unless it must be quick every connector, step by step."""
    one.tell("loading plugins")
    host, wrong = one.open_plugins(loaded)
    for fault in wrong:
        place = f"{fault.file}:{fault.line}"
        yield bad("plugin.fault", f"{place}:{fault.key}", f"{place}: {fault.key}: {fault.wrong}", fix=fault.fix)
    names = [it.name for it in host.instances()]
    if not wrong:
        yield good("plugin.fault", "", f"plugins: {len(names)} connectors made")
    yield from doors(loaded.settings, host)
    if not quick:
        yield from tried(host, names, one.connector_seconds, one.tell)
    closing = threading.Thread(target=host.close, name="closing", daemon=True)
    closing.start()
    closing.join(2.0)  # one that hangs is left where it hangs


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one connector's thread has to say: a step, or (without one) that it came to its end."""

    name: str
    step: Step | None = None


def tried(
    host: PluginHost, names: Sequence[str], seconds: float, tell: Callable[[str], None]
) -> Iterator[Finding]:
    """The check of each connector, side by side, step by step; who does not end in time is said to hang."""
    said: SimpleQueue[_Said] = SimpleQueue()
    for name in names:
        threading.Thread(target=_try, args=(host, name, said), name=f"try-{name}", daemon=True).start()
    left, until = dict.fromkeys(names, "its first step"), time.monotonic() + seconds
    while left:
        tell("trying " + ", ".join(left))
        try:
            heard = said.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            break
        if heard.step is None:
            del left[heard.name]
        else:
            left[heard.name] = f"what follows {heard.step.name}"
            yield _stepped(heard.name, heard.step)
    for name, where in left.items():
        what = f"{name}: {where} did not end within {seconds:.0f} s"
        yield bad("connector.fault", f"{name}:time", what, fix="ask whether the partner is up, and try again")


def _try(host: PluginHost, name: str, said: SimpleQueue[_Said]) -> None:
    """In a thread of its own: the steps, the last of them what was raised, if anything was."""
    try:
        for step in host.port(name).check():
            said.put(_Said(name=name, step=step))
    except HubError as error:
        said.put(_Said(name=name, step=Step(name="check", ok=False, said=str(error), fix=error.fix)))
    finally:
        said.put(_Said(name=name))


def _stepped(name: str, step: Step) -> Finding:
    what = f"{name}: {step.name}: {step.said}"
    if step.ok:
        return good("connector.fault", f"{name}:{step.name}", what)
    return bad("connector.fault", f"{name}:{step.name}", what, fix=step.fix)
