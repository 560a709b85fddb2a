"""Writes the table of docs/how-to/retention.md from the rules: `python -m hub.keep.retention_reference FILE`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from hub.keep.retention import RULES

BEGIN = (
    "<!-- the table of hub/keep/retention.py: python -m hub.keep.retention_reference docs/how-to/retention.md -->"
)
END = "<!-- end of the table -->"


def table() -> str:
    """The rules as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "| what | when | what goes | what stays | why |"
    yield "|---|---|---|---|---|"
    for rule in RULES:
        yield f"| {rule.what} | {rule.when} | {rule.goes} | {rule.stays} | {rule.why} |"


def renewed(page: str) -> str:
    """The page with the table as the rules are now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text("utf-8")), "utf-8")
