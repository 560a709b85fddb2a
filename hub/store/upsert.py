"""INSERT ... ON CONFLICT, said alike for both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import sqlite

from hub.store.session import Session


def insert_for(session: Session, table: Table) -> Any:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update` on this database."""
    if session.dialect == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # a tenth of the start of a command that never meets one

    return postgresql.insert(table)
