"""The log-like repositories of a view and of a transaction, and the verbs that steps use most."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cached_property

from hub.store.book import Book
from hub.store.events import Events
from hub.store.expectations import Expectations
from hub.store.holds import Holds
from hub.store.keeping import Backups, Restores
from hub.store.lanes import Lanes
from hub.store.ledger_sums import LedgerSums
from hub.store.nodes import Nodes
from hub.store.notices import Conditions, Days, Notices
from hub.store.purges import Purges
from hub.store.session import Session
from hub.store.slots import Pauses, Runs, Slots
from hub.store.state import PluginState
from hub.store.work import Work


class LogViews:
    """What every look at the store can read of its logs; each repository is made when it is first used."""

    session: Session

    @cached_property
    def book(self) -> Book:
        """The ledger's book."""
        return Book(self.session)

    @cached_property
    def ledger_sums(self) -> LedgerSums:
        """What the ledger comes to by practice and account, without reading all of it."""
        return LedgerSums(self.session)

    @cached_property
    def events(self) -> Events:
        """The event log and audit trail."""
        return Events(self.session)

    @cached_property
    def work(self) -> Work:
        """The work items."""
        return Work(self.session)

    @cached_property
    def expectations(self) -> Expectations:
        """What must come back, and by when."""
        return Expectations(self.session)

    @cached_property
    def slots(self) -> Slots:
        """The slots of schedules that were taken."""
        return Slots(self.session)

    @cached_property
    def runs(self) -> Runs:
        """The runs of schedules."""
        return Runs(self.session)

    @cached_property
    def backups(self) -> Backups:
        """The backups that were made, proved and removed."""
        return Backups(self.session)

    @cached_property
    def restores(self) -> Restores:
        """The restores that a person accepted."""
        return Restores(self.session)

    @cached_property
    def holds(self) -> Holds:
        """The legal holds."""
        return Holds(self.session)

    @cached_property
    def purges(self) -> Purges:
        """What was purged."""
        return Purges(self.session)

    @cached_property
    def nodes(self) -> Nodes:
        """The nodes that run, and those that did."""
        return Nodes(self.session)

    @cached_property
    def conditions(self) -> Conditions:
        """What is wrong with the hub itself, and who was told."""
        return Conditions(self.session)

    @cached_property
    def notices(self) -> Notices:
        """The notices that go out."""
        return Notices(self.session)

    @cached_property
    def days(self) -> Days:
        """What was done on one day."""
        return Days(self.session)

    @cached_property
    def lanes(self) -> Lanes:
        """The lanes: their fences, the journal of their runs, and what keeps them from running."""
        return Lanes(self.session)

    @cached_property
    def pauses(self) -> Pauses:
        """The schedules that are paused."""
        return Pauses(self.session)

    def plugin_state(self, instance: str) -> PluginState:
        """The encrypted state of one plugin instance."""
        return PluginState(self.session, instance)


class LogWrites(LogViews):
    """What a transaction adds to its logs."""

    def event(
        self,
        kind: str,
        aggregate: str,
        aggregate_id: str,
        *,
        practice: str,
        version: int = 0,
        actor: str = "hub",
        cause: str = "",
        **detail: str | int | bool,
    ) -> str:
        """Log that something happened, with this transaction; returns the event's id. `detail` holds codes,
        counts and our own ids, never patient data.
        """
        add = self.events.add
        return add(
            kind,
            aggregate,
            aggregate_id,
            practice=practice,
            version=version,
            actor=actor,
            cause=cause,
            detail=detail,
        )

    def expect(self, kind: str, about: str, due_at: datetime, practice: str) -> bool:
        """Expect an answer of `kind` about `about` by `due_at`; False while it is expected already."""
        return self.expectations.expect(kind, about, due_at, practice=practice)

    def met(self, kind: str, about: str, by: str) -> bool:
        """The answer came: `by` names what brought it. False when it was not expected."""
        return self.expectations.met(kind, about, by)

    def met_many(self, kind: str, abouts: Collection[str], by: str) -> int:
        """Each as `met`, in one go; returns how many were expected."""
        return self.expectations.met_many(kind, abouts, by)

    def flush(self) -> None:
        """Write what is kept back to be written at once; called before every commit."""
        self.events.flush()
