"""Writing many rows fast: plain statements given to the driver, and COPY on PostgreSQL where it pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Date, Table
from sqlalchemy.exc import IntegrityError

from hub.errors import Stale
from hub.store.schema import Instant, to_micros
from hub.store.session import Session

COPY_FROM_ROWS = 30
TOGETHER = (128, 32, 8, 1)
"""Rows of one statement: few shapes, so that each is prepared once."""
# PostgreSQL's own code, so that a hub on SQLite need not load the driver
_UNIQUE_VIOLATION = "23505"
Places = tuple[tuple[int, Callable[[Any], Any]], ...]


class Bulk:
    """Inserts and updates of tuples; an instant is given as a datetime, a date as a date, on both databases.

    SQLAlchemy's own executemany spends more on each row than SQLite does, so its compiler is left out here:
    names come from our own tables only, values are always bound.
    """

    __slots__ = ("_conn", "_mark", "_sqlite")

    def __init__(self, session: Session) -> None:
        self._conn = session.conn
        self._sqlite = session.dialect == "sqlite"
        self._mark = "?" if self._sqlite else "%s"

    def insert(
        self, table: Table, names: Sequence[str], values: list[tuple[Any, ...]], *, plain: bool = False
    ) -> int:
        """Insert the rows; returns how many. A unique key that is taken raises `Stale`. `plain`: they are as the
        driver takes them already.
        """
        if not values:
            return 0
        bound = values if plain else self._bind(table, names, values)
        if not self._sqlite and len(values) >= COPY_FROM_ROWS:
            return self._copy(table, names, bound)
        marks = ", ".join([self._mark] * len(names))
        sql = f"INSERT INTO {table.name} ({_names(names)}) VALUES ({marks})"  # noqa: S608 - our own names
        self._run(table, sql, bound)
        return len(values)

    def insert_together(self, table: Table, names: Sequence[str], values: list[tuple[Any, ...]]) -> None:
        """Insert rows that are as the driver takes them, many by each statement: on SQLite a thread that writes by
        row hands the interpreter to the others at each, and waits for its turn as often.
        """
        if not self._sqlite:
            self.insert(table, names, values, plain=True)
            return
        row, at = f"({', '.join('?' * len(names))})", 0
        head = f"INSERT INTO {table.name} ({_names(names)}) VALUES "  # noqa: S608 - our own names
        for size in TOGETHER:
            sql = head + ", ".join([row] * size)
            while len(values) - at >= size:
                bound = tuple(chain.from_iterable(values[at : at + size]))
                self._run(table, sql, bound)
                at += size

    def insert_new(self, table: Table, names: Sequence[str], values: list[tuple[Any, ...]]) -> None:
        """Insert the rows whose unique keys are free."""
        if not values:
            return
        marks = ", ".join([self._mark] * len(names))
        sql = f"INSERT INTO {table.name} ({_names(names)}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608
        self._run(table, sql, self._bind(table, names, values))

    def update(
        self,
        table: Table,
        names: Sequence[str],
        where: Sequence[str],
        values: list[tuple[Any, ...]],
        *,
        still: str = "",
    ) -> int:
        """Set `names` where all of `where` equal; each tuple holds first the one, then the other.

        `still` is a condition more, in SQL of ours. Returns how many rows were found so.
        """
        if not values:
            return 0
        sets = ", ".join([f'"{name}" = {self._mark}' for name in names])
        conditions = " AND ".join([*[f'"{name}" = {self._mark}' for name in where], *([still] if still else [])])
        sql = f"UPDATE {table.name} SET {sets} WHERE {conditions}"  # noqa: S608 - our own names
        return self._run(table, sql, self._bind(table, (*names, *where), values))

    def _run(self, table: Table, sql: str, bound: list[tuple[Any, ...]] | tuple[Any, ...]) -> int:
        try:
            return self._conn.exec_driver_sql(sql, bound).rowcount
        except IntegrityError as error:
            if not is_taken(error.orig):
                raise
            raise Stale(f"{table.name}: a row with that id or key is already there") from None

    def _bind(self, table: Table, names: Sequence[str], values: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        places = _places(table, tuple(names), self._sqlite)
        return [_plain(row, places) for row in values] if places else values

    def _copy(self, table: Table, names: Sequence[str], values: list[tuple[Any, ...]]) -> int:
        driver: Any = self._conn.connection.driver_connection
        sql = f"COPY {table.name} ({_names(names)}) FROM STDIN"
        try:
            with driver.cursor() as cursor, cursor.copy(sql) as copy:
                for row in values:
                    copy.write_row(row)
        except Exception as error:
            if not is_taken(error):
                raise
            raise Stale(f"{table.name}: a row with that id or key is already there") from None
        return len(values)


def is_taken(error: BaseException | None) -> bool:
    """Whether a unique constraint was hit; any other refusal of the database is a bug of ours."""
    return getattr(error, "sqlstate", None) == _UNIQUE_VIOLATION or "UNIQUE constraint" in str(error)


@lru_cache(maxsize=256)
def _places(table: Table, names: tuple[str, ...], sqlite: bool) -> Places:
    """Which columns a driver does not take as they are, and what turns them: asked once, not for each value."""
    kinds = [(place, table.c[name].type) for place, name in enumerate(names)]
    return tuple(
        (place, to_micros if isinstance(kind, Instant) else date.isoformat)
        for place, kind in kinds
        if isinstance(kind, Instant) or (sqlite and isinstance(kind, Date))
    )


def _plain(row: tuple[Any, ...], places: Places) -> tuple[Any, ...]:
    made = list(row)
    for place, turn in places:
        if made[place] is not None:
            made[place] = turn(made[place])
    return tuple(made)


def _names(names: Sequence[str]) -> str:
    return ", ".join([f'"{name}"' for name in names])
