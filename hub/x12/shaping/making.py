"""Writes the end of a reader: the record is made, of what is nearly always there and of what is seldom."""

from __future__ import annotations

from typing import Any

import msgspec

from hub.x12.shaping.facts import dedicated_rows, keeps_rest, own_rows
from hub.x12.shaping.kinds import Unreadable, unreadable
from hub.x12.shaping.paths import defaults, local
from hub.x12.shaping.reading import Source, call, fields_of, filled
from hub.x12.shaping.rest import difference
from hub.x12.shaping.rows import Inner, Row, Shape, Writer
from hub.x12.wire import Delimiters

MOST_KEYWORDS = 15
"""CPython passes more than these through a dictionary, which costs more than the call itself."""


class Making:
    """What a reader being written knows of its record."""

    def __init__(self, shape: Shape, marks: Delimiters, writer: Writer | None, *, strict: bool) -> None:
        self.shape, self.marks, self.strict, self.writer = shape, marks, strict, writer
        self.source = Source(shape, marks, strict=strict)
        self.dedicated = dedicated_rows(shape)
        self.whole = {prefix for prefix, only in self.dedicated.items() if only and "." not in prefix}
        self.columns = tuple(column for row in own_rows(shape) for column in row.columns)
        self.keeps = keeps_rest(shape)

    def _end(self) -> list[str]:
        """Makes the record; with care, what it would not write again is kept in its `rest`."""
        needed = self._needed()
        fields = self._fields()
        first = _first(self.shape, list(fields))
        made = call(self.source, self.shape.type, {name: fields[name][0] for name in first})
        lines = [*needed, f"made = {made}"]
        second = [name for name in self.shape.often if name in fields and name not in first]
        if second:
            self.source.names["setfield"] = msgspec.structs.force_setattr
        lines += [f"if {fields[name][1]}: setfield(made, {name!r}, {fields[name][0]})" for name in second]
        known = {*first, *second}
        lines += self._later({name: fields[name] for name in fields if name not in known})
        if not self.strict and self.keeps:
            self.source.names.update(
                write=self.writer, difference=difference, replace=_with_rest, MARKS=self.marks
            )
            lines += ["out = []", "write(made, out, inside)", "raw = texts[start:i]"]
            lines.append("if out != raw: made = replace(made, difference(out, raw, MARKS))")
        return [*lines, "return made, i"]

    def _needed(self) -> list[str]:
        """Segments without which there is no record."""
        lines = []
        for row in own_rows(self.shape)[1:]:
            for column in [one for one in row.columns if one.required][:1]:
                if self.strict:
                    lines.append(f"if {local(column.path)} is None: raise Odd")
                else:
                    self.source.names["missing"] = _missing
                    lines.append(f"if {local(column.path)} is None: missing({self._where(row)!r}, start)")
        return lines

    def _fields(self) -> dict[str, tuple[str, str]]:
        """For each field of the record: the code of its value, and code that tells whether it is there."""
        fields = fields_of(self.source, self.shape.type, self.shape.type, "", self.columns, self.dedicated)
        fields.update({name: (local(name), f"{local(name)} is not None") for name in self.whole})
        for row in self.shape.rows[1:]:
            if isinstance(row, Inner):
                name = local(row.field)
                fields[row.field] = (f"tuple({name})", name) if row.many else (name, f"{name} is not None")
            elif row.field:
                usual = defaults(self.shape.type).get(row.field, ())
                fields[row.field] = local(row.field), local(row.field) if not usual else "True"
                if row.breaks:
                    fields[row.breaks] = local(row.breaks), local(row.breaks)
        fields.update({name: (f"g_{name}", f"g_{name}") for name in self.shape.given})
        for target, (function, *sources) in self.shape.derive.items():
            values, there = zip(*[fields[one] for one in sources], strict=True)
            fields[target] = f"{self.source.name(function)}({', '.join(values)})", " or ".join(there)
        return fields

    def _later(self, fields: dict[str, tuple[str, str]]) -> list[str]:
        """Sets what is seldom there, since a call with more than fifteen keywords is slow."""
        if not fields:
            return []
        self.source.names["setfield"] = msgspec.structs.force_setattr
        always = [there for name, (_, there) in fields.items() if there == "True" or name in self.shape.given]
        tests = list(dict.fromkeys(["more", *always] if self.strict else [there for _, there in fields.values()]))
        lines = [f"if {' or '.join(tests)}:"]
        for name, (code, there) in fields.items():
            lines += [f"    if {there}: setfield(made, {name!r}, {code})"]
        return lines

    def _more(self, row: Row, *, opener: bool = False) -> list[str]:
        """Notes that a field is there which the constructor is not given."""
        if not self.strict:
            return []
        later = self._seldom()
        if not opener:
            told = [one for one in row.columns if not one.constant]
            mine = [one for one in told if one.path.partition(".")[0] in later]
            if row.field or len(mine) == len(told) or any("." in one.path or one.told for one in mine):
                return ["more = True"] if mine or row.field in later else []
            tests = [filled(self.source, self.shape.type, one) for one in mine]
            return [f"if {' or '.join(tests)}: more = True"] if tests else []
        early = [one for one in row.columns if not row.usual or one.at <= row.usual]
        tests = [
            f"not {local(one.told)}" if one.told in later else filled(self.source, self.shape.type, one)
            for one in early
            if not one.constant and {one.path.partition(".")[0], one.told} & later
        ]
        return [f"if {' or '.join(tests)}: more = True"] if tests else []

    def _seldom(self) -> set[str]:
        """Fields that are set after the record is made, and those that such fields are derived from."""
        names = self._names()
        later = set(names) - set(_first(self.shape, names)) - set(self.shape.often)
        for target, (_, *sources) in self.shape.derive.items():
            if target in later:
                later |= set(sources)
        return later

    def _names(self) -> list[str]:
        """The fields that are given a value."""
        names = [one.path.partition(".")[0] for one in self.columns if not one.constant]
        names += [one.told for one in self.columns if one.told]
        names += [row.field for row in self.shape.rows if row.field]
        names += [row.breaks for row in self.shape.rows if isinstance(row, Row) and row.breaks]
        return list(dict.fromkeys([*names, *self.shape.given, *self.shape.derive]))

    def _where(self, row: Row) -> str:
        return f"{self.shape.loop} {row.tag}".strip()


def _first(shape: Shape, fields: list[str]) -> list[str]:
    """The fields that the constructor is given: those it requires, then the first ones of the record."""
    known = defaults(shape.type)
    in_order = [name for name in shape.type.__struct_fields__ if name in fields]  # type: ignore[attr-defined]
    if len(in_order) <= MOST_KEYWORDS:
        return in_order
    needed = [name for name in in_order if name not in known]
    wanted = [name for name in (shape.often or in_order) if name in in_order and name not in needed]
    return [*needed, *wanted[: max(0, MOST_KEYWORDS - len(needed))]]


def _missing(where: str, at: int) -> None:
    raise Unreadable(unreadable(where, "the segment is missing"), at)


def _with_rest(record: Any, rest: object) -> Any:
    return msgspec.structs.replace(record, rest=rest)
