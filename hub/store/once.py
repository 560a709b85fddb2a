"""Inserting what is not there yet: the database's unique keys decide, not a look before the leap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table

from hub.store.session import Session
from hub.store.upsert import insert_for


def insert_new(session: Session, table: Table, rows: Sequence[dict[str, Any]]) -> int:
    """Insert the rows whose unique keys are free; returns how many. Two writers at once: one of them inserts."""
    if not rows:
        return 0
    return len(session.conn.execute(_statement(session, table), list(rows)).all())


_STATEMENTS: dict[tuple[str, str], Any] = {}


def _statement(session: Session, table: Table) -> Any:
    """Built once for each table: SQLAlchemy then finds the compiled form by identity."""
    key = (session.dialect, table.name)
    if key not in _STATEMENTS:
        first = next(iter(table.primary_key.columns))
        _STATEMENTS[key] = insert_for(session, table).on_conflict_do_nothing().returning(first)
    return _STATEMENTS[key]
