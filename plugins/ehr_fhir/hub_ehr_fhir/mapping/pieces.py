"""Resources that come apart from those that they need: kept as pieces, and read again together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

from hub.model.facts import Piece
from hub_ehr_fhir.mapping import shapes
from hub_ehr_fhir.mapping.links import links_of
from hub_ehr_fhir.mapping.notes import Notes
from hub_ehr_fhir.mapping.parts import HEAD, Bad, Part, decode, part_of
from hub_ehr_fhir.mapping.resources import Resources

_LOCAL = re.compile(rb'(?<!\\)("reference"\s*:\s*")(urn:[^"\\]+)"')
_OF_A_VISIT: dict[type, Callable[[Any], shapes.Reference]] = {
    shapes.ChargeItem: attrgetter("context"),
    **dict.fromkeys((shapes.Condition, shapes.Procedure, shapes.Immunization), attrgetter("encounter")),
}
"""Where a resource says of which visit it is."""
STAYING = frozenset(
    ("Practitioner", "PractitionerRole", "Organization", "Location", "Patient", "RelatedPerson", "Encounter")
)
_ALONE = frozenset((shapes.Patient, shapes.Practitioner, shapes.Organization))
"""What points to nothing that it needs."""
_NO_PIECES = (shapes.ExplanationOfBenefit,)


def is_whole(resources: Resources) -> bool:
    """Whether a message needs no other and no other needs it: it tells a visit, and everything that it points to can
    be read. What a second visit needs of it (a clinician) that visit's own message tells again.
    """
    visits, at = bool(resources.of(shapes.Encounter)), resources.at
    for part in resources.parts:
        record, kind = part.record, type(part.record)
        if kind in _ALONE:
            continue
        for key in links_of(resources, part):
            found = at(key)
            if found is None or (found.record is None and not found.gone and found.kind in shapes.SHAPES):
                return False
        if kind in _OF_A_VISIT:
            visit = _OF_A_VISIT[kind](record)
            if visit.reference and resources.part(visit) is None:
                return False
    return visits


def pieces_of(resources: Resources) -> tuple[Piece, ...]:
    """Every resource of a message that was read, with the keys of what it needs."""
    return tuple(
        Piece(
            key=part.key,
            version=part.version,
            links=tuple(sorted(links_of(resources, part))),
            body=_alone(resources, part),
            patient_key=_whose(resources, part),
            place=part.place,
        )
        for part in resources.parts
        if part.record is not None and not isinstance(part.record, _NO_PIECES)
    )


def _whose(resources: Resources, part: Part) -> str:
    """The key of the patient whose data it is; empty for a clinician's, an organization's, a place's."""
    record = part.record
    if isinstance(record, shapes.Patient):
        return part.key
    if isinstance(record, shapes.Account):
        return resources.key(record.subject[0], "Patient") if record.subject else ""
    for name in ("subject", "patient", "beneficiary"):
        whose = getattr(record, name, None)
        if isinstance(whose, shapes.Reference):
            return resources.key(whose, "Patient")
    return ""


def _alone(resources: Resources, part: Part) -> bytes:
    """The bytes; what means something within its message alone (`urn:uuid`) is named by its key."""
    raw = part.raw
    if b'"urn:' not in raw:
        return raw

    def named(found: re.Match[bytes]) -> bytes:
        target = resources.at(found[2].decode(errors="replace"))
        return found[0] if target is None else found[1] + target.key.encode() + b'"'

    return _LOCAL.sub(named, raw)


def parts_again(pieces: Iterable[Piece], notes: Notes) -> list[Part]:
    """Pieces as resources, decoded; they were checked when they came. A deleted one is known and says nothing, unless
    others take something from it that stands: a clinician's name, the day of a visit.
    """
    found = []
    for piece in pieces:
        try:
            head = HEAD.decode(piece.body)
        except Bad:
            continue
        part = part_of(piece.body, head, piece.place, "", piece.version)
        part.key = piece.key
        if (piece.withdrawn and part.kind not in STAYING) or (decode(part, notes) and part.record is not None):
            found.append(part)
    return found


def reached(piece: Piece, known: Mapping[str, Piece]) -> list[Piece]:
    """The pieces that one reaches by links, as the hub finds them among all that it keeps."""
    found: dict[str, Piece] = {}
    ends = set(piece.links)
    while ends:
        found |= {key: known[key] for key in ends if key in known}
        links = {link for key in ends if key in known for link in known[key].links}
        ends = links - found.keys() - {piece.key}
    return [found[key] for key in sorted(found)]
