"""Exact search by keyed digest, and aliases: two ids that turned out to be one."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Index, Integer, Table, Text

from hub.store import queries
from hub.store.rows import Bulk
from hub.store.schema import METADATA, Id, Instant, clear, keyed
from hub.store.session import Session

LOOKUP = Table(
    "lookup",
    METADATA,
    clear("kind", Text, primary_key=True, why="what is looked up: patient, account, trace"),
    clear("authority", Text, primary_key=True, why="who gave the identifier, as our configuration names it"),
    clear("key_id", Integer, primary_key=True, why="which lookup key hashed it"),
    keyed("digest", primary_key=True, why="the identifier: only equality is needed"),
    clear("aggregate", Id, primary_key=True, why="the id of ours that it leads to"),
    Index("ix_lookup_aggregate", "aggregate"),
)
ALIASES = Table(
    "aliases",
    METADATA,
    clear("kind", Text, primary_key=True, why="what was merged: patient, account"),
    clear("from_id", Id, primary_key=True, why="an opaque id of ours"),
    clear("into_id", Id, why="an opaque id of ours"),
    clear("cause", Text, why="the id of the message or person that said so"),
    clear("at", Instant, why="when it was said"),
    Index("ix_aliases_into_id", "into_id"),
)


class Lookup:
    """Identifiers of documents, searchable by equality only."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, kind: str, authority: str, value: str, aggregate: str) -> None:
        """From now on `value` of `authority` leads to `aggregate`, beside what it led to before."""
        self.put_many(kind, authority, [(value, aggregate)])

    def put_many(self, kind: str, authority: str, pairs: Iterable[tuple[str, str]]) -> None:
        """As `put` for each (value, aggregate)."""
        self.put_all(kind, [(authority, value, aggregate) for value, aggregate in pairs])

    def put_all(self, kind: str, triples: Iterable[tuple[str, str, str]]) -> None:
        """As `put` for each (authority, value, aggregate)."""
        rows = []
        for authority, value, aggregate in triples:
            key_id, digest = self._session.keys.lookup_digest(kind, f"{authority}\x1f{value}")
            rows.append((kind, authority, key_id, digest, aggregate))
        Bulk(self._session).insert_new(LOOKUP, ("kind", "authority", "key_id", "digest", "aggregate"), rows)

    def find(self, kind: str, authority: str, value: str) -> list[str]:
        """The aggregates that `value` of `authority` leads to, under whichever key it was hashed; sorted."""
        digests = self._session.keys.lookup_digests(kind, f"{authority}\x1f{value}")
        return sorted({aggregate for _, aggregate in self._read(kind, authority, [d for _, d in digests])})

    def first(self, kind: str, authority: str, values: Iterable[str]) -> dict[str, str]:
        """The (first) aggregate of each value that leads to one; the others are left out."""
        by_digest = {
            digest: value
            for value in values
            for _, digest in self._session.keys.lookup_digests(kind, f"{authority}\x1f{value}")
        }
        found: dict[str, str] = {}
        for digest, aggregate in self._read(kind, authority, list(by_digest)):
            found.setdefault(by_digest[digest], aggregate)
        return found

    def _read(self, kind: str, authority: str, digests: list[str]) -> list[tuple[str, str]]:
        """(digest, aggregate) of what stands under any of `digests`, the first aggregate first."""
        found: list[tuple[str, str]] = []
        keys = self._session.keys.lookup_keys
        for start in range(0, len(digests), 500):
            some = digests[start : start + 500]
            equals = {"kind": kind, "authority": authority, "key_id": keys, "digest": some}
            found += queries.read(self._session, LOOKUP, ("digest", "aggregate"), equals, order=("aggregate",))
        return found


class Aliases:
    """Merges as rows: nothing that carries the old id is rewritten."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, kind: str, from_id: str, into_id: str, cause: str) -> None:
        """Both ids mean one thing from now on; said twice, or the other way round, it changes nothing."""
        source, target = self.resolve(kind, from_id), self.resolve(kind, into_id)
        if source == target:
            return
        names = ("kind", "from_id", "into_id", "cause", "at")
        Bulk(self._session).insert(ALIASES, names, [(kind, source, target, cause, self._session.now)])

    def resolve(self, kind: str, id: str) -> str:  # noqa: A002
        """The id that `id` means now: itself, or what it was merged into, however often."""
        return self.resolve_many(kind, [id])[id]

    def resolve_many(self, kind: str, ids: Iterable[str]) -> dict[str, str]:
        """What each id means now, with one question for each length of a chain of merges."""
        into: dict[str, str] = {}
        left = wanted = set(ids)
        while left:
            found = self._into(kind, left)
            into |= found
            left = set(found.values()) - into.keys()
        return {one: _end(into, one) for one in wanted}

    def _into(self, kind: str, ids: Iterable[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        every = sorted(ids)
        for start in range(0, len(every), 500):
            where = {"kind": kind, "from_id": every[start : start + 500]}
            rows = queries.read(self._session, ALIASES, ("from_id", "into_id"), where, order=("from_id",))
            found |= {row.from_id: row.into_id for row in rows}
        return found


def _end(into: dict[str, str], one: str) -> str:
    """The end of the chain that begins at `one`; a chain that came round would end before it repeats."""
    seen = {one}
    while one in into and into[one] not in seen:
        one = into[one]
        seen.add(one)
    return one
