"""Patient statements as tagged PDF: a statement becomes plain words and amounts, and a template sets them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from hub.model.statement import Statement
from hub.render.wording import spoken

_ROOM = Path(__file__).resolve().parent

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
    return _pdf(_Press([statement]))


def statements_pdf(statements: Sequence[Statement]) -> Batch:
    """Up to `MOST` statements as one PDF/UA-1, each from a page of its own; ValueError for none or for more."""
    if not 0 < len(statements) <= MOST:
        raise ValueError(f"a batch holds 1 to {MOST} statements")
    press = _Press(statements)
    batch = Batch(pdf=_pdf(press), pages=tuple(press.pages()))
    _forget()
    return batch


def statement_png(statement: Statement, *, ppi: float = 100) -> list[bytes]:
    """One picture a page, for looking at."""
    made = _Press([statement]).made(format="png", ppi=ppi)
    return made if isinstance(made, list) else [made]


class _Press:
    """The template with some statements in it: the values as data, our fonts, and nothing of the system's."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        import typst

        self.statements = statements
        self._compiler = typst.Compiler(
            _ROOM / "statement.typ",
            root=_ROOM,
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs={"statements": json.dumps([spoken(statement) for statement in statements])},
        )

    def made(self, **how: Any) -> Any:
        """What typst makes of it; its own error is not let through, for it holds values."""
        import typst

        try:
            return self._compiler.compile(**how)
        except typst.TypstError:
            numbers = ", ".join(statement.number for statement in self.statements)
            raise RuntimeError(f"the template could not set statement {numbers}") from None

    def pages(self) -> Iterator[Pages]:
        """Where each statement stands; quick after `made`, which has laid the pages out already."""
        spans = json.loads(self._compiler.query("<page-index>", field="value", one=True))
        for statement, (first, last) in zip(self.statements, spans, strict=True):
            yield Pages(number=statement.number, first=first, count=last - first + 1)


def _pdf(press: _Press) -> bytes:
    """PDF/UA-1; the date inside is the latest statement's, so that no clock gets into the bytes."""
    latest = max(statement.statement_date for statement in press.statements)
    return bytes(
        press.made(format="pdf", pdf_standards=["ua-1"], timestamp=datetime.combine(latest, time(), UTC))
    )


def _forget() -> None:
    """Make typst drop what it remembers of a batch: it keeps the last ten documents, at 1.5 MB a page."""
    import typst

    for _ in range(12):
        typst.compile(b"", format="pdf", font_paths=_fonts(), ignore_system_fonts=True)


@cache
def _fonts() -> Any:
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[_ROOM / "fonts"])
