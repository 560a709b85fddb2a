"""What the hub keeps already of an encounter, in pieces that other messages told: read beside what was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from hub.model.facts import AnyFact, Piece
from hub.plugin.api import Desk, KeptPiece
from hub_ehr_fhir.mapping.pieces import STAYING
from hub_ehr_fhir.mapping.reading import read
from hub_ehr_fhir.previewing.sample import One, bundle_of
from hub_ehr_fhir.settings import FhirSettings

_HOPS = 6
_MOST = 500
_OF_PATIENT = ("Coverage", "Account", "ClaimResponse")


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """Resources to read together: the kept ones first, called `kept Coverage[0]`, then what was given. `told` is
    which message told each of the kept, by label; `newer` are labels of what was given in an older version than is
    kept, and so is not read; `whole` False: there were more than are looked at. `asked`: the hub was asked; `why` it
    could not be.
    """

    resources: tuple[One, ...]
    told: Mapping[str, str] = {}
    newer: tuple[str, ...] = ()
    whole: bool = True
    asked: bool = False
    why: str = ""


def beside(desk: Desk, instance: str, given: Sequence[One], settings: FhirSettings) -> Beside:
    """What was given, with the kept pieces that it needs, or that belong to its visits. Raises `HubError` where the
    hub's store cannot be asked.
    """
    always = settings.model_copy(update={"keep_pieces": "always", "validate_with": "quarantine"})
    reading = read(bundle_of(given), False, always)
    mine = {one.key: one for one in reading.pieces}
    kept, whole = _around(desk, instance, mine, reading.facts)
    fresh = {key: one for key, one in kept.items() if _counts(one.piece, mine.get(key))}
    ones = _labelled(fresh.values())
    older = tuple(one.label for one in given if one.key in fresh)
    return Beside(
        resources=(*ones, *(one for one in given if one.key not in fresh)),
        told={label.label: kept[label.key].message for label in ones},
        newer=older,
        whole=whole,
        asked=True,
    )


def _counts(kept: Piece, given: Piece | None) -> bool:
    """Whether the kept one is read: what was given is not at hand, or older. A deleted one counts as for the hub."""
    if kept.withdrawn and kept.key.partition("/")[0] not in STAYING:
        return False
    if given is None:
        return True
    return kept.version > given.version and not kept.version.startswith(given.version)


def _around(
    desk: Desk, instance: str, mine: Mapping[str, Piece], facts: Iterable[AnyFact]
) -> tuple[dict[str, KeptPiece], bool]:
    """The kept pieces by key: those of these keys, what their patients have for these visits and for all, and what
    all of these need; and whether these are all.
    """
    facts = list(facts)
    visits = {key for key in mine if key.startswith("Encounter/")} | _told(facts, "encounter_key")
    found = _by_key(desk.pieces(instance, _needed(mine.values(), {*mine, *visits})))
    patients = _told(facts, "patient_key") | {one.patient_key for one in mine.values()}
    patients |= {one.piece.patient_key for one in found.values() if one.piece.key in visits}
    theirs = desk.pieces(instance, patients - {""}, patients=patients - {""}, limit=_MOST)
    named = [key.encode() for key in visits]
    found |= _by_key(one for one in theirs if _is_wanted(one.piece, patients, named))
    for _ in range(_HOPS):
        more = _needed((one.piece for one in found.values()), ()) - mine.keys() - found.keys()
        if not more or not (new := _by_key(desk.pieces(instance, more))):
            break
        found |= new
    return found, len(theirs) < _MOST


def _is_wanted(piece: Piece, patients: Collection[str], visits: Iterable[bytes]) -> bool:
    """Whether something of a patient matters: it is of all visits, or names one of these."""
    return piece.key in patients or piece.key.startswith(_OF_PATIENT) or any(one in piece.body for one in visits)


def _told(facts: Iterable[AnyFact], field: str) -> set[str]:
    return {str(getattr(one, field, "")) for one in facts} - {""}


def _needed(pieces: Iterable[Piece], known: Collection[str]) -> set[str]:
    return {*known, *(link for one in pieces for link in one.links)}


def _by_key(found: Iterable[KeptPiece]) -> dict[str, KeptPiece]:
    return {one.piece.key: one for one in found}


def _labelled(kept: Iterable[KeptPiece]) -> list[One]:
    counts: Counter[str] = Counter()
    made = []
    for one in sorted(kept, key=lambda each: each.piece.key):
        kind, _, name = one.piece.key.partition("/")
        made.append(One(kind=kind, id=name, label=f"kept {kind}[{counts[kind]}]", raw=one.piece.body))
        counts[kind] += 1
    return made
