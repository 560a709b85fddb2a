"""Checks of what a person wrote: settings, secrets, enrolments; and of the plugins that it names."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from hub.clock import today
from hub.config import Fault, Loaded, SecretStore, load
from hub.config.secrets import secret_faults
from hub.watch.catalogue import bad, good
from hub.watch.finding import Finding
from hub.watch.looking import Findings, Place


def settings(place: Place) -> Findings:
    """The settings as they stand on disk now: the next start or reload would read these."""
    if (loaded := _loaded(place)) is not None:
        yield from faults(loaded.faults)


def faults(found: Iterable[Fault]) -> Findings:
    """A finding for each fault and doubt."""
    none = True
    for fault in found:
        none = none and fault.severity != "error"
        yield _fault(fault)
    if none:
        yield good("settings.fault", "", "settings: no fault")


def _fault(fault: Fault) -> Finding:
    code = "settings.fault" if fault.severity == "error" else "settings.doubt"
    where = f"{fault.file}:{fault.line}" if fault.line else fault.file
    said = f"{fault.key}: {fault.wrong}" if fault.key else fault.wrong
    return bad(code, f"{where}:{fault.key}" if fault.key else where, f"{where}: {said}", fix=fault.fix)


def _loaded(place: Place) -> Loaded | None:
    """The settings on disk; None for a hub that was given its settings by hand."""
    if place.folder == Path() and not (place.folder / "hub.toml").exists():
        return None
    return _read(place.folder, _stamps(place.folder))


@lru_cache(maxsize=4)
def _read(folder: Path, _stamps: tuple[tuple[str, int, int], ...]) -> Loaded:
    """Read again only where a file has changed since."""
    return load(folder)


def _stamps(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of each file of settings."""
    stats = [(path.name, path.stat()) for path in sorted(folder.glob("*.toml")) if path.is_file()]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


def secrets(place: Place) -> Findings:
    """Every secret that the settings refer to: whether it is there, and nobody else can read it."""
    loaded = _loaded(place)
    if loaded is None or not loaded.ok:
        return
    found = secret_faults(loaded, SecretStore(place.folder))
    for fault in found:
        level = "warning" if fault.key.startswith("connectors.") else "alarm"
        yield bad("secret.fault", fault.key, f"{fault.key}: {fault.wrong}", fix=fault.fix, level=level)  # type: ignore[arg-type]
    if not found:
        yield good("secret.fault", "", "secrets: all there, and closed to others")


def enrolments(place: Place) -> Findings:
    """Enrolments in use that end soon."""
    day = today(place.clock)
    last = day + timedelta(days=place.settings.watch.key_days)
    ending = [
        one
        for one in place.settings.enrolments
        if one.status == "active" and one.holds(day) and one.valid_to is not None and one.valid_to <= last
    ]
    for one in ending:
        which = f"{one.practice}:{one.payer}:{one.transaction}:{one.clearinghouse}"
        said = f"{one.transaction} of {one.practice} with {one.payer} by {one.clearinghouse}"
        yield bad("enrolment.ending", which, f"enrolment: {said} ends on {one.valid_to:%Y-%m-%d}")
    if not ending:
        yield good("enrolment.ending", "", f"enrolments: none ends before {last:%Y-%m-%d}")


def plugins(place: Place) -> Findings:
    """Connectors whose call did not come back."""
    if place.host is None:
        return
    instances = place.host.instances()
    for one in instances:
        if one.held:
            yield bad("plugin.hung", one.name, f"{one.name}: a call of {one.plugin} hangs", name=one.name)
    if not any(one.held for one in instances):
        yield good("plugin.hung", "", f"connectors: {len(instances)}, no call hangs")
