"""What the hub keeps already of an encounter, in pieces that other messages told: read beside what was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from hub.model.facts import Piece
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
    mine = {one.key: one for one in read(bundle_of(given), False, always).pieces}
    kept, whole = _around(desk, instance, mine)
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


def _around(desk: Desk, instance: str, mine: Mapping[str, Piece]) -> tuple[dict[str, KeptPiece], bool]:
    """The kept pieces by key: those of these keys, what belongs to their visits and patients, and what all of these
    need; and whether these are all.
    """
    wanted = _needed(mine.values(), mine)
    visits = {key for key in wanted if key.startswith("Encounter/")}
    found = _by_key(desk.pieces(instance, wanted, visits, _MOST))
    named = {link for one in (*mine.values(), *(each.piece for each in found.values())) for link in one.links}
    patients = {key for key in (*wanted, *named) if key.startswith("Patient/")}
    theirs = desk.pieces(instance, (), patients, _MOST)
    found |= _by_key(one for one in theirs if one.piece.key.startswith(_OF_PATIENT))
    whole = len(theirs) < _MOST and len(found) < _MOST
    for _ in range(_HOPS):
        more = _needed((one.piece for one in found.values()), {**mine, **found}) - mine.keys() - found.keys()
        if not more or not (new := _by_key(desk.pieces(instance, more))):
            break
        found |= new
    return found, whole


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
