"""Fills a store with as many claims as a test or bench wants: copies of a run that really happened.

Everything that stands in the store is copied, again and again, under new ids, with new control numbers in columns,
documents and frozen bytes, each document sealed anew and each event chained: `hub verify` finds nothing amiss in
the result. What does not differ is who the patients are and on which days they came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from hub.store import Store, Tx
from hub.store.events import link
from hub.store.rows import Bulk
from hub.store.schema import METADATA
from hub.testing.mass_marks import Marks, Template, numbers_of
from hub.testing.mass_rows import Copied, Copy, read_rows

#: What is copied, in this order; the rest (keys, counters, fences, schedules) belongs to the store as a whole.
TABLES = (
    "blobs",
    "blob_chunks",
    "inbox",
    "inbox_acks",
    "fetched",
    "patients",
    "lookup",
    "facts",
    "encounters",
    "charges",
    "claims",
    "claim_versions",
    "claim_charges",
    "files",
    "transfers",
    "submissions",
    "expectations",
    "remits",
    "remit_claims",
    "statements",
    "ledger_transactions",
    "ledger_entries",
    "work_items",
    "events",
)
SEQUENCES = (
    ("inbox", "seq"),
    ("inbox_acks", "no"),
    ("transfers", "seq"),
    ("ledger_transactions", "seq"),
    ("ledger_entries", "no"),
    ("events", "seq"),
)

#: Nothing is written twice and nothing waited for; the journal comes back with the next connection.
HURRY = ("PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-1048576")


class Mass:
    """A store that grows by copies of what stands in it now. Its events must be sealed, its blobs small."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.view() as view:
            self._numbers = numbers_of(view.session)
            raw = {name: read_rows(view.session, name) for name in TABLES}
            self._marks = Marks(raw, self._numbers)
            self._tables = {name: Copied(name, raw[name], self._marks, view.session.keys) for name in TABLES}
            self._heads = self._transactions(view)
            self._head = view.events.head()
            self.claims = len(raw["claims"])
        self.copies = 0

    def hurry(self) -> None:
        """Write faster from now on, as only a database may be written that is thrown away when the machine stops."""
        if self._store.dialect == "sqlite":
            self._store.engines.dispose()
            connection = self._store.engines.writer.raw_connection()
            for pragma in HURRY:
                connection.cursor().execute(pragma)
            connection.close()

    def grow(self, claims: int, told: Callable[[int], None] = lambda _: None) -> int:
        """Copy until the store holds at least `claims` claims; `told` hears how many after each copy."""
        each = self.claims
        while (self.copies + 1) * each < claims:
            with self._store.begin("admin") as tx:
                self._copy(tx)
            told((self.copies + 1) * each)
        with self._store.begin("admin") as tx:
            self._go_on(tx)
        while self._folded():
            pass
        return (self.copies + 1) * each

    def _copy(self, tx: Tx) -> None:
        """One copy of everything, in one transaction."""
        self.copies += 1
        copy = Copy(self.copies, self._marks.renamed(self.copies, tx.session.keys), self._marks)
        for scope, values in self._numbers.items():
            copy.new.update(_taken(tx, scope, values, copy.new))
        bulk = Bulk(tx.session)
        for name in TABLES:
            rows = self._rows(name, copy, tx)
            bulk.insert(METADATA.tables[name], self._tables[name].names, rows, plain=True)

    def _rows(self, name: str, copy: Copy, tx: Tx) -> list[tuple[Any, ...]]:
        table = self._tables[name]
        if name == "blobs":
            self._tables["blob_chunks"].measure(copy)
        if name == "ledger_transactions":
            hashed = [_digest(body.fill(copy.new)) for body in self._heads]
            return table.rows(copy, tx.session, digest=hashed)
        if name == "events":
            return self._sealed_events(table, copy, tx)
        return table.rows(copy, tx.session)

    def _sealed_events(self, table: Copied, copy: Copy, tx: Tx) -> list[tuple[Any, ...]]:
        position, last = self._head
        rows = []
        place = table.names.index("position")
        for row in table.rows(copy, tx.session):
            position += 1
            last = link(last, position, row[:place])
            rows.append((*row[:place], position, last))
        self._head = (position, last)
        tx.session.conn.execute(METADATA.tables["event_heads"].update().values(position=position, hash=last))
        return rows

    def _transactions(self, view: Any) -> list[Template]:
        """The bodies of which the ledger's digests are made, as `hub.store.ledger_tables.digest` makes them."""
        found = []
        table = self._tables["ledger_transactions"]
        keys = zip(table.column("practice"), table.column("key"), strict=True)
        for practice, key in keys:
            one = view.book.get(practice, key)
            body = msgspec.json.encode((one.practice, one.key, one.reverses, one.entries))
            found.append(self._marks.words(body.decode()))
        return found

    def _folded(self) -> int:
        with self._store.begin("admin") as tx:
            return tx.ledger_sums.fold(1)

    def _go_on(self, tx: Tx) -> None:
        """PostgreSQL gives numbers out apart from the rows: let it go on behind those that are taken."""
        if tx.session.dialect != "postgresql":
            return
        for table, column in SEQUENCES:
            top = f"SELECT max({column}) FROM {table}"  # noqa: S608 - names of ours
            tx.session.conn.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), ({top}))"
            )


def _digest(body: str) -> str:
    return hashlib.blake2b(body.encode(), digest_size=16).hexdigest()


def _taken(tx: Tx, scope: str, values: list[tuple[str, str]], new: dict[Any, Any]) -> dict[str, str]:
    """New numbers of `scope` from the registry, each for the copy of what the old one was used for."""
    refs = [new.get(ref, ref) for _, ref in values]
    if scope == "pcn":
        prefix = values[0][0][:-8]
        pcns = tx.registry.pcns(refs, prefix)
        return dict(zip([value for value, _ in values], pcns, strict=True))
    numbers = tx.registry.take(scope, len(values), ref=refs)
    found: dict[str, str] = {}
    for (value, _), number in zip(values, numbers, strict=True):
        found[f"{scope}/{value}"] = str(number)
        found[f"{scope}/{value}#9"] = f"{number:09}"
        found[f"{scope}/{value}#6"] = f"{number:06}"
    return found
