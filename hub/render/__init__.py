"""Documents for people: statements as PDF. The one home of typst."""

from __future__ import annotations

from hub.render.statements import MOST, Batch, Pages, statement_pdf, statement_png, statements_pdf

__all__ = ["MOST", "Batch", "Pages", "statement_pdf", "statement_png", "statements_pdf"]
