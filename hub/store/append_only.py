"""Triggers that let the database itself refuse to change what may only be added to."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import DDL, Table, event

SQLITE, POSTGRESQL = "sqlite", "postgresql"
#: What `attach` was given, by table: a drafted migration carries the same statements.
ATTACHED: dict[str, Callable[[str], list[str]]] = {}


def refuse_changes(table: str, dialect: str) -> list[str]:
    """Statements after which no row of `table` can be updated, deleted or truncated."""
    if dialect == SQLITE:
        return [sqlite_guard(table, "update", "UPDATE"), sqlite_guard(table, "delete", "DELETE")]
    return [
        postgresql_function(),
        postgresql_guard(table, "update", "UPDATE"),
        postgresql_guard(table, "delete", "DELETE"),
        truncate_guard(table),
    ]


def sqlite_guard(table: str, name: str, what: str, when: str = "") -> str:
    """A trigger that aborts `what` on `table` (where `when` holds)."""
    condition = f" WHEN {when}" if when else ""
    return (
        f"CREATE TRIGGER IF NOT EXISTS {table}_refuses_{name} BEFORE {what} ON {table}{condition} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
    )


def postgresql_function() -> str:
    """The function behind every refusing trigger; its message names the table only."""
    return (
        "CREATE OR REPLACE FUNCTION hub_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || '' is append only''; END'"
    )


def postgresql_guard(table: str, name: str, what: str, when: str = "") -> str:
    """A row trigger that raises on `what` on `table` (where `when` holds)."""
    condition = f" WHEN ({when})" if when else ""
    return (
        f"CREATE OR REPLACE TRIGGER {table}_refuses_{name} BEFORE {what} ON {table} FOR EACH ROW{condition} "
        "EXECUTE FUNCTION hub_append_only()"
    )


def truncate_guard(table: str) -> str:
    """A statement trigger that raises on TRUNCATE, which row triggers do not see."""
    return (
        f"CREATE OR REPLACE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
        "EXECUTE FUNCTION hub_append_only()"
    )


def attach(table: Table, triggers: Callable[[str], list[str]]) -> None:
    """Run `triggers(dialect)` whenever the metadata creates `table`, as the migration does."""
    ATTACHED[table.name] = triggers
    for dialect in (SQLITE, POSTGRESQL):
        for statement in triggers(dialect):
            event.listen(table, "after_create", DDL(statement).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]
