"""Who belongs together when data is kept or purged: merged patients, and those whose bills go to one guarantor."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Select, or_, select

from hub.store.aggregates import CLAIMS, PATIENTS
from hub.store.documents import Collection as Documents
from hub.store.ledger_tables import ENTRIES
from hub.store.lookup import ALIASES
from hub.store.session import Session

CHUNK = 500
Pair = tuple[str, str]


class Together:
    """Sets of ids that grow into each other."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def top(self, one: str) -> str:
        """The id that speaks for the set of `one`."""
        above = self._above.setdefault(one, one)
        while above != self._above[above]:
            self._above[above] = self._above[self._above[above]]
            above = self._above[above]
        return above

    def join(self, one: str, other: str) -> None:
        """Both are in one set from now on."""
        self._above[self.top(one)] = self.top(other)

    def sets(self) -> list[frozenset[str]]:
        """Every set."""
        found: dict[str, set[str]] = {}
        for one in list(self._above):
            found.setdefault(self.top(one), set()).add(one)
        return [frozenset(one) for one in found.values()]


def households(session: Session, patients: Iterable[str]) -> list[frozenset[str]]:
    """The ids of patients and guarantors that hang together with each of `patients`, as disjoint sets.

    Patients hang together when one was merged into the other, or when somebody is billed for both.
    """
    together, left = Together(), set(patients)
    seen: set[str] = set()
    for one in left:
        together.top(one)
    while left:
        seen |= left
        pairs = [*_merges(session, left), *_bills(session, left)]
        for one, other in pairs:
            together.join(one, other)
        left = {one for pair in pairs for one in pair} - seen
    return together.sets()


def _merges(session: Session, ids: Collection[str]) -> list[Pair]:
    among = [or_(ALIASES.c.from_id.in_(part), ALIASES.c.into_id.in_(part)) for part in _parts(ids)]
    query = select(ALIASES.c.from_id, ALIASES.c.into_id).where(ALIASES.c.kind == "patient")
    return _pairs(session, [query.where(one) for one in among])


def _bills(session: Session, ids: Collection[str]) -> list[Pair]:
    """(patient, guarantor): by the claims of patients, by the ledger of guarantors, by the patients' documents."""
    claims, ledger = CLAIMS.table, ENTRIES
    by_claim = select(claims.c.patient_id, claims.c.guarantor_id).where(claims.c.guarantor_id.is_not(None))
    by_book = select(ledger.c.patient_id, ledger.c.guarantor_id).where(ledger.c.patient_id != "")
    asked: list[Select[Any]] = []
    for part in _parts(ids):
        asked.append(by_claim.where(claims.c.patient_id.in_(part)).distinct())
        asked.append(by_book.where(ledger.c.guarantor_id.in_(part)).distinct())
    known = Documents(session, PATIENTS).get_many(ids)
    told = [(row.id, row.record.guarantor_id) for row in known.values() if row.record.guarantor_id]
    return [*_pairs(session, asked), *told]


def _pairs(session: Session, asked: Iterable[Select[Any]]) -> list[Pair]:
    return [(row[0], row[1]) for query in asked for row in session.conn.execute(query) if row[0] and row[1]]


def _parts(ids: Collection[str]) -> list[list[str]]:
    every = sorted(ids)
    return [every[at : at + CHUNK] for at in range(0, len(every), CHUNK)]
