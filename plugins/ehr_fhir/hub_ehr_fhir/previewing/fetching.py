"""One encounter with its neighbours from a server, fetched as the pull does it, without keeping anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from threading import Event
from typing import Protocol
from urllib.parse import urlsplit

from hub.clock import Clock
from hub.errors import HubError, Misconfigured, Refused
from hub.plugin.api import Desk
from hub_ehr_fhir.connect.http import Server
from hub_ehr_fhir.discover import offered
from hub_ehr_fhir.discover.offered import Offered
from hub_ehr_fhir.discover.probe import hints, learn
from hub_ehr_fhir.discover.strategy import choose
from hub_ehr_fhir.pull.bundling import collection
from hub_ehr_fhir.pull.gathering import Gatherer, roots
from hub_ehr_fhir.pull.links import by
from hub_ehr_fhir.pull.pool import Pool
from hub_ehr_fhir.pull.shared import Shared
from hub_ehr_fhir.pull.turn import Timed, Turn
from hub_ehr_fhir.pull.walking import Walker
from hub_ehr_fhir.settings import FhirSettings

KINDS = ("Encounter", "Patient")
_MOST = 20
"""Encounters of one patient that are fetched whole."""
Progress = Callable[[str, int, int], None]


class Asking(Protocol):
    """What of a connector's context is needed to ask its server."""

    @property
    def clock(self) -> Clock: ...
    @property
    def stop(self) -> Event: ...
    @property
    def follows(self) -> tuple[str, ...]: ...


class Memory:
    """A state that nobody keeps."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """What was put under a key in this run."""
        return self._kept.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Keep it for this run."""
        self._kept[key] = value


def unit_of(address: str) -> str:
    """`Encounter/1` or `Patient/1` at the end of an address; empty where neither is named."""
    parts = [one for one in urlsplit(address).path.split("/_history")[0].split("/") if one]
    if len(parts) >= 2 and parts[-2] in KINDS:
        return "/".join(parts[-2:])
    return ""


def base_of(address: str) -> str:
    """What stands before `Encounter/1`."""
    return address.partition("?")[0].rpartition("/" + unit_of(address))[0]


def remembered(desk: Desk, instance: str) -> Offered | None:
    """What the connector has learned of its server; None where it did not try everything yet, or no hub has run."""
    try:
        found = offered.decode(desk.state(instance).get(offered.STATE))
    except HubError:
        return None
    return found if found is not None and found.complete else None


def fetched(
    server: Server,
    settings: FhirSettings,
    context: Asking,
    unit: str,
    progress: Progress,
    found: Offered | None = None,
) -> tuple[list[bytes], date | None]:
    """Bundles of the encounter, or of each newer encounter of a patient, with all that billing reads beside it; and
    when it was learned what the server offers, where that was `found` before. Raises `HubError` where the server does
    not give it.
    """
    learned = found.learned if found is not None else None
    known = hints(settings)
    patient = unit.partition("/")[2] if unit.startswith("Patient/") else known["patient"]
    while found is None or not (found.complete or context.stop.is_set()):
        found = learn(
            server,
            found,
            clock=context.clock,
            stop=context.stop,
            patient=patient,
            group=known["group"],
            progress=lambda kind, done, of: progress(f"trying what the server offers, {kind}:", done, of),
        )
    strategy = choose(found, settings, follows=context.follows)
    turn = _turn(context.clock, context)
    timed = Timed(server, turn)
    walker = Walker(timed, page_size=settings.pull.page_size, given=settings.pull.other_hosts == "given")
    gatherer = Gatherer(
        timed,
        walker,
        strategy.searches,
        Shared(Memory(), "preview"),
        revinclude=settings.pull.revinclude,
        claims=settings.claims_are_charges,
    )
    units = [unit]
    if unit.startswith("Patient/"):
        page = walker.whole(by(strategy.searches.get("Encounter"), "Encounter", "patient", patient))
        units = [one.key for one in sorted(page.matches, key=lambda one: one.updated or "")][-_MOST:]
        if not units:
            raise Refused("the server tells no encounter of this patient", fix="name another, or an Encounter")
    pool = gatherer.gather(units)
    there = [one for one in units if _is_there(pool, one, alone=len(units) == 1)]
    return [_bundle(pool, one) for one in there], learned


def _turn(clock: Clock, context: Asking) -> Turn:
    return Turn(clock, context.stop, 1 << 30, time.monotonic)


def _is_there(pool: Pool, unit: str, *, alone: bool) -> bool:
    if unit in pool.found:
        return True
    if unit in pool.failed and alone:
        raise pool.failed[unit]
    if alone:
        raise Refused(
            f"the server has no such {unit.partition('/')[0]}, or does not show it to us",
            fix="check the id; a token may be allowed to see some patients only",
        )
    return False


def _bundle(pool: Pool, unit: str) -> bytes:
    keys = pool.closure(roots(pool, unit))[0]
    return collection(pool.found[key] for key in keys)


def misplaced(unit: str, instance: str) -> Misconfigured:
    """An address that is not of the connector's server."""
    return Misconfigured(
        f"the address is not of the server that connector {instance} asks",
        fix=f"write {unit.partition('/')[0]}/ID alone, or name the connector of that server with --connector",
    )
