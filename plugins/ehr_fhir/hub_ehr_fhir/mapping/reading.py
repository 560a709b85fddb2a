"""Raw bytes to facts: each resource on its own, then together; pieces of several messages likewise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from hub.model.facts import AnyFact, Piece, Reading, WithdrawalFact
from hub_ehr_fhir.mapping import bindings, check, shapes
from hub_ehr_fhir.mapping.authorizations import decided_visits
from hub_ehr_fhir.mapping.bundles import parts_of
from hub_ehr_fhir.mapping.charges import charge_facts
from hub_ehr_fhir.mapping.coverage import coverage_facts
from hub_ehr_fhir.mapping.deletions import withdrawals
from hub_ehr_fhir.mapping.links import links_of
from hub_ehr_fhir.mapping.notes import Notes
from hub_ehr_fhir.mapping.parts import Bad, Part, decode
from hub_ehr_fhir.mapping.people import patient_facts
from hub_ehr_fhir.mapping.pieces import is_whole, parts_again, pieces_of, reached
from hub_ehr_fhir.mapping.resources import Resources, newest
from hub_ehr_fhir.mapping.scene import Scene
from hub_ehr_fhir.mapping.visits import visit_facts
from hub_ehr_fhir.settings import FhirSettings

# What is read for little and may be of a profile that R4 refuses.
_UNCHECKED = frozenset(("ExplanationOfBenefit", "Claim", "ClaimResponse"))


class _Pointers(shapes.Shape, frozen=True, kw_only=True):
    """Where a resource that could not be read says which encounter it belongs to."""

    encounter: shapes.Reference = shapes.NOWHERE
    context: shapes.Reference = shapes.NOWHERE


_POINTERS = msgspec.json.Decoder(_Pointers)


def read(raw: bytes, ndjson: bool, settings: FhirSettings) -> Reading:
    """Facts and problems of one message: a Bundle, a resource, or one of either on each line. Where it is not whole,
    its resources are pieces, too, and what needs others is told by `read_joined` alone.
    """
    notes, wrong = Notes(), dict[Part, Notes]()
    parts = newest(_looked_at(parts_of(raw, ndjson, notes), settings, wrong), notes)
    odd = [part for part in parts if part in wrong] if wrong else []
    for part in odd:
        notes.take(wrong[part])
    bad = [part for part in odd if part.record is None]
    resources = Resources(parts)
    loose = settings.keep_pieces == "always" or not is_whole(resources)
    scene = Scene(settings=settings, notes=notes, resources=resources, short=set(), loose=loose)
    scene.short |= {
        key for part in bad if (key := _encounter_of(scene, part)) and not _waited_for(scene, part, key)
    }
    pieces = pieces_of(resources) if loose else ()
    later = {piece.key for piece in pieces if piece.links}
    if later:
        resources.parts = [part for part in parts if part.key not in later]
    facts = [*_facts(scene), *_withdrawn(parts)]
    if later:
        facts += _held_back(scene, [part for part in parts if part.key in later])
        pieces = tuple(piece for piece in pieces if piece.key not in scene.short)
    nothing = not facts and not pieces and not notes.problems
    return Reading(
        facts=tuple(facts),
        problems=notes.problems,
        not_billable="informational" if nothing else "",
        pieces=pieces,
    )


def _held_back(scene: Scene, later: list[Part]) -> list[AnyFact]:
    """Of resources that are told when they are joined, the visits of which something in this message was set aside:
    they are told now, as not ready, and are no pieces, since nobody would know of it later.
    """
    scene.resources.parts = [part for part in later if not isinstance(part.record, shapes.Encounter)]
    charge_facts(scene)
    scene.resources.parts = [part for part in later if part.key in scene.short]
    return visit_facts(scene) if scene.resources.parts else []


def read_whole(raw: bytes, ndjson: bool, settings: FhirSettings) -> Reading:
    """As `read`, with what the pieces of this message say beside each other: all that it tells by itself."""
    found = read(raw, ndjson, settings)
    known = {piece.key: piece for piece in found.pieces}
    joined = [read_joined(one, reached(one, known), settings) for one in found.pieces if one.links]
    if not joined:
        return found
    facts: dict[tuple[str, str], AnyFact] = {}
    for fact in (fact for one in (found, *joined) for fact in one.facts):
        about = fact.kind if isinstance(fact, WithdrawalFact) else type(fact).__name__
        held = facts.get((about, fact.key))
        if held is None or held.version <= fact.version:
            facts[about, fact.key] = fact
    problems = dict.fromkeys(problem for one in (found, *joined) for problem in one.problems)
    return msgspec.structs.replace(found, facts=tuple(facts.values()), problems=tuple(problems))


def read_joined(piece: Piece, linked: Iterable[Piece], settings: FhirSettings) -> Reading:
    """What a piece says beside those that it links to: its facts, and those of what it decides about (an Account
    about coverages and patients, an authorization about its visit). Pure; the order of `linked` means nothing.
    One that was deleted tells of itself what it told, and decides nothing.
    """
    notes = Notes()
    itself = msgspec.structs.replace(piece, withdrawn=False)
    parts = parts_again(sorted((itself, *linked), key=lambda one: one.key), notes)
    resources = Resources(parts)
    own = resources.at(piece.key)
    if own is None:
        return Reading(problems=notes.problems)
    others = _decided(resources, own, settings) if not piece.withdrawn else set()
    resources.parts = [part for part in parts if part.key in {piece.key, *others}]
    scene = Scene(settings=settings, notes=notes, resources=resources, short=set(), loose=piece.withdrawn)
    return Reading(facts=tuple(_facts(scene)), problems=notes.problems)


def _decided(resources: Resources, part: Part, settings: FhirSettings) -> set[str]:
    """The keys of what else a resource decides about."""
    record = part.record
    if isinstance(record, shapes.Account):
        found = {resources.key(each, "Patient") for each in record.subject}
        return found | {resources.key(each.coverage, "Coverage") for each in record.coverage}
    if isinstance(record, shapes.Claim | shapes.ClaimResponse):
        return decided_visits(resources, part, settings)
    return set()


def _facts(scene: Scene) -> list[AnyFact]:
    """Charges before visits: a visit is ready only when none of its charges had to be set aside."""
    bindings.tell(scene)
    charges = charge_facts(scene)
    return [*patient_facts(scene), *coverage_facts(scene), *visit_facts(scene), *charges]


def _withdrawn(parts: Iterable[Part]) -> list[AnyFact]:
    """What was deleted, as a fact and as a piece; later than whatever was told at the same time."""
    return [
        fact for part in parts if part.gone for fact in withdrawals(part.key, f"{part.version}~", seen=part.seen)
    ]


def _looked_at(parts: Iterable[Part], settings: FhirSettings, wrong: dict[Part, Notes]) -> Iterator[Part]:
    """The same resources, each decoded and checked as soon as its bytes are met, while the processor has them at
    hand, which then are let go; one that cannot be read has no record, and one of another version of FHIR is told as
    that alone. What is said of one is told where it is the newest of its versions.
    """
    said, mode, every = Notes(), settings.validate_with, settings.sample_every
    for part in parts:
        if part.kind in shapes.SHAPES and not part.gone:
            raw = part.raw
            chosen = mode == "every" or (mode == "sample" and check.in_sample(raw, every))
            if part.spoilt:
                why = "a text of it holds half of a character (a lone surrogate), so that it is no JSON"
                said.error("fhir.json", part.at(), why)
            if part.spoilt or bindings.other_version(part, raw, said) or not _readable(part, said, chosen, mode):
                part.record = None
            if said:
                wrong[part], said = said, Notes()
            if part.stands is not None:
                part.held = None
        yield part


def _readable(part: Part, notes: Notes, chosen: bool, mode: str) -> bool:
    """Decode a resource, and check it if it was chosen for that; checked is also what could not be decoded, so that
    the problem says everything.
    """
    decoded = part.record is not None or decode(part, notes)
    if part.kind in _UNCHECKED or (decoded and not chosen):
        return decoded
    return check.is_valid(part, notes, sampled=mode == "sample") and decoded


def _waited_for(scene: Scene, part: Part, visit: str) -> bool:
    """Whether a visit names what could not be read, and is a piece: then it is ready when that comes mended."""
    found = scene.resources.at(visit)
    return scene.loose and found is not None and part.key in links_of(scene.resources, found)


def _encounter_of(scene: Scene, part: Part) -> str:
    try:
        pointers = _POINTERS.decode(part.raw)
    except Bad:
        return ""
    either = pointers.encounter if pointers.encounter.reference else pointers.context
    return scene.resources.key(either, "Encounter")
