"""Reads the file in which a print vendor says what became of each statement.

The format is ours, for vendors who have none of their own: CSV in UTF-8, the first line exactly
`number,verdict,reason`, then a line for each statement. `number` is the statement's number as printed,
`verdict` is printed, rejected, returned or moved, `reason` a short code without personal data.
"""

from __future__ import annotations

import csv
import io
import re

from hub.plugin.api import PrintResult, Refused

HEADER = ["number", "verdict", "reason"]
VERDICTS = ("printed", "rejected", "returned", "moved")
NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
REASON = re.compile(r"[A-Za-z0-9_.-]{0,40}")
HELP = "the README of statements_print describes the file; ask the vendor to mend it"


def read_results(raw: bytes) -> tuple[PrintResult, ...]:
    """All verdicts of a file, in its order. `Refused` names the line, never its values."""
    try:
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise Refused("not a result file: it is no CSV in UTF-8", fix=HELP) from None
    if not rows or [cell.strip().lower() for cell in rows[0]] != HEADER:
        raise Refused("not a result file: its first line is not number,verdict,reason", fix=HELP)
    return tuple(_result(line, row) for line, row in enumerate(rows[1:], start=2) if row)


def _result(line: int, row: list[str]) -> PrintResult:
    cells = [cell.strip() for cell in row]
    if len(cells) != len(HEADER):
        raise Refused(f"line {line} of the result file has {len(cells)} cells, not three", fix=HELP)
    number, verdict, reason = cells
    if not NUMBER.fullmatch(number):
        raise Refused(f"line {line} of the result file: this is no statement number", fix=HELP)
    if verdict.lower() not in VERDICTS:
        raise Refused(f"line {line} of the result file: the verdict is none of {', '.join(VERDICTS)}", fix=HELP)
    if not REASON.fullmatch(reason):
        raise Refused(f"line {line} of the result file: the reason is no short code", fix=HELP)
    return PrintResult(number=number, verdict=verdict.lower(), reason=reason)
