"""An overlay over HL7 v2: fields are edited where they stand; everything else stays byte for byte."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

from hub.codes import is_npi, state_fault
from hub.testing.overlay_rules import Rules

_ENDS = re.compile(rb"(\r\n|\r|\n)")
Find = Callable[[str, str], str]
"""(system, code) of a source -> what stands in for it, or nothing."""
_ICD10, _HCPCS = "I10", "HCPCS"


def altered(rules: Rules, raw: bytes, count: Counter[str]) -> bytes:
    """The altered bytes; a file without a message comes back as it was."""
    pieces = _ENDS.split(raw)
    starts = [n for n in range(0, len(pieces), 2) if pieces[n].lstrip(b"\x0b").startswith(b"MSH")]
    for nth, start in enumerate(starts):
        end = starts[nth + 1] if nth + 1 < len(starts) else len(pieces)
        _Message(rules, count, pieces, range(start, end, 2)).alter()
    return b"".join(pieces)


class _Line:
    """One segment as text fields; written back only where something was set."""

    def __init__(self, raw: bytes, seps: tuple[str, str, str]) -> None:
        self.field, self.component, self.repeat = seps
        self.parts = raw.decode("latin-1").split(self.field)
        self.name = self.parts[0].lstrip("\x0b")
        self.shift = 1 if self.name == "MSH" else 0
        self.touched = False

    def get(self, position: int, component: int = 0) -> str:
        """A field, or a component of its first repetition."""
        at = position - self.shift
        text = self.parts[at] if at < len(self.parts) else ""
        if not component:
            return text
        found = text.split(self.repeat)[0].split(self.component)
        return found[component - 1] if component <= len(found) else ""

    def put(self, position: int, text: str) -> None:
        """Set a whole field."""
        at = position - self.shift
        self.parts += [""] * (at + 1 - len(self.parts))
        self.parts[at] = text
        self.touched = True

    def put_component(self, position: int, component: int, text: str) -> None:
        """Set a component of a field's first repetition."""
        first, *rest = self.get(position).split(self.repeat)
        found = first.split(self.component)
        found += [""] * (component - len(found))
        found[component - 1] = text
        self.put(position, self.repeat.join([self.component.join(found), *rest]))

    def raw(self) -> bytes:
        """The bytes."""
        return self.field.join(self.parts).encode("latin-1")


class _Message:
    """One message as it is being altered."""

    def __init__(self, rules: Rules, count: Counter[str], pieces: list[bytes], where: range) -> None:
        self.rules, self.count, self.pieces = rules, count, pieces
        header = pieces[where.start].lstrip(b"\x0b").decode("latin-1").ljust(8)
        self.seps = (header[3], header[4], header[5])
        self.lines = {n: _Line(pieces[n], self.seps) for n in where}
        pid = next(iter(self._all("PID")), None)
        self.patient = pid.get(3, 1) if pid else ""
        self.bills = bool(self._all("FT1"))

    def _all(self, name: str) -> list[_Line]:
        return [line for line in self.lines.values() if line.name == name]

    def alter(self) -> None:
        """Everything that the rules name. A message without FT1 charges for nothing, and only its people change."""
        self._patient()
        self._coverages()
        if self.bills:
            self._header()
            self._dates()
            self._people()
            for line in self._all("FT1"):
                self._charge(line)
        for line in self._all("DG1"):
            self._coding(line, 3, self.rules.diagnosis, _ICD10, "diagnosis code")
        for n, line in self.lines.items():
            if line.touched:
                self.pieces[n] = line.raw()
        if self.bills and not self._all("IN1"):
            self._add_coverage()

    def _count(self, what: str) -> None:
        self.count[what] += 1

    def _header(self) -> None:
        for line in self._all("MSH"):
            if self.rules.processing_id and line.get(11, 1) not in ("", self.rules.processing_id):
                line.put_component(11, 1, self.rules.processing_id)
                self._count("processing id")

    def _patient(self) -> None:
        told = self.rules.address
        for line in self._all("PID") if told else []:
            if told is None:
                return
            wanted = (
                (1, told.line1, bool(line.get(11, 1))),
                (3, told.city, bool(line.get(11, 3))),
                (4, told.state, len(line.get(11, 4)) == 2 and not state_fault(line.get(11, 4).upper())),
                (5, told.zip, bool(re.fullmatch(r"\d{5}(-?\d{4})?", line.get(11, 5)))),
            )
            for component, value, good in wanted:
                if not good:
                    line.put_component(11, component, value)
                    self._count("address")

    def _coverages(self) -> None:
        for line in self._all("IN1"):
            names = (line.get(2, 1), line.get(3, 1), line.get(4, 1), line.get(2, 2))
            row = self.rules.coverage(*names)
            if row is None:
                continue
            line.put_component(2, 1, row.token)
            self._count("coverage")
            if row.member:
                rank = line.get(1, 1)
                line.put(36, row.member_for(f"{self.patient}/{rank}" if rank != "1" else self.patient))
                self._count("member id")

    def _add_coverage(self) -> None:
        """A policy of its own behind the last segment of a message that has charges and names none."""
        row = self.rules.coverage("")
        if row is None:
            return
        last = max(n for n, line in self.lines.items() if self.pieces[n].strip(b"\x1c\x0b"))
        fields = [""] * 37
        fields[0:3] = ["IN1", "1", row.token]
        fields[17], fields[36] = "SEL", row.member_for(self.patient)
        end = self.pieces[last + 1] if last + 1 < len(self.pieces) else b"\r"
        self.pieces[last] += end + self.seps[0].join(fields).encode("latin-1")
        self._count("coverage")
        self._count("member id")

    def _dates(self) -> None:
        """The visit and all its services move to one day; policies keep their distance to it."""
        told = self.rules.dates
        first = next((on for line in self._all("FT1") if (on := _day(line.get(4, 1)))), None)
        if told is None or first is None:
            return
        to = told.moved(self.patient)
        for name, position in (("FT1", 4), ("FT1", 5), ("PV1", 44), ("PV1", 45)):
            for line in self._all(name):
                for component in (1, 2):
                    self._set_day(line, position, component, to)
        for line in self._all("IN1"):
            for position in (12, 13):
                if on := _day(line.get(position, 1)):
                    self._set_day(line, position, 1, _moved(on, to - first))

    def _set_day(self, line: _Line, position: int, component: int, to: date) -> None:
        text = line.get(position, component)
        if _day(text):
            line.put_component(position, component, f"{to:%Y%m%d}{text[8:]}")
            self._count("date")

    def _people(self) -> None:
        told = self.rules.provider
        if told:
            for name, position, always in (
                ("PV1", 7, True),
                ("PV1", 8, False),
                ("FT1", 20, False),
                ("FT1", 21, False),
            ):
                for line in self._all(name):
                    if (always or line.get(position).strip(line.component)) and not is_npi(line.get(position, 1)):
                        npi = line.component.join([told.npi, told.last, told.first, *[""] * 5, "NPI"])
                        line.put(position, npi)
                        self._count("npi")
        for line in self._all("PV1"):
            if self.rules.place and line.get(3, 1) != self.rules.place:
                line.put_component(3, 1, self.rules.place)
                self._count("place")

    def _charge(self, line: _Line) -> None:
        for position in (25, 7):
            self._coding(line, position, self.rules.charge, _HCPCS, "charge code")
        self._reasons(line)
        if self.rules.units and not line.get(10, 1):
            line.put(10, str(self.rules.units))
            self._count("units")

    def _coding(self, line: _Line, position: int, find: Find, system: str, what: str) -> None:
        if (code := find(line.get(position, 3), line.get(position, 1))) and line.get(position, 1):
            line.put_component(position, 1, code)
            line.put_component(position, 3, system)
            self._count(what)

    def _reasons(self, line: _Line) -> None:
        """FT1-19: every repetition."""
        found = []
        for one in line.get(19).split(line.repeat):
            parts = [*one.split(line.component), "", ""]
            if code := self.rules.diagnosis(parts[2], parts[0]):
                one = line.component.join([code, parts[1], _ICD10])  # noqa: PLW2901  the new text of the same one
                self._count("diagnosis code")
            found.append(one)
        if (text := line.repeat.join(found)) != line.get(19):
            line.put(19, text)


def _day(text: str) -> date | None:
    try:
        return (
            date(int(text[:4]), int(text[4:6]), int(text[6:8])) if text[:8].isdigit() and len(text) >= 8 else None
        )
    except ValueError:
        return None


def _moved(on: date, by: timedelta) -> date:
    """The day moved; at the ends of the calendar it stays."""
    try:
        return on + by
    except OverflowError:
        return on
