"""Reading rows by the values of their columns, with each shape of statement built and compiled once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, Table, Text, bindparam, delete, func, select

from hub.store.session import Session

SLICE = 2_000
"""Rows that one statement of pruning removes: writers wait for no more than that."""
R = TypeVar("R")
Shape = tuple[tuple[str, str], ...]
_STATEMENTS: dict[tuple[Any, ...], Select[Any]] = {}


def read(
    session: Session,
    table: Table,
    names: tuple[str, ...],
    equals: dict[str, Any],
    *,
    order: tuple[str, ...],
    limit: int | None = None,
    after: Any = None,
    walk: bool = False,
) -> Sequence[Any]:
    """The columns `names` of the rows where each column equals what is given, in `order`.

    None means IS NULL; a list, tuple or set means any of. `after` begins behind that value of the first column of
    `order`, so that pages neither repeat nor skip. A column of `order` that begins with `-` runs downwards. `walk`
    keeps the database from an index of what is asked for: whoever reads nearly all walks along the order itself,
    where an index would be sorted anew for each page.
    """
    shape = _shape(equals)
    key = (table, names, shape, order, limit is None, after is None, walk)
    statement = _STATEMENTS.get(key)
    if statement is None:
        statement = _STATEMENTS[key] = _build(
            table, names, shape, order, paged=limit is not None, on=after is not None, walk=walk
        )
    parameters = _parameters(equals)
    if limit is not None:
        parameters["page"] = limit
    if after is not None:
        parameters["after"] = after
    return session.conn.execute(statement, parameters).all()


def records(session: Session, table: Table, kind: type[R], equals: dict[str, Any], **page: Any) -> list[R]:
    """As `read`, each row as a record whose fields are named as the columns are."""
    names: tuple[str, ...] = kind.__struct_fields__  # type: ignore[attr-defined]
    return [kind(**dict(zip(names, row, strict=True))) for row in read(session, table, names, equals, **page)]


def tally(session: Session, table: Table, by: tuple[str, ...], equals: dict[str, Any]) -> Sequence[Any]:
    """(value of each of `by` ..., how many rows) of the rows where each column equals what is given."""
    shape = _shape(equals)
    key = (table, "tally", by, shape)
    statement = _STATEMENTS.get(key)
    if statement is None:
        columns = [table.c[name] for name in by]
        counted = select(*columns, func.count()).select_from(table).where(*_conditions(table, shape))
        statement = _STATEMENTS[key] = counted.group_by(*columns) if columns else counted
    return session.conn.execute(statement, _parameters(equals)).all()


def remove(session: Session, table: Table, *where: ColumnElement[bool]) -> int:
    """Remove up to a slice of the rows of a table, which has a key of one column; returns how many."""
    (key,) = table.primary_key.columns
    rows = select(key).where(*where).limit(SLICE)
    return session.conn.execute(delete(table).where(key.in_(rows))).rowcount


def conditions(table: Table, equals: dict[str, Any], *, walk: bool = False) -> list[ColumnElement[bool]]:
    """For statements that are built for one use: equality, IS NULL for None, IN for a list, tuple or set.

    `walk` as for `read`.
    """
    found: list[ColumnElement[bool]] = []
    for name, value in equals.items():
        column: Any = unindexed(table.c[name]) if walk else table.c[name]
        found.append(column.in_(list(value)) if _mode(value) == "in" else column == value)
    return found


def _build(
    table: Table,
    names: tuple[str, ...],
    shape: Shape,
    order: tuple[str, ...],
    *,
    paged: bool,
    on: bool,
    walk: bool,
) -> Select[Any]:
    columns = [table.c[name.removeprefix("-")] for name in order]
    turned = [column.desc() if name[0] == "-" else column for name, column in zip(order, columns, strict=True)]
    statement = (
        select(*[table.c[name] for name in names]).where(*_conditions(table, shape, walk=walk)).order_by(*turned)
    )
    if on:
        statement = statement.where(columns[0] > bindparam("after", type_=columns[0].type))
    return statement.limit(bindparam("page")) if paged else statement


def _shape(equals: dict[str, Any]) -> Shape:
    return tuple([(name, _mode(value)) for name, value in equals.items()])


def _mode(value: Any) -> str:
    if value is None:
        return "null"
    return "in" if isinstance(value, list | tuple | set | frozenset) else "="


def _parameters(equals: dict[str, Any]) -> dict[str, Any]:
    return {
        f"p_{name}": list(value) if isinstance(value, set | frozenset) else value
        for name, value in equals.items()
        if value is not None
    }


def unindexed(column: Any) -> Any:
    """A text column as no index knows it."""
    return column + "" if isinstance(column.type, Text) else column


def _conditions(table: Table, shape: Shape, *, walk: bool = False) -> list[ColumnElement[bool]]:
    return [_condition(table.c[name], mode, walk=walk) for name, mode in shape]


def _condition(column: Any, mode: str, *, walk: bool) -> ColumnElement[bool]:
    asked = unindexed(column) if walk else column
    if mode == "null":
        return asked.is_(None)  # type: ignore[no-any-return]
    if mode == "in":
        return asked.in_(bindparam(f"p_{column.name}", expanding=True))  # type: ignore[no-any-return]
    return asked == bindparam(f"p_{column.name}", type_=column.type)  # type: ignore[no-any-return]
