"""A book under random postings, repeats, reversals and rollbacks agrees with plain arithmetic at every step."""

from __future__ import annotations

import itertools
import secrets
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from hub.clock import SystemClock
from hub.ledger import AccountKind, Entry, LedgerError, Transaction, identity, reversal, sum_by, sums_by_account
from hub.store import Keyring, Store, open_store
from hub.store.book import KeyReused

DAY = date(2026, 3, 2)
DIMENSIONS = ("account", "payer", "claim_id", "guarantor_id")
PAYERS = st.sampled_from(["medicare", "ppo"])
IDS = st.integers(1, 4)
AMOUNTS = st.integers(-500_00, 500_00).filter(bool)


@st.composite
def movements(draw: st.DrawFn) -> tuple[Entry, ...]:
    """Entries that sum to zero over few claims and guarantors, so that balances meet."""
    dims = {
        "payer": draw(PAYERS),
        "rank": 1,
        "claim_id": f"clm_{draw(IDS)}",
        "guarantor_id": f"gua_{draw(IDS)}",
        "remit_id": "rmt_1",
        "reason": "45",
    }
    parts = draw(st.lists(st.tuples(st.sampled_from(AccountKind), AMOUNTS), min_size=1, max_size=5))
    rest = sum(cents for _, cents in parts)
    closing = [(AccountKind.REVENUE, -rest)] if rest else []
    return tuple(Entry(account=kind, cents=cents, **dims) for kind, cents in [*parts, *closing])  # type: ignore[arg-type]


def usable(entries: tuple[Entry, ...]) -> bool:
    """Whether the entries make a transaction at all."""
    return len(entries) > 1


class BookMachine(RuleBasedStateMachine):
    """The book beside a dictionary of what was posted."""

    keys: Bundle[str] = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "hub.db"
        self.store: Store = open_store(f"sqlite:///{path}", Keyring(secrets.token_bytes(32)), SystemClock())
        self.store.create_all()
        self.posted: dict[str, Transaction] = {}
        self.numbers = itertools.count(1)
        self.marks: list[tuple[int, dict[Any, int]]] = []

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def make(self, entries: tuple[Entry, ...]) -> Transaction:
        """A transaction under a new key."""
        key = f"key:{next(self.numbers)}"
        return Transaction(practice="east", key=key, cause="test", posting_date=DAY, entries=entries)

    @rule(target=keys, batch=st.lists(movements().filter(usable), min_size=1, max_size=4))
    def post(self, batch: list[tuple[Entry, ...]]) -> Any:
        """New keys post, each once, also when they come twice in one call."""
        made = [self.make(entries) for entries in batch]
        with self.store.begin("posting.post") as tx:
            assert tx.book.post_many([*made, made[0]]) == [True] * len(made) + [False]
        self.posted |= {one.key: one for one in made}
        return multiple(*[one.key for one in made])

    @rule(key=keys)
    def repeat(self, key: str) -> None:
        """A key that is posted changes nothing, on whatever day it comes again."""
        again = self.posted[key]
        later = Transaction(
            practice="east", key=key, cause="x", posting_date=date(2026, 9, 9), entries=again.entries
        )
        with self.store.begin("posting.post") as tx:
            assert tx.book.post(later) is False

    @rule(key=keys, entries=movements().filter(usable))
    def reuse(self, key: str, entries: tuple[Entry, ...]) -> None:
        """A key that comes back with other entries is refused."""
        other = Transaction(practice="east", key=key, cause="x", posting_date=DAY, entries=entries)
        if other.entries != self.posted[key].entries:
            with pytest.raises(KeyReused), self.store.begin("posting.post") as tx:
                tx.book.post(other)

    @rule(key=consumes(keys))
    def reverse(self, key: str) -> None:
        """A reversal posts once; a second one, and the reversal of a reversal, do not."""
        with self.store.begin("posting.post") as tx:
            assert tx.book.reverse("east", key, posting_date=DAY, cause="person") is True
            assert tx.book.reverse("east", key, posting_date=DAY, cause="person") is False
            with pytest.raises(LedgerError):
                tx.book.reverse("east", f"reverse:{key}", posting_date=DAY, cause="person")
        undone = reversal(self.posted[key], posting_date=DAY, cause="person")
        self.posted[undone.key] = undone

    @rule(entries=movements().filter(usable))
    def roll_back(self, entries: tuple[Entry, ...]) -> None:
        """What was rolled back never happened; its numbers may be lost, never used twice."""
        with pytest.raises(ZeroDivisionError):
            self._post_and_fail(self.make(entries))

    def _post_and_fail(self, transaction: Transaction) -> None:
        with self.store.begin("posting.post") as tx:
            tx.book.post(transaction)
            raise ZeroDivisionError

    @rule()
    def mark(self) -> None:
        """Remember the balances as of the last number, as a statement does."""
        with self.store.begin("statements.make") as tx:
            number = tx.book.last_no()
            self.marks.append((number, tx.book.sum(DIMENSIONS, through=number)))

    @invariant()
    def agrees(self) -> None:
        """Sums are those of plain arithmetic, zero in total; the identity holds; old marks still give their sums."""
        entries = [entry for one in self.posted.values() for entry in one.entries]
        with self.store.view() as view:
            book = view.book
            assert book.sum(DIMENSIONS) == sum_by(entries, DIMENSIONS)
            assert book.total() == 0
            assert book.accounts() == sums_by_account(entries)
            assert identity(book.accounts()).difference == 0
            assert book.damages() == []
            assert all(book.sum(DIMENSIONS, through=no) == sums for no, sums in self.marks)


TestBook = pytest.mark.campaign(BookMachine.TestCase)
TestBook.settings = settings(
    max_examples=12, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
