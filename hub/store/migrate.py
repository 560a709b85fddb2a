"""Bringing the tables of a database up to this hub, and refusing a database that a newer hub has changed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from hub.errors import Misconfigured
from hub.store.migrations import HEAD

if TYPE_CHECKING:
    from alembic.config import Config

#: PostgreSQL advisory lock: two hubs that start together do not both make the tables.
_LOCK = 0x6875_626D


def upgrade(connection: Connection, told: Callable[[str], None] | None = None) -> None:
    """Run every step that this database has not had, inside the caller's transaction; `told` hears each number."""
    from alembic import command
    from alembic.util.exc import CommandError

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    with as_file(files("hub.store").joinpath("migrations")) as folder:
        config = configuration(str(folder))
        config.attributes["connection"] = connection
        config.attributes["told"] = told
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise _newer() from None


def check(connection: Connection) -> None:
    """Raise `Misconfigured` unless the tables are those of this hub."""
    if not inspect(connection).has_table("alembic_version"):
        if inspect(connection).has_table("data_keys"):
            return  # made at once from the metadata: a test, or a throw-away database
        raise Misconfigured("the database has no tables yet", fix="run: hub db upgrade")
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if found is None or found < HEAD:
        raise Misconfigured("the database is older than this hub", fix="run: hub db upgrade")
    if found > HEAD:
        raise _newer()


def configuration(folder: str) -> Config:
    """Alembic's settings, without a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _newer() -> Misconfigured:
    return Misconfigured("the database was changed by a newer hub", fix="run the newer hub on this database")
