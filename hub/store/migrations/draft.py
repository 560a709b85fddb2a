"""Drafts the next step of the tables: `python -m hub.store.migrations.draft MESSAGE [--from-nothing | --again]`.

It compares the metadata with what the steps so far make (or with nothing), writes a file into `versions/`, and
leaves to a person to read it, to add what moves data, and to raise `HEAD`. With `--again` the newest step, which
no database outside has had yet, is drafted anew.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations.ops import MigrateOperation, UpgradeOps
from alembic.runtime.migration import MigrationContext
from sqlalchemy import BigInteger, Connection, create_engine

import hub.store
from hub.store import append_only, migrate
from hub.store.migrations import HEAD
from hub.store.schema import METADATA, Instant, Sequence

_HEAD_OF_FILE = '''"""{message}."""

# ruff: noqa: E501

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {before!r}


def upgrade() -> None:
    """Make the step."""
'''
_HELPER = '''

def _guard(sqlite: tuple[str, ...], postgresql: tuple[str, ...]) -> None:
    """Add triggers in the words of this database."""
    for statement in sqlite if op.get_bind().dialect.name == "sqlite" else postgresql:
        op.execute(statement)
'''


def draft(message: str, number: int) -> str:
    """The text of the step with that number; the steps before it stand in `versions/`, later ones do not."""
    groups = _groups(from_nothing=number == 1)
    before = None if number == 1 else f"{number - 1:04}"
    text = _HEAD_OF_FILE.format(message=message, revision=f"{number:04}", before=before)
    text += "".join(f"    _{table}()\n" for table in groups) + _HELPER
    return text + "".join(_function(table, body) for table, body in groups.items())


def _groups(*, from_nothing: bool) -> dict[str, str]:
    """The code of the step by table, in an order that can be run."""
    with TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{folder}/draft.db")
        with engine.connect() as connection:
            if not from_nothing:
                migrate.upgrade(connection)
            groups = _rendered(connection)
        engine.dispose()
    return groups


def _rendered(connection: Connection) -> dict[str, str]:
    context = MigrationContext.configure(connection, opts={"render_item": _type, "target_metadata": METADATA})
    upgrade = produce_migrations(context, METADATA).upgrade_ops
    groups: dict[str, list[MigrateOperation]] = {}
    for operation in upgrade.ops if upgrade else ():
        groups.setdefault(str(getattr(operation, "table_name", "")), []).append(operation)
    return {
        table: render_python_code(UpgradeOps(ops=ops), render_item=_type, migration_context=context)
        for table, ops in groups.items()
    }


def _type(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Types of ours in the words of SQLAlchemy, so that a step never changes with our code."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, BigInteger) and item is Sequence:
        return 'sa.BigInteger().with_variant(sa.Integer(), "sqlite")'
    return False


def _function(table: str, body: str) -> str:
    lines = [line for line in body.splitlines() if not line.startswith(("# ###", "    # ###"))]
    code = "\n".join(lines)
    if "create_table" in code and table in append_only.ATTACHED:
        triggers = append_only.ATTACHED[table]
        both = {dialect: tuple(triggers(dialect)) for dialect in ("sqlite", "postgresql")}
        code += f"\n    _guard(sqlite={both['sqlite']!r}, postgresql={both['postgresql']!r})"
    return f'\n\ndef _{table}() -> None:\n    """Table {table}."""\n{code}\n'


def main() -> None:
    """Write the draft beside the other steps."""
    message = next(argument for argument in sys.argv[1:] if not argument.startswith("--"))
    number = 1 if "--from-nothing" in sys.argv else int(HEAD) + ("--again" not in sys.argv)
    folder = Path(str(hub.store.__file__)).parent / "migrations" / "versions"
    if "--again" in sys.argv:
        for old in folder.glob(f"{number:04}_*.py"):
            old.unlink()
    name = f"{number:04}_{message.lower().replace(' ', '_')}.py"
    (folder / name).write_text(draft(message, number))


if __name__ == "__main__":
    main()
