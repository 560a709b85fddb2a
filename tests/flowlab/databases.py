"""Tests on SQLite alone, and some on each database: a module imports `made_url` and marks those with `BOTH`."""

from __future__ import annotations

import pytest

BOTH = pytest.mark.parametrize("made_url", ["sqlite", "postgresql"], indirect=True)
"""Where the database makes a difference."""


@pytest.fixture
def made_url(request: pytest.FixtureRequest) -> str:
    """A database with all tables and no rows: SQLite, unless a test asks for each."""
    kind = "made_pg_url" if getattr(request, "param", "") == "postgresql" else "made_sqlite_url"
    url = request.getfixturevalue(kind)
    assert isinstance(url, str)
    return url
