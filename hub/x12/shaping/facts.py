"""What is known of the rows of a shape before any code is written."""

from __future__ import annotations

from hub.x12.shaping.paths import is_optional, prefixes
from hub.x12.shaping.rows import Column, Inner, Row, Shape


def dedicated_rows(shape: Shape) -> dict[str, bool]:
    """Inner records that have rows of their own; True where that is one row and nothing else fills them."""
    found: dict[str, bool] = {}
    mixed: set[str] = set()
    for row in own_rows(shape):
        told = [one for one in row.columns if not one.constant]
        for prefix in prefixes(told):
            if not is_optional(shape.type, prefix):
                continue
            if all(one.path.startswith(prefix + ".") for one in told) and row is not shape.rows[0]:
                found[prefix] = prefix not in found
            else:
                mixed.add(prefix)
    return {prefix: only and prefix not in mixed for prefix, only in found.items()}


def usual_code(row: Row) -> Column | None:
    """The column that says which of several codes it was; the first, the usual one, is shown as ""."""
    if len(row.codes) < 2 or row.field:
        return None
    return next((one for one in row.columns if one.at == row.code_at and not one.kind and one.path), None)


def keeps_rest(shape: Shape) -> bool:
    """Whether the record keeps what it has no field for, so that it comes back as it was."""
    return "rest" in shape.type.__struct_fields__  # type: ignore[attr-defined]


def own_rows(shape: Shape) -> list[Row]:
    """The rows whose columns are fields of the record itself."""
    return [row for row in shape.rows if isinstance(row, Row) and not row.field]


def gathers(row: Row | Inner) -> bool:
    """Whether a row or loop may stand more than once."""
    return row.many if isinstance(row, Inner) else bool(row.field)


def row_prefixes(row: Row, dedicated: dict[str, bool]) -> list[str]:
    """The inner records that this row alone makes present."""
    told = [one for one in row.columns if not one.constant]
    return [
        prefix
        for prefix in prefixes(told)
        if prefix in dedicated and all(one.path.startswith(prefix + ".") for one in told)
    ]
