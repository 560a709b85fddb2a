"""What each event says: one row for each trigger that matters to billing, and the many ways to name it."""

from __future__ import annotations

import msgspec
import pytest
from hl7lab import FT1, PID, PV1, codes, every, only, reading
from hub_hl7_adt.reading import read
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.triggers import TABLE, Says, trigger_of
from hypothesis import given
from hypothesis import strategies as st

from hub.model.facts import AppointmentFact, ChargeFact, EncounterFact, MergeFact, MoveFact, PatientFact, Reading

OPENED = ("status",)
NOT_READY = ("ready",)

# Type, event, status, whether it makes the visit ready, and what it clears.
VISITS = [
    ("ADT", "A01", "open", False, OPENED),
    ("ADT", "A02", "open", False, OPENED),
    ("ADT", "A03", "finished", True, ()),
    ("ADT", "A04", "open", False, OPENED),
    ("ADT", "A05", "planned", False, NOT_READY),
    ("ADT", "A06", "open", False, OPENED),
    ("ADT", "A07", "open", False, OPENED),
    ("ADT", "A08", "open", False, ()),
    ("ADT", "A11", "cancelled", False, NOT_READY),
    ("ADT", "A12", "open", False, OPENED),
    ("ADT", "A13", "open", False, ("status", "ready", "ended_at")),
    ("ADT", "A14", "planned", False, NOT_READY),
    ("ADT", "A27", "cancelled", False, NOT_READY),
    ("ADT", "A38", "cancelled", False, NOT_READY),
    ("ADT", "A54", "open", False, ()),
    ("ADT", "A55", "open", False, ()),
    ("DFT", "P03", "open", True, ()),
    ("DFT", "P11", "open", True, ()),
    ("BAR", "P01", "open", False, ()),
    ("BAR", "P05", "open", False, ()),
    ("BAR", "P06", "finished", True, ()),
    ("BAR", "P10", "open", False, ()),
    ("BAR", "P12", "open", False, ()),
]
PERSONS = [("ADT", "A28"), ("ADT", "A31")]
KEYS = [
    ("A18", {"patient", "account", "encounter"}),
    ("A30", {"patient"}),
    ("A34", {"patient"}),
    ("A35", {"account", "encounter"}),
    ("A36", {"patient", "account", "encounter"}),
    ("A39", {"patient"}),
    ("A40", {"patient"}),
    ("A41", {"account", "encounter"}),
    ("A42", {"encounter"}),
    ("A43", {"patient"}),
    ("A47", {"patient"}),
    ("A49", {"account", "encounter"}),
    ("A50", {"encounter"}),
    ("A51", {"encounter"}),
]
APPOINTMENTS = [
    ("S12", "booked", OPENED),
    ("S13", "booked", OPENED),
    ("S14", "booked", ()),
    ("S15", "cancelled", ()),
    ("S16", "cancelled", ()),
    ("S17", "cancelled", ()),
    ("S26", "noshow", ()),
]
QUIET = [("BAR", "P02"), ("ADT", "A23"), ("ADT", "A29"), ("ADT", "A24"), ("ADT", "A09"), ("ADT", "A16"),
         ("ADT", "A17"), ("ADT", "A20"), ("ADT", "A21"), ("ADT", "A60"), ("ADT", "Z99"), ("SIU", "S23"),
         ("ORM", "O01"), ("ORU", "R01"), ("VXU", "V04"), ("MDM", "T02"), ("ACK", "A01"), ("QRY", "A19")]  # fmt: skip


@pytest.mark.parametrize(("kind", "event", "status", "ready", "cleared"), VISITS)
def test_what_an_event_says_of_a_visit(
    kind: str, event: str, status: str, ready: bool, cleared: tuple[str, ...]
) -> None:
    """An event tells a status by its value, or that the visit is open (again) by clearing it; one that tells none
    leaves it as it was. Charges and the end of the visit make it ready, what takes it back clears that."""
    ft1 = [FT1] if kind == "DFT" else []
    visit = only(reading(PID, PV1, *ft1, kind=f"{kind}^{event}"), EncounterFact)
    assert (visit.status, visit.ready, visit.cleared) == (status, ready, cleared)
    assert (visit.key, visit.patient_key, visit.partial) == ("V77", "EAST|100", True)


@pytest.mark.parametrize(("kind", "event", "status", "ready", "cleared"), VISITS)
def test_a_sender_whose_visits_are_always_ready(
    kind: str, event: str, status: str, ready: bool, cleared: tuple[str, ...]
) -> None:
    """Where the profile says so every message makes its visit ready, but for one that plans it or calls it off."""
    found = reading(PID, PV1, kind=f"{kind}^{event}", settings={"ready": "always"})
    assert only(found, EncounterFact).ready == (status in ("open", "finished"))


@pytest.mark.parametrize(("kind", "event"), PERSONS)
def test_what_an_event_says_of_a_person(kind: str, event: str) -> None:
    """A28 and A31 say who the patient is and nothing of a visit, even where a PV1 stands in them."""
    (fact,) = reading(PID, PV1, kind=f"{kind}^{event}").facts
    assert isinstance(fact, PatientFact)


@pytest.mark.parametrize(("event", "kinds"), KEYS)
def test_what_an_event_joins(event: str, kinds: set[str]) -> None:
    """Each merge joins the kinds of keys that HL7 says, and no other that stands beside them."""
    pid = f"{PID}|||||ACC2"
    mrg = "MRG|200^^^EAST^MR||ACC1|||ALT1" if event == "A51" else "MRG|200^^^EAST^MR||ACC1||V1|ALT1"
    pv1 = "" if kinds & {"account"} else "PV1|1|O" + "|" * 17 + "V2" + "|" * 31 + "ALT2"
    places = ["PV1-50"] if event == "A51" else ["PV1-19", "PID-18"]
    found = reading(pid, mrg, pv1, kind=f"ADT^{event}", settings={"visit_places": places})
    told = {f.kind for f in every(found, MergeFact)}
    assert (told, found.poison) == (kinds, False)


@pytest.mark.parametrize(("event", "kind"), [("A44", "account"), ("A45", "encounter")])
def test_what_an_event_moves(event: str, kind: str) -> None:
    """A44 moves an account and A45 a visit."""
    found = reading(PID, "MRG|200^^^EAST^MR||ACC1||V77", PV1, kind=f"ADT^{event}")
    assert only(found, MoveFact).kind == kind


def test_what_an_unlink_parts() -> None:
    """A37 parts two patients, whichever of them was merged into the other."""
    found = reading(PID, PID.replace("100^^^EAST", "101^^^EAST"), kind="ADT^A37")
    assert {(f.from_key, f.into_key, f.active) for f in every(found, MergeFact)} == {
        ("EAST|100", "EAST|101", False),
        ("EAST|101", "EAST|100", False),
    }


@pytest.mark.parametrize(("event", "status", "cleared"), APPOINTMENTS)
def test_what_an_event_says_of_an_appointment(event: str, status: str, cleared: tuple[str, ...]) -> None:
    """SIU events book, call off, or say that nobody came; a change (S14) leaves the status as it was."""
    found = reading("SCH||A1", PID, kind=f"SIU^{event}")
    fact = only(found, AppointmentFact)
    assert (fact.key, fact.status, fact.cleared) == ("A1", status, cleared)


@pytest.mark.parametrize(("kind", "event"), QUIET)
def test_what_says_nothing(kind: str, event: str) -> None:
    """All other events are informational: they make no facts, stop no lane, and are nobody's problem. Purges (P02,
    A23, A29) take nothing away."""
    found = reading(PID, PV1, FT1, "MRG|200", kind=f"{kind}^{event}")
    assert (found.facts, found.problems, found.lanes, found.poison) == ((), (), (), False)
    assert found.not_billable == "informational"


def test_every_trigger_has_its_row() -> None:
    """No trigger of the table is without a row here."""
    told = {(kind, event) for kind, events in TABLE.items() for event in events}
    rows = {(kind, event) for kind, event, *_ in VISITS} | set(PERSONS)
    rows |= {("ADT", event) for event, _ in KEYS} | {("ADT", event) for event in ("A37", "A44", "A45")}
    assert told == rows | {("SIU", event) for event, *_ in APPOINTMENTS}


@pytest.mark.parametrize(
    ("told", "event"),
    [
        ("ADT^A03", ""),
        ("ADT^A03^ADT_A03", ""),
        ("ADT", "A03"),
        ("ADT^^ADT_A01", "A03"),
        ("ADT^^ADT_A03", ""),
        ("adt^a03", ""),
        ("ADT_A03", ""),
        ("ADT^A03^ADT_A01", ""),
        ("ADT^A03", "A01"),
        ("^A03^ADT_A03", ""),
    ],
)
def test_where_the_event_stands(told: str, event: str) -> None:
    """The event is that of MSH-9.2, else of EVN-1, else of a structure that is of one event alone."""
    evn = [f"EVN|{event}|20260106"] if event else []
    visit = only(reading(*evn, PID, PV1, kind=told), EncounterFact)
    assert (visit.status, visit.ready) == ("finished", True)


@pytest.mark.parametrize("told", ["DFT", "DFT^P03", "DFT^^DFT_P03", "DFT^^DFT_P11", "DFT_P03"])
def test_charges_are_charges(told: str) -> None:
    """A DFT bills, whether or not it names its event."""
    assert only(reading(PID, PV1, FT1, kind=told), ChargeFact).kind == "charge"


@pytest.mark.parametrize("told", ["ADT", "ADT^^ADT_A01", "BAR", ""])
def test_an_event_that_is_not_named(told: str) -> None:
    """A message that does not say what happened might be a cancel or a merge: it is not applied, its lanes stop."""
    found = reading(PID, PV1, "MRG|200", kind=told)
    assert (found.facts, codes(found), found.poison) == ((), ["hl7.trigger"], True)
    assert found.lanes == ("patient/EAST|100", "patient/EAST|200")


def test_an_appointment_that_is_not_named() -> None:
    """An appointment without its event is told, and stops no lane: no money hangs on it."""
    found = reading(PID, "SCH||A1", kind="SIU^^SIU_S12")
    assert (found.facts, codes(found), found.poison) == ((), ["hl7.trigger"], False)


def test_a_test_system_stops_nothing() -> None:
    """What a test system sends is never applied, and what is wrong with it stops no lane."""
    found = reading("PID|1||100", PV1, FT1, processing="T")
    assert (found.facts, found.poison, found.lanes, found.not_billable) == ((), False, (), "test")
    assert reading(PID, PV1, kind="ORM^O01", processing="T").not_billable == "test"


@pytest.mark.parametrize(
    ("segments", "kind", "lanes"),
    [
        ((PID, PV1, FT1), "DFT^P03", ("patient/EAST|100",)),
        ((f"{PID}|||||ACC9", PV1, FT1), "DFT^P03", ("account/ACC9",)),
        ((f"{PID}|||||ACC9", PV1), "ADT^A08", ("account/ACC9",)),
        ((f"{PID}|||||ACC9",), "ADT^A31", ("patient/EAST|100",)),
        ((f"{PID}|||||ACC9", "SCH||A1"), "SIU^S12", ()),
        ((f"{PID}|||||ACC9", "MRG|200||ACC8"), "ADT^A40",
         ("patient/EAST|100", "account/ACC9", "patient/EAST|200", "account/ACC8")),
        ((f"{PID}|||||ACC9", "MRG|200||ACC8"), "ADT^A44",
         ("patient/EAST|100", "account/ACC9", "patient/EAST|200", "account/ACC8")),
    ],
)  # fmt: skip
def test_lanes(segments: tuple[str, ...], kind: str, lanes: tuple[str, ...]) -> None:
    """A message is in the lane of its account, else of its patient; a merge in those of all keys that it names."""
    assert reading(*segments, kind=kind).lanes == lanes


def test_a_message_without_a_time() -> None:
    """A message that does not say when it was sent is older than all that do, and a person is told; EVN-2 will do."""
    found = reading(PID, PV1, FT1, sent="")
    assert codes(found) == ["hl7.sent"]
    assert only(found, EncounterFact).version == "/|/"
    assert codes(reading("EVN||20260106", PID, PV1, FT1, sent="")) == []


@pytest.mark.parametrize("raw", [b"", b"hello", b"PID|1||100", b"MSH", b"MSHA"])
def test_what_is_no_message(raw: bytes) -> None:
    """Bytes without a usable header are set aside whole; they name no lane, so they stop none."""
    found = read(raw, Hl7Settings())
    assert (found.facts, found.lanes) == ((), ())
    assert codes(found) == (["hl7.header"] if raw else [])
    assert found.poison == bool(raw)


EVENTS = [f"{kind}^{event}" for kind, events in TABLE.items() for event in events]
FIELD = st.sampled_from(
    [*"|||", "1", "100^^^EAST^MR", "QUILL^ADA", "20260105", '""', "I10^^I10", "D", "CG", "9.5", "~", "&"]
)
NAMES = ("PID", "MRG", "PV1", "PV2", "IN1", "IN2", "GT1", "DG1", "FT1", "SCH", "AIS", "TQ1", "ACC", "EVN")
SEGMENT = st.builds(
    lambda name, fields: "|".join([name, *fields]),
    st.sampled_from(NAMES),
    st.lists(FIELD, max_size=45),
)


@given(st.sampled_from(EVENTS), st.lists(st.one_of(SEGMENT, st.sampled_from([PID, PV1, FT1])), max_size=9))
def test_any_message_is_applied_whole_or_not_at_all(kind: str, segments: list[str]) -> None:
    """Whatever stands in a message: its facts have keys and one version, and one that must not be applied has none
    and says why; only a missing patient or account leaves it without a lane."""
    found = reading(*segments, kind=kind)
    assert all(fact.key and fact.version == found.facts[0].version for fact in found.facts)
    assert not (found.poison and found.facts)
    assert not found.poison or any(problem.severity == "error" for problem in found.problems)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Reading) == found


def test_the_table_answers_for_any_type() -> None:
    """A type that is not in the table says nothing; one that is, without an event, is unknown."""
    assert trigger_of("MFN", "").says is Says.NOTHING
    assert trigger_of("", "R01").says is Says.NOTHING
    assert trigger_of("ADT", "").says is trigger_of("", "").says is Says.UNKNOWN
