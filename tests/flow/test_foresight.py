"""What a desk foresees of a visit is what the hub then does with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flowlab.house import SOURCE, House
from flowlab.made import charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient_fact
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.flow.visits.foresight import foresee
from hub.model.encounter import Coding
from hub.model.facts import AnyFact
from hub.model.people import Provider
from hub.store import Keyring, open_store

LOCAL = (Coding(system="LOCAL", code="NOBODY-KNOWS"),)
FLU = (Coding(system="LOCAL", code="FLU-ADMIN"),)
VISIT_KIND = (Coding(system="SNOMED", code="162673000"),)
OTHER = {"coding": Coding(system="SNOMED", code="999")}
PERSON, VISIT, LINE, POLICY = patient_fact(), encounter_fact(), charge_fact(), coverage_fact()
CASES: dict[str, tuple[AnyFact, ...]] = {
    "whole": (PERSON, VISIT, LINE, charge_fact("C2", codings=FLU), POLICY, diagnosis_fact()),
    "with two policies": (PERSON, VISIT, LINE, POLICY, coverage_fact("V2", "GOLDENROD", rank=2)),
    "policy of the visit": (PERSON, VISIT, LINE, POLICY, coverage_fact("V2", "HARBOR", encounter_key="E1")),
    "with its own price": (PERSON, VISIT, replace(LINE, amount=Decimal("99.50")), POLICY),
    "self pay": (PERSON, VISIT, LINE, coverage_fact(plan="SELFPAY")),
    "to be confirmed": (PERSON, VISIT, charge_fact(codings=VISIT_KIND), POLICY),
    "no policy": (PERSON, VISIT, LINE),
    "policy that ended": (PERSON, VISIT, LINE, replace(POLICY, valid_to=date(2026, 1, 1))),
    "unmapped payer": (PERSON, VISIT, LINE, coverage_fact(plan="SOMEONE")),
    "unmapped charge": (PERSON, VISIT, charge_fact(codings=LOCAL), POLICY),
    "unmapped diagnosis": (PERSON, VISIT, LINE, POLICY, diagnosis_fact("D1", code="NOT-ONE")),
    "no diagnosis": (PERSON, replace(VISIT, diagnoses=()), LINE, POLICY),
    "nobody treated": (PERSON, replace(VISIT, rendering=None), LINE, POLICY),
    "a clinician without NPI": (PERSON, replace(VISIT, rendering=Provider(npi="", last="X", id="?")), LINE, POLICY),
    "a clinician who is known": (
        PERSON, replace(VISIT, rendering=Provider(npi="", last="Q", id="DR-QUILLON")), LINE, POLICY,
    ),
    "no birth date": (patient_fact(birth_date=None), VISIT, LINE, POLICY),
    "another member id": (PERSON, VISIT, LINE, replace(POLICY, member_id="7")),
    "a test patient": (patient_fact(is_test=True), VISIT, LINE, POLICY),
    "cancelled": (PERSON, replace(VISIT, status="cancelled"), LINE, POLICY),
    "not ready": (PERSON, replace(VISIT, ready=False), LINE, POLICY),
    "history": (PERSON, replace(VISIT, started_at=datetime(2020, 1, 2, tzinfo=UTC)), LINE, POLICY),
    "nothing charged": (PERSON, VISIT, POLICY),
}  # fmt: skip
# What a visit that was ready becomes when the hub goes on with it.
WENT_ON = frozenset(("held", "claimed", "proposal", "patient"))


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


@pytest.mark.parametrize("name", CASES)
def test_what_is_foreseen_happens(house: House, name: str) -> None:
    """The same state, the same claim, and work for the same reasons, as when the hub takes these facts in."""
    seen = foresee(house.settings, SOURCE, CASES[name], "E1", house.clock.now())
    assert seen is not None
    house.tell(*CASES[name])
    house.take_in()
    (state,) = house.states("encounters")
    assert seen.state == ("ready" if state in WENT_ON else state)
    if seen.state != "ready":
        return
    expected = {one.code for one in (*seen.problems, *seen.warnings)}
    if not seen.charges:
        expected = {"encounter.no_charges"}
    assert {reason.removesuffix(".warning") for reason in house.work()} == expected
    # the hub makes no claim before a coder has confirmed its codes
    claims = [] if state == "proposal" else [_bare(one) for one in seen.claims]
    assert claims == [_bare(row.record) for row in house.rows("claims")]
    assert seen.self_pay is (state == "patient")


def test_nothing_is_foreseen_of_an_unknown_visit(house: House) -> None:
    """Facts that tell no such visit foresee nothing."""
    assert foresee(house.settings, SOURCE, (PERSON, LINE), "E1", house.clock.now()) is None


def test_without_its_patient_a_visit_is_gathered(house: House) -> None:
    """A visit of which nobody told the patient is incomplete, and has no claim."""
    seen = foresee(house.settings, SOURCE, (VISIT, LINE, POLICY), "E1", house.clock.now())
    assert seen is not None
    assert (seen.state, seen.claims) == ("gathering", ())


def _bare(claim: Any) -> Any:
    """A claim without what only a store gives: ids and numbers."""
    lines = tuple(replace(line, charge_ids=(), control_number="") for line in claim.lines)
    return replace(claim, encounter_ids=(), patient_id="", lines=lines)
