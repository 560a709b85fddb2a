"""The book on both databases: posted once, never edited, numbered so that statements can rely on it."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.ledger import AccountKind, Entry, LedgerError, Transaction, identity
from hub.store import Store
from hub.store.book import KeyReused
from hub.store.session import Session

DAY = date(2026, 3, 2)
INSURANCE, REVENUE = AccountKind.INSURANCE_RECEIVABLE, AccountKind.REVENUE
PATIENT = AccountKind.PATIENT_RECEIVABLE


def charge(number: int, cents: int = 10_000, **more: Any) -> Transaction:
    """A charge of a claim of its own to Medicare, owed by a guarantor of its own."""
    dims: dict[str, Any] = {"claim_id": f"clm_{number}", "payer": "medicare", "rank": 1, "service_date": DAY}
    entries = (
        Entry(account=INSURANCE, cents=cents, **dims),
        Entry(account=REVENUE, cents=-cents, provider="1234567893", line=1, **dims),
    )
    head = {"practice": "east", "key": f"charge:{number}", "cause": f"clm_{number}", "posting_date": DAY}
    return Transaction(entries=entries, **{**head, **more})


def share(number: int, cents: int, guarantor: str) -> Transaction:
    """What the patient owes of a claim moves to the guarantor."""
    entries = (
        Entry(account=INSURANCE, cents=-cents, claim_id=f"clm_{number}", payer="medicare", rank=1),
        Entry(account=PATIENT, cents=cents, claim_id=f"clm_{number}", guarantor_id=guarantor, reason="2"),
    )
    return Transaction(practice="east", key=f"share:{number}", cause="rcl_1", posting_date=DAY, entries=entries)


def test_posted_once_and_read_back(store: Store) -> None:
    """A key posts once, also within one call and after a commit; what is read back is what was posted."""
    with store.begin("posting.post") as tx:
        assert tx.book.post_many([charge(1), charge(2), charge(1)]) == [True, True, False]
    with store.begin("posting.post") as tx:
        assert tx.book.post_many([charge(2), charge(3)]) == [False, True]
        assert tx.book.post(charge(1, posting_date=date(2026, 5, 1))) is False
        assert tx.book.get("east", "charge:1") == charge(1)
        assert tx.book.has("east", ["charge:1", "charge:9"]) == {"charge:1"}
        assert len(tx.book.entries()) == 6


def test_a_key_stands_for_one_movement(store: Store) -> None:
    """The same key with other entries is a bug and raises, in one call and against the book."""
    with store.begin("posting.post") as tx:
        tx.book.post(charge(1))
    for postings in ([charge(1, cents=1)], [charge(2), charge(2, cents=1)]):
        with pytest.raises(KeyReused), store.begin("posting.post") as tx:
            tx.book.post_many(postings)
    with store.view() as view:
        assert view.book.total(account=INSURANCE) == 10_000


def test_practices_have_separate_books(store: Store) -> None:
    """The same key in two practices is two transactions, and sums can tell them apart."""
    with store.begin("posting.post") as tx:
        assert tx.book.post_many([charge(1), charge(1, practice="west")]) == [True, True]
        assert tx.book.accounts(practice="west") == {INSURANCE: 10_000, REVENUE: -10_000}


def test_sums_by_any_dimension(store: Store) -> None:
    """One query sums by any columns, filtered by any others, up to an entry number."""
    with store.begin("posting.post") as tx:
        tx.book.post_many([charge(1), charge(2, cents=5_000)])
        upto = tx.book.last_no()
        tx.book.post_many([share(1, 2_000, "gua_a"), share(2, 5_000, "gua_a")])
        sums = tx.book.sum(("claim_id", "account"), account=(INSURANCE, PATIENT))
        assert sums["clm_1", INSURANCE] == 8_000
        assert sums["clm_2", PATIENT] == 5_000
        assert tx.book.sum(("claim_id",), account=INSURANCE, open_only=True) == {("clm_1",): 8_000}
        assert tx.book.total(account=INSURANCE, through=upto) == 15_000
        assert tx.book.sum((), posted=(date(2026, 3, 3), date(2026, 3, 9))) == {}
        assert identity(tx.book.accounts()).difference == 0


def test_balances_of_many_in_one_query(store: Store) -> None:
    """Balances come for every id asked, zero where nothing was posted, in as many statements as it takes."""
    with store.begin("posting.post") as tx:
        tx.book.post_many([charge(n) for n in range(600)] + [share(n, 100, f"gua_{n % 3}") for n in range(600)])
        claims = tx.book.balances("claim_id", [f"clm_{n}" for n in range(700)], account=INSURANCE)
        owed = tx.book.balances("guarantor_id", ["gua_0", "gua_9"], account=PATIENT)
    assert (claims["clm_599"], claims["clm_600"], sum(claims.values())) == (9_900, 0, 600 * 9_900)
    assert owed == {"gua_0": 20_000, "gua_9": 0}


def test_reversed_once(store: Store) -> None:
    """A reversal leaves zero on every account and can be posted only once, under whatever key."""
    with store.begin("posting.post") as tx:
        tx.book.post(charge(1))
        assert tx.book.reverse("east", "charge:1", posting_date=DAY, cause="person") is True
        assert tx.book.reverse("east", "charge:1", posting_date=DAY, cause="person") is False
        assert set(tx.book.sum(("account", "claim_id", "line")).values()) == {0}
        with pytest.raises(LedgerError):
            tx.book.reverse("east", "charge:7", posting_date=DAY, cause="person")
    twin = charge(1, key="again", reverses="charge:1", cents=-10_000)
    with pytest.raises(DBAPIError), store.begin("posting.post") as tx:
        tx.book.post(twin)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE ledger_entries SET cents = cents + 1",
        "UPDATE ledger_transactions SET posting_date = posting_date",
        "DELETE FROM ledger_entries",
        "DELETE FROM ledger_transactions",
    ],
)
def test_the_database_refuses_to_edit(store: Store, damage: str) -> None:
    """Entries and transactions can be added and nothing else: the database says so itself."""
    with store.begin("posting.post") as tx:
        tx.book.post(charge(1))
    with pytest.raises(DBAPIError, match="append only"), store.begin("admin") as tx:
        tx.session.conn.execute(text(damage))


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("UPDATE ledger_entries SET cents = cents + 1 WHERE no = 1", "do not sum"),
        ("UPDATE ledger_entries SET claim_id = 'clm_2' WHERE no = 1", "not those"),
        ("UPDATE ledger_entries SET cents = cents * 2 WHERE transaction_seq = 1", "not those"),
        ("DELETE FROM ledger_entries WHERE transaction_seq = 1", "no entries"),
    ],
)
def test_damage_behind_the_triggers_is_named(store: Store, damage: str, fault: str) -> None:
    """Who drops the triggers and edits an entry is still seen: the transaction is named, and no other."""
    with store.begin("posting.post") as tx:
        tx.book.post_many([charge(1), charge(2)])
    with store.begin("admin") as tx:
        assert tx.book.damages() == []
        _drop_triggers(tx.session)
        tx.session.conn.execute(text(damage))
    with store.view() as view:
        found = view.book.damages()
    assert [(one.key, fault in one.fault) for one in found] == [("charge:1", True)]


def _drop_triggers(session: Session) -> None:
    for table in ("ledger_entries", "ledger_transactions"):
        for what in ("update", "delete"):
            on = f" ON {table}" if session.dialect == "postgresql" else ""
            session.conn.execute(text(f"DROP TRIGGER {table}_refuses_{what}{on}"))


def test_last_no_waits_for_a_late_commit(store: Store) -> None:
    """When one poster has numbers and commits late, the last number is told only after it, and covers it."""
    posted, asked, told = threading.Event(), threading.Event(), threading.Event()
    found: list[int] = []

    def ask() -> None:
        assert posted.wait(60)
        asked.set()
        with store.begin("statements.make") as tx:
            number = tx.book.last_no()
            told.set()
            found.extend([number, tx.book.total(account=INSURANCE, through=number)])

    asker = threading.Thread(target=ask)
    asker.start()
    with store.begin("posting.post") as late:
        late.book.post(charge(1))
        if store.dialect == "postgresql":
            _post_beside(store, charge(2))
        posted.set()
        assert asked.wait(60)
        assert not told.wait(0.2), "the number was told while a lower one could still appear"
    asker.join(60)
    entries = 2 if store.dialect == "sqlite" else 4
    assert found == [entries, entries // 2 * 10_000]


def _post_beside(store: Store, transaction: Transaction) -> None:
    """Post and commit in another thread: a higher number that commits first."""

    def post() -> None:
        with store.begin("posting.post") as tx:
            tx.book.post(transaction)

    other = threading.Thread(target=post)
    other.start()
    other.join(60)


def test_posters_do_not_wait_for_the_asker_to_commit(store: Store) -> None:
    """Asking for the last number holds nobody up once it is told: others post before the asker ends."""
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with store.begin("statements.make") as tx:
        number = tx.book.last_no()
        _post_beside(store, charge(1))
        assert tx.book.total(account=INSURANCE) == 10_000
        assert tx.book.total(account=INSURANCE, through=number) == 0


def test_two_posters_of_one_key(store: Store) -> None:
    """Two transactions that post the same key at the same time post it once."""
    results: list[bool] = []
    gate = threading.Barrier(2)

    def post() -> None:
        gate.wait(60)
        with store.begin("posting.post") as tx:
            results.append(tx.book.post(charge(1)))

    threads = [threading.Thread(target=post) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    with store.view() as view:
        assert view.book.total(account=INSURANCE) == 10_000
    assert sorted(results) == [False, True]


def test_many_at_once(store: Store) -> None:
    """A batch larger than one statement, with entries enough for COPY, arrives whole and in order."""
    with store.begin("posting.post") as tx:
        assert all(tx.book.post_many([charge(n, cents=n + 1) for n in range(1_100)]))
        assert tx.book.damages() == []
        page = tx.book.entries(after=10, limit=5, account=INSURANCE)
    assert [entry.cents for entry in page] == [6, 7, 8, 9, 10]
