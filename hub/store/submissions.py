"""Submissions: what was sent for a claim, at most one of them open in production for each claim and rank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Index, Integer, Table, Text, UniqueConstraint, text

from hub.errors import Refused, Stale
from hub.store import queries
from hub.store.rows import Bulk
from hub.store.schema import METADATA, Id, Instant, clear
from hub.store.session import Session

_OPEN = text("closed_at IS NULL AND usage = 'P'")
_OUR_ID = "an opaque id of ours"

SUBMISSIONS = Table(
    "submissions",
    METADATA,
    clear("id", Id, primary_key=True, why=_OUR_ID),
    clear("practice", Text, why="whose row it is"),
    clear("claim_id", Id, why=_OUR_ID),
    clear("version", Integer, why="which version of the claim was sent"),
    clear("rank", Integer, why="primary, secondary, tertiary"),
    clear("payer", Text, why="an id from our own configuration"),
    clear("channel", Text, why="electronic, paper or portal"),
    clear("usage", Text, why="P production, T test"),
    clear("file_id", Id, nullable=True, why=_OUR_ID),
    clear("st02", Text, nullable=True, why="a control number of ours"),
    clear("pcn", Text, nullable=True, why="an opaque number of ours, one per submission"),
    clear("state", Text, why="where the submission stands"),
    clear("opened_at", Instant, why="when it was made"),
    clear("closed_at", Instant, nullable=True, why="since when another may be opened"),
    clear("close_reason", Text, nullable=True, why="what closed it: a code of ours"),
    Index(
        "uq_submissions_open_production",
        "claim_id",
        "rank",
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    ),
    UniqueConstraint("pcn"),
    Index("ix_submissions_claim_id", "claim_id"),
    Index("ix_submissions_file_id", "file_id", "st02"),
    Index("ix_submissions_state", "state", "opened_at"),
)
CLAIM_CHARGES = Table(
    "claim_charges",
    METADATA,
    clear("claim_id", Id, primary_key=True, why=_OUR_ID),
    clear("line", Integer, primary_key=True, why="the service line, from 1"),
    clear("charge_id", Id, primary_key=True, why=_OUR_ID),
    clear("rank", Integer, why="for which payer of the patient"),
    UniqueConstraint("charge_id", "rank", "claim_id"),
)


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One claim version on its way to one payer. `usage` P or T; `channel` electronic, paper or portal."""

    id: str
    practice: str
    claim_id: str
    version: int
    rank: int
    payer: str
    channel: str
    usage: str
    opened_at: datetime
    file_id: str | None = None
    st02: str | None = None
    pcn: str | None = None
    state: str = "open"
    closed_at: datetime | None = None
    close_reason: str | None = None


_NAMES = Submission.__struct_fields__


class Submissions:
    """The submissions inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(
        self, *, practice: str, claim_id: str, version: int, rank: int, payer: str, **rest: Any
    ) -> Submission:
        """Open one; `Refused` if the claim already has an open production submission of this rank.

        `rest`: id, channel (electronic), usage (P), file_id, st02, pcn, state (open).
        """
        given = {"id": self._session.new_id("sub"), "channel": "electronic", "usage": "P", **rest}
        submission = Submission(
            practice=practice,
            claim_id=claim_id,
            version=version,
            rank=rank,
            payer=payer,
            opened_at=self._session.now,
            **given,
        )
        self.open_many([submission])
        return submission

    def open_many(self, submissions: Sequence[Submission]) -> None:
        """Open all of them, or raise `Refused` when one of the claims has an open one; then roll back."""
        values = [msgspec.structs.astuple(submission) for submission in submissions]
        try:
            Bulk(self._session).insert(SUBMISSIONS, _NAMES, values)
        except Stale:
            raise Refused(
                "a claim of this batch already has an open production submission, or its control number is used",
                fix="close the open submission first: by an answer, or by a person's recorded reason",
            ) from None

    def close(self, id: str, reason: str, *, state: str = "closed") -> None:  # noqa: A002
        """Close an open submission for a recorded reason; one that is closed raises `Stale`."""
        if self.close_many([id], reason, state=state) != 1:
            raise Stale("the submission is not open")

    def close_many(self, ids: Iterable[str], reason: str, *, state: str = "closed") -> int:
        """As `close` for each that is still open; returns how many were."""
        names = ("closed_at", "close_reason", "state")
        rows = [(self._session.now, reason, state, submission_id) for submission_id in ids]
        return Bulk(self._session).update(SUBMISSIONS, names, ("id",), rows, still="closed_at IS NULL")

    def put_state(self, id: str, state: str, *, expect: str | None = None) -> None:  # noqa: A002
        """Write the state; with `expect`, only if it still is that, else raise `Stale`."""
        if self.put_states([id], state, expect=expect) != 1:
            raise Stale("the submission is not there, or in another state")

    def put_states(self, ids: Iterable[str], state: str, *, expect: str | None = None) -> int:
        """Write one state to many submissions (of those that are in `expect`, if given); returns to how many."""
        was = () if expect is None else (expect,)
        where = ("id", "state")[: 1 + len(was)]
        rows = [(state, submission_id, *was) for submission_id in ids]
        return Bulk(self._session).update(SUBMISSIONS, ("state",), where, rows)

    def get(self, id: str) -> Submission | None:  # noqa: A002
        """The submission of that id."""
        return _first(self.find(id=id))

    def by_pcn(self, pcn: str) -> Submission | None:
        """The one submission that carried this patient control number."""
        return _first(self.find(pcn=pcn))

    def by_pcns(self, pcns: Iterable[str]) -> dict[str, Submission]:
        """Submissions by patient control number; unknown ones are left out."""
        wanted = list(pcns)
        found: dict[str, Submission] = {}
        for start in range(0, len(wanted), 500):
            page = self.find(pcn=wanted[start : start + 500])
            found |= {submission.pcn: submission for submission in page if submission.pcn}
        return found

    def of_file(self, file_id: str, st02: str | None = None) -> list[Submission]:
        """What a frozen file carries, or one transaction set of it."""
        return self.find(file_id=file_id) if st02 is None else self.find(file_id=file_id, st02=st02)

    def of_claim(self, claim_id: str) -> list[Submission]:
        """Everything that was ever sent for a claim, oldest first."""
        return self.find(claim_id=claim_id)

    def open_of(self, claim_id: str, rank: int) -> Submission | None:
        """The open production submission of a claim and rank, if there is one."""
        return _first(self.find(claim_id=claim_id, rank=rank, usage="P", closed_at=None))

    def find(self, *, limit: int = 10_000, after_id: str = "", **equals: Any) -> list[Submission]:
        """Submissions in id order whose columns equal (a list: are among) what is given."""
        return queries.records(
            self._session, SUBMISSIONS, Submission, equals, order=("id",), limit=limit, after=after_id
        )


class ClaimLine(msgspec.Struct, frozen=True, kw_only=True):
    """Which charge stands in which line of which claim."""

    claim_id: str
    line: int
    charge_id: str
    rank: int


class ClaimCharges:
    """Charge to claim line, many to many, once for each payer rank."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_many(self, links: Iterable[ClaimLine]) -> None:
        """Record the lines of a claim; a charge that stands in it twice raises `Stale`."""
        values = [(link.claim_id, link.line, link.charge_id, link.rank) for link in links]
        Bulk(self._session).insert(CLAIM_CHARGES, ("claim_id", "line", "charge_id", "rank"), values)

    def of_claims(self, claim_ids: Sequence[str]) -> list[ClaimLine]:
        """The lines of some claims, in order."""
        return self._find("claim_id", claim_ids)

    def of_charges(self, charge_ids: Sequence[str]) -> list[ClaimLine]:
        """The claim lines that some charges stand in, at any rank."""
        return self._find("charge_id", charge_ids)

    def _find(self, column: str, ids: Sequence[str]) -> list[ClaimLine]:
        order = ("claim_id", "line", "charge_id")
        found: list[ClaimLine] = []
        for start in range(0, len(ids), 500):
            equals = {column: list(ids[start : start + 500])}
            found += queries.records(self._session, CLAIM_CHARGES, ClaimLine, equals, order=order)
        return found


def _first(found: list[Submission]) -> Submission | None:
    return found[0] if found else None
