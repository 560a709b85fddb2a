"""Facts of one key, in whatever order: a last-writer-wins map in each field, and what that means for a visit."""

from __future__ import annotations

from datetime import date
from functools import reduce
from itertools import permutations

from flowlab.made import ON, charge_fact, encounter_fact, patient_fact
from hypothesis import given
from hypothesis import strategies as st

from hub.flow.ingest.folding import overlaid, told_at
from hub.model.facts import AnyFact, AppointmentFact, EncounterFact, PatientFact
from hub.model.people import Name, Patient


def visit(version: str, **told: object) -> EncounterFact:
    """A message that tells of a visit only what is named."""
    return EncounterFact(key="V", patient_key="P", version=version, partial=True, **told)  # type: ignore[arg-type]


def person(version: str, *, cleared: tuple[str, ...] = (), **told: object) -> PatientFact:
    """A message that tells of a patient only what is named."""
    who = Patient(name=Name(last="Heron"), **told)  # type: ignore[arg-type]
    return PatientFact(key="P", version=version, patient=who, cleared=cleared, partial=True)


def fold(*facts: AnyFact) -> AnyFact:
    """What they come to, told one after the other."""
    return reduce(overlaid, facts[1:], overlaid(None, facts[0]))


versions = st.sampled_from("123")
some_clear = st.sets(st.sampled_from(["status", "account", "kind", "ready", "ended_at"])).map(
    lambda names: tuple(sorted(names))
)
visits = st.builds(
    EncounterFact,
    key=st.just("V"),
    version=versions,
    patient_key=st.sampled_from("PQ"),
    account=st.sampled_from(["", "A", "B"]),
    kind=st.sampled_from(["", "inpatient"]),
    status=st.sampled_from(["open", "finished", "cancelled", "planned"]),
    ready=st.booleans(),
    cleared=some_clear,
    partial=st.just(True),
)
persons = st.builds(
    PatientFact,
    key=st.just("P"),
    version=versions,
    patient=st.builds(
        Patient,
        name=st.just(Name(last="Heron")),
        birth_date=st.sampled_from([None, ON]),
        phone=st.sampled_from(["", "1", "2"]),
        sex=st.sampled_from("UF"),
    ),
    cleared=st.sets(st.sampled_from(["phone", "birth_date"])).map(lambda names: tuple(sorted(names))),
    partial=st.just(True),
)
charges = st.builds(
    charge_fact, version=versions, service_from=st.just(ON), account=st.sampled_from(["", "A", "B"])
)


@given(st.one_of(*(st.lists(one, min_size=3, max_size=3) for one in (visits, persons, charges))))
def test_the_fold_is_a_join(three: list[AnyFact]) -> None:
    """Commutative, associative and idempotent, also where versions are equal: any order, any repetition and any
    grouping of three facts ends in one and the same fact."""
    a, b, c = three
    ends = {
        repr(fold(*order, *again)) for order in permutations(three) for again in ((), (a,), (b, a), (c, b, a))
    }
    ends |= {repr(overlaid(overlaid(None, a), fold(b, c))), repr(overlaid(fold(a, b), fold(b, c)))}
    assert len(ends) == 1


def test_an_older_value_never_hides_a_newer_one() -> None:
    """Of three messages the first is told last but one: what the second said stands, since each field keeps the
    version of whoever told it."""
    first, second, third = (
        visit("1", account="OLD"),
        visit("2", account="NEW"),
        visit("3", kind="inpatient"),
    )
    for order in permutations((first, second, third)):
        held = fold(*order)
        assert isinstance(held, EncounterFact)
        assert (held.account, held.kind, told_at(held, "account"), held.version) == ("NEW", "inpatient", "2", "3")


def test_what_is_cleared_stays_empty() -> None:
    """A field that is told empty is empty, whatever older messages said of it and whenever they come."""
    for order in permutations((person("1", phone="1"), person("2", cleared=("phone",)), person("3", sex="F"))):
        held = fold(*order)
        assert isinstance(held, PatientFact)
        assert (held.patient.phone, held.patient.sex) == ("", "F")


def test_a_cancelled_visit_is_ready_only_when_told_again() -> None:
    """Cancelled, and opened again later: what was ready before the cancellation is not, until a message says so."""
    ready, cancelled = visit("1", ready=True), visit("2", status="cancelled")
    opened = visit("3", cleared=("status",))
    for order in permutations((ready, cancelled, opened)):
        held = fold(*order)
        assert isinstance(held, EncounterFact)
        assert (held.status, held.ready) == ("open", False)
    told = overlaid(held, visit("4", ready=True))
    assert isinstance(told, EncounterFact)
    assert told.ready


def test_a_planned_visit_that_is_charged_is_ready() -> None:
    """A plan says that nothing is ready yet; the charges that follow it say that it is."""
    held = fold(visit("2", ready=True), visit("1", status="planned"))
    assert isinstance(held, EncounterFact)
    assert held.ready


def test_a_whole_fact_stands_as_it_is() -> None:
    """Of whole facts the newest version stands with all of its fields, also the empty ones."""
    older, newer = encounter_fact(version="1"), encounter_fact(version="2", diagnoses=())
    assert fold(older, newer) == fold(newer, older) == newer


def test_a_whole_fact_and_partial_ones_meet_field_by_field() -> None:
    """A whole fact tells each field: a newer part overlays it, an older one changes nothing."""
    whole = encounter_fact(version="2")
    for order in permutations((whole, visit("3", account="NEW"), visit("1", account="OLD", kind="x"))):
        held = fold(*order)
        assert isinstance(held, EncounterFact)
        assert (held.account, held.kind, held.diagnoses) == ("NEW", whole.kind, whole.diagnoses)


def test_without_versions_the_last_word_stands() -> None:
    """A source that orders nothing is taken at its last word."""
    one, other = patient_fact(version="", phone="1"), patient_fact(version="", phone="2")
    assert (fold(one, other), fold(other, one)) == (other, one)


def test_a_message_that_is_read_anew_stands() -> None:
    """What was read once more, under a mended mapping, has its old version, and stands against the first reading; a
    newer message still stands against both."""
    first, anew = visit("2", kind="wrong"), visit("2", kind="right")
    for known, coming in ((first, anew), (anew, first)):
        held = overlaid(known, coming, again=True)
        assert isinstance(held, EncounterFact)
        assert held.kind == (anew.kind if coming is anew else first.kind)
    held = overlaid(visit("3", kind="newest"), anew, again=True)
    assert isinstance(held, EncounterFact)
    assert held.kind == "newest"


def test_what_was_stored_without_stamps_has_one_version() -> None:
    """A fact of before: its version stands for all that it tells."""
    held = overlaid(person("2", phone="1", birth_date=date(2000, 1, 1)), person("1", phone="0", sex="F"))
    assert isinstance(held, PatientFact)
    assert (held.patient.phone, held.patient.sex, held.stamps) == ("1", "F", {"sex": "1"})


def test_appointments_are_folded_too() -> None:
    """A booking that says nothing of its reason keeps the one that it had."""
    booked = AppointmentFact(key="S", version="1", patient_key="P", place="EAST", partial=True)
    moved = AppointmentFact(key="S", version="2", patient_key="P", status="cancelled", partial=True)
    for order in permutations((booked, moved)):
        held = fold(*order)
        assert isinstance(held, AppointmentFact)
        assert (held.place, held.status) == ("EAST", "cancelled")
