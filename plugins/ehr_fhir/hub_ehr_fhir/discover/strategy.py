"""From what a server offers to how it is asked, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from hub.errors import Problem
from hub_ehr_fhir.discover.gaps import Asked, gaps
from hub_ehr_fhir.discover.offered import Ability, Offered
from hub_ehr_fhir.discover.wanted import WANTED
from hub_ehr_fhir.settings import FhirSettings

Kind = Literal["incremental", "patients", "follow", "bulk"]
_SEARCHED = ("_id", "identifier", "account", "patient", "beneficiary", "read")
_JOINED: Mapping[str, tuple[str, ...]] = {
    "Encounter": ("_id", "read", "identifier", "account", "patient"),
    "Patient": ("_id", "read", "identifier"),
    "ChargeItem": ("context", "account", "patient", "_id", "read"),
    "Coverage": ("patient", "beneficiary", "_id", "read"),
    "PractitionerRole": ("_id", "read", "practitioner"),
    "Practitioner": ("_id", "read", "identifier"),
    "Organization": ("_id", "read"),
    "Location": ("_id", "read"),
}
_OTHERS = ("encounter", "patient", "_id", "read")
_BESIDE = frozenset(("ServiceRequest", "Claim", "ClaimResponse"))


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """How one resource type is asked for.

    `changed`: how those that changed since a time are found: `_lastUpdated`, `_history`, or empty (not at all: they
    come with their encounter or patient). `joined`: how single ones are found, the best first: search parameters
    (`encounter`, `context`, `account`, `patient`, `_id`, ...) and `read` (GET Type/id). `narrowed`: the parameters of
    `joined` to which `_lastUpdated=ge...` may be added. `listed`: those that take several values, divided by commas.
    `whole`: those whose value must be written with its type (`patient=Patient/1`), since the bare id finds nothing.
    `included`, `revincluded`: values of `_include`, `_revinclude` that bring something when this type is searched.
    `counted`: `_count` may be sent (some servers answer nothing to it); `sorted`: `_sort=_lastUpdated` works;
    `paged`: next links come; `etag`: If-None-Match is answered by 304; `totals`: a total comes; `history`:
    `Type/_history` tells changes and deletions.
    """

    type: str
    changed: str = ""
    joined: tuple[str, ...] = ()
    narrowed: frozenset[str] = frozenset()
    listed: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    included: tuple[str, ...] = ()
    revincluded: tuple[str, ...] = ()
    counted: bool = True
    sorted: bool = False
    paged: bool = True
    etag: bool = False
    totals: bool = False
    history: bool = False


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """How a server is asked: its `kind`, `why` in sentences for a person, `searches` by type (types that cannot be
    had are not in it), `export` (the level of `$export` for kind bulk: `group`, `patient`, `system`), and `gaps`:
    what billing will not get from this server, each with what to do.
    """

    kind: Kind
    why: tuple[str, ...]
    searches: Mapping[str, Search]
    export: str = ""
    gaps: tuple[Problem, ...] = ()


def choose(offered: Offered, settings: FhirSettings, *, follows: Sequence[str] = ()) -> Strategy:
    """The strategy for a server under these settings; `follows`: the connectors that this one follows. Pure."""
    asked = Asked(
        offered=offered,
        follows=tuple(follows),
        patients=settings.pull.patients,
        bulk=settings.bulk is not None,
        export=settings.bulk.exported if settings.bulk else "",
        procedures=settings.procedures_are_charges,
        charging=tuple(_charging(settings)),
        forced=settings.pull.strategy if settings.pull.strategy != "auto" else "",
    )
    kind: Kind = next((each for each in _POSSIBLE if _POSSIBLE[each](asked)), "patients")
    if settings.pull.strategy != "auto":
        kind = settings.pull.strategy
    return Strategy(
        kind=kind,
        why=tuple(_why(asked, kind)),
        searches=dict(_searches(offered, _BESIDE - set(_charging(settings)))),
        export=asked.export if kind == "bulk" else "",
        gaps=gaps(asked, kind),
    )


def _charging(settings: FhirSettings) -> Iterator[str]:
    if settings.procedures_are_charges:
        yield "Procedure"
    if settings.claims_are_charges:
        yield "Claim"
    if settings.visit_types_are_charges:
        yield "Encounter"


_POSSIBLE: Mapping[Kind, Callable[[Asked], bool]] = {
    "incremental": lambda asked: asked.by_change,
    "follow": lambda asked: bool(asked.follows) and asked.by_mention,
    "bulk": lambda asked: asked.bulk,
    "patients": lambda asked: asked.by_patient,
}


def _searches(offered: Offered, beside: frozenset[str]) -> Iterator[tuple[str, Search]]:
    for type_ in WANTED:
        ability = offered.of(type_)
        joined = tuple(each for each in _JOINED.get(type_, _OTHERS) if ability.can(each))
        if joined or ability.can("_lastUpdated"):
            yield type_, _search(offered, ability, joined, beside)


def _search(offered: Offered, ability: Ability, joined: tuple[str, ...], beside: frozenset[str]) -> Search:
    history = ability.can("_history")
    by_time = ability.can("_lastUpdated")
    parameters = [each for each in joined if each != "read"]
    return Search(
        type=ability.type,
        changed="_lastUpdated" if by_time else "_history" if history else "",
        joined=joined,
        narrowed=frozenset(each for each in parameters if by_time or ability.can(f"{each}+_lastUpdated")),
        listed=frozenset(each for each in parameters if _takes_lists(offered, ability, each, beside)),
        whole=frozenset(each for each in parameters if _wants_type(offered, ability, each)),
        included=tuple(_working(ability, "_include=")),
        revincluded=tuple(_working(ability, "_revinclude=")),
        counted=not _anywhere(offered, "_count", "refused"),
        sorted=_likely(offered, ability, "_sort"),
        paged=ability.verdict("next") != "refused" and not _anywhere(offered, "next", "refused"),
        etag=_likely(offered, ability, "etag"),
        totals=_likely(offered, ability, "_total"),
        history=history,
    )


def _wants_type(offered: Offered, ability: Ability, parameter: str) -> bool:
    """Where nothing was there to try it with, as the server does with its other references: a type that is empty when
    the server is learned may fill later, and a bare id would find nothing without a word.
    """
    whole = ability.verdict(f"{parameter}:whole") == "works"
    if whole or (ability.seen and ability.verdict(parameter) == "works"):
        return whole
    features = (each for one in offered.abilities.values() for each in one.found)
    return any(each.endswith(":whole") for each in features)


def _takes_lists(offered: Offered, ability: Ability, parameter: str, beside: frozenset[str]) -> bool:
    """A list of ids, or of whose something is that is billed without it, may be asked for where it works with other
    types: what does not come by its id is read alone. Nothing would tell of a charge or a diagnosis that a list hid:
    there it must have been tried with that very type.
    """
    feature = f"{parameter},"
    if ability.verdict(feature) != "unknown":
        return ability.can(feature)
    return (parameter == "_id" or ability.type in beside) and _likely(offered, ability, feature)


def _working(ability: Ability, kind: str) -> Iterator[str]:
    for feature, verdict in ability.found.items():
        if feature.startswith(kind) and verdict == "works":
            yield feature.removeprefix(kind)


def _anywhere(offered: Offered, feature: str, verdict: str) -> bool:
    return any(ability.verdict(feature) == verdict for ability in offered.abilities.values())


def _likely(offered: Offered, ability: Ability, feature: str) -> bool:
    """What was tried with this type, else with another one."""
    own = ability.verdict(feature)
    if own != "unknown":
        return own == "works"
    return _anywhere(offered, feature, "works") and not _anywhere(offered, feature, "refused")


def _why(asked: Asked, kind: Kind) -> Iterator[str]:
    yield _how_encounters_are_found(asked)
    if asked.forced:
        yield f"The settings ask for strategy {kind} (pull.strategy), so it is taken."
    yield from _because(asked, kind)


def _because(asked: Asked, kind: Kind) -> Iterator[str]:
    encounter = asked.offered.of("Encounter")
    if kind == "incremental":
        way = "_lastUpdated" if encounter.can("_lastUpdated") else "_history"
        yield f"So it is asked what changed since the last time ({way}), and each encounter is completed from there."
    elif kind == "follow":
        yield f"So the connectors that are followed ({', '.join(asked.follows)}) say which visits to ask it for."
    elif kind == "bulk":
        yield f"So everything is fetched by export ({asked.export or 'patient'} level), at the hours that are set."
    elif not asked.by_patient:
        yield "So no way is left but patient by patient, and something is missing for that, too."
    elif asked.patients:
        yield "So the patients that the settings name are asked for one after the other."
    else:
        yield "So every patient that it lists is asked for, one after the other; that is slow where there are many."


def _how_encounters_are_found(asked: Asked) -> str:
    encounter = asked.offered.of("Encounter")
    found = [each for each in ("_lastUpdated", *_SEARCHED) if encounter.can(each)]
    if not found:
        return "This server shows no Encounter at all, by nothing that was tried."
    ways = [("its id" if each == "read" else each) for each in found]
    told = f"This server finds Encounter by {_listed(ways)}"
    if "_lastUpdated" in found:
        return f"{told}."
    return f"{told}, but not by the time of a change: _lastUpdated {_SAYS[encounter.verdict('_lastUpdated')]}."


_SAYS = {
    "refused": "is refused",
    "ignored": "is silently ignored, so everything would come each time",
    "unknown": "is not declared",
    "works": "works",
}


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
