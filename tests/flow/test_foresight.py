"""What a desk foresees of a visit is what the hub then does with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flowlab.house import SOURCE, House
from flowlab.made import charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient_fact
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.flow.visits.foresight import foresee, foresee_kept
from hub.model.claim import Claim
from hub.model.encounter import Coding
from hub.model.facts import AnyFact, MergeFact
from hub.model.people import Provider
from hub.plugin.api import Foreseen, ScrubFinding
from hub.store import Keyring, open_store

STRICT = """\
[[rule]]
name = "authorization"
at = "2300 REF[G1] 02"
required = true
message = "this payer takes no claim without an authorization"
"""
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
    "policy that its account names": (
        PERSON, replace(VISIT, policies=("V2",)), LINE, POLICY, coverage_fact("V2", "HARBOR", rank=2),
    ),
    "a rule of its payer": (PERSON, VISIT, LINE, POLICY),
    "a rule of a plugin": (PERSON, VISIT, LINE, POLICY),
}  # fmt: skip
# What a visit that was ready becomes when the hub goes on with it.
WENT_ON = frozenset(("held", "claimed", "proposal", "patient"))


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


def strict(claim: Claim) -> list[ScrubFinding]:
    """A plugin's rule, under a name of its own."""
    return [
        ScrubFinding(rule="of_a_plugin", where="2300", why="it always finds something", fix="nothing", hold=True)
    ]


def ruled(house: House, name: str, folder: Path) -> None:
    """The rules that a case is about."""
    if name == "a rule of a plugin":
        house.host.rules = {"strict": strict}
    if name == "a rule of its payer":
        path = folder / "ours.toml"
        path.write_text(STRICT)
        known = house.settings.payers
        payers = {key: row.model_copy(update={"overlays": (str(path),)}) for key, row in known.items()}
        house.settings = house.settings.model_copy(update={"payers": payers})


@pytest.mark.parametrize("name", CASES)
def test_what_is_foreseen_happens(house: House, name: str, tmp_path: Path) -> None:
    """The same state, the same claim, and work for the same reasons, as when the hub takes these facts in: foreseen
    by all of them alone, and by the later ones beside those that the hub keeps.
    """
    ruled(house, name, tmp_path)
    seen = [foresee(house.hub, SOURCE, CASES[name], "E1")]
    half = len(CASES[name]) // 2
    house.tell(*CASES[name][:half])
    house.take_in()
    seen.append(foresee_kept(house.hub, house.store, SOURCE, CASES[name][half:], "E1"))
    house.tell(*CASES[name][half:])
    house.take_in()
    for one in seen:
        _compare(house, one)


def _compare(house: House, seen: Foreseen | None) -> None:
    assert seen is not None
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


def test_what_is_kept_counts_and_nothing_stays(house: House) -> None:
    """A charge that comes alone stands on the claim that the kept visit makes; what is kept is told with it, what
    went out before is only counted; looking leaves nothing behind.
    """
    house.tell(PERSON, VISIT, POLICY)
    house.take_in()
    before = (house.states("encounters"), house.states("charges"), house.work())
    seen = foresee_kept(house.hub, house.store, SOURCE, (LINE,), "E1")
    assert seen is not None
    assert (seen.known, len(seen.claims), seen.billed) == ("held", 1, 0)
    assert {type(one) for one in seen.facts} == {type(one) for one in (PERSON, VISIT, POLICY, LINE)}
    assert (house.states("encounters"), house.states("charges"), house.work()) == before
    house.tell(LINE)
    house.take_in()
    late = foresee_kept(house.hub, house.store, SOURCE, (charge_fact("C2", codings=FLU),), "E1")
    assert late is not None
    assert (late.known, late.billed, [one.key for one in late.charges]) == ("claimed", 1, ["C2"])
    same = foresee_kept(house.hub, house.store, SOURCE, (VISIT, LINE), "E1")
    assert same is not None
    assert (same.billed, same.claims, same.problems) == (1, (), ())


def test_a_visit_that_came_under_another_key_is_that_one(house: House) -> None:
    """What is told of a visit that was merged into another counts there."""
    house.tell(PERSON, VISIT, POLICY, encounter_fact("E0"))
    house.tell(MergeFact(key="m", version="2", kind="encounter", from_key="E0", into_key="E1"))
    house.take_in()
    seen = foresee_kept(house.hub, house.store, SOURCE, (charge_fact(encounter_key="E0"),), "E0")
    assert seen is not None
    assert (seen.encounter.key, len(seen.charges), len(seen.claims)) == ("E1", 1, 1)


def test_nothing_is_foreseen_of_an_unknown_visit(house: House) -> None:
    """Facts that tell no such visit foresee nothing."""
    assert foresee(house.hub, SOURCE, (PERSON, LINE), "E1") is None


def test_without_its_patient_a_visit_is_gathered(house: House) -> None:
    """A visit of which nobody told the patient is incomplete, and has no claim."""
    seen = foresee(house.hub, SOURCE, (VISIT, LINE, POLICY), "E1")
    assert seen is not None
    assert (seen.state, seen.claims) == ("gathering", ())


def _bare(claim: Any) -> Any:
    """A claim without what only a store gives: ids and numbers."""
    lines = tuple(replace(line, charge_ids=(), control_number="") for line in claim.lines)
    return replace(claim, encounter_ids=(), patient_id="", lines=lines)
