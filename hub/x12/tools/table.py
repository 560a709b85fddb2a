"""Writes the rows of a file as CSV or Parquet, in batches; the only home of pyarrow."""

from __future__ import annotations

import csv
import datetime as dt
import importlib.util
import io
import itertools
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

from hub.errors import Misconfigured
from hub.x12.envelope import X12Reader
from hub.x12.finding import Finding
from hub.x12.formats import is_date
from hub.x12.rules.reporting import exact
from hub.x12.tools.rows import COLUMNS, Column, Row, rows
from hub.x12.wire import Source

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 5000
DIGITS, DECIMALS = 28, 6
_LARGEST = Decimal(10) ** (DIGITS - DECIMALS)
# what a spreadsheet would run instead of show
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
FORMATS = ("csv", "parquet")
_CUT = frozenset(("file.truncated", "trailer.missing", "group.unclosed", "interchange.unclosed"))
"""Findings that tell of segments which never came."""


class Sheet:
    """The rows of one kind of set in a file; `kind` is that of the first set that has a table, unless it is given.

    `kind` may be 837, which takes 837P, 837I and 837D together, as does any of them. After reading, `count` says how
    many rows there were, `passed` which kinds were passed over, `empty` that the file holds no X12.
    """

    def __init__(self, source: Source, kind: str = "") -> None:
        self._reader = X12Reader(source)
        self.kind = kind.upper()
        self.count = 0
        self.passed: dict[str, None] = {}
        self._cut: list[Finding] = []

    @property
    def empty(self) -> bool:
        """Whether there was not even one interchange."""
        return not self._reader.interchanges

    @property
    def problem(self) -> str:
        """Why the file could not be read to its end, or that it breaks off before it."""
        cut = (one.message for one in (*self._reader.findings, *self._cut) if one.code in _CUT)
        return self._reader.wire.problem or next(cut, "")

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the table."""
        return COLUMNS["837P" if self.kind == "837" else self.kind]

    def __iter__(self) -> Iterator[Row]:
        for transaction in self._reader:
            if not self.kind and transaction.kind in COLUMNS:
                self.kind = transaction.kind
            if transaction.kind[:3] != self.kind[:3] or COLUMNS.get(transaction.kind) != COLUMNS.get(
                self._family()
            ):
                self.passed[transaction.kind] = None
                continue
            for row in rows(transaction):
                self.count += 1
                yield row
            self._cut += [one for one in transaction.findings if one.code in _CUT]

    def _family(self) -> str:
        return "837P" if self.kind == "837" else self.kind


def write_csv(sheet: Sheet, out: BinaryIO) -> None:
    """Writes UTF-8 with a header: amounts as exact decimals, days as 2026-01-05, what is neither as it stands."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    try:
        writer = csv.writer(text, lineterminator="\n")
        found = iter(sheet)
        first = next(found, None)
        if first is None:
            return
        columns = sheet.columns
        writer.writerow([column.name for column in columns])
        for row in itertools.chain((first,), found):
            values, unreadable = _values(row, columns)
            values["unreadable"] = " ".join(unreadable) or None
            writer.writerow([_cell(values.get(column.name), row.get(column.name, "")) for column in columns])
    finally:
        text.detach()


def _cell(value: Any, text: str) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dt.date):
        return value.isoformat()
    shown = text if value is None else str(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def write_parquet(sheet: Sheet, out: BinaryIO) -> None:
    """Writes Parquet: amounts as decimal128, days as date32, what is neither is null and named in `unreadable`.

    Raises Misconfigured where pyarrow is not installed.
    """
    require_parquet()
    import pyarrow.parquet as pq

    found = iter(sheet)
    first = next(found, None)
    if first is None:
        return
    schema = _schema(sheet.columns)
    with pq.ParquetWriter(out, schema) as writer:
        rest = itertools.chain((first,), found)
        while batch := list(itertools.islice(rest, BATCH_ROWS)):
            writer.write_batch(_batch(batch, sheet.columns, schema))


def require_parquet() -> None:
    """Raises Misconfigured, with what to do, where Parquet cannot be written here."""
    if importlib.util.find_spec("pyarrow") is None:
        fix = "install it: pip install 'billing-hub[parquet]'; or write --to csv"
        raise Misconfigured("Parquet needs pyarrow, which is not installed", fix=fix)


def _schema(columns: Sequence[Column]) -> pa.Schema:
    import pyarrow as pa

    types = {"text": pa.string(), "day": pa.date32(), "amount": pa.decimal128(DIGITS, DECIMALS)}
    return pa.schema([(column.name, types[column.type]) for column in columns])


def _batch(batch: list[Row], columns: Sequence[Column], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    gathered: dict[str, list[Any]] = {column.name: [] for column in columns}
    for row in batch:
        values, unreadable = _values(row, columns)
        values["unreadable"] = " ".join(unreadable) or None
        for name, cells in gathered.items():
            cells.append(values.get(name))
    return pa.record_batch([pa.array(gathered[field.name], type=field.type) for field in schema], schema=schema)


def _values(row: Row, columns: Sequence[Column]) -> tuple[dict[str, Any], list[str]]:
    """The cells by column, None for what is absent or unreadable, and the names of the unreadable columns."""
    values: dict[str, Any] = {}
    unreadable = []
    for column in columns:
        text = row.get(column.name, "")
        value = _value(text, column.type)
        if text and value is None:
            unreadable.append(column.name)
        values[column.name] = value
    return values, unreadable


def _value(text: str, kind: str) -> Any:
    if kind == "amount":
        amount = exact(text) if text else None
        return amount if amount is not None and _fits(amount) else None
    if kind == "day":
        return dt.date(int(text[:4]), int(text[4:6]), int(text[6:])) if is_date(text) else None
    return text or None


def _fits(amount: Decimal) -> bool:
    return abs(amount) < _LARGEST and amount == round(amount, DECIMALS)
