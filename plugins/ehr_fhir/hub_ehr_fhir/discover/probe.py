"""Learns what a server offers: reads what it declares, then tries each type; in slices, and only by reading."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Event as ThreadEvent

import msgspec

from hub.clock import Clock, today
from hub.errors import Misconfigured
from hub_ehr_fhir.discover import trial
from hub_ehr_fhir.discover.asking import EXPECTED, MOST_REQUESTS, Asker, Away, Enough, Server
from hub_ehr_fhir.discover.capability import Declared, declared, release
from hub_ehr_fhir.discover.offered import RELEARN, Ability, Offered, due
from hub_ehr_fhir.discover.reverse import reverse
from hub_ehr_fhir.discover.tried import Tried
from hub_ehr_fhir.discover.wanted import IN_ORDER, REVERSE
from hub_ehr_fhir.settings import FhirSettings

_MEMBER = re.compile(rb'"reference"\s*:\s*"(?:[^"#]*/)?Patient/([A-Za-z0-9.-]{1,64})["/]')
_PASSES = 3
_NOBODY = (
    "The server showed no patient, so searches by patient could not be tried: what it declares is believed. "
    "Try again with the id of a patient: hub fhir probe NAME --patient ID."
)
Progress = Callable[[str, int, int], None]


def learn(
    server: Server,
    so_far: Offered | None,
    *,
    clock: Clock,
    stop: ThreadEvent,
    seconds: float = 40.0,
    patient: str = "",
    group: str = "",
    progress: Progress | None = None,
) -> Offered:
    """What the server offers, as far as it could be learned in about `seconds`; go on with the answer while it is
    not `complete`. What is a week old is learned anew. `patient` is the id of a patient to try searches with, `group`
    that of a Group whose first member may serve: for servers that list nobody. `progress(type, done, of)`.

    Only GET, one resource at a time, at most a few hundred requests in all. Raises `Misconfigured` for a server of
    another FHIR release, and the client's own error where nothing is answered at all.
    """
    if so_far is None or (so_far.complete and due(so_far, today(clock))):
        before = so_far.samples.get("Patient", "") if so_far else ""
        so_far = _begun(server, clock, patient or before)
    known = any(ability.seen for ability in so_far.abilities.values())
    asker = Asker(server, clock, stop, seconds, so_far.requests, known=known)
    samples = dict(so_far.samples)
    if group and "Patient" not in samples:
        _of_group(asker, group, samples)
    return _tried(asker, so_far, samples, clock, progress or _quiet)


def hints(settings: FhirSettings) -> dict[str, str]:
    """`patient` and `group` for `learn`, where the settings name some: the first id in the file of patients, the
    Group of the patients or of the export.
    """
    named = settings.pull.patients
    group = named.removeprefix("Group/") if named.startswith("Group/") else ""
    return {
        "patient": _first_line(settings.pull.patients_file()),
        "group": group or (settings.bulk.group if settings.bulk else ""),
    }


def _first_line(file: Path | None) -> str:
    """What a file begins with; nothing where it cannot be read: whoever needs it says so."""
    if file is None:
        return ""
    with suppress(OSError, UnicodeDecodeError), file.open(encoding="utf-8") as lines:
        return next((line.strip().removeprefix("Patient/") for line in lines if line.strip()), "")
    return ""


def _begun(server: Server, clock: Clock, patient: str) -> Offered:
    what = _declared(server)
    other = release(what.fhir_version)
    if other:
        raise Misconfigured(
            f"this server speaks FHIR {other} ({what.fhir_version[:12]}); this connector reads R4",
            fix="ask who runs it for the R4 address; often it is the same one with r4 or R4 in the path",
        )
    told = {name: getattr(what, name) for name in ("fhir_version", "software", "formats", "exports", "batch")}
    return Offered(
        learned=today(clock),
        abilities=what.abilities,
        warnings=what.warnings,
        waiting=IN_ORDER,
        samples={"Patient": patient} if patient else {},
        requests=1,
        **told,
    )


def _declared(server: Server) -> Declared:
    """The CapabilityStatement; where there is none, that is said, and trying goes on."""
    for _ in range(_PASSES):
        answer = server.get("metadata", None, expect=EXPECTED)
        what = declared(answer.body)
        if what.readable and answer.status < 300:
            return what
    if answer.status >= 300:
        words = f"The server answers /metadata with HTTP {answer.status}; only what is tried counts."
        return Declared(readable=False, warnings=(words,))
    return what


def _of_group(asker: Asker, group: str, samples: dict[str, str]) -> None:
    told = asker.ask("Group", f"Group/{group}")
    member = _MEMBER.search(told.body)
    if member:
        samples["Patient"] = member[1].decode()


def _tried(asker: Asker, so_far: Offered, samples: dict[str, str], clock: Clock, progress: Progress) -> Offered:
    abilities, waiting, missed = dict(so_far.abilities), list(so_far.waiting), dict(so_far.missed)
    counts = _counts(abilities)
    with suppress(Enough):
        while waiting:
            type_ = waiting.pop(0)
            if type_ == REVERSE and waiting:
                waiting.append(type_)
                continue
            waiting.insert(0, type_)
            progress(type_, len(IN_ORDER) - len(waiting), len(IN_ORDER))
            last = missed.get(type_, 0) >= _PASSES - 1
            if type_ == REVERSE:
                away = _reversed(asker, abilities, samples)
            else:
                ability = _of(abilities, type_)
                tried = Tried(asker, ability, samples, clock.now(), counts=counts, last=last)
                away, counts = _one(tried, abilities)
            waiting.pop(0)
            if away:
                missed[type_] = missed.get(type_, 0) + 1
                waiting += [] if last else [type_]
    progress("", len(IN_ORDER) - len(waiting), len(IN_ORDER))
    so_far = msgspec.structs.replace(so_far, abilities=abilities, samples=samples, missed=missed)
    return _now(so_far, waiting, asker.requests)


def _one(tried: Tried, abilities: dict[str, Ability]) -> tuple[bool, bool | None]:
    """Whether answers did not come, and whether `_count` may be sent."""
    try:
        trial.run(tried)
    except Away:
        tried.missed = True
    finally:
        abilities[tried.type] = tried.ability
    return tried.missed, tried.counts


def _reversed(asker: Asker, abilities: dict[str, Ability], samples: dict[str, str]) -> bool:
    """Try `_revinclude`; whether answers did not come."""
    before = asker.missed
    with suppress(Away):
        abilities["Encounter"] = reverse(asker, _of(abilities, "Encounter"), samples)
    return asker.missed > before


def _now(so_far: Offered, waiting: list[str], requests: int) -> Offered:
    warnings, learned = so_far.warnings, so_far.learned
    if waiting and requests >= MOST_REQUESTS:
        warnings = (*warnings, f"Not everything was tried: {MOST_REQUESTS} requests are enough for a server.")
        waiting = []
    if not waiting and "Patient" not in so_far.samples:
        warnings = (*warnings, _NOBODY)
    if not waiting and any(times >= _PASSES for times in so_far.missed.values()):
        warnings = (*warnings, "Some answers never came: what they would have shown is tried again tomorrow.")
        learned -= RELEARN - timedelta(days=1)
    return msgspec.structs.replace(
        so_far, learned=learned, waiting=tuple(waiting), requests=requests, warnings=warnings
    )


def _of(abilities: dict[str, Ability], type_: str) -> Ability:
    return abilities.get(type_) or Ability(type=type_)


def _counts(abilities: dict[str, Ability]) -> bool | None:
    """Whether `_count` may be sent, as far as is known from the types that were tried."""
    verdicts = {ability.verdict("_count") for ability in abilities.values()}
    if "refused" in verdicts:
        return False
    return True if verdicts & {"works", "ignored"} else None


def _quiet(type_: str, done: int, of: int) -> None:
    """Nobody watches."""
