"""Numbers, submissions and lookups: nothing is handed out twice, nothing is open twice, everything is found."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from hub.errors import Misconfigured, Refused, Stale
from hub.store import Store, Tx
from hub.store.submissions import ClaimLine


def submit(tx: Tx, claim: str = "clm_1", **rest: Any) -> str:
    """Open one submission of `claim`; returns its id."""
    given = {"practice": "p1", "claim_id": claim, "version": 1, "rank": 1, "payer": "medicare"}
    return tx.submissions.open(**{**given, **rest}).id


def test_counters_count_by_scope_and_write_down_every_number(store: Store) -> None:
    """Each scope counts from 1, and each number can be asked what it was used for."""
    with store.begin("admin") as tx:
        assert list(tx.registry.take("isa13:a", 3, ref="file_1")) == [1, 2, 3]
        assert list(tx.registry.take("isa13:b", ref="file_2")) == [1]
        assert list(tx.registry.take("line", 2, ref=["clm_1", "clm_2"])) == [1, 2]
        assert list(tx.registry.take("line", 0)) == []
    with store.view() as view:
        assert view.registry.used_for("isa13:a", 3) == "file_1"
        assert view.registry.used_for("line", 2) == "clm_2"
        assert view.registry.used_for("line", 3) is None
        assert view.registry.numbers_of("file_1") == {"isa13:a": ["1", "2", "3"]}


def test_a_number_taken_in_a_transaction_that_fails_was_never_handed_out(store: Store) -> None:
    """A rollback gives numbers back together with everything that would have carried them."""
    with pytest.raises(RuntimeError):
        _take_and_fail(store)
    with store.begin("admin") as tx:
        assert list(tx.registry.take("isa13:a")) == [1]


def _take_and_fail(store: Store) -> None:
    with store.begin("admin") as tx:
        tx.registry.take("isa13:a", 5)
        raise RuntimeError


def test_threads_never_get_the_same_number(store: Store) -> None:
    """Whoever takes numbers at the same time gets others: together they are an unbroken row."""
    taken: list[int] = []
    pcns: list[str] = []

    def work() -> None:
        for _ in range(5):
            with store.begin("admin") as tx:
                numbers = list(tx.registry.take("st02", 3))
                codes = tx.registry.pcns(["sub"] * 3)
            taken.extend(numbers)
            pcns.extend(codes)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 61))
    assert len(set(pcns)) == 60


def test_the_registry_starts_above_an_old_system_and_never_goes_back(store: Store) -> None:
    """At go-live a scope is lifted; a number at or below what was handed out is refused."""
    with store.begin("admin") as tx:
        tx.registry.start_at("isa13:a", 5000)
        assert list(tx.registry.take("isa13:a")) == [5000]
        tx.registry.start_at("isa13:a", 6000)
    with pytest.raises(Misconfigured, match="already above"), store.begin("admin") as tx:
        tx.registry.start_at("isa13:a", 10)
    with store.begin("admin") as tx:
        assert list(tx.registry.take("isa13:a")) == [6000]


def test_a_nine_digit_scope_ends_instead_of_starting_again(store: Store) -> None:
    """ISA13 has nine digits; after the last the mailbox needs a new sender id, since a number is never reused."""
    with store.begin("admin") as tx:
        tx.registry.start_at("isa13:a", 999_999_999)
        assert list(tx.registry.take("isa13:a")) == [999_999_999]
    with pytest.raises(Misconfigured, match="no number left"), store.begin("admin") as tx:
        tx.registry.take("isa13:a")


def test_a_patient_control_number_is_short_and_tells_nothing(store: Store) -> None:
    """At most twenty characters, the site's prefix first, no visible count, recorded with its submission."""
    with store.begin("admin") as tx:
        first, second = tx.registry.pcns(["sub_1", "sub_2"], prefix="HUB7")
        assert first != second
        assert first.startswith("HUB7")
        assert len(first) <= 20
        assert first.isalnum()
        assert tx.registry.used_for("pcn", first) == "sub_1"
        with pytest.raises(Misconfigured):
            tx.registry.pcn("sub_3", prefix="THIRTEENCHARS")


def test_what_a_number_is_used_for_is_said_once(store: Store) -> None:
    """A number taken in advance is given its use later, and not a second one."""
    with store.begin("admin") as tx:
        tx.registry.take("statement", 2)
        tx.registry.assign("statement", {"1": "stm_1", "2": "stm_2"})
        assert tx.registry.used_for("statement", 2) == "stm_2"
    with pytest.raises(ValueError, match="in use"), store.begin("admin") as tx:
        tx.registry.assign("statement", {"1": "stm_9"})


def test_one_open_production_submission_for_a_claim_and_rank(store: Store) -> None:
    """A second open one is refused by the database itself, also to a thread that did not see the first."""
    with store.begin("admin") as tx:
        submit(tx)
    with pytest.raises(Refused, match="open production submission"), store.begin("admin") as tx:
        submit(tx, version=2, channel="paper")
    with store.begin("admin") as tx:
        submit(tx, rank=2)
        submit(tx, usage="T")
        submit(tx, usage="T")
        submit(tx, claim="clm_2")
    with store.view() as view:
        assert len(view.submissions.of_claim("clm_1")) == 4


def test_threads_open_one_submission_between_them(store: Store) -> None:
    """Of many that try at once exactly one opens it; the others are told that they may not."""
    refused: list[str] = []

    def work() -> None:
        try:
            with store.begin("admin") as tx:
                submit(tx)
        except Refused as error:
            refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.view() as view:
        assert len(view.submissions.of_claim("clm_1")) == 1
    assert len(refused) == 5


def test_closing_frees_the_way_once(store: Store) -> None:
    """A closed submission keeps its reason, cannot be closed again, and lets the next one open."""
    with store.begin("admin") as tx:
        first = submit(tx)
        tx.submissions.close(first, "rejected-999")
        second = submit(tx, version=2)
    with pytest.raises(Stale), store.begin("admin") as tx:
        tx.submissions.close(first, "again")
    with store.view() as view:
        opened = view.submissions.open_of("clm_1", 1)
        closed = view.submissions.get(first)
        assert opened is not None
        assert closed is not None
        assert (opened.id, closed.close_reason, closed.state) == (second, "rejected-999", "closed")
        assert closed.closed_at == store.clock.now()


def test_submissions_are_found_by_what_answers_carry(store: Store) -> None:
    """An acknowledgement or remittance names a file, a set or a control number: each leads to its submission."""
    with store.begin("admin") as tx:
        one = submit(tx, "clm_1", pcn="A1", file_id="file_1", st02="0001")
        two = submit(tx, "clm_2", pcn="A2", file_id="file_1", st02="0002")
        tx.submissions.put_state(one, "accepted", expect="open")
    with store.view() as view:
        found = view.submissions.by_pcn("A1")
        assert found is not None
        assert (found.id, found.state) == (one, "accepted")
        assert view.submissions.by_pcn("A9") is None
        assert {pcn: s.id for pcn, s in view.submissions.by_pcns(["A1", "A2", "A9"]).items()} == {
            "A1": one,
            "A2": two,
        }
        assert [s.id for s in view.submissions.of_file("file_1", "0002")] == [two]
    with pytest.raises(Stale), store.begin("admin") as tx:
        tx.submissions.put_state(one, "rejected", expect="open")
    with pytest.raises(Refused), store.begin("admin") as tx:
        submit(tx, "clm_3", pcn="A1")


def test_many_submissions_move_and_close_at_once(store: Store) -> None:
    """A file's submissions change together; those that were closed before are passed over and counted out."""
    with store.begin("admin") as tx:
        ids = [submit(tx, f"clm_{n}") for n in range(3)]
        assert tx.submissions.put_states(ids, "sent") == 3
        assert tx.submissions.put_states(ids[:1], "accepted", expect="open") == 0
        tx.submissions.close(ids[0], "rejected-999")
        assert tx.submissions.close_many(ids, "adjudicated", state="adjudicated") == 2
        assert tx.submissions.close_many([], "x") == 0
        assert [s.state for s in tx.submissions.find(id=ids)] == ["closed", "adjudicated", "adjudicated"]


def test_many_identifiers_are_put_and_found_at_once(store: Store) -> None:
    """A page of values is looked up in one go; values that lead nowhere are left out."""
    with store.begin("admin") as tx:
        tx.lookup.put_many("charge", "p1", [("a", "chg_1"), ("b", "chg_2"), ("b", "chg_1")])
    store.rotate_keys("lookup")
    with store.begin("admin") as tx:
        tx.lookup.put_many("charge", "p1", [("c", "chg_3")])
        assert tx.lookup.first("charge", "p1", ["a", "b", "c", "d"]) == {"a": "chg_1", "b": "chg_1", "c": "chg_3"}


def test_charges_and_claim_lines_are_many_to_many(store: Store) -> None:
    """A line may hold several charges, a charge stands in one claim for each rank, and both ways are found."""
    lines = [
        ClaimLine(claim_id="clm_1", line=1, charge_id="chg_1", rank=1),
        ClaimLine(claim_id="clm_1", line=1, charge_id="chg_2", rank=1),
        ClaimLine(claim_id="clm_2", line=1, charge_id="chg_1", rank=2),
    ]
    with store.begin("admin") as tx:
        tx.claim_charges.add_many(lines)
    with store.view() as view:
        assert view.claim_charges.of_claims(["clm_1"]) == lines[:2]
        assert view.claim_charges.of_charges(["chg_1"]) == [lines[0], lines[2]]
    with pytest.raises(Stale), store.begin("admin") as tx:
        tx.claim_charges.add_many([ClaimLine(claim_id="clm_1", line=2, charge_id="chg_1", rank=1)])


def test_identifiers_lead_to_patients_and_survive_a_new_lookup_key(store: Store) -> None:
    """A patient has many numbers from many authorities; a search after key rotation still finds the old ones."""
    with store.begin("admin") as tx:
        tx.lookup.put("patient", "MRN:EAST", "123", "pat_1")
        tx.lookup.put("patient", "MRN:EAST", "123", "pat_1")
        tx.lookup.put("patient", "MRN:WEST", "123", "pat_2")
        before = tx.digest("fact", "k")
    store.keys.rotate("lookup")
    with store.begin("admin") as tx:
        tx.lookup.put("patient", "MRN:EAST", "123", "pat_3")
        assert tx.lookup.find("patient", "MRN:EAST", "123") == ["pat_1", "pat_3"]
        assert tx.lookup.find("patient", "MRN:WEST", "123") == ["pat_2"]
        assert tx.lookup.find("patient", "MRN:WEST", "124") == []
        assert tx.digest("fact", "k") == before


def test_a_merge_is_followed_however_often_and_never_runs_in_a_circle(store: Store) -> None:
    """An alias row says what an id means now; merging back and forth ends in one id, whoever says it twice."""
    with store.begin("admin") as tx:
        tx.alias("patient", "pat_1", "pat_2", "in_1")
        tx.alias("patient", "pat_2", "pat_3", "in_2")
        tx.alias("patient", "pat_3", "pat_1", "in_3")
        tx.alias("patient", "pat_1", "pat_2", "in_1")
        assert {tx.resolve("patient", f"pat_{n}") for n in (1, 2, 3)} == {"pat_3"}
        assert tx.resolve("account", "pat_1") == "pat_1"


def test_who_means_the_same_is_told_of_the_survivor_only(store: Store) -> None:
    """Asked for several at once, each survivor has all that mean it now, sorted, over chains and circles; what was
    merged itself, or stands alone, has none."""
    with store.begin("admin") as tx:
        for one, into in (("e", "d"), ("d", "c"), ("b", "a"), ("x", "y"), ("y", "x")):
            tx.alias("patient", one, into, "in")
        survivor, gone = sorted(("x", "y"), key=lambda one: tx.resolve("patient", one) != one)
        found = tx.aliases.merged_into("patient", ["a", "c", "d", "z", survivor, gone])
    assert found == {"a": ["b"], "c": ["d", "e"], "d": [], "z": [], survivor: [gone], gone: []}
