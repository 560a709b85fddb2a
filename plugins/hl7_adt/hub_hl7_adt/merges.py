"""MRG: two patients, two accounts or two visits that are one, and patients that are two again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import TypeVar

import msgspec

from hub.model.facts import Fact, MergeFact, MoveFact
from hub_hl7_adt import values
from hub_hl7_adt.names import CX, MRG, PID, PV1
from hub_hl7_adt.scene import Scene, account_of, best_identifiers, patient_key
from hub_hl7_adt.settings import place
from hub_hl7_adt.wire import Message, Segment

F = TypeVar("F", bound=Fact)
_FIX = "look it up at the sender, then have it sent again with both sides, or edit the message and replay it"

# Where the old key of a visit stands, by the place of the new one (HL7 2.8, 3.3.42 to 3.3.51, 3.4.9).
_PRIOR = {
    (b"PV1", PV1.visit_number): MRG.prior_visit_number,
    (b"PV1", PV1.alternate_visit_id): MRG.prior_alternate_visit_id,
    (b"PID", PID.patient_account_number): MRG.prior_patient_account_number,
}


class Pair(msgspec.Struct, frozen=True):
    """A PID, an MRG that says what was before, and the PV1 of the two, where there is one."""

    pid: Segment
    mrg: Segment
    pv1: Segment | None = None


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """What an MRG says of one kind of key: the old ones, the new one, and where the old ones stand."""

    kind: str
    old: tuple[str, ...]
    new: str
    where: str


def pairs(message: Message) -> list[Pair]:
    """Each MRG with the PID before it (else the first one) and the PV1 behind it, else the one between the two:
    A40 repeats PID and MRG, A45 repeats MRG and PV1, and some senders put the visit before the MRG.
    """
    found: list[Pair] = []
    pid, before, just_made = message.first("PID"), None, False
    for segment in message.segments:
        if segment.name == "PID":
            pid, before, just_made = segment, None, False
        elif segment.name == "MRG" and pid is not None:
            found.append(Pair(pid, segment, before))
            just_made = True
        elif segment.name == "PV1" and just_made:
            found[-1] = msgspec.structs.replace(found[-1], pv1=segment)
            just_made = False
        elif segment.name == "PV1":
            before = segment
    return found


def merge_facts(scene: Scene) -> list[MergeFact | MoveFact]:
    """A fact for each key that an MRG ends; a merge that lacks one of its two sides must not be applied, because
    until it is known a claim may go out for the wrong person.
    """
    found: list[MergeFact | MoveFact] = []
    told = pairs(scene.message)
    if not told:
        scene.poison("hl7.merge", "MRG", "a merge message has no MRG", _FIX)
    for pair in told:
        every = [sides_of(scene, pair, kind) for kind in scene.trigger.kinds]
        whole = [sides for sides in every if sides.old and sides.new]
        broken = [sides for sides in every if sides.old and not sides.new]
        for sides in broken or ([] if whole else every[:1]):
            scene.poison("hl7.merge", sides.where, "the merge names only one of its two sides", _FIX)
        for sides in whole:
            found += joined(scene, sides)
            if sides.kind == "account":
                found += _with_account(scene, pair, sides)
    return unique(found)


def unique(facts: list[F]) -> list[F]:
    """Each fact once, in order (facts cannot be hashed: they carry maps)."""
    return [fact for n, fact in enumerate(facts) if fact not in facts[:n]]


def sides_of(scene: Scene, pair: Pair, kind: str) -> Sides:
    """What a pair says of patients (PID-3 and MRG-1, else PID-2 and MRG-4), accounts (PID-18 and MRG-3) or visits."""
    if kind == "patient":
        new = patient_key(pair.pid, scene.settings)
        where = pair.mrg.at(MRG.prior_patient_identifier_list)
        return Sides(kind=kind, old=tuple(prior_patients(scene, pair)), new=new, where=where)
    if kind == "account":
        old = pair.mrg.text(MRG.prior_patient_account_number, CX.id_number)
        where = pair.mrg.at(MRG.prior_patient_account_number)
        return Sides(kind=kind, old=(old,) if old else (), new=account_of(pair.pid), where=where)
    return _visits(scene, pair)


def _visits(scene: Scene, pair: Pair) -> Sides:
    """The keys of a visit at the first place of the profile where either side has one. An account stands for a visit
    only where the profile says so first: otherwise a message about visits that names none would join whole accounts.
    """
    for n, where in enumerate(scene.settings.visit_places):
        spot = place(where)
        prior = _PRIOR.get((spot.segment, spot.field))
        if prior is None or (n and spot.segment == b"PID"):
            continue
        part = spot.component or CX.id_number
        old = pair.mrg.text(prior, part, spot.sub)
        new = _at(pair, spot.segment).text(spot.field, part, spot.sub)
        if old or new:
            return Sides(kind="encounter", old=(old,) if old else (), new=new, where=pair.mrg.at(prior))
    return Sides(kind="encounter", old=(), new="", where=pair.mrg.at(MRG.prior_visit_number))


def _at(pair: Pair, name: bytes) -> Segment:
    return pair.pv1 if name == b"PV1" and pair.pv1 is not None else pair.pid


def joined(scene: Scene, sides: Sides) -> list[MergeFact]:
    """The facts of a pair that has both sides; none for a key that stays as it is."""
    return [_merge(scene, sides.kind, old, sides.new) for old in sides.old if old != sides.new]


def joined_by_account(scene: Scene, sides: Sides) -> list[MergeFact]:
    """The visits that are known by the two accounts; one that happens to have such a number is not meant."""
    visits = joined(scene, msgspec.structs.replace(sides, kind="encounter"))
    return [msgspec.structs.replace(fact, key=f"{fact.key}/account", of_account=True) for fact in visits]


def _merge(scene: Scene, kind: str, old: str, new: str, *, active: bool = True) -> MergeFact:
    key = f"{kind}/{old}>{new}"
    return MergeFact(key=key, version=scene.version, kind=kind, from_key=old, into_key=new, active=active)


def _with_account(scene: Scene, pair: Pair, sides: Sides) -> Iterable[MergeFact | MoveFact]:
    """What follows an account: the visit that is known by it, and its patient where MRG names another."""
    if is_visit(scene, pair):
        yield from joined_by_account(scene, sides)
    into = patient_key(pair.pid, scene.settings)
    owners = prior_patients(scene, pair)
    if "patient" not in scene.trigger.kinds and owners and into and into not in owners:
        for old in sides.old:
            yield moved(scene, "account", old, into)


def is_visit(scene: Scene, pair: Pair) -> bool:
    """Whether this sender's visits are known by their account: no place that comes before PID-18 is filled."""
    for where in scene.settings.visit_places:
        spot = place(where)
        if (spot.segment, spot.field) == (b"PID", PID.patient_account_number):
            return True
        if spot.segment == b"PV1" and pair.pv1 is not None and pair.pv1.text(spot.field, spot.component or 1):
            return False
    return False


def moved(scene: Scene, kind: str, key: str, into: str) -> MoveFact:
    """An account or a visit that is from now on of the patient `into`."""
    return MoveFact(key=f"{kind}/{key}", version=scene.version, kind=kind, moved_key=key, into_key=into)


def parting_facts(scene: Scene) -> list[MergeFact]:
    """A37: the patients of two PIDs are not one, whichever of them was merged into the other before."""
    keys = [patient_key(pid, scene.settings) for pid in scene.message.all("PID")]
    if len(set(keys)) < 2 or not all(keys):
        scene.poison("hl7.merge", "PID", "an unlink message does not name two patients", _FIX)
        return []
    return [
        _merge(scene, "patient", one, other, active=False)
        for a, b in combinations(dict.fromkeys(keys), 2)
        for one, other in ((a, b), (b, a))
    ]


def prior_patients(scene: Scene, pair: Pair) -> list[str]:
    """The keys that cease: all of MRG-1 that are of the type which names patients, else MRG-4. One that names no
    authority is of the same as its successor.
    """
    authority, parted, _ = patient_key(pair.pid, scene.settings).partition("|")
    authority = authority if parted else ""
    listed = pair.mrg.every(MRG.prior_patient_identifier_list, values.identity)
    if found := best_identifiers(listed, scene.settings, authority):
        return found
    alone = pair.mrg.read(MRG.prior_patient_id, values.identity).key(authority)
    return [alone] if alone else []
