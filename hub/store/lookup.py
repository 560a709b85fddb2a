"""Exact search by keyed digest, and aliases: two ids that turned out to be one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Index, Integer, Table, Text

from hub.store import queries
from hub.store.rows import Bulk
from hub.store.schema import METADATA, Id, Instant, clear, keyed
from hub.store.session import Session
from hub.store.upsert import insert_for

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


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """One word on one id; parted again, it leads to itself."""

    from_id: str
    into_id: str
    cause: str
    at: datetime


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

    def leads(self, kind: str, authority: str, values: Iterable[str]) -> list[str]:
        """Every aggregate that one of `values` leads to, sorted."""
        keys = self._session.keys
        digests = [d for value in values for _, d in keys.lookup_digests(kind, f"{authority}\x1f{value}")]
        return sorted({aggregate for _, aggregate in self._read(kind, authority, digests)})

    def page(self, kind: str, authority: str, values: Iterable[str], *, after: str = "", limit: int) -> list[str]:
        """The next `limit` aggregates behind `after` that one of `values` leads to, sorted: of very many a page costs
        the same wherever it stands, where there is one value.
        """
        keys = self._session.keys
        digests = [d for value in values for _, d in keys.lookup_digests(kind, f"{authority}\x1f{value}")]
        found: set[str] = set()
        for start in range(0, len(digests), 500):
            equals = {
                "kind": kind,
                "authority": authority,
                "key_id": keys.lookup_keys,
                "digest": digests[start : start + 500],
            }
            order = ("aggregate",)
            rows = queries.read(
                self._session, LOOKUP, ("aggregate",), equals, order=order, limit=limit, after=after
            )
            found |= {row.aggregate for row in rows}
        return sorted(found)[:limit]

    def any(self, kind: str, authority: str) -> bool:
        """Whether anything of `authority` leads anywhere."""
        equals = {"kind": kind, "authority": authority}
        return bool(queries.read(self._session, LOOKUP, ("aggregate",), equals, order=("key_id",), limit=1))

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
    """Merges as rows: nothing that carries the old id is rewritten, and a row that is ended makes two of one again.

    A row says into whom an id was merged, and when that was said: of two words on one id the newer stands. An id
    that was parted again leads to itself, so that an older word, which comes late, merges nothing. Where merges run
    in a circle, the oldest yields, in whatever order they came.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, kind: str, from_id: str, into_id: str, cause: str, at: datetime | None = None) -> bool:
        """`from_id` means `into_id` from now on, said at `at` (now); whether that is news."""
        known = self._rows(kind, "from_id", [from_id])
        at = at or self._session.now
        if (from_id == into_id and not known) or any(row.at > at for row in known):
            return False
        row = {"kind": kind, "from_id": from_id, "into_id": into_id, "cause": cause, "at": at}
        added = insert_for(self._session, ALIASES).values(row)
        said = {name: row[name] for name in ("into_id", "cause", "at")}
        newer = added.on_conflict_do_update(
            index_elements=["kind", "from_id"], set_=said, where=ALIASES.c.at <= at
        )
        self._session.conn.execute(newer)
        return not known or known[0].into_id != into_id

    def part(self, kind: str, from_id: str, cause: str, at: datetime | None = None) -> bool:
        """`from_id` means itself again, said at `at` (now); whether that is news."""
        return self.put(kind, from_id, from_id, cause, at)

    def resolve(self, kind: str, id: str) -> str:  # noqa: A002
        """The id that `id` means now: itself, or what it was merged into, however often."""
        return self.resolve_many(kind, [id])[id]

    def resolve_many(self, kind: str, ids: Iterable[str]) -> dict[str, str]:
        """What each id means now, with one question for each length of a chain of merges."""
        into: dict[str, Alias] = {}
        left = wanted = set(ids)
        while left:
            found = {row.from_id: row for row in self._rows(kind, "from_id", left) if row.from_id != row.into_id}
            into |= found
            left = {row.into_id for row in found.values()} - into.keys()
        return {one: _end(into, one) for one in wanted}

    def merged_into(self, kind: str, ids: Iterable[str]) -> dict[str, list[str]]:
        """For each of `ids` the other ids that mean it now, sorted; for one that was merged itself there are none."""
        wanted = left = set(ids)
        found = set(wanted)
        while left:
            left = {row.from_id for row in self._rows(kind, "into_id", left)} - found
            found |= left
        ends = self.resolve_many(kind, found)
        below: dict[str, list[str]] = {one: [] for one in wanted}
        for other in sorted(found):
            if ends[other] != other and ends[other] in below:
                below[ends[other]].append(other)
        return below

    def kin(self, kind: str, ids: Iterable[str]) -> set[str]:
        """`ids` and every id that hangs together with one of them, or once did until they were parted."""
        found, left = set(ids), set(ids)
        while left:
            rows = [*self._rows(kind, "from_id", left), *self._rows(kind, "into_id", left)]
            left = {one for row in rows for one in (row.from_id, row.into_id)} - found
            found |= left
        return found

    def of(self, kind: str, ids: Iterable[str]) -> list[Alias]:
        """The words on each of `ids` that was ever merged, also on those that were parted again."""
        return self._rows(kind, "from_id", ids)

    def any(self, kind: str) -> bool:
        """Whether there ever was a merge."""
        return bool(
            queries.read(self._session, ALIASES, ("from_id",), {"kind": kind}, order=("from_id",), limit=1)
        )

    def _rows(self, kind: str, column: str, ids: Iterable[str]) -> list[Alias]:
        found: list[Alias] = []
        every = sorted(ids)
        for start in range(0, len(every), 500):
            where: dict[str, object] = {column: every[start : start + 500]}
            if (
                column == "from_id"
            ):  # what is merged into an id is of its kind; naming it, SQLite would read all of it
                where["kind"] = kind
            found += queries.records(self._session, ALIASES, Alias, where, order=("from_id",))
        return found


def _end(into: dict[str, Alias], one: str) -> str:
    """The end of the chain that begins at `one`. In a circle the oldest merge is left out: there it ends."""
    path = [one]
    while one in into:
        one = into[one].into_id
        if one in path:
            circle = path[path.index(one) :]
            oldest = min(into[each].at for each in circle)
            return max(each for each in circle if into[each].at == oldest)
        path.append(one)
    return one
