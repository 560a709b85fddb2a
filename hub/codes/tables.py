"""A dated table of codes: what an importer fills and a check asks, so that a code is judged as of its day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec


class CodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A code and the days on which it holds, both counted; None leaves that side open. `billable` is false
    for a heading, such as an ICD-10-CM category that has codes below it.
    """

    code: str
    valid_from: date | None = None
    valid_to: date | None = None
    billable: bool = True

    def holds(self, on: date) -> bool:
        """Whether the code holds on this day."""
        return (self.valid_from or date.min) <= on <= (self.valid_to or date.max)


class CodeSet:
    """One code set as imported; several rows of one code are its several lives."""

    def __init__(self, name: str, rows: Iterable[CodeRow]) -> None:
        self.name = name
        self._rows: dict[str, list[CodeRow]] = {}
        for row in rows:
            self._rows.setdefault(row.code, []).append(row)

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, code: str, on: date) -> CodeRow | None:
        """The row of this code that holds on this day."""
        return next((row for row in self._rows.get(code, ()) if row.holds(on)), None)

    def fault(self, code: str, on: date) -> str:
        """What is wrong with using this code on this day, or empty; the code itself is not repeated."""
        if code not in self._rows:
            return f"this code is not in {self.name}"
        row = self.find(code, on)
        if row is None:
            return f"this code of {self.name} does not hold on the day of service"
        return "" if row.billable else f"this code of {self.name} is a heading: a longer one below it is needed"


def code_fault(code: str, on: date, form: str, table: CodeSet | None) -> str:
    """A code's fault: of its form (`form` is a form check's answer), else of the table where a site has one."""
    return form or ("" if table is None else table.fault(code, on))
