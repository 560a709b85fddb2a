"""`hub x12 table`: a file as rows for a spreadsheet or an analysis."""

from __future__ import annotations

import sys

from hub.cli.ui import print_json, say
from hub.cli.x12_files import STDIN, beside, fresh, only, telling, unreadable, watched
from hub.cli.x12_validate import count_of
from hub.errors import Misconfigured
from hub.x12.tools.rows import COLUMNS
from hub.x12.tools.table import FORMATS, Sheet, require_parquet, write_csv, write_parquet


def write_table(path: str, to: str, output: str, kind: str, *, as_json: bool) -> None:
    """Write the table; ends with 0, with 1 where part of the file could not be read, 2 where nothing could be."""
    if to not in FORMATS:
        raise Misconfigured("there is no such table here", fix=f"--to is one of: {', '.join(FORMATS)}")
    if kind and kind.upper() not in (*COLUMNS, "837"):
        raise Misconfigured("there is no table of this kind", fix=f"--kind is one of: {', '.join(COLUMNS)}")
    if to == "parquet":
        require_parquet()
    target = output or beside(path, f".{to}")
    with only(path) as given, fresh(target) as out, watched(given) as file:
        sheet = Sheet(file, kind)
        (write_csv if to == "csv" else write_parquet)(sheet, out)
        if sheet.empty:
            raise unreadable(given.name)
        if not sheet.count:
            held = ", ".join(sheet.passed) or "no transaction set"
            fix = f"tables are made of {', '.join(COLUMNS)}"
            raise Misconfigured(f"{given.name} holds nothing for such a table: {held}", fix=fix)
    with telling(target):
        told = {"file": given.name, "output": target, "kind": sheet.kind, "rows": sheet.count}
        if as_json:
            print_json({**told, "passed_over": list(sheet.passed), "problem": sheet.problem})
        else:
            _print(given.name, target, sheet)
    sys.exit(int(bool(sheet.problem)))


def _print(name: str, target: str, sheet: Sheet) -> None:
    where = "standard output" if target == STDIN else target
    say(f"{name}: {count_of(sheet.count, 'row')} of {sheet.kind}, written to {where}")
    if sheet.passed:
        say(f"passed over: {', '.join(sheet.passed)}; take one with --kind")
    if sheet.problem:
        say(f"something may be missing in it: {sheet.problem}")
