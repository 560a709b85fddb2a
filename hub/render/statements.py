"""Patient statements as tagged PDF: a statement becomes plain words and amounts, and a template sets them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, time
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from hub.model.statement import Statement
from hub.render.wording import spoken

MOST = 50
"""Statements in one batch: typst's memory grows with the pages it sets."""


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """Where a statement stands in a batch: its number, its first page counted from 1, and how many it takes."""

    number: str
    first: int
    count: int


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Many statements in one PDF, with an index of their pages in order."""

    pdf: bytes
    pages: tuple[Pages, ...]

    @property
    def page_count(self) -> int:
        """Pages of the whole PDF."""
        return sum(part.count for part in self.pages)


def statement_pdf(statement: Statement) -> bytes:
    """One statement as PDF/UA-1; the same statement gives the same bytes."""
    return _pdf([statement])


def statements_pdf(statements: Sequence[Statement]) -> Batch:
    """Up to `MOST` statements as one PDF/UA-1, each from a page of its own; ValueError for none or for more."""
    if not 0 < len(statements) <= MOST:
        raise ValueError(f"a batch holds 1 to {MOST} statements")
    pdf = _pdf(statements)
    spans = _page_index(statements)
    pages = [
        Pages(number=statement.number, first=first, count=last - first + 1)
        for statement, (first, last) in zip(statements, spans, strict=True)
    ]
    return Batch(pdf=pdf, pages=tuple(pages))


def statement_png(statement: Statement, *, ppi: float = 100) -> list[bytes]:
    """One picture a page, for looking at."""
    made: Any = _compiled([statement], format="png", ppi=ppi)
    return made if isinstance(made, list) else [made]


def _pdf(statements: Sequence[Statement]) -> bytes:
    return bytes(_compiled(statements, format="pdf", pdf_standards=["ua-1"], timestamp=_stamp(statements)))


def _compiled(statements: Sequence[Statement], **how: Any) -> Any:
    import typst

    try:
        return typst.compile(_template(), **_surroundings(statements), **how)
    except typst.TypstError:
        numbers = ", ".join(statement.number for statement in statements)
        raise RuntimeError(f"the template could not set statement {numbers}") from None  # its text holds values


def _page_index(statements: Sequence[Statement]) -> list[tuple[int, int]]:
    import typst

    answer = typst.query(_template(), "<page-index>", field="value", one=True, **_surroundings(statements))
    return [(int(first), int(last)) for first, last in json.loads(answer)]


def _surroundings(statements: Sequence[Statement]) -> dict[str, Any]:
    """What a compilation may see: the values as data, our fonts, and neither system fonts nor packages."""
    told = json.dumps([spoken(statement) for statement in statements])
    return {
        "sys_inputs": {"statements": told},
        "font_paths": _fonts(),
        "root": _room(),
        "ignore_system_fonts": True,
    }


def _room() -> Path:
    return Path(str(resources.files("hub.render")))


@cache
def _template() -> bytes:
    return (_room() / "statement.typ").read_bytes()


@cache
def _fonts() -> Any:
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[_room() / "fonts"])


def _stamp(statements: Sequence[Statement]) -> datetime:
    """The date inside the PDF: the latest statement's, so that no clock gets into the bytes."""
    return datetime.combine(max(one.statement_date for one in statements), time(), UTC)
