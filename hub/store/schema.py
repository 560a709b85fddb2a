"""One MetaData for every table of the hub, and the few column types that all of them use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    Date,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
)
from sqlalchemy.ext.compiler import compiles

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    },
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=1024)
def to_micros(instant: datetime) -> int:
    """An aware instant as whole microseconds since 1970 UTC; rows of one transaction share theirs."""
    return (instant - EPOCH) // _MICROSECOND


@lru_cache(maxsize=1024)
def from_micros(micros: int) -> datetime:
    """Microseconds since 1970 as an aware UTC instant."""
    return EPOCH + timedelta(microseconds=micros)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, stored as integer microseconds: the same order and precision on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else from_micros(value)


@compiles(Computed, "postgresql")
def _kept(element: Computed, compiler: Any, **_options: Any) -> str:
    """A made column stands in the table there: only then may it be indexed. SQLite indexes what it makes anew."""
    made = compiler.sql_compiler.process(element.sqltext, include_table=False, literal_binds=True)
    return f"GENERATED ALWAYS AS ({made}) STORED"


Id = Text
Cents = BigInteger
# SQLite gives a rowid that is never reused only to INTEGER PRIMARY KEY AUTOINCREMENT
Sequence = BigInteger().with_variant(Integer, "sqlite")

CLEAR, KEYED, ENCRYPTED = "clear", "keyed", "encrypted"


def clear(name: str, kind: Any, *rest: Any, why: str, **options: Any) -> Column[Any]:
    """A column that stands in clear, with the reason why it may: docs/clear-columns.md is made from it."""
    return Column(name, kind, *rest, info={"stands": CLEAR, "why": why}, **{"nullable": False, **options})


def keyed(name: str, *rest: Any, why: str, **options: Any) -> Column[Any]:
    """A keyed digest: equal values have equal digests, and nobody without the key can try values."""
    return Column(name, Text, *rest, info={"stands": KEYED, "why": why}, **{"nullable": False, **options})


def encrypted(name: str, why: str, **options: Any) -> Column[Any]:
    """Bytes under AES-256-GCM; the row's `key_id` says which data key."""
    return Column(name, LargeBinary, info={"stands": ENCRYPTED, "why": why}, **{"nullable": False, **options})


__all__ = [
    "CLEAR",
    "ENCRYPTED",
    "KEYED",
    "METADATA",
    "Cents",
    "Date",
    "Id",
    "Instant",
    "Sequence",
    "clear",
    "encrypted",
    "from_micros",
    "keyed",
    "to_micros",
]
