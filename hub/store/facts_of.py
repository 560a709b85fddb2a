"""Which facts hang on visits, and which tell of people of whom the hub knows nothing else any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import and_, or_, select

from hub.model.facts import (
    AnyFact,
    AppointmentFact,
    CoverageFact,
    MergeFact,
    MoveFact,
    PieceFact,
    WithdrawalFact,
)
from hub.store.aggregates import BURIED, ENCOUNTERS, FACTS
from hub.store.documents import Collection as Documents
from hub.store.lookup import Lookup
from hub.store.session import Session

CHUNK = 500
PERSONAL = ("patient", "coverage", "merge", "move", "appointment", "piece", "withdrawal")
OF_VISITS = ("encounter", "withdrawal")
_F = FACTS.table


class Stranger(msgspec.Struct, frozen=True, kw_only=True):
    """A fact of somebody who has no account."""

    id: str
    since: datetime


class Strangers(msgspec.Struct, frozen=True, kw_only=True):
    """A page of them: the last fact that was looked at (empty: there are no more), and those that are strangers'."""

    last: str
    found: tuple[Stranger, ...]


def visits_of(session: Session, encounters: Sequence[str]) -> list[str]:
    """The facts of visits: themselves, their charges, diagnoses and own coverages."""
    keys: dict[tuple[str, str], list[str]] = {}
    known = ENCOUNTERS.table
    for part in _parts(encounters):
        query = select(known.c.practice, known.c.source, known.c.key).where(known.c.id.in_(part))
        for row in session.conn.execute(query):
            keys.setdefault((row.practice, row.source), []).append(row.key)
    return [one for of, some in keys.items() for part in _parts(some) for one in _on(session, of, part)]


def _on(session: Session, of: tuple[str, str], keys: Sequence[str]) -> list[str]:
    itself = and_(_F.c.kind.in_(OF_VISITS), _F.c.key.in_(keys))
    ours = (_F.c.practice == of[0], _F.c.source == of[1], _F.c.schema != BURIED)
    found = list(session.conn.scalars(select(_F.c.id).where(*ours, itself)))
    return found + list(session.conn.scalars(select(_F.c.id).where(*ours, _F.c.parent.in_(keys))))


def pieces_of(session: Session, visits: Sequence[str]) -> list[str]:
    """The pieces of messages that tell of the patients of these visits, by the ids of their facts; not of those who
    have another visit.
    """
    found, going = list[str](), set(visits)
    for part in _parts(visits):
        query = select(_F.c.practice, _F.c.source, _F.c.parent).where(_F.c.id.in_(part), _F.c.kind == "encounter")
        patients = {tuple(row) for row in session.conn.execute(query.where(_F.c.parent.is_not(None)))}
        for practice, source, patient in sorted(patients):
            of = (_F.c.practice == practice, _F.c.source == source, _F.c.parent == patient)
            theirs = select(_F.c.id, _F.c.kind).where(*of, _F.c.kind.in_(("encounter", "piece")))
            rows = session.conn.execute(theirs).all()
            if {row.id for row in rows if row.kind == "encounter"} <= going:
                found += [row.id for row in rows if row.kind == "piece"]
    return found


def strangers(session: Session, before: datetime, after: str, limit: int) -> Strangers:
    """The next facts of persons, from behind the fact `after`, that came before `before` and hang on no visit and no
    patient of ours.
    """
    names = ("id", "practice", "source", "kind", "key", "parent", "created_at")
    where = (_F.c.id > after, _F.c.created_at < before, _F.c.kind.in_(PERSONAL), _F.c.schema != BURIED)
    query = select(*[_F.c[name] for name in names]).where(*where).order_by(_F.c.id).limit(limit)
    rows = session.conn.execute(query).all()
    alone = [row for row in rows if _person(row) or row.kind == "withdrawal"]
    visited = _visited(session, {_person(row) for row in alone if _person(row)})
    alone = [row for row in alone if not _person(row) or _person(row) not in visited]
    known = _known(session, alone)
    found = [Stranger(id=row.id, since=row.created_at) for row in alone if row.id not in known]
    return Strangers(last=rows[-1].id if rows else "", found=tuple(found))


def _person(row: Any) -> str:
    """The digest of the source's key of the person that a fact is about; empty where it hangs on a visit's."""
    return str(row.key if row.kind == "patient" else row.parent or "")


def _visited(session: Session, persons: Collection[str]) -> set[str]:
    """Those who have a visit: as patients, or because what looks like a person's coverage is a visit's."""
    found: set[str] = set()
    for part in _parts(sorted(persons)):
        visit = and_(_F.c.kind == "encounter", or_(_F.c.parent.in_(part), _F.c.key.in_(part)))
        for row in session.conn.execute(select(_F.c.key, _F.c.parent).where(visit)):
            found |= {row.key, row.parent or ""}
    return found


def _known(session: Session, rows: Sequence[Any]) -> set[str]:
    """Those facts whose person has an id of ours."""
    opened = Documents(session, FACTS).get_many([row.id for row in rows])
    by_source: dict[str, dict[str, str]] = {}
    for row in opened.values():
        by_source.setdefault(row.col("source"), {})[row.id] = _about(row.record)
    found: set[str] = set()
    for source, keys in by_source.items():
        leads = Lookup(session).first("patient", source, set(keys.values()))
        found |= {one for one, key in keys.items() if key in leads}
    return found


def _about(fact: AnyFact) -> str:
    """The source's key of the person that a fact is about."""
    if isinstance(fact, CoverageFact | AppointmentFact | PieceFact | WithdrawalFact):
        return fact.patient_key
    if isinstance(fact, MoveFact):
        return fact.into_key
    return fact.from_key if isinstance(fact, MergeFact) else fact.key


def _parts(items: Sequence[str]) -> list[list[str]]:
    return [list(items[at : at + CHUNK]) for at in range(0, len(items), CHUNK)]
