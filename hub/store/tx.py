"""A transaction and a view: the repositories of the store side by side, each made when it is first used."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from sqlalchemy import func, select

from hub.model.appointment import Appointment
from hub.model.claim import Claim
from hub.model.coverage import PatientFile
from hub.model.encounter import Charge, Encounter
from hub.model.facts import AnyFact
from hub.model.remit import ClaimPayment, Remittance
from hub.model.statement import Statement
from hub.store import aggregates
from hub.store.blobs import Blobs
from hub.store.documents import Collection
from hub.store.feeds import Feeds
from hub.store.fetched import FetchJournal
from hub.store.held_lanes import HeldLanes
from hub.store.inbox import Inbox
from hub.store.logs import LogViews, LogWrites
from hub.store.lookup import Aliases, Lookup
from hub.store.mentions import Mentions
from hub.store.nudge import Nudge
from hub.store.outbox import Files, Outbox
from hub.store.registry import Registry
from hub.store.session import Session
from hub.store.submissions import ClaimCharges, Submissions


class View(LogViews):
    """A read-only look at one consistent state of the database; writing through it is refused by the database."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def now(self) -> datetime:
        """The instant this transaction began."""
        return self.session.now

    def digest(self, kind: str, value: str) -> str:
        """The keyed digest of `value` for the `key`, `parent`, `trace` and `content_key` columns."""
        return self.session.keys.digest(kind, value)

    @cached_property
    def patients(self) -> Collection[PatientFile]:
        return Collection(self.session, aggregates.PATIENTS)

    @cached_property
    def facts(self) -> Collection[AnyFact]:
        return Collection(self.session, aggregates.FACTS)

    @cached_property
    def encounters(self) -> Collection[Encounter]:
        return Collection(self.session, aggregates.ENCOUNTERS)

    @cached_property
    def charges(self) -> Collection[Charge]:
        return Collection(self.session, aggregates.CHARGES)

    @cached_property
    def claims(self) -> Collection[Claim]:
        return Collection(self.session, aggregates.CLAIMS)

    @cached_property
    def claim_versions(self) -> Collection[Claim]:
        return Collection(self.session, aggregates.CLAIM_VERSIONS)

    @cached_property
    def remits(self) -> Collection[Remittance]:
        return Collection(self.session, aggregates.REMITS)

    @cached_property
    def remit_claims(self) -> Collection[ClaimPayment]:
        return Collection(self.session, aggregates.REMIT_CLAIMS)

    @cached_property
    def statements(self) -> Collection[Statement]:
        return Collection(self.session, aggregates.STATEMENTS)

    @cached_property
    def appointments(self) -> Collection[Appointment]:
        return Collection(self.session, aggregates.APPOINTMENTS)

    @cached_property
    def submissions(self) -> Submissions:
        return Submissions(self.session)

    @cached_property
    def claim_charges(self) -> ClaimCharges:
        return ClaimCharges(self.session)

    @cached_property
    def registry(self) -> Registry:
        return Registry(self.session)

    @cached_property
    def lookup(self) -> Lookup:
        return Lookup(self.session)

    @cached_property
    def aliases(self) -> Aliases:
        return Aliases(self.session)

    @cached_property
    def mentions(self) -> Mentions:
        return Mentions(self.session)

    @cached_property
    def blobs(self) -> Blobs:
        return Blobs(self.session)

    @cached_property
    def inbox(self) -> Inbox:
        return Inbox(self.session)

    @cached_property
    def feeds(self) -> Feeds:
        return Feeds(self.session)

    @cached_property
    def held_lanes(self) -> HeldLanes:
        return HeldLanes(self.session)

    @cached_property
    def files(self) -> Files:
        return Files(self.session)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.session)

    @cached_property
    def fetched(self) -> FetchJournal:
        return FetchJournal(self.session)

    def resolve(self, kind: str, id: str) -> str:  # noqa: A002
        """What `id` means now, after all merges."""
        return self.aliases.resolve(kind, id)

    def resolve_many(self, kind: str, ids: Iterable[str]) -> dict[str, str]:
        """What each of `ids` means now."""
        return self.aliases.resolve_many(kind, ids)


class Tx(View, LogWrites):
    """A named transaction: everything written through it becomes durable together, or not at all."""

    def __init__(self, session: Session, name: str) -> None:
        super().__init__(session)
        self.name = name
        self.nudges: dict[Nudge, None] = {}

    def new_id(self, prefix: str) -> str:
        """A new time-ordered id."""
        return self.session.new_id(prefix)

    def then(self, *nudges: Nudge) -> None:
        """Tell the runner after the commit, once for each distinct nudge."""
        self.nudges.update(dict.fromkeys(nudges))

    def guard(self, digest: str) -> None:
        """Nobody else guards the same digest until this transaction ends: what is looked up after this call cannot
        be overtaken by a writer that looked at the same moment. On SQLite there is one writer at a time anyway.
        """
        if self.session.dialect == "postgresql":
            key = int(digest[:16], 16) - (1 << 63)
            self.session.conn.execute(select(func.pg_advisory_xact_lock(key)))

    def alias(self, kind: str, from_id: str, into_id: str, cause: str, at: datetime | None = None) -> bool:
        """Record a merge: from `at` (now) on `from_id` means `into_id`; whether that is news."""
        return self.aliases.put(kind, from_id, into_id, cause, at)
