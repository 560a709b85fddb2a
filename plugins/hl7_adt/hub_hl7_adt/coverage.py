"""IN1 with IN2: the policies, in the order in which they pay."""

from __future__ import annotations

from hub.model.coverage import Subscriber
from hub.model.facts import CoverageFact
from hub_hl7_adt import values
from hub_hl7_adt.financial import class_fact
from hub_hl7_adt.names import CWE, IN1, PID, XON, XPN
from hub_hl7_adt.scene import Scene, is_emptied, text_at
from hub_hl7_adt.triggers import Says
from hub_hl7_adt.wire import Segment

_MEMBERS = frozenset(("IN2", "IN3"))
_RANKS = 3


def coverage_facts(scene: Scene) -> list[CoverageFact]:
    """A fact for each IN1. An ADT that names policies names all of them: the ranks that it leaves out are
    withdrawn, up to the third, and so is one whose plan and company are the explicit null. A DFT only adds. Without
    an IN1 the financial class may say who pays.
    """
    if not scene.message.all("IN1"):
        return [fact] if (fact := class_fact(scene)) else []
    taken: set[int] = set()
    kept: list[CoverageFact] = []
    gone = False
    for in1, rest in scene.message.groups("IN1", _members(scene)):
        if _ended(scene, in1):
            gone = True
            continue
        taken.add(rank := _rank(scene, [in1, *rest], taken))
        if fact := _coverage(scene, [in1, *rest], rank):
            kept.append(fact)
    if (kept or gone) and scene.trigger.says in (Says.VISIT, Says.PERSON):
        kept += [_withdrawn(scene, rank) for rank in range(1, _RANKS + 1) if rank not in taken]
    return kept


def _members(scene: Scene) -> frozenset[str]:
    """What belongs to the IN1 before it: IN2, IN3, and segments of the sender's own."""
    names = scene.message.names
    return _MEMBERS.intersection(names).union([name for name in names if name[:1] == "Z"])


def _ended(scene: Scene, in1: Segment) -> bool:
    """Whether a policy is named only to say that it is no more."""
    if not scene.nulls or in1.has(IN1.insurance_company_id) or in1.has(IN1.insurance_company_name):
        return False
    return is_emptied(in1, IN1.health_plan_id)


def _encounter_key(scene: Scene) -> str:
    return scene.visit if scene.settings.coverage_scope == "visit" else ""


def _key(scene: Scene, rank: int) -> str:
    return f"{_encounter_key(scene) or scene.patient_key}/coverage/{rank}"


def _withdrawn(scene: Scene, rank: int) -> CoverageFact:
    return CoverageFact(
        key=_key(scene, rank),
        version=scene.version,
        patient_key=scene.patient_key,
        encounter_key=_encounter_key(scene),
        payer_token="",
        member_id="",
        rank=rank,
        active=False,
    )


def _coverage(scene: Scene, group: list[Segment], rank: int) -> CoverageFact | None:
    in1, settings = group[0], scene.settings
    token = text_at(scene.message, settings.payer_places, group)
    if not token:
        scene.notes.error(
            "hl7.coverage.payer",
            in1.at(IN1.health_plan_id),
            "the policy names neither plan nor company, so no payer can be found for it",
            "complete the insurance at the sender, or set payer_places to where this sender names the payer",
        )
        return None
    relationship, subscriber = _subscriber(scene, group)
    return CoverageFact(
        key=_key(scene, rank),
        version=scene.version,
        patient_key=scene.patient_key,
        encounter_key=_encounter_key(scene),
        payer_token=token,
        payer_name=_payer_name(in1),
        member_id=text_at(scene.message, settings.member_id_places, group),
        rank=rank,
        group_number=in1.text(IN1.group_number),
        group_name=in1.text(IN1.group_name, XON.organization_name),
        relationship=relationship,
        subscriber=subscriber,
        valid_from=scene.day(in1, IN1.plan_effective_date),
        valid_to=scene.day(in1, IN1.plan_expiration_date),
    )


def _payer_name(in1: Segment) -> str:
    company = in1.text(IN1.insurance_company_name, XON.organization_name)
    return company or in1.text(IN1.health_plan_id, CWE.text)


def _rank(scene: Scene, group: list[Segment], taken: set[int]) -> int:
    """The priority of IN1-22, else the set id, else (also where two say the same) the next that is free."""
    for where in scene.settings.rank_places:
        text = text_at(scene.message, (where,), group)
        if text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 20:
            rank = int(text[:4])
            return rank if rank not in taken else _next(taken, rank)
    return _next(taken, 1)


def _next(taken: set[int], rank: int) -> int:
    while rank in taken:
        rank += 1
    return rank


def _subscriber(scene: Scene, group: list[Segment]) -> tuple[str, Subscriber | None]:
    """Relationship and subscriber. Where IN1-17 (else IN2-72) is empty it is self only when the insured is nobody
    else; otherwise `other`, with a problem, because a wrong relationship is a denied claim.
    """
    in1 = group[0]
    stated = _stated(scene, group)
    name = in1.read(IN1.name_of_insured, values.person)
    if stated == "self" or (not stated and (name is None or _is_patient(scene, in1))):
        return "self", None
    if not stated:
        scene.notes.warn(
            "hl7.coverage.relationship",
            in1.at(IN1.insured_s_relationship_to_patient),
            "the insured is not the patient and no relationship is given; it was read as other",
            "complete the relationship at the sender and send it again",
        )
    elif not _is_relationship(text_at(scene.message, scene.settings.relationship_places, group)):
        scene.notes.warn(
            "hl7.coverage.relationship",
            in1.at(IN1.insured_s_relationship_to_patient),
            "what stands here is no relationship; it was read as other",
            "see whether fields of IN1 stand one too far to the left or right, or set relationship_places",
        )
    if name is None:
        scene.notes.warn(
            "hl7.coverage.subscriber",
            in1.at(IN1.name_of_insured),
            "the patient is not the insured and the insured has no name",
            "complete the insured at the sender and send it again",
        )
        return _of_patient(stated), None
    subscriber = Subscriber(
        name=name,
        birth_date=scene.day(in1, IN1.insured_s_date_of_birth),
        sex=values.sex(in1.text(IN1.insured_s_administrative_sex)),
        address=in1.read(IN1.insured_s_address, values.postal),
    )
    return _of_patient(stated), subscriber


def _stated(scene: Scene, group: list[Segment]) -> str:
    """What the insured is to the patient, in our words; empty when nobody says."""
    return values.relationship(text_at(scene.message, scene.settings.relationship_places, group))


def _is_relationship(text: str) -> bool:
    """Whether a text may be a relationship: a word, or a code of one or two characters; a date is none."""
    return len(text) < 3 or not any(char.isdigit() for char in text)


def _of_patient(stated: str) -> str:
    """IN1-17 says what the insured is to the patient (a parent); coverage says what the patient is to the
    insured. Senders use `child` both ways round for the only case there is: the patient is the child.
    """
    return {"parent": "child", "": "other"}.get(stated, stated)


def _is_patient(scene: Scene, in1: Segment) -> bool:
    pid = scene.message.first("PID")
    if pid is None:
        return False
    ours, theirs = pid.value(PID.patient_name), in1.value(IN1.name_of_insured)
    names = (XPN.family_name, XPN.given_name)
    return all(ours.text(part).upper() == theirs.text(part).upper() for part in names)
