"""The purge itself: tombstones in the place of what is old enough, in short transactions, each judged anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from hub.clock import Clock
from hub.config.unattended import Retention
from hub.errors import Stale
from hub.keep.retention import raw_before, terms_of
from hub.keep.retention_plan import old_accounts, old_bytes, old_facts
from hub.store import Store, Tx
from hub.store.accounts import Account, Terms, accounts
from hub.store.facts_of import Stranger, pieces_of, visits_of
from hub.store.ids import new_id
from hub.store.raw_due import Due, Raw, unknown_claims

T = TypeVar("T")
ACCOUNTS, BLOBS = 5, 50
"""What goes in one transaction: other writers wait for no more than that."""
Told = Callable[[str, int], None]
"""Hears what was purged, and how much of it so far."""


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What one purge did: rows by kind, and whether there may be more."""

    id: str
    rows: dict[str, int]
    more: bool = False


class _Purge:
    """One purge that is under way."""

    def __init__(self, store: Store, kept: Retention, clock: Clock, by: str) -> None:
        self.store, self.kept, self.by = store, kept, by
        self.id = new_id("prg", clock)
        self.rows: Counter[str] = Counter()

    def accounts(self, page: Sequence[Account]) -> None:
        """One transaction: the accounts of `page` that may still go."""
        with self.store.begin("keep.purge") as tx:
            tx.purges.alone()
            terms = terms_of(tx, self.kept)
            first = [one for account in page for one in account.patients]
            going = [one for one in accounts(tx.session, first, terms) if not one.kept and one.patients]
            self._note(tx, self._accounts(tx, going), terms.before)

    def _accounts(self, tx: Tx, going: Sequence[Account]) -> Counter[str]:
        def all_of(name: str) -> list[str]:
            return [one for account in going for one in getattr(account, name)]

        bury, done, claims = tx.purges.bury, Counter[str](), all_of("claims")
        facts = visits_of(tx.session, all_of("encounters"))
        pieces = pieces_of(tx.session, facts)
        done["facts.removed"] = tx.purges.remove_facts(pieces)
        done["facts"] = bury("facts", self.id, "id", facts)
        leading = [*all_of("people"), *all_of("encounters"), *facts, *pieces]
        done["lookup.removed"] = tx.purges.remove_lookups(leading)
        done["remit_claims"] = bury("remit_claims", self.id, "claim_id", claims)
        done["claim_versions"] = bury("claim_versions", self.id, "claim_id", claims)
        for table in ("claims", "charges", "encounters", "appointments", "statements", "patients"):
            done[table] = bury(table, self.id, "id", all_of(table))
        for account in going:
            where = account.practice
            for patient in account.patients:
                tx.event("patient.purged", "patient", patient, practice=where, actor=self.by, cause=self.id)
        return done

    def strangers(self, facts: Sequence[Stranger], before: datetime) -> None:
        """One transaction: what the EHR said of people without an account."""
        with self.store.begin("keep.purge") as tx:
            removed = tx.purges.remove_facts([one.id for one in facts])
            tx.purges.remove_lookups([one.id for one in facts])
            self._note(tx, Counter({"facts.removed": removed}), before)

    def bytes(self, page: Sequence[Raw], before: datetime, since: Mapping[str, datetime]) -> None:
        """One transaction: the blobs of `page` that may still go."""
        with self.store.begin("keep.purge") as tx:
            tx.purges.alone()
            due = Due(tx.session, before, terms_of(tx, self.kept).held, since)
            going = [one for one in due.again([one.blob for one in page]) if not one.kept]
            self._note(tx, self._bytes(tx, going), before)

    def _bytes(self, tx: Tx, going: Sequence[Raw]) -> Counter[str]:
        blobs, remits = [one.blob for one in going], [remit for one in going for remit in one.remits]
        done = Counter({"blobs": tx.purges.bury_blobs(self.id, blobs)})
        done["fetched.names"] = tx.purges.forget_names(blobs)
        done["remit_claims"] = tx.purges.bury("remit_claims", self.id, "id", unknown_claims(tx.session, remits))
        done["remits"] = tx.purges.bury("remits", self.id, "id", remits)
        return done

    def _note(self, tx: Tx, done: Counter[str], before: datetime) -> None:
        rows = {kind: number for kind, number in done.items() if number}
        if rows:
            tx.purges.note(self.id, rows, by=self.by, before=before)
            told: dict[str, str | int | bool] = dict(rows)
            tx.events.add("retention.purged", "purge", self.id, practice="", actor=self.by, detail=told)
            self.rows.update(rows)


def purge(
    store: Store,
    kept: Retention,
    clock: Clock,
    *,
    by: str,
    told: Told = lambda _what, _done: None,
    stop: Callable[[], bool] = lambda: False,
) -> Purged:
    """Purge what is old enough and not kept back. Killed at any moment, what was committed is purged and recorded,
    and the next purge goes on with the rest. `stop` ends it between two transactions.
    """
    one = _Purge(store, kept, clock, by)
    with store.view() as view:
        terms, before = terms_of(view, kept), raw_before(view, kept)
    for work in (_accounts(one, terms, told), _strangers(one, terms, told), _bytes(one, before, terms, told)):
        for _ in work:
            if stop():
                return Purged(id=one.id, rows=dict(one.rows), more=True)
    return Purged(id=one.id, rows=dict(one.rows))


def _accounts(one: _Purge, terms: Terms, told: Told) -> Iterator[None]:
    done = 0
    for page in old_accounts(one.store, terms):
        for part in _parts([account for account in page if not account.kept], ACCOUNTS):
            _tried(one.accounts, part)
            done += len(part)
            told("accounts", done)
            yield


def _strangers(one: _Purge, terms: Terms, told: Told) -> Iterator[None]:
    done = 0
    for page in old_facts(one.store, terms):
        if page:
            _tried(one.strangers, page, terms.before)
            done += len(page)
            told("facts of nobody", done)
            yield


def _bytes(one: _Purge, before: datetime, terms: Terms, told: Told) -> Iterator[None]:
    done = 0
    for page, since in old_bytes(one.store, before, terms):
        for part in _parts([raw for raw in page if not raw.kept], BLOBS):
            _tried(one.bytes, part, before, since)
            done += len(part)
            told("files and messages", done)
            yield


def _tried(work: Callable[..., None], *what: object) -> None:
    """What changed meanwhile is looked at again by the next purge."""
    try:
        work(*what)
    except Stale:
        return


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))
