"""A good file, one edit and what must be found: how the mutation tests of 835 and envelopes are written."""

from __future__ import annotations

import msgspec

from hub.x12.envelope import X12Reader
from hub.x12.finding import Finding


class Edit(msgspec.Struct, frozen=True):
    """One fault: the text that is replaced once, what takes its place, and the findings as `code where`."""

    name: str
    old: str
    new: str
    found: tuple[str, ...]


def edited(good: str, edit: Edit, *, recount: bool = True) -> str:
    """The good file with one fault; SE01 counts what is there unless the fault is in the trailer."""
    assert good.count(edit.old) >= 1, f"{edit.name}: the text to replace is not in the good file"
    bad = good.replace(edit.old, edit.new, 1)
    return recounted(bad) if recount else bad


def recounted(text: str) -> str:
    """The file with a true SE01 in each set."""
    lines = text.split("~\n")
    begins = 0
    for at, line in enumerate(lines):
        if line.startswith("ST*"):
            begins = at
        elif line.startswith("SE*"):
            lines[at] = "*".join(["SE", str(at - begins + 1), *line.split("*")[2:]])
    return "~\n".join(lines)


def findings(text: str, *, strict: bool = True) -> list[Finding]:
    """Everything that is found in a file."""
    reader = X12Reader(text.encode("utf-8"), strict=strict)
    found = [finding for transaction in reader for finding in transaction.check()]
    return found + reader.findings


def told(found: list[Finding]) -> list[str]:
    """Findings as the tables of edits name them."""
    return [f"{one.code} {one.where}".strip() for one in found]


def line_of(text: str, found: Finding) -> str:
    """The segment at the line that a finding names."""
    return text.split("~\n")[found.line - 1]
