"""Raw bytes whose time is over, and what keeps some of them: the horizon of open things, holds, open work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, func, select, tuple_

from hub.store.accounts import BY_CLAIM, BY_GUARANTOR, MOVING
from hub.store.aggregates import BURIED, CLAIMS, REMIT_CLAIMS, REMITS, STATEMENTS
from hub.store.blobs import BLOBS
from hub.store.expectations import EXPECTATIONS
from hub.store.held_lanes import stopping
from hub.store.ids import made_at
from hub.store.inbox import INBOX
from hub.store.ledger_tables import ENTRIES
from hub.store.outbox import FILES
from hub.store.schema import METADATA
from hub.store.session import Session
from hub.store.submissions import SUBMISSIONS
from hub.store.work import WORK

CHUNK = 500
MARGIN = timedelta(days=90)
"""A message may have come so long before the visit that was put together from it."""
ENDED = ("sent", "answered", "refused")
READ = frozenset(
    {"read", "read_in_part", "set_aside", "stored", "test", "informational", "replaced", "skipped"},
)
BOOKED = frozenset({"posted", "duplicate", "notified", "set_aside", "unmatched"})
OLDER = "newer than the oldest thing that is still open"
HELD = "legal hold"
WORK_OPEN = "open work: a person has not done with it"
UNREAD = "not read, or not sent"
STOPS = "it stops a lane of its feed"
NO_ACCOUNT = frozenset({"message", "connector", "source", "backup", "file"})
"""Work that is about no account: what it is about is kept by itself, and nothing else for it."""


class Raw(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that are old enough: `kept` is empty when they may go, else why they may not."""

    blob: str
    kind: str
    practice: str
    since: datetime
    remits: tuple[str, ...] = ()
    kept: str = ""


def horizon(session: Session) -> dict[str, datetime]:
    """By practice since when something is still open there, less `MARGIN`: raw bytes from then on are kept."""
    oldest: dict[str, datetime] = {}
    for practice, since in [*_unsettled(session), *_moving(session), *_awaited(session)]:
        oldest[practice] = min(oldest.get(practice, since), since)
    return {practice: since - MARGIN for practice, since in oldest.items()}


def _unsettled(session: Session) -> Iterable[tuple[str, datetime]]:
    """Since when each practice has had a balance that is not even."""
    for accounts, key in ((BY_GUARANTOR, ENTRIES.c.guarantor_id), (BY_CLAIM, ENTRIES.c.claim_id)):
        uneven = (
            select(ENTRIES.c.practice, func.min(ENTRIES.c.posting_date).label("since"))
            .where(ENTRIES.c.account.in_(accounts))
            .group_by(ENTRIES.c.practice, ENTRIES.c.account, key)
            .having(func.sum(ENTRIES.c.cents) != 0)
            .subquery()
        )
        query = select(uneven.c.practice, func.min(uneven.c.since)).group_by(uneven.c.practice)
        yield from ((row[0], _morning(row[1])) for row in session.conn.execute(query))


def _moving(session: Session) -> Iterable[tuple[str, datetime]]:
    """Since when each practice has had something that the hub is not done with."""
    for name, states in MOVING.items():
        of = METADATA.tables[name]
        query = select(of.c.practice, func.min(of.c.created_at)).where(of.c.state.in_(sorted(states)))
        yield from _rows(session, query.group_by(of.c.practice))
    where = (SUBMISSIONS.c.closed_at.is_(None), SUBMISSIONS.c.usage == "P")
    opened = select(SUBMISSIONS.c.practice, func.min(SUBMISSIONS.c.opened_at)).where(*where)
    yield from _rows(session, opened.group_by(SUBMISSIONS.c.practice))


def _awaited(session: Session) -> Iterable[tuple[str, datetime]]:
    """What open work and open expectations are about: ids sort by the time they were made, so the least is oldest."""
    work = (WORK.c.practice, WORK.c.aggregate, func.min(WORK.c.aggregate_id), func.min(WORK.c.opened_at))
    items = select(*work).where(WORK.c.resolved_at.is_(None), WORK.c.aggregate.not_in(NO_ACCOUNT))
    told = (EXPECTATIONS.c.practice, EXPECTATIONS.c.kind, func.min(EXPECTATIONS.c.about))
    answers = select(*told, func.min(EXPECTATIONS.c.opened_at)).where(EXPECTATIONS.c.met_at.is_(None))
    for query in (
        items.group_by(WORK.c.practice, WORK.c.aggregate),
        answers.group_by(EXPECTATIONS.c.practice, EXPECTATIONS.c.kind),
    ):
        for practice, _, about, opened in session.conn.execute(query):
            yield practice, min(made_at(about) or opened, opened)


def _rows(session: Session, query: Any) -> Iterable[tuple[str, datetime]]:
    return [(row[0], row[1]) for row in session.conn.execute(query)]


def _morning(day: Any) -> datetime:
    """SQLite gives the least day of a group as text."""
    on = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime.combine(on, time(), UTC)


class Due:
    """Pages over raw bytes that were whole before `before`, oldest first, those that were purged left out."""

    def __init__(
        self, session: Session, before: datetime, held: frozenset[str], since: Mapping[str, datetime]
    ) -> None:
        self._session, self._before, self._held, self._since = session, before, held, since

    def page(self, after: tuple[datetime, str] | None, limit: int) -> list[Raw]:
        """The next ones from behind (when it was whole, its id)."""
        key = tuple_(BLOBS.c.complete_at, BLOBS.c.id)
        where: list[ColumnElement[bool]] = [BLOBS.c.complete_at < self._before, BLOBS.c.chunks > 0]
        if after is not None:
            where.append(key > after)
        query = select(BLOBS.c.id, BLOBS.c.kind, BLOBS.c.complete_at).where(*where)
        heads = self._session.conn.execute(query.order_by(BLOBS.c.complete_at, BLOBS.c.id).limit(limit)).all()
        return self._judged(heads)

    def again(self, blobs: Sequence[str]) -> list[Raw]:
        """The same judgement of some, as it is now."""
        query = select(BLOBS.c.id, BLOBS.c.kind, BLOBS.c.complete_at)
        where = (BLOBS.c.id.in_(list(blobs)), BLOBS.c.complete_at < self._before, BLOBS.c.chunks > 0)
        return self._judged(self._session.conn.execute(query.where(*where)).all())

    def _judged(self, heads: Sequence[Any]) -> list[Raw]:
        ids = [head.id for head in heads]
        came, went = self._by_blob(INBOX, ids), self._by_blob(FILES, ids)
        remits = self._by_blob(REMITS.table, ids)
        abouts = [row.id for rows in (*came.values(), *went.values(), *remits.values()) for row in rows]
        busy = self._busy(abouts)
        held, unbooked = self._held_files(went), self._unbooked(remits)
        stops = self._stopping(came)
        found = []
        for head in heads:
            rows = [*came.get(head.id, []), *went.get(head.id, [])]
            mine = remits.get(head.id, [])
            practice = rows[0].practice if rows else ""
            why = self._why(head, came.get(head.id, []), went.get(head.id, []), mine)
            if not why and busy & {one.id for one in (*rows, *mine)}:
                why = WORK_OPEN
            if not why and stops & {one.id for one in rows}:
                why = STOPS
            why = (
                why or (HELD if head.id in held else "") or ("payment not posted" if head.id in unbooked else "")
            )
            told = {"blob": head.id, "kind": head.kind, "practice": practice, "since": head.complete_at}
            found.append(Raw(**told, remits=tuple(one.id for one in mine), kept=why))
        return found

    def _why(self, head: Any, came: Sequence[Any], went: Sequence[Any], remits: Sequence[Any]) -> str:
        """What may be said without another question."""
        if not came and not went:
            return "nothing refers to it"
        practices = {row.practice for row in (*came, *went)}
        # what came in names people that only its reader could tell: a hold keeps all that its practice received
        broad = self._held and (came or practices & self._held)
        if broad and ("" in practices or practices & self._practices_held()):
            return HELD
        if any(row.state not in READ for row in came) or any(row.state not in ENDED for row in went):
            return UNREAD
        if any(remit.state in MOVING["remits"] | {"held"} for remit in remits):
            return "payment not posted"
        since = [self._since[one] for one in (practices or {""}) if one in self._since]
        if "" in practices:
            since = list(self._since.values())
        return OLDER if since and head.complete_at >= min(since) else ""

    def _practices_held(self) -> frozenset[str]:
        """The practices of which something is held."""
        if not hasattr(self, "_of_held"):
            found = set(self._held)
            for name in ("patients", "claims"):
                of = METADATA.tables[name]
                query = select(of.c.practice).where(of.c.id.in_(sorted(self._held))).distinct()
                found.update(self._session.conn.scalars(query))
            self._of_held = frozenset(found)
        return self._of_held

    def _by_blob(self, table: Any, blobs: Sequence[str]) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for part in _parts(blobs):
            query = select(table.c.id, table.c.blob_id, table.c.practice, table.c.state)
            for row in self._session.conn.execute(query.where(table.c.blob_id.in_(part))):
                found.setdefault(row.blob_id, []).append(row)
        return found

    def _stopping(self, came: Mapping[str, Sequence[Any]]) -> set[str]:
        """Messages behind which others wait: only their bytes can let those go on."""
        aside = [row.id for rows in came.values() for row in rows if row.state == "set_aside"]
        found: set[str] = set()
        for part in _parts(aside):
            query = select(INBOX.c.id).where(INBOX.c.id.in_(part), stopping(INBOX.c.id))
            found.update(self._session.conn.scalars(query))
        return found

    def _busy(self, abouts: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for part in _parts(abouts):
            open_ones = (WORK.c.aggregate_id.in_(part), WORK.c.resolved_at.is_(None))
            found.update(self._session.conn.scalars(select(WORK.c.aggregate_id).where(*open_ones)))
            awaited = (EXPECTATIONS.c.about.in_(part), EXPECTATIONS.c.met_at.is_(None))
            found.update(self._session.conn.scalars(select(EXPECTATIONS.c.about).where(*awaited)))
        return found

    def _held_files(self, went: Mapping[str, Sequence[Any]]) -> set[str]:
        """Frozen files with a claim or a statement of somebody who is held: the whole file stays."""
        if not self._held:
            return set()
        blob_of = {row.id: blob for blob, rows in went.items() for row in rows}
        found: set[str] = set()
        claims, statements = CLAIMS.table, STATEMENTS.table
        held = sorted(self._held)
        for part in _parts(list(blob_of)):
            carried = SUBMISSIONS.join(claims, claims.c.id == SUBMISSIONS.c.claim_id)
            mine = claims.c.id.in_(held) | claims.c.patient_id.in_(held) | claims.c.guarantor_id.in_(held)
            query = (
                select(SUBMISSIONS.c.file_id).select_from(carried).where(SUBMISSIONS.c.file_id.in_(part), mine)
            )
            found.update(self._session.conn.scalars(query.distinct()))
            printed = (statements.c.file_id.in_(part), statements.c.guarantor_id.in_(held))
            found.update(self._session.conn.scalars(select(statements.c.file_id).where(*printed).distinct()))
        return {blob_of[one] for one in found}

    def _unbooked(self, remits: Mapping[str, Sequence[Any]]) -> set[str]:
        """Files with a claim payment that is not posted yet."""
        blob_of = {row.id: blob for blob, rows in remits.items() for row in rows}
        of = REMIT_CLAIMS.table
        found: set[str] = set()
        for part in _parts(list(blob_of)):
            query = select(of.c.remit_id).where(of.c.remit_id.in_(part), of.c.state.not_in(sorted(BOOKED)))
            found.update(self._session.conn.scalars(query.distinct()))
        return {blob_of[one] for one in found}


def unknown_claims(session: Session, remits: Sequence[str]) -> list[str]:
    """Claim payments of these remittances that belong to no claim of ours."""
    of = REMIT_CLAIMS.table
    found: list[str] = []
    for part in _parts(remits):
        where = (of.c.remit_id.in_(part), of.c.claim_id.is_(None), of.c.schema != BURIED)
        found += session.conn.scalars(select(of.c.id).where(*where))
    return found


def _parts(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[at : at + CHUNK]) for at in range(0, len(ids), CHUNK)]
