"""A dry run of the purge: what would go, of which kind, how old, and what is kept back and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import count

import msgspec

from hub.config.unattended import Retention
from hub.keep.retention import raw_before, terms_of
from hub.store import Store, View
from hub.store.accounts import RECENT, Account, Terms, accounts, at_rest, candidates
from hub.store.facts_of import Stranger, strangers
from hub.store.raw_due import Due, Raw, horizon

PAGE = 200
LOOK_AGAIN = 50
"""After so many pages the horizon is asked for anew: it reads the whole ledger."""


class Share(msgspec.Struct, kw_only=True):
    """Of one kind: how many would go, the oldest of them, and how many are kept back for each reason."""

    kind: str
    count: int = 0
    oldest: datetime | None = None
    kept: dict[str, int] = {}

    def add(self, since: datetime, why: str) -> None:
        """Count one."""
        if why:
            self.kept[why] = self.kept.get(why, 0) + 1
            return
        self.count += 1
        self.oldest = since if self.oldest is None else min(self.oldest, since)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a purge would do now: accounts (with what hangs on them) and raw bytes."""

    at: datetime
    before: datetime
    raw_before: datetime
    purge: bool
    holds: int
    shares: tuple[Share, ...]

    @property
    def count(self) -> int:
        """Everything that would go."""
        return sum(share.count for share in self.shares)


def plan(store: Store, kept: Retention) -> Plan:
    """Look through everything that is old enough, page by page; nothing is changed."""
    shares = {name: Share(kind=name, kept={}) for name in ("account", "facts of nobody", "inbox", "outbound")}
    with store.view() as view:
        terms, raw = terms_of(view, kept), raw_before(view, kept)
        holds = len(view.holds.in_force())
        now = view.now
    for page in old_accounts(store, terms):
        for account in page:
            shares["account"].add(account.last, account.kept)
    for facts in old_facts(store, terms):
        for fact in facts:
            shares["facts of nobody"].add(fact.since, "")
    for blobs, _ in old_bytes(store, raw, terms):
        for one in blobs:
            shares.setdefault(one.kind, Share(kind=one.kind, kept={})).add(one.since, one.kept)
    told = tuple(shares.values())
    return Plan(at=now, before=terms.before, raw_before=raw, purge=kept.purge, holds=holds, shares=told)


def old_accounts(store: Store, terms: Terms) -> Iterator[list[Account]]:
    """Pages of households that are old enough, each once; what keeps them is said in `kept`."""
    after = ""
    while True:
        with store.view() as view:
            known = candidates(view.session, terms, after, PAGE)
            if not known:
                return
            found = _of_page(view, known, terms)
        after = known[-1]
        yield found


def _of_page(view: View, known: list[str], terms: Terms) -> list[Account]:
    """A household belongs to the page of its first patient."""
    quiet = at_rest(view.session, known, terms)
    found = accounts(view.session, quiet, terms) if quiet else []
    firsts = set(known)
    return [one for one in found if one.kept != RECENT and one.patients and one.patients[0] in firsts]


def old_facts(store: Store, terms: Terms) -> Iterator[tuple[Stranger, ...]]:
    """Pages of what the EHR said of people who have no account; nothing while something is held."""
    after = ""
    while not terms.held:
        with store.view() as view:
            page = strangers(view.session, terms.before, after, PAGE)
        if not page.last:
            return
        after = page.last
        yield page.found


def old_bytes(store: Store, before: datetime, terms: Terms) -> Iterator[tuple[list[Raw], dict[str, datetime]]]:
    """Pages of raw bytes that are old enough, with the horizon that each was judged by."""
    after: tuple[datetime, str] | None = None
    for number in count():
        with store.view() as view:
            if number % LOOK_AGAIN == 0:
                since = horizon(view.session)
            found = Due(view.session, before, terms.held, since).page(after, PAGE)
        if not found:
            return
        after = (found[-1].since, found[-1].blob)
        yield found, since
