"""A claim that has not left is taken back where its visit, its charges, its patient or its payer are in question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flowlab.house import House
from flowlab.made import D, charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient, patient_fact
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.errors import Refused
from hub.flow import coding, ingest, replaying
from hub.flow.ingest.facts_store import Facts
from hub.flow.visits import assemble
from hub.model.facts import AnyFact, MergeFact, MoveFact
from hub.plugin.api import ScrubFinding
from hub.store import Keyring, open_store

VISIT = (encounter_fact(), charge_fact(), coverage_fact(), diagnosis_fact())
OPEN_AGAIN = encounter_fact(version="2", status="open", ended_at=None, ready=False)


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


def heard(house: House, *facts: AnyFact) -> House:
    """A message, taken in."""
    house.tell(*facts)
    house.take_in()
    return house


def lines(house: House, state: str) -> list[list[str]]:
    """The codes of the claims in that state."""
    return [[line.hcpcs for line in row.record.lines] for row in house.rows("claims", state=state)]


def every(house: House, state: str) -> list[str]:
    """All codes of the claims in that state, in their order."""
    return sorted(code for codes in lines(house, state) for code in codes)


def test_a_visit_that_is_open_again_is_billed_when_it_is_over_again(house: House) -> None:
    """Its claim does not leave, nobody is asked, and the books are as before; finished, it is billed with all that
    then stands, once.
    """
    heard(house, patient_fact(), *VISIT)
    heard(house, OPEN_AGAIN)
    house.send()
    assert (house.states("claims"), house.states("encounters")) == ({"void": 1}, {"waiting": 1})
    assert (house.sent(), house.accounts(), house.work()) == ([], {}, {})
    again = encounter_fact(version="3"), charge_fact("C2", "G0008"), diagnosis_fact(version="2", code="E78.5")
    heard(house, *again, charge_fact(version="2", code="J3420"))
    house.send()
    assert (lines(house, "frozen"), lines(house, "void")) == ([["J3420", "G0008"]], [["T1015"]])
    (claim,) = house.rows("claims", state="frozen")
    assert claim.record.diagnoses == ("E119", "E785")
    assert house.accounts() == {"insurance_receivable": 4200, "revenue": -4200}
    assert not house.work()


def test_a_visit_that_stays_open_is_work(house: House) -> None:
    """After so many days, as of any visit that is never finished."""
    heard(house, patient_fact(), *VISIT)
    heard(house, OPEN_AGAIN)
    house.clock.turn_to(house.clock.now() + timedelta(days=15))
    assemble.ripen(house.hub, "adt")
    house.take_in()
    assert house.work() == {"encounter.unfinished": 1}


def test_a_claim_that_left_once_is_held_while_its_visit_is_open(house: House) -> None:
    """One that was rejected and goes out again is never made anew: it waits for a person, and not before the visit is
    over again.
    """
    house.bill(*VISIT)
    (claim,), (sent,) = house.rows("claims"), house.sent()
    with house.store.begin("admin") as tx:
        tx.submissions.close_many([sent.id], "it was refused", state="rejected")
        tx.claims.put(claim, state="ready")
    heard(house, OPEN_AGAIN)
    assert (house.states("claims"), house.work()) == ({"held": 1}, {"claim.reopened": 1})
    with house.store.begin("admin") as tx, pytest.raises(Refused, match="open again"):
        replaying.one(tx, house.settings, claim.id, "ann")
    heard(house, encounter_fact(version="3"))
    with house.store.begin("admin") as tx:
        assert replaying.one(tx, house.settings, claim.id, "ann") == "claims"


@pytest.mark.parametrize("known", [False, True])
def test_a_charge_that_moves_is_billed_where_it_went(house: House, known: bool) -> None:
    """Also where that visit is not known yet: no claim of the old visit has it, and none is billed without its
    visit.
    """
    heard(house, patient_fact(), *VISIT, charge_fact("C2", "G0008"), *([_other()] if known else []))
    heard(house, charge_fact("C2", "G0008", version="2", encounter_key="E2"))
    assert sorted(lines(house, "ready")) == ([["G0008"], ["T1015"]] if known else [["T1015"]])
    heard(house, _other())
    assert sorted(lines(house, "ready")) == [["G0008"], ["T1015"]]
    assert not house.work()


def _other() -> AnyFact:
    return encounter_fact("E2")


def test_a_charge_moves_before_it_was_billed(house: House) -> None:
    """A charge that waits for its visit's end goes along, too."""
    heard(house, patient_fact(), OPEN_AGAIN, *VISIT[1:], charge_fact("C2", "G0008"))
    heard(house, charge_fact("C2", "G0008", version="2", encounter_key="E2"))
    heard(house, encounter_fact(version="3"))
    assert lines(house, "ready") == [["T1015"]]


def test_a_test_patient_is_never_billed_and_billed_when_it_was_a_mistake(house: House) -> None:
    """Who is marked after the claim was made, and unmarked again."""
    heard(house, patient_fact(), *VISIT)
    heard(house, replace(patient_fact(version="2"), patient=patient(is_test=True)))
    house.send()
    assert (house.states("claims"), house.states("encounters")) == ({"void": 1}, {"test": 1})
    assert (house.sent(), house.accounts(), house.work()) == ([], {}, {})
    heard(house, patient_fact(version="3"))
    assert lines(house, "ready") == [["T1015"]]


ITEM = charge_fact("I1", "G0008", service="item")
DONE = charge_fact("R1", "G0008", service="done")


@pytest.mark.parametrize("told", [[ITEM, DONE], [DONE, ITEM], [replace(ITEM, key="A"), DONE]])
@pytest.mark.parametrize("apart", [False, True])
def test_what_is_done_and_charged_is_one_service(house: House, told: list[AnyFact], apart: bool) -> None:
    """One visit, day and code, told as an item and as what was done: one line, in whatever order and messages."""
    heard(house, patient_fact(), *VISIT)
    for some in [[one] for one in told] if apart else [told]:
        heard(house, *some)
    assert every(house, "ready") == ["G0008", "T1015"]
    assert not house.work()


def test_what_was_done_on_another_day_or_charged_for_no_more_is_a_charge(house: House) -> None:
    """Nothing is joined that only looks alike, and an item that was withdrawn stands in nobody's place."""
    day_before = replace(DONE, key="R2", service_from=DONE.service_from - timedelta(days=1))
    heard(house, patient_fact(), *VISIT, ITEM, DONE, day_before, charge_fact("I2", "J3420", service="item"))
    assert lines(house, "ready") == [["G0008", "T1015", "G0008", "J3420"]]
    heard(house, replace(ITEM, version="2", active=False))
    assert every(house, "ready") == ["G0008", "G0008", "J3420", "T1015"]
    assert house.states("claims") == {"ready": 1, "void": 1}


def test_what_is_replaced_before_it_left_is_billed_as_it_is_told_now(house: House) -> None:
    """A charge in whose place another one stands: the claim that waits is made anew with that one."""
    heard(house, patient_fact(), *VISIT, charge_fact("C2", "G0008"))
    heard(house, charge_fact("C2", "G0008", version="2", active=False), charge_fact("C3", "J3420", replaces="C2"))
    assert every(house, "ready") == ["J3420", "T1015"]
    assert not house.work()


def test_what_was_done_left_before_its_item_came(house: House) -> None:
    """What was billed by itself is not billed again by its item: a person looks at both."""
    house.bill(*VISIT, DONE)
    heard(house, ITEM)
    assert house.work().keys() == {"claim.replaced_late", "ingest.changed_after_billing"}
    assert house.states("claims") == {"frozen": 1}


PPO, MEDICARE = coverage_fact(rank=0), coverage_fact("V2", "MEDICARE-B", rank=0, member_id="9A00A00EX01")


@pytest.mark.parametrize("apart", [False, True])
def test_nobody_is_asked_first_by_chance(house: House, apart: bool) -> None:
    """Two payers that nobody ranks: the visit waits for a person's word, at the source or in the settings."""
    house.tell(patient_fact(), encounter_fact(), charge_fact(), diagnosis_fact(), PPO)
    if apart:
        house.take_in()
    heard(house, MEDICARE)
    assert house.states("claims").get("ready") is None
    assert house.work() == {"claim.payer_order": 1}
    heard(house, replace(MEDICARE, version="2", rank=1))
    assert [row.record.payer for row in house.rows("claims", state="ready")] == ["medicare"]
    assert not house.work()


def test_a_person_says_in_which_order_payers_are_asked(house: House) -> None:
    """`payer_order` ranks what the source does not."""
    source = house.settings.sources["adt"].model_copy(update={"payer_order": ("medicare", "ppo")})
    house.settings = house.settings.model_copy(update={"sources": {**house.settings.sources, "adt": source}})
    heard(house, patient_fact(), encounter_fact(), charge_fact(), diagnosis_fact(), PPO, MEDICARE)
    assert [row.record.payer for row in house.rows("claims")] == ["medicare"]


CLEAR = {
    "one payer": coverage_fact("V2", rank=0, member_id="BHP990000012"),
    "a supplement": coverage_fact("V0", "GOLDENROD", rank=0),
    "the last resort": coverage_fact("V0", "STATEAID", rank=0, member_id="990000000001"),
    "over": replace(MEDICARE, valid_to=charge_fact().service_from - timedelta(days=1)),
    "ranked behind": replace(MEDICARE, rank=2),
}


@pytest.mark.parametrize("other", CLEAR)
def test_what_is_clear_is_not_held(house: House, other: str) -> None:
    """Policies of one payer, one that always pays after others, one that is over, and one that is ranked."""
    first = replace(PPO, rank=1) if other == "ranked behind" else PPO
    heard(house, patient_fact(), encounter_fact(), charge_fact(), diagnosis_fact(), first, CLEAR[other])
    assert [row.record.payer for row in house.rows("claims")] == ["ppo"]
    assert "claim.payer_order" not in house.work()


def test_what_a_credit_took_is_not_billed_when_the_claim_is_made_anew(house: House) -> None:
    """A credit of some units counts again for the claim that comes after the one that was taken back, and one that
    undid a whole charge undoes no other.
    """
    three = charge_fact("C1", units=D(3), amount=D("300.00"))
    back = charge_fact("C1/back", kind="credit", units=D(1), amount=D("-100.00"))
    twin = charge_fact("C2", "G0008", amount=D("40.00")), charge_fact("C3", "G0008", amount=D("40.00"))
    undone = charge_fact("C3/back", "G0008", kind="credit", amount=D("-40.00"), replaces="C3")
    heard(house, patient_fact(), encounter_fact(), coverage_fact(), diagnosis_fact(), three, back, *twin, undone)
    before = house.accounts()
    assert before == {"insurance_receivable": 24000, "revenue": -24000}
    heard(house, OPEN_AGAIN)
    assert house.accounts() == {}
    heard(house, encounter_fact(version="3"))
    assert (house.accounts(), house.work()) == (before, {})
    assert house.states("charges") == {"claimed": 2, "settled": 3}


def test_what_is_left_of_a_visit_that_waits_for_its_claim_is_billed(house: House) -> None:
    """A charge moves away while the visit that it leaves has been coded anew, and has no claim yet of what is new:
    nothing of it is left behind, neither what is new nor what stood on the claim that was taken back.
    """
    heard(house, patient_fact(), *VISIT, charge_fact("C2", "G0008"), encounter_fact("E2"))
    house.tell(charge_fact("C3", "J3420"))
    for step, lane in ((ingest.read, "adt"), (assemble.assemble, "adt"), (coding.code, "lakeside")):
        house.run(step, lane)
    assert house.states("encounters").get("coded") == 1
    moved = charge_fact("C2", "G0008", version="2", encounter_key="E2")
    with house.store.begin("admin") as tx:
        Facts(tx, "adt", "lakeside").store([moved])
        (left,) = [row for row in tx.encounters.find(state="gathering") if row.record.key == "E1"]
        tx.encounters.put(left, state="coded")  # put together and coded before the visit that the charge comes to
    house.run(assemble.assemble, "adt")
    house.take_in()
    assert every(house, "ready") == ["G0008", "J3420", "T1015"]
    assert not {"new", "priced", "waiting"} & house.states("charges").keys()


def test_charges_of_visits_that_were_one_are_billed_when_one_moves_on(house: House) -> None:
    """What is left where a charge went away from a visit that another one was merged into is billed there."""
    heard(house, patient_fact(), *VISIT, charge_fact("C2", "G0008"))
    one = MergeFact(key="M1", version="2", kind="encounter", from_key="E1", into_key="E2")
    heard(house, one, encounter_fact("E2"))
    heard(house, encounter_fact("E3"))
    (was,) = [row.id for row in house.rows("encounters", state="merged")]
    with house.store.begin("admin") as tx:
        Facts(tx, "adt", "lakeside").store([charge_fact("C2", "G0008", version="3", encounter_key="E3")])
        tx.encounters.put(tx.encounters.get(was), state="merged")  # it was put together first
    house.run(assemble.assemble, "adt")
    house.take_in()
    assert sorted(lines(house, "ready")) == [["G0008"], ["T1015"]]
    assert not {"new", "priced", "waiting"} & house.states("charges").keys()


def test_what_a_person_decided_about_a_held_claim_stands(house: House) -> None:
    """A rule held the claim, and a person has said that it is dealt with otherwise: it is not billed anew by itself,
    and it is told that its visit is open again.
    """
    finding = ScrubFinding(rule="never", where="claim", why="it may not go", fix="send it on paper")
    house.host.rules = {"never": lambda _: [finding]}
    heard(house, patient_fact(), *VISIT)
    (claim,) = house.rows("claims", state="held")
    with house.store.begin("admin") as tx:
        tx.work.resolve_for(claim.id, "", "sent on paper", "ann")
    heard(house, OPEN_AGAIN)
    assert (house.states("claims"), house.work()) == ({"held": 1}, {"claim.reopened": 1})


MOVED = MoveFact(key="encounter/E1", version="5", kind="encounter", moved_key="E1", into_key="P2")
REGISTERED = (patient_fact(), *VISIT, charge_fact("C2", "G0008"))
TOLD_OTHERWISE: dict[str, tuple[list[AnyFact], list[tuple[str, str, list[str]]]]] = {
    "cancelled": ([encounter_fact(version="2", status="cancelled")], []),
    "a charge withdrawn": ([charge_fact("C2", "G0008", version="2", active=False)], [("ppo", "A", ["T1015"])]),
    "another payer": (
        [coverage_fact("V0", "MEDICARE-B", member_id="9A00A00EX01"), coverage_fact(version="2", rank=2)],
        [("medicare", "A", ["T1015", "G0008"])],
    ),
    "another patient": (
        [patient_fact("P2"), coverage_fact("V9", patient_key="P2"), MOVED],
        [("ppo", "B", ["T1015", "G0008"])],
    ),
}


@pytest.mark.parametrize("what", TOLD_OTHERWISE)
def test_a_persons_word_takes_back_what_is_told_otherwise(house: House, what: str) -> None:
    """A claim that waits since its source says something else of it is made anew as the source says now, on one
    command, which the work names; nothing is left to do, and the books are those of the claims that stand.
    """
    told, billed = TOLD_OTHERWISE[what]
    heard(house, *REGISTERED)
    (before,) = house.rows("claims")
    heard(house, *told)
    house.send()
    assert (house.states("claims"), house.sent()) == ({"held": 1}, [])
    with house.store.begin("admin") as tx:
        (item,) = tx.work.list(aggregate_id=before.id)
        assert "hub replay CLAIM" in item.fix
        assert replaying.one(tx, house.settings, before.id, "ann") == "claims"
    house.take_in()
    found = house.rows("claims", state="ready")
    same = before.record.patient_id
    assert [
        (row.record.payer, "A" if row.record.patient_id == same else "B", [one.hcpcs for one in row.record.lines])
        for row in found
    ] == billed
    cents = sum(row.col("cents") for row in found)
    assert house.accounts() == ({"insurance_receivable": cents, "revenue": -cents} if cents else {})
    assert not house.work()
    assert not {"new", "priced", "waiting"} & house.states("charges").keys()


def test_what_may_be_with_its_payer_is_not_taken_back_on_a_word(house: House) -> None:
    """A claim of which a submission is open stays as it is, whatever it waits for, and says what to do."""
    house.bill(*VISIT)
    (claim,) = house.rows("claims")
    with house.store.begin("admin") as tx:
        tx.claims.put(claim, state="held")
    heard(house, coverage_fact("V0", "MEDICARE-B", member_id="9A00A00EX01"), coverage_fact(version="2", rank=2))
    assert house.work() == {"claim.other_payer": 1}
    with house.store.begin("admin") as tx, pytest.raises(Refused, match="with its payer"):
        replaying.one(tx, house.settings, claim.id, "ann")
    assert house.states("claims") == {"held": 1}


DAY = charge_fact().service_from + timedelta(days=1)


@pytest.mark.parametrize(
    ("told", "cents"),
    [
        (charge_fact(version="2", units=D(2), amount=D("330.00")), 33000),
        (charge_fact(version="2", modifiers=("25",)), 16500),
        (charge_fact("C1/back", kind="credit", amount=D("-165.00")), 0),
        (charge_fact("C1/back", kind="credit", amount=D("-165.00"), service_from=DAY, replaces="C1"), 0),
    ],
    ids=["units", "modifiers", "a credit", "a credit by name"],
)
def test_a_charge_told_otherwise_before_it_left_is_billed_as_it_is_told_now(
    house: House, told: AnyFact, cents: int
) -> None:
    """Whether a change or a credit comes before the claim was made, or after it and before it left."""
    other = charge_fact("C2", "G0008", amount=D("40.00"))
    heard(house, patient_fact(), *VISIT, other)
    heard(house, told)
    house.send()
    assert house.accounts() == {"insurance_receivable": cents + 4000, "revenue": -cents - 4000}
    assert [sum(one.amount for one in row.record.lines) for row in house.rows("claims", state="frozen")] == [
        D(cents + 4000) / 100
    ]
    assert not house.work()


THREE = charge_fact("C1", units=D(3), amount=D("300.00"))
BACK = charge_fact("C1/back", kind="credit", units=D(1), amount=D("-100.00"))
UNDONE = charge_fact("C1/back", kind="credit", units=D(3), amount=D("-300.00"))


@pytest.mark.parametrize(
    ("credit", "then", "cents"),
    [
        (BACK, [replace(BACK, version="2", active=False)], 30000),
        (BACK, [replace(BACK, version="2", units=D(2), amount=D("-200.00"))], 10000),
        (UNDONE, [replace(UNDONE, version="2", active=False)], 30000),
        (UNDONE, [replace(UNDONE, version="2", units=D(1), amount=D("-100.00"))], 20000),
        (UNDONE, [replace(THREE, version="2", active=False), replace(UNDONE, version="2", active=False)], 0),
    ],
    ids=["withdrawn", "more", "all withdrawn", "less", "both withdrawn"],
)
@pytest.mark.parametrize("others", [False, True])
def test_a_credit_told_otherwise_before_its_claim_left_counts_as_it_is_told_now(
    house: House, credit: AnyFact, then: list[AnyFact], cents: int, others: bool
) -> None:
    """Whether anything was left of the charge, or of the visit, to be on a claim or not."""
    other = [charge_fact("C2", "G0008", amount=D("40.00"))] if others else []
    heard(house, patient_fact(), encounter_fact(), coverage_fact(), diagnosis_fact(), THREE, credit, *other)
    heard(house, *then)
    house.send()
    cents += 4000 if others else 0
    assert house.accounts() == ({"insurance_receivable": cents, "revenue": -cents} if cents else {})
    assert sum(row.col("cents") for row in house.rows("claims", state="frozen")) == cents
    assert house.work().keys() <= {"encounter.no_charges"}
    assert not {"new", "priced", "waiting"} & house.states("charges").keys()
