"""What stands in clear is decided column by column, said on a page, and checked against real bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.store import clear_columns
from hub.store.schema import CLEAR, ENCRYPTED, KEYED, METADATA

PAGE = Path(__file__).parents[2] / "docs" / "clear-columns.md"
PRIVATE = ("name", "first", "last", "birth", "address", "phone", "member", "ssn", "mrn", "diagnosis", "hcpcs")


@pytest.mark.parametrize("table", sorted(METADATA.tables))
def test_every_column_says_how_it_stands_and_why(table: str) -> None:
    """A column without a reason cannot be added; one whose name sounds private may not stand in clear."""
    for column in METADATA.tables[table].columns:
        assert column.info.get("stands") in {CLEAR, KEYED, ENCRYPTED}, column
        assert len(column.info["why"]) > 2, column
        private = any(word in column.name for word in PRIVATE)
        assert not private or column.info["stands"] != CLEAR or (table, column.name) == ("files", "name"), column


def test_the_page_is_what_the_tables_say() -> None:
    """docs/clear-columns.md is made from the tables; after a change of them it is made again."""
    if not PAGE.exists():
        pytest.skip("the documentation is not beside this checkout")
    assert PAGE.read_text() == clear_columns.page(), (
        "run: python -m hub.store.clear_columns > docs/clear-columns.md"
    )
