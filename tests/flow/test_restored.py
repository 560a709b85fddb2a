"""What may have gone out before a restore is not sent twice: not by a replay, a late answer, or a printer's sweep."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flowlab.house import House
from flowlab.keeper import KEY_TEXT, KEYRING, place_of, visit
from flowlab.made import charge_fact, coverage_fact, encounter_fact, patient_fact

from hub.clock import TurnedClock
from hub.flow import printing, replaying
from hub.flow.base import move_claims
from hub.flow.corrections import resend
from hub.keep.backup import back_up
from hub.keep.guard import accept
from hub.keep.restore import Wanted, restore
from hub.store import open_store
from hub.store.documents import Change

VENDOR = "printer"
MAYBE = "restore.maybe_sent"


@pytest.fixture
def before(made_sqlite_url: str, clock: TurnedClock) -> Iterator[House]:
    """A practice that has sent one claim and has another ready."""
    store = open_store(made_sqlite_url, KEYRING, clock)
    house = House(store, clock)
    house.bill(*visit(1))
    house.tell(*visit(2))
    house.take_in()
    yield house
    store.close()


@pytest.fixture
def house(before: House, clock: TurnedClock, tmp_path: Path) -> Iterator[House]:
    """The same, restored from yesterday and accepted."""
    yield from restored(before, clock, tmp_path)


def restored(before: House, clock: TurnedClock, folder: Path) -> Iterator[House]:
    """The practice as its backup knows it, a day later."""
    place = place_of(before, folder)
    file = place.backups / back_up(place).file
    found = restore(Wanted(file=file, into=folder / "new", keyring=KEYRING, key_text=KEY_TEXT), clock)
    clock.turn(timedelta(days=1))
    store = open_store(found.url, KEYRING, clock)
    accept(dataclasses.replace(place, store=store, folder=found.folder), by="an operator", why="a lost disk")
    yield House(store, clock)
    store.close()


def word(house: House, clock: TurnedClock, *, again: bool) -> str:
    """A person resolves the one item about a held claim; returns the claim."""
    with house.store.begin("work.resolve") as tx:
        (item,) = tx.work.list(reason_prefix=MAYBE)
        tx.work.resolve(item.id, "asked the clearinghouse", "a biller")
        if again:
            resend(tx, house.settings, tx.claims.get(item.aggregate_id), "a biller")
    clock.turn(timedelta(minutes=5))
    return item.aggregate_id


def replay_held(house: House) -> int:
    """`hub replay held` for claims."""
    with house.store.begin("admin") as tx:
        return replaying.held_claims(tx, house.settings, "", "a biller")[0]


def test_a_claim_that_the_partner_has_is_not_sent_by_a_replay(house: House, clock: TurnedClock) -> None:
    """Resolved without --resend: the partner has it. Neither a replay of all that is held sends it, nor one by name,
    after which a person is asked once more."""
    house.send()
    claim = word(house, clock, again=False)
    assert replay_held(house) == 0
    house.take_in()
    house.send()
    assert len(house.sent()) == 1
    with house.store.begin("admin") as tx:
        assert replaying.one(tx, house.settings, claim, "a biller") == "claims"
    house.take_in()
    house.send()
    assert len(house.sent()) == 1
    assert house.work()[MAYBE] == 1
    assert word(house, clock, again=True) == claim
    house.take_in()
    house.send()
    assert [one.claim_id for one in house.sent()][-1] == claim


def test_a_claim_that_nobody_was_asked_about_yet_is_left_alone_too(house: House, clock: TurnedClock) -> None:
    """While the question is open, a replay of all that is held leaves the claim and its item as they are."""
    house.send()
    assert replay_held(house) == 0
    assert (house.states("claims")["held"], house.work()[MAYBE]) == (1, 1)


def test_a_word_to_send_lasts_through_a_later_hold(house: House, clock: TurnedClock) -> None:
    """Sent again by a person, then held for a reason of its own and replayed: nobody is asked a second time."""
    house.send()
    claim = word(house, clock, again=True)
    house.take_in()
    with house.store.begin("batch.freeze") as tx:
        move_claims(tx, [Change(tx.claims.get(claim), state="held")])
    assert replay_held(house) == 1
    house.take_in()
    house.send()
    assert [one.claim_id for one in house.sent()][-1] == claim
    assert house.work()[MAYBE] == 0


def test_a_late_answer_to_what_was_sent_before_lets_nothing_go(house: House, clock: TurnedClock) -> None:
    """What was sent before the backup was rejected, corrected and sent in the time that was lost. Its rejection,
    fetched again, closes the first submission here: the correction is asked about and does not go out by itself."""
    (first,) = house.sent()
    with house.store.begin("acks.apply") as tx:
        tx.submissions.close(first.id, "rejected")
        move_claims(tx, [Change(tx.claims.get(first.claim_id), state="rejected")])
        resend(tx, house.settings, tx.claims.get(first.claim_id), "a biller")
    house.take_in()
    house.send()
    assert [one.id for one in house.sent()] == [first.id]
    with house.store.view() as view:
        assert first.claim_id in {item.aggregate_id for item in view.work.list(reason_prefix=MAYBE)}


def test_statements_that_were_made_before_are_not_printed_before_a_word(
    before: House, clock: TurnedClock, tmp_path: Path
) -> None:
    """A statement that stood ready at the backup may be printed: the printer's sweep leaves it until a person has
    resolved the item, then it goes."""
    own = {"patient_key": "S1"}
    before.tell(patient_fact("S1"), encounter_fact("ES1", **own), charge_fact("CS1", encounter_key="ES1", **own))
    before.tell(coverage_fact("VS1", "SELFPAY", member_id="", **own))
    before.take_in()
    before.state_people()
    assert before.states("statements") == {"made": 1}
    for house in restored(before, clock, tmp_path):
        assert house.run(printing.freeze, VENDOR) == 0
        assert (house.states("statements"), house.work()["restore.statements"]) == ({"made": 1}, 1)
        with house.store.begin("work.resolve") as tx:
            (item,) = tx.work.list(reason_prefix="restore.statements")
            tx.work.resolve(item.id, "the vendor has printed nothing", "a biller")
        assert house.run(printing.freeze, VENDOR) == 1
        assert house.states("statements") == {"frozen": 1}
