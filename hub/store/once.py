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
    key = next(iter(table.primary_key.columns))
    query = insert_for(session, table).on_conflict_do_nothing().returning(key)
    return len(session.conn.execute(query, list(rows)).all())
