"""Writes docs/clear-columns.md from the tables: `python -m hub.store.clear_columns > docs/clear-columns.md`."""

from __future__ import annotations

import sys

from sqlalchemy import Table

import hub.store.tx  # noqa: F401 - every table is declared once it is imported
from hub.store.schema import CLEAR, ENCRYPTED, KEYED, METADATA

_OPENING = """\
# What stands in clear in the database

Records lie encrypted (AES-256-GCM, a data key wrapped by the site's master key). Beside each stand the few columns
that queries need. This page lists every column of every table, how it stands and why it may; it is made from the
tables themselves (`python -m hub.store.clear_columns > docs/clear-columns.md`), and a test holds it to them.

- **clear**: readable by whoever reads the database file. No name, address, birth date, member number, medical
  record number, account number, diagnosis or procedure ever stands here.
- **keyed**: HMAC-SHA256 under a key that is itself wrapped. Equal values give equal digests, so that a search by
  an exact value works and a repeat is seen; without the key nobody can try values.
- **encrypted**: sealed, and bound to its row and version: it opens nowhere else.

What a thief of the file alone could learn: how many rows of which kind there are, when they were made and moved,
amounts and service dates beside opaque ids, and which payers and connectors the practice has. Dates and amounts
beside an opaque id are what reports need as ranges and sums; where that is too much, put the file on an encrypted
disk, as a backup should be anyway.
"""


def page() -> str:
    """The whole page."""
    return _OPENING + "".join(_section(METADATA.tables[name]) for name in sorted(METADATA.tables)) + _counts()


def _section(table: Table) -> str:
    lines = [f"| `{c.name}` | {c.info['stands']} | {c.info['why']} |" for c in table.columns]
    return f"\n## {table.name}\n\n| column | stands | why |\n|---|---|---|\n" + "\n".join(lines) + "\n"


def _counts() -> str:
    stands = [column.info["stands"] for table in METADATA.tables.values() for column in table.columns]
    numbers = ", ".join(f"{stands.count(how)} {how}" for how in (CLEAR, KEYED, ENCRYPTED))
    return f"\n{len(METADATA.tables)} tables, {numbers} columns.\n"


if __name__ == "__main__":
    sys.stdout.write(page())
