"""Writes the source of a reader: segment texts in, one record and the next index out."""

from __future__ import annotations

from typing import Any

from hub.x12.shaping.kinds import Memory, Odd, convert, memory
from hub.x12.shaping.paths import absent, inner_type, local
from hub.x12.shaping.rows import Column, Shape
from hub.x12.wire import Delimiters

PADS = [[""] * n for n in range(64)]


class Source:
    """Lines of code being written, and the names they use."""

    def __init__(self, shape: Shape, marks: Delimiters, *, strict: bool) -> None:
        self.shape = shape
        self.marks = marks
        self.strict = strict
        self.names: dict[str, Any] = {"Odd": Odd, "convert": convert, "trimmed": trimmed, "PADS": PADS}
        self._count = 0
        self._memories: dict[tuple[object, ...], str] = {}

    def name(self, value: object) -> str:
        """A global name for a value."""
        self._count += 1
        made = f"G{self._count}"
        self.names[made] = value
        return made

    def odd(self, condition: str) -> list[str]:
        """Gives up the quick way when the condition holds; with care the difference is found afterwards."""
        return [f"if {condition}: raise Odd"] if self.strict else []

    def value(self, column: Column, text: str, where: str, record: type | None, at: str) -> str:
        """Code that reads one value from the code of its text."""
        if not column.kind:
            return text
        kind = self.shape.kinds[column.kind]
        absence = absent(record, column)
        if self.strict:
            key = (column.kind, repr(absence), bool(column.told))
            if key not in self._memories:
                self._memories[key] = self.name(memory(kind, absence, told=bool(column.told)))
            return f"{self._memories[key]}[{text}]"
        return f"convert({self.name(kind)}, {self.name(absence)}, {text}, {_place(where)}, {at})"


def _place(where: str) -> str:
    """Code for a place; that of an element in a repeated group is counted from where the group begins."""
    start, moved, element = where.partition("+")
    return f"f'{start}{{k + {int(element)}:02}}'" if moved and element.isdigit() else repr(start)


def trimmed(texts: list[str]) -> tuple[str, ...]:
    """The texts up to the last that is not empty."""
    while texts and not texts[-1]:
        texts.pop()
    return tuple(texts)


def run(source: Source, lines: list[str]) -> dict[str, Any]:
    """Runs generated code and gives its names."""
    code = "\n".join(lines)
    exec(compile(code, f"<shape {source.shape.loop} {source.shape.type.__name__}>", "exec"), source.names)  # noqa: S102
    source.names["SOURCE"] = code
    return source.names


def indented(lines: list[str], by: int = 1) -> list[str]:
    """Lines one or more levels deeper."""
    return ["    " * by + line for line in lines]


def split(
    source: Source,
    columns: tuple[Column, ...],
    least: int = 0,
    most: int = 0,
    *,
    done: bool = False,
    usual: int = 0,
) -> list[str]:
    """Cuts `text` into `v`, as long as the columns reach; `done` says that it is cut already."""
    wide = max(most, max((max(one.at, 0 if one.part else one.last) for one in columns), default=0))
    lines = [] if done else [f"v = text.split({source.marks.element!r})"]
    if source.strict and wide == least:
        return [*lines, f"if len(v) != {wide + 1} or not v[{wide}]: raise Odd"]
    lines.append("n = len(v)")
    few = f" or n <= {least}" if least > 1 else ""
    lines += source.odd(f"n > {wide + 1}{few} or not v[-1]")
    wide = usual if source.strict and usual else wide
    return [*lines, f"if n <= {wide}: v += PADS[{wide + 1} - n]"]


def assigned(
    source: Source,
    columns: tuple[Column, ...],
    record: type | None,
    where: str,
    *,
    at: str = "i",
    base: str = "",
    known: int = 0,
    above: int = 0,
) -> list[str]:
    """Gives each column's local variable its value from `v`; `base` is added to every index.

    `known` is the place of a code that was looked at already, `above` that of the last element read before.
    """
    lines: list[str] = []
    by_at: dict[int, list[Column]] = {}
    for column in columns:
        by_at.setdefault(column.at, []).append(column)
    first, last = (min(by_at), max(by_at)) if by_at else (1, 0)
    gaps, runs = [], 0
    for place in range(above + 1 if not base else first, last + 1):
        text = f"v[{base}{place}]" if not base else f"v[{base} + {place}]"
        here = by_at.get(place, [])
        if not here:
            if place > runs:
                gaps.append(text)
        elif here[0].part:
            lines += composite(source, here, text, record, f"{where}{place:02}", at)
        else:
            (column,) = here
            runs = max(runs, column.last)
            lines += _element(source, column, text, record, f"{where}{place:02}", at, known=place == known)
    return lines + (source.odd(" or ".join(gaps)) if gaps else [])


def _element(
    source: Source, column: Column, text: str, record: type | None, where: str, at: str, *, known: bool
) -> list[str]:
    if column.constant:
        told = f"({column.constant!r} if v[{column.beside}] else '')" if column.beside else repr(column.constant)
        return [] if known else source.odd(f"{text} != {told}")
    target = local(column.path)
    if column.gaps:
        return [f"{target} = trimmed(v[{column.at}:{column.last + 1}])"]
    if column.last:
        lines = [f"r = v[{column.at}:{column.last + 1}]", f"{target} = tuple([x for x in r if x])"]
        return lines + source.odd(f"'' in r[:len({target})]")
    lines = [f"{target} = {source.value(column, text, where, record, at)}"]
    if column.told:
        lines.append(f"{local(column.told)} = {text} != ''")
    return lines


def composite(
    source: Source, columns: list[Column], text: str, record: type | None, where: str, at: str
) -> list[str]:
    """Code that reads a composite: its own function cuts it, with a memory of those that were met."""
    columns = sorted(columns, key=lambda one: one.part)
    wide = max(max(one.part, one.last) for one in columns)
    body = [f"p = text.split({source.marks.component!r})", "n = len(p)"]
    body += source.odd(f"(text and not p[-1]) or n > {wide}")
    body.append(f"if n < {wide}: p += PADS[{wide} - n]")
    out: list[str] = []
    covered: set[int] = set()
    for column in columns:
        covered.update(range(column.part, max(column.part, column.last) + 1))
        part = f"p[{column.part - 1}]"
        if column.constant:
            told = repr(column.constant)
            if column.beside:
                told = f"({told} if p[{column.beside - 1}] else '')"
            body += source.odd(f"{part} != {told}")
        elif column.last:
            body += [f"r = p[{column.part - 1}:{column.last}]", f"t{column.part} = tuple([x for x in r if x])"]
            body += source.odd(f"'' in r[:len(t{column.part})]")
            out.append(f"t{column.part}")
        else:
            out.append(source.value(column, part, f"{where}-{column.part}", record, "at"))
    gaps = [f"p[{part - 1}]" for part in range(1, wide + 1) if part not in covered]
    body += source.odd(" or ".join(gaps)) if gaps else []
    targets = [local(one.path) for one in columns if not one.constant]
    name = source.name(None)
    lines = [f"def {name}(text, at=0):", *indented([*body, f"return ({', '.join(out)},)"])]
    exec("\n".join(lines), source.names)  # noqa: S102
    if source.strict:
        source.names[name] = Memory(source.names[name])
        read = f"{name}[{text}]"
    else:
        read = f"{name}({text}, {at})"
    lines = [f"{', '.join(targets)}, = {read}"]
    if columns[-1].told:
        lines.append(f"{local(columns[-1].told)} = {text} != ''")
    return lines


def constructed(source: Source, record: type, columns: tuple[Column, ...]) -> str:
    """Code that makes a record of a row of its own from the local variables of its columns."""
    return made_of(source, record, record, "", columns, {})


def made_of(
    source: Source, root: type, record: type, prefix: str, columns: tuple[Column, ...], dedicated: dict[str, bool]
) -> str:
    """Code that makes the record at a path below `root`, from the local variables of the columns there."""
    given = {
        name: code for name, (code, _) in fields_of(source, root, record, prefix, columns, dedicated).items()
    }
    return call(source, record, given)


def call(source: Source, record: type, given: dict[str, str]) -> str:
    """Code that calls a constructor."""
    return f"{source.name(record)}({', '.join(f'{name}={code}' for name, code in given.items())})"


def fields_of(
    source: Source, root: type, record: type, prefix: str, columns: tuple[Column, ...], dedicated: dict[str, bool]
) -> dict[str, tuple[str, str]]:
    """For each field that the columns fill: the code of its value, and code that tells whether it is there."""
    given: dict[str, tuple[str, str]] = {}
    for column in columns:
        if not column.path.startswith(prefix) or column.constant:
            continue
        step, _, deeper = column.path[len(prefix) :].partition(".")
        if not deeper:
            name = local(column.path)
            given[step] = name, filled(source, root, column)
            if column.told and column.told.startswith(prefix):
                given[column.told[len(prefix) :]] = local(column.told), f"not {local(column.told)}"
        elif step not in given:
            inner, optional = inner_type(record, step)
            made = made_of(source, root, inner, prefix + step + ".", columns, dedicated)
            there = present(source, root, prefix + step, columns, dedicated)
            given[step] = f"({made} if {there} else None)" if optional else made, there
    return given


def present(
    source: Source, root: type, prefix: str, columns: tuple[Column, ...], dedicated: dict[str, bool]
) -> str:
    """Code that tells whether an inner record was there: its own row was, or one of its values."""
    below = [one for one in columns if one.path.startswith(prefix + ".") and not one.constant]
    if prefix in dedicated:
        tests = [f"has_{local(prefix)}"]
        below = [] if dedicated[prefix] else below
    else:
        tests = []
    return " or ".join(tests + [filled(source, root, one) for one in below]) or "False"


def filled(source: Source, root: type, column: Column) -> str:
    """Code that tells whether a value is there."""
    name = local(column.path)
    if column.told:
        return local(column.told)
    if not column.kind:
        return name
    known = absent(root, column)
    return f"{name} != {source.name(known[0])}" if known and known[0] is not None else f"{name} is not None"
