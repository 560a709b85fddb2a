"""What several messages say of one thing, as one fact: each field holds what was said last, whatever came first.

A fact that is `partial` (HL7 v2) is a map from fields to (version, value). It holds the fields that are not at their
defaults, and those that it names in `cleared`, which are told to be at their default. Where a fold held a field that
an older message told, `stamps` has that version; every other field that is told has the fact's own.
`folded` joins two such maps: of each field the pair with the greater version stays, and of two values of one version
the one whose JSON sorts last. That is a maximum of a total order in each field, so it is commutative, associative
and idempotent: any order, repetition and grouping of the same messages gives the same map (the version of the
whole is the greatest). For a patient the fields are those of `Patient`, for all others those of the fact.

A whole fact (FHIR, charges, coverages, merges) tells all of its fields: the newest version stands, as it is. Joined
with partial ones it is a map that holds every field.

An open version (see `hub.model.facts`) is ended by the place of its message in the inbox, which for one that was
mended is that of its original (`placed`): so no two messages have one version, and order stays without meaning.

A fact that a piece told when it was read with what it links to (`joined`) stands against one that a message told
alone under the same version, one of a piece that decides about it against that of its own, and gives way to the next
such reading of the same piece, which knows more. Of a piece the newest version stands.

Two exceptions, for sources of which no order is known. Facts without a version are taken in the order in which they
come. And `again`: a message that is read anew, because its mapping was mended, has the version it had; then what is
said now stands against what was said under the same version.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import msgspec
from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields, replace

from hub.model.facts import (
    AnyFact,
    AppointmentFact,
    ChargeFact,
    CoverageFact,
    DiagnosisFact,
    EncounterFact,
    PatientFact,
    PieceFact,
)
from hub.model.people import Record

Partial = PatientFact | EncounterFact | AppointmentFact
R = TypeVar("R", bound=Record)
OURS = frozenset(("key", "version", "cleared", "stamps", "joined", "withdrawn", "partial", "patient"))
"""What is about the fact, and nothing that it tells."""
NOT_READY = frozenset(("planned", "cancelled"))
"""Whoever says that a visit is so says that it is not ready, too."""
_REQUIRED = object()
_OPEN, _PLACE = "/", 16


def overlaid(known: AnyFact | None, coming: AnyFact, *, again: bool = False) -> AnyFact:
    """What holds after `coming`: `known` itself where that changes nothing."""
    coming = _explicit(coming)
    if known is None or known == coming:
        return coming
    if isinstance(known, Partial) and isinstance(coming, Partial) and (known.partial or coming.partial):
        if type(known) is not type(coming):
            raise TypeError("two facts of one key are of different kinds")
        joined = _joined(_explicit(known), coming, again=again)
        return known if joined == known else joined
    if isinstance(known, PieceFact) and isinstance(coming, PieceFact):
        return _newest(known, coming, again=again)
    if coming.version == known.version and (coming.joined or known.joined):
        return coming if _told_by(coming) >= _told_by(known) else known
    return coming if _beats(coming.version, coming, known.version, known, again=again) else known


def _told_by(fact: AnyFact) -> tuple[int, str]:
    """Who tells a fact, the least first: a message, its own piece beside others, a piece that decides about it."""
    return (0 if not fact.joined else 1 if fact.joined == fact.key else 2), fact.joined


def _newest(known: PieceFact, coming: PieceFact, *, again: bool) -> PieceFact:
    """Of two tellings of a piece the one that stands; where only the message is another, the known one."""
    ours, theirs = (known.body, known.links, known.patient_key), (coming.body, coming.links, coming.patient_key)
    newer = coming.version > known.version
    if coming.version == known.version:
        newer = ours != theirs and (again or not coming.version or theirs > ours)
    return replace(coming, work=known.work, decides=known.decides) if newer else known


def in_force(fact: AnyFact) -> AnyFact:
    """The fact as it counts: one that its source deleted is cancelled, or no longer active, since it was."""
    if not fact.withdrawn:
        return fact
    if isinstance(fact, EncounterFact):
        stamps = {**fact.stamps, "status": fact.withdrawn}
        return replace(fact, status="cancelled", ready=False, stamps=stamps)
    if isinstance(fact, ChargeFact | DiagnosisFact | CoverageFact):
        return replace(fact, active=False, version=fact.withdrawn)
    return fact


def repeats(known: AnyFact, holds: AnyFact) -> bool:
    """Whether nothing but places among arrivals is new: the same words of the same moment, which came once more (a
    file under another name). What is billed need not be looked at again for that.
    """
    if known.version == holds.version or _unplaced(known.version) != _unplaced(holds.version):
        return False
    before, after = ({name: _unplaced(one) for name, one in fact.stamps.items()} for fact in (known, holds))
    return before == after and replace(holds, version=known.version, stamps=known.stamps) == known


def _unplaced(version: str) -> str:
    """A version without the place that ended it."""
    head, _, place = version.rpartition(_OPEN)
    return head if len(place) == _PLACE and place.isdigit() else version


def _explicit(fact: AnyFact) -> AnyFact:
    """The fact, with what its status implies said outright."""
    if not isinstance(fact, EncounterFact) or fact.status not in NOT_READY or not fact.partial:
        return fact
    told = fact.ready or "ready" in fact.cleared
    return fact if told else replace(fact, cleared=(*fact.cleared, "ready"))


def _beats(version: str, value: object, other_version: str, other: object, *, again: bool) -> bool:
    """Whether what is told under `version` stands against the other; it was told later, where that counts."""
    if version != other_version:
        return version > other_version
    if again or not version:
        return True
    return value != other and _order(value) > _order(other)


def _order(value: object) -> bytes:
    return msgspec.json.encode(value)


def _joined(known: AnyFact, coming: AnyFact, *, again: bool) -> AnyFact:
    """The join of two maps, as a fact."""
    ours, theirs = _body(known), _body(coming)
    version = max(known.version, coming.version)
    values: dict[str, object] = {}
    stamps: dict[str, str] = {}
    cleared: list[str] = []
    for name, default in _spec(type(ours)):
        mine, its = getattr(ours, name), getattr(theirs, name)
        stamp, its_stamp = _stamp(known, name, mine, default), _stamp(coming, name, its, default)
        if stamp is None or (its_stamp is not None and _beats(its_stamp, its, stamp, mine, again=again)):
            mine, stamp = its, its_stamp
        if stamp is None:
            continue
        values[name] = mine
        if stamp != version:
            stamps[name] = stamp
        if mine == default:
            cleared.append(name)
    whole = not (getattr(known, "partial", False) and getattr(coming, "partial", False))
    about = {"version": version, "stamps": stamps, "cleared": () if whole else tuple(cleared)}
    if isinstance(coming, PatientFact):
        return replace(coming, patient=replace(coming.patient, **values), partial=not whole, **about)
    return replace(coming, **values, partial=not whole, **about)


def _body(fact: AnyFact) -> Record:
    """The record that holds what a fact tells."""
    return fact.patient if isinstance(fact, PatientFact) else fact


def _stamp(fact: AnyFact, name: str, value: object, default: object) -> str | None:
    """Under which version a fact tells a field; None where it does not."""
    if value == default and getattr(fact, "partial", False) and name not in fact.cleared:
        return None
    return fact.stamps.get(name, fact.version)


@lru_cache(maxsize=8)
def _spec(kind: type[Record]) -> tuple[tuple[str, object], ...]:
    """The fields that are told, each with its default."""
    return tuple((field.name, _default(field)) for field in fields(kind) if field.name not in OURS)


def _default(field: FieldInfo) -> object:
    if field.required:
        return _REQUIRED
    return field.default_factory() if field.default is NODEFAULT else field.default


def placed(fact: AnyFact, place: int) -> AnyFact:
    """The fact with its open version (one that ends with `/`) ended by its message's place among arrivals."""
    if not fact.version.endswith(_OPEN):
        return fact
    stamps = {name: _ended(version, place) for name, version in fact.stamps.items()}
    return replace(fact, version=_ended(fact.version, place), stamps=stamps)


def _ended(version: str, place: int) -> str:
    return f"{version}{place:0{_PLACE}}" if version.endswith(_OPEN) else version


def told_at(fact: AnyFact, name: str) -> str:
    """The version under which a field of a fact was told."""
    return fact.stamps.get(name, fact.version)


def filled(holds: R, other: R) -> R:
    """`holds`, with the fields that it leaves at their defaults taken from `other`."""
    taken = {
        name: getattr(other, name)
        for name, default in _spec(type(holds))
        if getattr(holds, name) == default and getattr(other, name) != default
    }
    return replace(holds, **taken) if taken else holds


__all__ = ["filled", "in_force", "overlaid", "placed", "repeats", "told_at"]
