"""The way in, step by step on both databases: facts in any order, late, twice, merged, changed after billing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from flowlab.house import SOURCE, House
from flowlab.made import (
    LARKSPUR,
    D,
    charge_fact,
    coverage_fact,
    diagnosis_fact,
    encounter_fact,
    patient,
    patient_fact,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.flow import coding, ingest
from hub.flow.coding import confirm
from hub.flow.visits import asking, assemble
from hub.model.encounter import Coding
from hub.model.facts import AnyFact, MergeFact
from hub.model.people import Identifier
from hub.store import Keyring, Store, open_store

VISIT = (encounter_fact(), charge_fact(), coverage_fact(), diagnosis_fact())


@pytest.fixture
def house(store: Store, clock: TurnedClock) -> House:
    """The practice, on each database."""
    return House(store, clock)


@pytest.fixture
def cheap(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite alone, where the database makes no difference."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


def test_reading_twice_is_harmless(house: House) -> None:
    """The same message under two names, and each step run again, make one encounter, one charge and one claim."""
    for external in ("first", "second"):
        house.tell(patient_fact(), *VISIT, external=external)
        house.take_in()
    house.take_in()
    assert house.states("encounters") == {"claimed": 1}
    assert house.states("charges") == {"claimed": 1}
    assert house.states("claims") == {"ready": 1}
    assert house.accounts() == {"insurance_receivable": 16500, "revenue": -16500}
    assert house.work() == {}


@given(st.permutations([patient_fact(), *VISIT[1:]]), st.integers(0, 4), st.booleans())
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_order_gives_the_same_claim(cheap: House, facts: list[AnyFact], cut: int, again: bool) -> None:
    """However what belongs to a visit is ordered and split over messages, and told once or twice, the claim is the
    same; the visit itself comes last, since its source says then that all of it has come."""
    house, key = cheap, f"-{cheap.messages}"
    facts = [_renamed(fact, key) for fact in facts]
    for part in (facts[:cut], facts[cut:], facts if again else (), [_renamed(encounter_fact(), key)]):
        house.tell(*part)
        house.run(ingest.read, SOURCE)
        house.run(assemble.assemble, SOURCE)
    house.take_in()
    (encounter,) = [row for row in house.rows("encounters") if row.record.key == f"E1{key}"]
    assert encounter.state == "claimed"
    (claim,) = [row.record for row in house.rows("claims") if encounter.id in row.record.encounter_ids]
    assert (claim.payer, claim.diagnoses, [line.hcpcs for line in claim.lines]) == (
        "ppo",
        ("E119", "I10"),
        ["T1015"],
    )


def _renamed(fact: AnyFact, key: str) -> AnyFact:
    """The fact as one of another visit: hypothesis' examples share one store."""
    changes = {"key": fact.key + key}
    for name in ("patient_key", "encounter_key"):
        if getattr(fact, name, ""):
            changes[name] = getattr(fact, name) + key
    return replace(fact, **changes)


def test_charges_without_their_visit_wait(house: House) -> None:
    """Charges that come before their visit or patient are incomplete, and work after a day, once; a person's word on
    that holds for a fortnight. When the rest comes, they bill, and nothing is open.
    """
    house.tell(charge_fact(), coverage_fact())
    house.take_in()
    assert (house.states("encounters"), house.work()) == ({"incomplete": 1}, {})
    for wait, opens in ((asking.AFTER - timedelta(minutes=1), 0), (timedelta(minutes=1), 1), (asking.AFTER, 0)):
        house.clock.turn(wait)
        assert house.run(assemble.ripen, SOURCE) == opens
    assert (house.states("encounters"), house.work()) == ({"incomplete": 1}, {"ingest.incomplete": 1})
    with house.store.begin("work.resolve") as tx:
        tx.work.resolve(tx.work.list()[0].id, "asked for a resend", "anna")
    for wait, opens in ((asking.WORD_HOLDS, 0), (timedelta(minutes=1), 1)):
        house.clock.turn(wait)
        house.tell(charge_fact(version=str(house.messages + 1)))
        house.take_in()
        assert len(house.work()) == opens
    house.tell(encounter_fact(), diagnosis_fact())
    house.take_in()
    assert house.states("encounters") == {"incomplete": 1}
    house.tell(patient_fact())
    house.take_in()
    assert (house.states("encounters"), house.work()) == ({"claimed": 1}, {})


def test_an_older_version_changes_nothing(house: House) -> None:
    """Of one key the newest version stands, whichever came last."""
    house.tell(patient_fact(version="2"), *VISIT)
    house.tell(patient_fact(version="1", birth_date=date(1900, 1, 1)))
    house.take_in()
    assert house.rows("patients")[0].record.patient.birth_date == patient().birth_date


def test_a_coverage_that_comes_late_reopens_what_was_held(house: House) -> None:
    """A held encounter is looked at again when its patient's coverage comes, and its work is resolved by itself."""
    house.tell(patient_fact(), encounter_fact(), charge_fact())
    house.take_in()
    assert (house.states("encounters"), house.work()) == ({"held": 1}, {"claim.no_coverage": 1})
    house.tell(coverage_fact())
    house.take_in()
    assert (house.states("encounters"), house.work(), house.states("claims")) == (
        {"claimed": 1},
        {},
        {"ready": 1},
    )


def test_a_late_patient_fact_leaves_what_is_billed_alone(house: House) -> None:
    """A new address or coverage after billing changes the patient, and neither the encounter nor its claim."""
    house.bill(*VISIT)
    before = [(row.id, row.row_version) for row in (*house.rows("encounters"), *house.rows("claims"))]
    house.tell(
        patient_fact(version="2", phone="2165550199"), coverage_fact(version="2", member_id="BHP990000099")
    )
    house.take_in()
    after = [(row.id, row.row_version) for row in (*house.rows("encounters"), *house.rows("claims"))]
    assert after == before
    (known,) = house.rows("patients")
    assert (known.record.patient.phone, known.record.coverages[0].member_id) == ("2165550199", "BHP990000099")


def test_a_late_charge_makes_a_second_claim(house: House) -> None:
    """A charge that comes when its visit is billed goes on a claim of its own; the first one stays as it was."""
    house.bill(*VISIT)
    (first,) = house.rows("claims")
    sent = house.bytes_sent()
    house.tell(charge_fact("C2", "G0008"))
    house.take_in()
    claims = {row.id: row for row in house.rows("claims")}
    assert claims[first.id] == first
    (second,) = (row for row in claims.values() if row.id != first.id)
    assert ([line.hcpcs for line in second.record.lines], second.state) == (["G0008"], "ready")
    assert house.bytes_sent() == sent
    assert house.states("charges") == {"claimed": 2}
    assert house.accounts() == {"insurance_receivable": 19500, "revenue": -19500}


@pytest.mark.parametrize(
    "late",
    [
        charge_fact(version="2", code="G0008"),
        charge_fact(version="2", active=False),
        charge_fact(version="2", units=D(2)),
        charge_fact(version="2", amount=D("999.00")),
        charge_fact(version="2", modifiers=("KX",)),
    ],
    ids=["code", "withdrawn", "units", "amount", "modifiers"],
)
def test_a_change_after_billing_is_work(cheap: House, late: AnyFact) -> None:
    """A charge that its source changes or withdraws when it is on a claim is work; claim and books stay."""
    house = cheap
    house.bill(*VISIT)
    (claim,) = house.rows("claims")
    house.tell(late)
    house.take_in()
    assert house.work() == {"ingest.changed_after_billing": 1}
    assert house.rows("claims") == [claim]
    assert house.accounts() == {"insurance_receivable": 16500, "revenue": -16500}


def test_telling_a_billed_charge_again_is_no_change(cheap: House) -> None:
    """The same charge in a newer version of its message is no work, whatever coding made of it meanwhile."""
    timed = charge_fact("C1", "H0004", units=D(30), unit_basis="MJ")
    drug = charge_fact("C2", "J1885", units=D(2))
    cheap.bill(encounter_fact(), timed, drug, coverage_fact())
    cheap.tell(encounter_fact(version="2"), replace(timed, version="2"), replace(drug, version="2"))
    cheap.take_in()
    assert (cheap.work(), cheap.states("claims")) == ({}, {"frozen": 1})


TWO = (
    patient_fact("OLD", identifiers=(Identifier(authority="EAST", value="B-1"),)),
    replace(encounter_fact(), patient_key="OLD"),
    replace(charge_fact(), patient_key="OLD"),
    replace(coverage_fact(), patient_key="OLD"),
)
MERGE = MergeFact(key="M1", version="3", kind="patient", from_key="OLD", into_key="NEW")


def test_a_merge_moves_what_is_open(house: House) -> None:
    """After a merge the encounters of both record numbers are the surviving patient's, and bill for them; what is
    stored keeps the id that the source named, which leads to the survivor."""
    house.tell(patient_fact("NEW"), *TWO[:3])
    house.take_in()
    assert house.states("encounters") == {"held": 1}
    house.tell(MERGE, TWO[3])
    house.take_in()
    ids = {row.record.patient.identifiers[0].value: row.id for row in house.rows("patients")}
    (claim,) = house.rows("claims")
    assert claim.record.patient.identifiers[0].value == "B-100"
    (encounter,) = house.rows("encounters")
    with house.store.view() as view:
        assert view.resolve("patient", claim.col("patient_id")) == ids["B-100"]
        assert view.resolve("patient", encounter.col("patient_id")) == ids["B-100"]


def test_a_merge_in_the_same_message_counts(house: House) -> None:
    """A merge that comes with the very first message of both record numbers is not lost."""
    house.tell(patient_fact("NEW"), *TWO, replace(encounter_fact("E2"), patient_key="NEW"), MERGE)
    house.take_in()
    owners = {row.col("patient_id") for row in house.rows("encounters")}
    with house.store.view() as view:
        assert len(set(view.resolve_many("patient", owners).values())) == 1


def test_what_is_not_to_be_billed_is_not(cheap: House) -> None:
    """A test message leaves nothing; an informational one updates people and never charges."""
    cheap.tell(patient_fact(), *VISIT, not_billable="test")
    cheap.take_in()
    assert cheap.rows("facts") == []
    cheap.tell(patient_fact(), *VISIT, not_billable="informational")
    cheap.take_in()
    assert {row.col("kind") for row in cheap.rows("facts")} == {"patient", "coverage"}
    assert cheap.rows("encounters") == []


def test_a_rental_without_a_visit_bills_by_month(cheap: House) -> None:
    """Charges that name no visit are collected by patient and month, each month an encounter of its own."""
    rent = [
        charge_fact(
            f"R{month}",
            "E0601",
            encounter_key="",
            service_from=date(2026, month, 1),
            modifiers=("RR", "KH"),
            diagnoses=(Coding(system="ICD10", code="G47.33"),),
            rendering=LARKSPUR,
        )
        for month in (1, 2)
    ]
    cheap.tell(patient_fact(), coverage_fact(), *rent)
    cheap.take_in()
    assert (cheap.states("encounters"), len(cheap.rows("claims"))) == ({"claimed": 2}, 2)


def test_a_coders_word_bills_what_was_proposed(house: House) -> None:
    """A proposal waits for a coder and for nobody else; the word resolves its work and makes the claim."""
    proposed = replace(
        charge_fact(), codings=(replace(charge_fact().codings[0], system="SNOMED", code="185345009"),)
    )
    house.tell(patient_fact(), encounter_fact(), proposed, coverage_fact())
    house.take_in()
    assert (house.states("encounters"), house.work(), house.rows("claims")) == (
        {"proposal": 1},
        {"coding.proposal": 1},
        [],
    )
    (row,) = house.rows("encounters")
    with house.store.begin("work.resolve") as tx:
        confirm(tx, row, "coder1")
    house.take_in()
    assert (house.states("encounters"), house.work(), house.states("claims")) == (
        {"claimed": 1},
        {},
        {"ready": 1},
    )


def test_self_pay_goes_straight_to_the_guarantor(house: House) -> None:
    """Without a claim the guarantor owes the charges, but for one that a credit undid; said twice, owed once."""
    twin = charge_fact("C2", "G0008")
    undo = charge_fact("C3", "G0008", kind="credit")
    house.tell(
        patient_fact(), encounter_fact(), charge_fact(), twin, undo, coverage_fact(plan="SELFPAY", member_id="")
    )
    house.take_in()
    house.take_in()
    assert (house.states("encounters"), house.rows("claims")) == ({"patient": 1}, [])
    assert house.accounts() == {"patient_receivable": 16500, "revenue": -16500}
    assert house.states("charges") == {"patient": 1, "settled": 2}


def test_a_copay_is_posted_once(house: House) -> None:
    """Money that the source says was paid is the patient's, once, however often its message comes."""
    copay = charge_fact("P1", kind="copay", amount=D("25.00"), codings=())
    house.bill(*VISIT, copay)
    house.tell(replace(copay, version="2"))
    house.take_in()
    assert house.accounts() == {
        "insurance_receivable": 16500,
        "revenue": -16500,
        "patient_cash": 2500,
        "patient_receivable": -2500,
    }
    assert house.work() == {}


def test_what_waits_ripens_however_much_of_it_there_is(cheap: House) -> None:
    """When the hold days are over every encounter is billed at the next look, also beyond one page of them, and also
    behind visits that never end."""
    house = cheap
    sources = {name: one.model_copy(update={"hold_days": 2}) for name, one in house.settings.sources.items()}
    house.settings = house.settings.model_copy(update={"sources": sources})
    day = house.clock.now()
    endless = [encounter_fact(f"N{n:03}", started_at=None, ended_at=None, ready=False) for n in range(105)]
    house.tell(patient_fact(), coverage_fact(), *endless)
    house.take_in()
    house.clock.turn(timedelta(minutes=1))
    visits = [encounter_fact(f"E{n:03}", started_at=day, ended_at=day) for n in range(120)]
    house.tell(*visits, *(charge_fact(f"C{n:03}", encounter_key=f"E{n:03}") for n in range(120)))
    house.take_in()
    assert house.states("encounters") == {"waiting": 225}
    house.clock.turn(timedelta(days=2))
    house.run(assemble.ripen, SOURCE)
    house.take_in()
    assert house.states("encounters") == {"waiting": 105, "claimed": 120}
    assert house.run(coding.code) == 0
