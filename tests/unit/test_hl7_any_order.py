"""A patient's HL7 messages, in any order and however often: what is known in the end is the same."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import pytest
from hub_hl7_adt.reading import read
from hub_hl7_adt.settings import Hl7Settings
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.flow.ingest.folding import overlaid
from hub.model.facts import (
    AnyFact,
    AppointmentFact,
    CoverageFact,
    EncounterFact,
    MergeFact,
    MoveFact,
    PatientFact,
)

PID = "PID|1||100^^^EAST^MR||QUILL^ADA||19800203|F|||1 Elm^^Salem^OR^97301||5035550100"
DIED = PID.replace("|5035550100", '|""') + "|" * 16 + "20260120"
VISIT = "PV1|1|O|CLINIC||||1234567893^HALE^IDA" + "|" * 12 + "V7" + "|" * 25 + "20260105090000"
ENDED = VISIT + "|20260107100000"
POLICY = "IN1|1|PLAN1^Plan|CO1|Payer 1" + "|" * 32 + "M1"
FT1 = "FT1|1|T1||20260105||CG|G0438^^HCPCS|||1|200.00&USD"
STORY = (
    ("ADT^A05", PID, VISIT, POLICY),
    ("ADT^A01", PID, VISIT, "DG1|1||R55^^I10"),
    ("ADT^A03", PID, ENDED),
    ("ADT^A13", PID, VISIT),
    ("DFT^P03", PID, VISIT, FT1, "DG1|1||I10^^I10"),
    ("ADT^A08", PID, VISIT.replace("CLINIC", "WARD"), POLICY.replace("PLAN1", "PLAN2"), "IN1|2|PLAN3"),
    ("ADT^A11", PID, VISIT),
    ("ADT^A01", PID, VISIT),
    ("DFT^P03", PID, VISIT, FT1.replace("200.00", "150.00")),
    ("ADT^A31", DIED),
    ("ADT^A08", PID, VISIT, POLICY, 'IN1|2|""|""'),
    ("ADT^A40", PID, "MRG|200^^^EAST^MR"),
    ("ADT^A37", PID, PID.replace("100^^^EAST", "200^^^EAST")),
    ("ADT^A45", PID.replace("100^^^EAST", "300^^^EAST"), "MRG|100^^^EAST^MR||||V7", VISIT),
    ("SIU^S12", "SCH||A1|||||CHECKUP||30|MIN|^^^20260201090000", PID),
    ("SIU^S13", "SCH||A1|||||||30|MIN|^^^20260203090000", PID),
    ("SIU^S15", "SCH||A1", PID),
)


def message(number: int) -> bytes:
    """One message of the story, sent in its minute."""
    kind, *segments = STORY[number]
    header = f"MSH|^~\\&|APP|FAC|HUB|SITE|20260106{number:02}0000||{kind}|M{number}|P|2.5"
    return "\r".join([header, *segments]).encode()


READINGS = [read(message(number), Hl7Settings()) for number in range(len(STORY))]
Known = dict[tuple[type, str], AnyFact]


def known_after(order: list[int]) -> Known:
    """What is known by kind and key when the messages came in this order."""
    known: Known = {}
    for number in order:
        for fact in READINGS[number].facts:
            at = (type(fact), fact.key)
            known[at] = overlaid(known.get(at), fact)
    return known


IN_ORDER = known_after(list(range(len(STORY))))


def test_the_story_is_read() -> None:
    """Every message of the story is read whole."""
    assert [reading.problems for reading in READINGS] == [()] * len(STORY)


def test_what_is_known_in_the_end() -> None:
    """The newest word on each field stands: of the visit, the patient, the policies, the appointment and the keys."""
    visit = IN_ORDER[EncounterFact, "V7"]
    assert isinstance(visit, EncounterFact)
    assert (visit.status, visit.ready, visit.ended_at) == ("open", True, None)
    assert visit.facility
    assert (visit.facility.name, [d.coding.code for d in visit.diagnoses]) == ("CLINIC", ["I10"])
    patient = IN_ORDER[PatientFact, "EAST|100"]
    assert isinstance(patient, PatientFact)
    assert patient.patient.death_date == datetime(2026, 1, 20, tzinfo=UTC).date()
    assert patient.patient.phone == "5035550100"
    policies = [fact for fact in IN_ORDER.values() if isinstance(fact, CoverageFact) and fact.active]
    assert [(one.rank, one.payer_token) for one in policies] == [(1, "PLAN1")]
    appointment = IN_ORDER[AppointmentFact, "A1"]
    assert isinstance(appointment, AppointmentFact)
    assert (appointment.status, appointment.starts_at) == ("cancelled", datetime(2026, 2, 3, 9, tzinfo=UTC))
    keys = [fact for fact in IN_ORDER.values() if isinstance(fact, MergeFact | MoveFact)]
    assert sorted(fact.key for fact in keys) == [
        "encounter/V7", "patient/EAST|100>EAST|200", "patient/EAST|200>EAST|100",
    ]  # fmt: skip
    assert not any(fact.active for fact in keys if isinstance(fact, MergeFact))


@settings(deadline=None, max_examples=60)
@given(st.permutations(range(len(STORY))), st.lists(st.sampled_from(range(len(STORY))), max_size=12))
def test_any_order_and_repetition(order: list[int], again: list[int]) -> None:
    """Messages that come late, early or twice change nothing of what is known in the end."""
    assert known_after([*again, *order]) == known_after([*order, *again]) == IN_ORDER


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_is_derived_gives_way(order: tuple[int, ...]) -> None:
    """A visit begins when its admission says, and only without one on the day of its charges; its class is that of
    PV1-2, and only without one that of the event; the diagnosis on admission stands only where there is no other:
    which message comes last does not matter."""
    bare = "PV1|1||CLINIC" + "|" * 16 + "V7"
    coded, admitting = "DG1|1||I10^^I10|||F", "DG1|1||R55^^I10|||A"
    told = (
        ("ADT^A04", PID, VISIT, coded),
        ("DFT^P03", PID, bare, FT1.replace("20260105", "20260109")),
        ("ADT^A01", PID, bare, admitting),
    )
    known: AnyFact | None = None
    for number in order:
        kind, *segments = told[number]
        header = f"MSH|^~\\&|APP|FAC|HUB|SITE|20260106{number:02}0000||{kind}|M{number}|P|2.5"
        facts = read("\r".join([header, *segments]).encode(), Hl7Settings()).facts
        known = overlaid(known, next(fact for fact in facts if isinstance(fact, EncounterFact)))
    assert isinstance(known, EncounterFact)
    assert (known.started_at, known.kind) == (datetime(2026, 1, 5, 9, tzinfo=UTC), "ambulatory")
    assert [diagnosis.coding.code for diagnosis in known.diagnoses] == ["I10"]
