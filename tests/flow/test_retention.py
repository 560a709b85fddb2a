"""Retention: what goes when its time is over, what stays and why, and that every promise holds afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from flowlab.house import House
from flowlab.keeper import KEYRING, visit
from flowlab.made import charge_fact, coverage_fact, encounter_fact, patient_fact
from flowlab.old import KEPT, at_rest, bill, pay
from sqlalchemy import text

from hub.clock import TurnedClock
from hub.keep.purge import Purged, purge
from hub.keep.retention_plan import plan
from hub.keep.steps import STEPS
from hub.model.people import Guarantor, Name
from hub.reports.promises import prove
from hub.store import open_store
from hub.store.blobs import Purged as PurgedBytes
from hub.store.purges import BY_TABLE


@pytest.fixture
def house(made_url: str, clock: TurnedClock) -> Iterator[House]:
    """The practice, on each database."""
    store = open_store(made_url, KEYRING, clock)
    yield House(store, clock)
    store.close()


def purged(house: House) -> Purged:
    """One purge by a person."""
    return purge(house.store, KEPT, house.clock, by="tester")


def would_go(house: House) -> dict[str, int]:
    """What a dry run says would go."""
    return {share.kind: share.count for share in plan(house.store, KEPT).shares if share.count}


def why_kept(house: House) -> dict[str, dict[str, int]]:
    """What a dry run says is kept back, and why (the words before the colon)."""
    shares = plan(house.store, KEPT).shares
    return {one.kind: {why.split(":")[0]: n for why, n in one.kept.items()} for one in shares if one.kept}


def broken(house: House, *only: int) -> set[tuple[int, str, str]]:
    """Every exception to a promise."""
    while house.store.seal():
        pass
    proofs = prove(house.store, house.settings, only=only)
    return {(proof.number, one.where, one.why) for proof in proofs for one in proof.exceptions}


def everything(house: House) -> str:
    """Every document and every blob of the database, opened."""
    told = []
    with house.store.view() as view:
        for table in BY_TABLE:
            told += [repr(row.record) for row in getattr(view, table).each()]
        blobs = view.session.conn.execute(text("SELECT id FROM blobs")).scalars().all()
        buried = view.blobs.buried(blobs)
        told += [view.blobs.content(one).decode() for one in blobs if one not in buried]
    return "\n".join(told)


def test_what_is_old_enough_goes_and_every_promise_holds(house: House) -> None:
    """Nothing in a document or a blob tells of the patient any more; rows, amounts, ledger and numbers are as before,
    and no promise is broken that was not.
    """
    at_rest(house, 1, 2)
    before, books = broken(house), house.accounts()
    states = {name: house.states(name) for name in BY_TABLE}
    assert "Bittern" in everything(house)
    done = purged(house)
    left = everything(house)
    for told in ("Bittern", "Reed Street", "B-100", "BHP990000011", "E119", "1950"):
        assert told not in left
    assert {name: house.states(name) for name in BY_TABLE if name != "facts"} == {
        name: states[name] for name in BY_TABLE if name != "facts"
    }
    assert house.accounts() == books
    assert broken(house) - before == set()
    assert done.rows["patients"] == 2
    assert done.rows["blobs"] >= 3
    with house.store.view() as view:
        assert view.purges.sums() == {(done.id, kind): rows for kind, rows in done.rows.items()}
        assert view.events.tally(kind=["patient.purged"], actor="tester") == {"patient.purged": 2}
        assert view.session.conn.execute(text("SELECT count(*) FROM lookup")).scalar_one() == 0


def test_a_second_purge_finds_nothing(house: House) -> None:
    """What was purged is not purged again, and a dry run agrees with the purge before and after."""
    at_rest(house)
    assert would_go(house) == {"account": 1, "inbox": 2, "outbound": 1}
    purged(house)
    assert (would_go(house), why_kept(house), purged(house).rows) == ({}, {}, {})


def test_nothing_goes_before_its_time(house: House) -> None:
    """An account whose last movement is younger than the years of retention is not touched, nor are its bytes."""
    at_rest(house)
    house.clock.turn(-timedelta(days=3 * 366))
    assert (would_go(house), why_kept(house), purged(house).rows) == ({}, {}, {})


def test_an_open_balance_keeps_an_account_and_all_bytes_since(house: House) -> None:
    """What a patient still owes keeps everything of the account; bytes from then on are kept for it."""
    bill(house, 1)
    pay(house, owed="25.00")
    house.clock.turn(timedelta(days=8 * 366))
    assert would_go(house) == {}
    assert why_kept(house)["account"] == {"open balance": 1}
    assert why_kept(house)["outbound"] == {"newer than the oldest thing that is still open": 1}
    assert purged(house).rows == {}


def test_open_work_keeps_an_account(house: House) -> None:
    """What a person has not done with stays; when they have, it may go."""
    from hub.model.work import WorkItem

    at_rest(house)
    (claim,) = house.rows("claims")
    item = WorkItem(reason="denial.CO-16", aggregate="claim", aggregate_id=claim.id, why="w", fix="f")
    with house.store.begin("admin") as tx:
        opened = tx.work.open(item, practice="lakeside")
    assert why_kept(house)["account"] == {"open work": 1}
    assert purged(house).rows == {}
    with house.store.begin("work.resolve") as tx:
        tx.work.resolve(opened, "done", "tester")
    assert would_go(house)["account"] == 1


def test_an_awaited_answer_keeps_an_account(house: House) -> None:
    """A submission that the payer has not answered for good keeps its account."""
    bill(house, 1)
    house.clock.turn(timedelta(days=8 * 366))
    assert sum(why_kept(house)["account"].values()) == 1
    assert purged(house).rows == {}


def test_a_childs_time_begins_at_eighteen(house: House) -> None:
    """Who was a minor is kept until so many years after the eighteenth birthday."""
    bill(house, 1, birth_date=date(2020, 5, 1))
    pay(house)
    house.clock.turn(timedelta(days=8 * 366))
    assert why_kept(house)["account"] == {"minor": 1}
    assert "patients" not in purged(house).rows
    house.clock.turn(timedelta(days=11 * 366))
    assert would_go(house)["account"] == 1


@pytest.mark.parametrize("kind", ["practice", "patient", "claim"])
def test_a_hold_keeps_everything_that_hangs_on_it(house: House, kind: str) -> None:
    """The account, the whole file that its claim went out in, and what came in; lifted, all of it may go."""
    at_rest(house, 1, 2)
    (claim, other) = house.rows("claims")
    about = {"practice": "lakeside", "patient": claim.col("patient_id"), "claim": claim.id}[kind]
    with house.store.begin("hold") as tx:
        hold = tx.holds.place(kind, about, why="a suit", by="tester")
    done = purged(house)
    assert done.rows.get("patients", 0) == (0 if kind == "practice" else 1)
    assert "blobs" not in done.rows
    with house.store.view() as view:
        held = view.claims.get(claim.id)
        assert held is not None
        assert held.record.patient.name.last == "Bittern"
    assert broken(house, 10) == set()
    with house.store.begin("hold") as tx:
        assert tx.holds.lift(hold.id, by="tester") is not None
        assert tx.holds.lift(hold.id, by="tester") is None
    assert "blobs" in purged(house).rows
    assert "Bittern" not in everything(house)
    assert other.id


def test_a_hold_on_one_id_covers_those_it_was_merged_with(house: House) -> None:
    """A merge is one person: a hold on either id keeps both."""
    at_rest(house, 1, 2)
    first, second = (row.id for row in house.rows("patients"))
    with house.store.begin("admin") as tx:
        tx.alias("patient", first, second, cause="merge")
        tx.holds.place("patient", first, why="a suit", by="tester")
    assert why_kept(house)["account"] == {"legal hold": 1}
    assert purged(house).rows == {}


def test_whom_one_bill_is_about_goes_together(house: House) -> None:
    """Two patients of one guarantor stand on one statement: while one of them comes, neither is purged."""
    parent = Guarantor(name=Name(last="Bittern", first="Hugh"), relationship="parent")
    bill(house, 1, 2, guarantor=parent)
    pay(house)
    house.clock.turn(timedelta(days=8 * 366))
    assert would_go(house)["account"] == 1
    again = encounter_fact("E9", patient_key="K2"), charge_fact("C9", patient_key="K2", encounter_key="E9")
    house.tell(*again, external="again")
    house.take_in()
    assert "account" not in would_go(house)
    assert "patients" not in purged(house).rows


def test_who_never_came_is_forgotten(house: House) -> None:
    """What the EHR said of somebody without any visit goes by its own age; who has a visit keeps it."""
    house.tell(*visit(1), patient_fact("K2"), coverage_fact("V2", patient_key="K2"))
    house.take_in()
    house.clock.turn(timedelta(days=8 * 366))
    assert would_go(house)["facts of nobody"] == 2
    assert purged(house).rows["facts.removed"] == 2
    assert house.states("facts") == {"kept": 4}


def test_the_step_purges_only_where_the_settings_say_so(house: House) -> None:
    """Without `purge = true` the weekly step does nothing; with it, it does what a person would, as the step."""
    at_rest(house)
    assert house.run(STEPS["keep.purge"]) == 0
    allowed = house.settings.model_copy(update={"retention": KEPT})
    house.settings = allowed
    assert house.run(STEPS["keep.purge"]) > 0
    with house.store.view() as view:
        assert {one.by for one in view.purges.list()} == {"keep.purge"}


def test_what_is_told_again_is_not_billed_again(house: House) -> None:
    """An EHR that sends an old visit once more makes no claim of it, and fills no tombstone; the patient who comes
    back is a new one."""
    at_rest(house)
    purged(house)
    house.tell(*visit(1), external="again")
    house.take_in()
    assert len(house.rows("claims")) == 1
    assert house.states("encounters") == {"claimed": 1}
    again = [
        patient_fact("K1"),
        encounter_fact("E9", patient_key="K1"),
        charge_fact("C9", patient_key="K1", encounter_key="E9"),
    ]
    house.tell(*again, *visit(1)[3:], external="back")
    house.take_in()
    assert len(house.rows("patients")) == len(house.rows("claims")) == 2
    assert broken(house, 10) == set()


def test_purged_bytes_say_so(house: House) -> None:
    """Who asks for them is told that their time was over, not that they are damaged."""
    at_rest(house)
    purged(house)
    with house.store.view() as view:
        (file,) = view.files.find()
        with pytest.raises(PurgedBytes, match="purged"):
            view.blobs.content(file.blob_id)
        assert view.files.verify(file) is None


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        ("UPDATE claims SET schema = 0", "claim"),
        ("DELETE FROM patients", "purge"),
        ("DELETE FROM blob_chunks", "blob"),
        ("UPDATE purges SET rows = rows + 1", "purge"),
        ("DELETE FROM purges", "purge"),
    ],
)
def test_who_removes_without_a_purge_is_named(house: House, edit: str, where: str) -> None:
    """A mark without a seal, a tombstone that is gone, bytes without one, a purge that says other than the trail."""
    at_rest(house, 1)
    purged(house)
    house.clock.turn(-timedelta(days=8 * 366))
    bill(house, 2)
    before = broken(house)
    edits = edit if "claims" not in edit else f"{edit} WHERE schema <> 0"
    with house.store.begin("admin") as tx:
        tx.session.conn.execute(text(edits))
    found = broken(house) - before
    assert any(where in place for _, place, _ in found)


def test_the_database_still_refuses_what_it_refused(house: House) -> None:
    """No purge opens a door: journals, ledger and events cannot be deleted from, also after one."""
    at_rest(house)
    purged(house)
    for table in ("events", "ledger_entries", "ledger_transactions", "files", "transfers"):
        with pytest.raises(Exception, match="append only"), house.store.begin("admin") as tx:
            tx.session.conn.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - names of ours


def test_tombstones_move_to_a_new_key(house: House) -> None:
    """A rotation re-encrypts tombstones like everything else, and they are tombstones still."""
    at_rest(house)
    purged(house)
    house.store.rotate_keys()
    while house.store.reencrypt():
        pass
    assert broken(house, 10) == set()
