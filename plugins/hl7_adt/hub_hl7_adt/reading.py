"""Raw bytes to facts: one message, or a file of several, each on its own."""

from __future__ import annotations

from hub.errors import Problem
from hub.model.facts import AnyFact, ChargeFact, Reading
from hub_hl7_adt.charges import charge_facts
from hub_hl7_adt.coverage import coverage_facts
from hub_hl7_adt.merges import merge_facts
from hub_hl7_adt.names import MSH, PID
from hub_hl7_adt.notes import Notes
from hub_hl7_adt.patient import patient_fact
from hub_hl7_adt.scene import Scene, scene_of
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.triggers import MOVES, Says, Trigger
from hub_hl7_adt.visit import encounter_fact, visit_key
from hub_hl7_adt.wire import message_of, split

_NOT_A_MESSAGE = Problem(
    code="hl7.header",
    where="MSH",
    why="the bytes do not begin with a usable MSH segment, so they are not a message",
    fix="look at the raw bytes: a cut file, a wrong folder, or separators that cannot be told apart",
)
_COUNT = Problem(
    code="hl7.batch.count",
    where="BTS-1",
    why="the batch trailer counts another number of messages than the file holds; what is there was read",
    fix="ask the sender whether messages are missing and have the batch sent again",
    severity="warning",
)
_MIXED = Problem(
    code="hl7.batch.mixed",
    where="MSH-11",
    why="the file mixes messages that may bill with ones that may not; the facts of the latter were left out",
    fix="nothing, when they are test messages; else put each message in a file of its own",
    severity="warning",
)


def read(raw: bytes, settings: Hl7Settings) -> Reading:
    """Facts and problems of one message or of a batch; one bad message never takes its neighbours."""
    if raw.startswith(b"MSH") and not _maybe_many(raw):
        return read_message(raw, settings)
    parts = split(raw)
    if len(parts.messages) == 1 and not parts.envelope and not parts.strays:
        return read_message(parts.messages[0], settings)
    several = len(parts.messages) > 1
    readings = [
        read_message(body, settings, f"message[{n}] " if several else "")
        for n, body in enumerate(parts.messages, 1)
    ]
    extra = [_NOT_A_MESSAGE] * len(parts.strays) + ([] if parts.counts_agree else [_COUNT])
    if not readings and not extra:
        return Reading(not_billable="informational")
    return _joined(readings, extra)


def _maybe_many(raw: bytes) -> bool:
    return any(raw.find(end + name) > 0 for end in (b"\r", b"\n", b"\x0b") for name in (b"MSH", b"FTS", b"BTS"))


def _joined(readings: list[Reading], extra: list[Problem]) -> Reading:
    problems = [problem for reading in readings for problem in reading.problems] + extra
    reasons = {reading.not_billable for reading in readings}
    verdict = reasons.pop() if len(reasons) == 1 else ""
    kept = [reading for reading in readings if verdict or not reading.not_billable]
    if any(reading.facts for reading in readings if reading not in kept):
        problems.append(_MIXED)
    facts = tuple(fact for reading in kept for fact in reading.facts)
    return Reading(facts=facts, problems=tuple(problems), not_billable=verdict)


def read_message(raw: bytes, settings: Hl7Settings, prefix: str = "") -> Reading:
    """Facts and problems of one message; what does not matter to billing is nobody's problem."""
    notes = Notes(prefix)
    message = message_of(raw, settings.charset)
    if message is None:
        notes.problems.append(_NOT_A_MESSAGE)
        return Reading(problems=tuple(notes.problems))
    if message.charset_fallback:
        notes.warn(
            "hl7.charset",
            "MSH-18",
            "the bytes are not in the character set that was declared and were read as windows-1252",
            "set charset for this sender, and check names with accents",
        )
    scene = scene_of(message, settings, notes)
    facts, verdict = _facts(scene), _not_billable(scene)
    told = () if verdict == "informational" else tuple(notes.problems)
    return Reading(facts=tuple(facts), problems=told, not_billable=verdict)


def _not_billable(scene: Scene) -> str:
    if scene.message.header.text(MSH.processing_id) not in scene.settings.production_ids:
        return "test"
    return "informational" if scene.trigger.says is Says.NOTHING and not _is_move(scene) else ""


def _is_move(scene: Scene) -> bool:
    return scene.kind == "ADT" and scene.event in MOVES


def _facts(scene: Scene) -> list[AnyFact]:
    if _is_move(scene):
        scene.notes.error(
            "hl7.move",
            "MSH-9.2",
            "a visit or account moves to another patient; the hub does not follow moves yet",
            "move it by hand and resolve this item",
        )
        return []
    if scene.trigger.says is Says.NOTHING and scene.kind in scene.settings.bill_ft1_from:
        scene.trigger = Trigger(Says.CHARGES)
    if scene.trigger.says is Says.NOTHING:
        return []
    if not scene.patient_key:
        scene.notes.error(
            "hl7.patient.key",
            f"PID-{PID.patient_identifier_list}",
            "the message names no patient by an identifier, so its facts belong to nobody",
            "have the sender send the record number, or set patient_id_types",
        )
        return []
    return _merges(scene) if scene.trigger.says is Says.MERGE else _about_patient(scene)


def _merges(scene: Scene) -> list[AnyFact]:
    found: list[AnyFact] = [*merge_facts(scene)]
    patient = patient_fact(scene) if len(scene.message.all(b"PID")) == 1 else None
    return [patient, *found] if patient is not None else found


def _about_patient(scene: Scene) -> list[AnyFact]:
    """Patient, coverages, visit and charges; charges are read before the visit, which is ready only when
    none of them had to be set aside.
    """
    facts: list[AnyFact] = []
    patient = patient_fact(scene)
    if patient is not None:
        facts.append(patient)
    if scene.trigger.says is not Says.PERSON:
        scene.visit = visit_key(scene)
    facts += coverage_facts(scene)
    charges: list[AnyFact] = []
    if scene.trigger.says is Says.CHARGES or scene.kind == "BAR":
        charges += _charges(scene)
    elif scene.message.all(b"FT1"):
        scene.notes.warn(
            "hl7.charge.outside",
            "FT1",
            "financial transactions outside DFT and BAR never bill and were not read",
            "nothing, when the charges also come as DFT; else set bill_ft1_from",
        )
    if scene.visit:
        facts.append(encounter_fact(scene))
    return facts + charges


def _charges(scene: Scene) -> list[ChargeFact]:
    if scene.kind == "DFT" and not scene.message.all(b"FT1"):
        scene.notes.warn(
            "hl7.charge.none",
            "FT1",
            "a charge message holds no financial transaction, so there is nothing to bill or to post",
            "ask the sender whether the charges of this visit are missing",
        )
    return charge_facts(scene)
