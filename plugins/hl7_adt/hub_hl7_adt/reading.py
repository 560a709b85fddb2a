"""Raw bytes to facts: one message, or a file of several, each on its own."""

from __future__ import annotations

from hub.errors import Problem
from hub.model.facts import AnyFact, ChargeFact, PatientFact, Reading
from hub_hl7_adt.appointments import appointment_facts
from hub_hl7_adt.charges import charge_facts
from hub_hl7_adt.coverage import coverage_facts
from hub_hl7_adt.diagnoses import diagnosis_facts
from hub_hl7_adt.lanes import lanes_of
from hub_hl7_adt.merges import merge_facts, parting_facts
from hub_hl7_adt.moves import move_facts
from hub_hl7_adt.names import MSH
from hub_hl7_adt.notes import Notes
from hub_hl7_adt.patient import patient_fact
from hub_hl7_adt.scene import Scene, patient_key, scene_of
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.triggers import Says
from hub_hl7_adt.visit import encounter_fact, visit_key
from hub_hl7_adt.wire import Message, message_of, split

_BILLED = frozenset(("charge", "credit"))
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
    severity="notice",
)
_MIXED = Problem(
    code="hl7.batch.mixed",
    where="MSH-11",
    why="the file mixes messages that may bill with ones that may not; the facts of the latter were left out",
    fix="nothing, when they are test messages; else put each message in a file of its own",
    severity="notice",
)


def read(raw: bytes, settings: Hl7Settings) -> Reading:
    """Facts and problems of one message or of a batch; one bad message never takes its neighbours."""
    message = message_of(raw, settings.charset, named=False) if raw.startswith(b"MSH") else None
    if message is not None and message.is_alone:
        return _reading(message, settings, Notes())
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
    if not readings:
        return Reading(problems=tuple(extra), poison=bool(parts.strays))
    return _joined(readings, extra)


def _joined(readings: list[Reading], extra: list[Problem]) -> Reading:
    """One reading of several. Where one of them must not be applied none is, because they are one item to mend."""
    problems = [problem for reading in readings for problem in reading.problems] + extra
    lanes = tuple(dict.fromkeys(lane for reading in readings for lane in reading.lanes))
    reasons = {reading.not_billable for reading in readings}
    verdict = reasons.pop() if len(reasons) == 1 else ""
    if any(reading.poison for reading in readings):
        return Reading(problems=tuple(problems), not_billable=verdict, lanes=lanes, poison=True)
    kept = [reading for reading in readings if verdict or not reading.not_billable]
    if any(reading.facts for reading in readings if reading not in kept):
        problems.append(_MIXED)
    facts = tuple(fact for reading in kept for fact in reading.facts)
    return Reading(facts=facts, problems=tuple(problems), not_billable=verdict, lanes=lanes)


def read_message(raw: bytes, settings: Hl7Settings, prefix: str = "") -> Reading:
    """Facts and problems of one message; what does not matter to billing is nobody's problem.

    A message that cannot be applied whole where money or identity hangs on it is poison: it has no facts, and its
    lanes stop. A test message never stops a lane.
    """
    notes = Notes(prefix)
    message = message_of(raw, settings.charset, named=False)
    if message is None:
        notes.problems.append(_NOT_A_MESSAGE)
        return Reading(problems=tuple(notes.problems), poison=True)
    return _reading(message, settings, notes)


def _reading(message: Message, settings: Hl7Settings, notes: Notes) -> Reading:
    scene = scene_of(message, settings, notes)
    if scene.trigger.says is Says.NOTHING:
        return Reading(not_billable=_processing(scene) or "informational")
    if message.charset_fallback:
        notes.warn(
            "hl7.charset",
            "MSH-18",
            "the bytes are not in the character set that was declared and were read as windows-1252",
            "set charset for this sender, and check names with accents",
        )
    verdict, facts = _processing(scene), _facts(scene)
    return Reading(
        facts=tuple(facts) if scene.whole else (),
        problems=tuple(notes.problems),
        not_billable=verdict,
        lanes=() if verdict else lanes_of(scene),
        poison=not (scene.whole or verdict),
    )


def _processing(scene: Scene) -> str:
    """`test` for what is not of a production system; what says neither that nor its type is nobody's test."""
    told = scene.message.header.text(MSH.processing_id)
    if told in scene.settings.production_ids or not (told or scene.kind):
        return ""
    return "test"


def _facts(scene: Scene) -> list[AnyFact]:
    says = scene.trigger.says
    if says is Says.APPOINTMENT:
        return appointment_facts(scene)
    if says is Says.UNKNOWN:
        _say_unknown(scene)
        return []
    if says is Says.PART:
        return [*_people(scene), *parting_facts(scene)]
    if not scene.patient_key:
        scene.whole = False
        scene.nobody(scene.message.first("PID"))
        return []
    if says is Says.MERGE:
        return [*_people(scene), *merge_facts(scene)]
    return [*_people(scene), *move_facts(scene)] if says is Says.MOVE else _about_patient(scene)


def _say_unknown(scene: Scene) -> None:
    scene.whole = scene.kind == "SIU"
    scene.notes.error(
        "hl7.trigger",
        "MSH-9.2",
        "the message does not say what happened (no event in MSH-9 or EVN-1), so it might be a cancel or a merge",
        "have the sender fill MSH-9.2, or edit the message and replay it",
    )


def _people(scene: Scene) -> list[PatientFact]:
    """The patients of a message about keys, each PID for itself; one without a name tells only its key."""
    pids = [pid for pid in scene.message.all("PID") if patient_key(pid, scene.settings)]
    found = (patient_fact(scene, pid, needed=False) for pid in pids)
    return [fact for fact in found if fact is not None]


def _about_patient(scene: Scene) -> list[AnyFact]:
    """Patient, coverages, visit and charges."""
    patient = patient_fact(scene, scene.message.first("PID"), needed=True)
    facts: list[AnyFact] = [patient] if patient is not None else []
    if scene.trigger.says is not Says.PERSON:
        scene.visit = visit_key(scene)
    facts += coverage_facts(scene)
    charges: list[ChargeFact] = []
    if scene.trigger.says is Says.CHARGES or scene.kind == "BAR":
        charges = _charges(scene)
    elif scene.message.all("FT1"):
        scene.notes.warn(
            "hl7.charge.outside",
            "FT1",
            "financial transactions outside DFT and BAR never bill and were not read",
            "nothing, when the charges also come as DFT; else set bill_ft1_from",
        )
    if scene.visit:
        charged = not _BILLED.isdisjoint([fact.kind for fact in charges])
        facts.append(encounter_fact(scene, charged=charged))
        facts += diagnosis_facts(scene)
    return [*facts, *charges]


def _charges(scene: Scene) -> list[ChargeFact]:
    if scene.kind == "DFT" and not scene.message.all("FT1"):
        scene.notes.notice(
            "hl7.charge.none",
            "FT1",
            "a charge message holds no financial transaction, so there is nothing to bill or to post",
            "ask the sender whether the charges of this visit are missing",
        )
    return charge_facts(scene)
