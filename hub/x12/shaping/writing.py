"""Writes the source of a writer: one record in, its segment texts out."""

from __future__ import annotations

from functools import lru_cache

from hub.x12.shaping.facts import dedicated_rows, keeps_rest, row_prefixes, usual_code
from hub.x12.shaping.paths import absent, is_optional, prefixes
from hub.x12.shaping.reading import Source, indented, run
from hub.x12.shaping.rest import patched
from hub.x12.shaping.rows import Column, Inner, Row, Shape, Writer
from hub.x12.wire import Delimiters


@lru_cache(maxsize=256)
def compile_writer(shape: Shape, marks: Delimiters, *, around: bool = False) -> Writer:
    """The writer of a shape; made once per delimiters.

    `around` is for a reader that looks what it would write: `write(record, out, inside)` takes the segments of
    loops that keep their own `rest` from `inside`, by field, since those come back as they were.
    """
    made = _Writing(shape, marks, around=around)
    lines = [f"def write(record, out{', inside' if around else ''}):", *indented(made.body())]
    writer: Writer = run(made.source, lines)["write"]
    return writer


class _Writing:
    """One writer being written."""

    def __init__(self, shape: Shape, marks: Delimiters, *, around: bool = False) -> None:
        self.shape, self.marks, self.around = shape, marks, around
        self.source = Source(shape, marks, strict=False)
        self.dedicated = dedicated_rows(shape)

    def body(self) -> list[str]:
        keeps = "rest" in self.shape.type.__struct_fields__  # type: ignore[attr-defined]
        lines = ["start = len(out)"] if keeps else []
        lines.append("add = out.append")
        known: dict[str, str] = {"": "record"}
        for row in self.shape.rows:
            if isinstance(row, Inner):
                lines += self._inner(row)
            elif row.field:
                lines += self._gathered(row)
            else:
                lines += self._row(row, known)
        if keeps:
            self.source.names.update(patched=patched, MARKS=self.marks)
            lines.append("if record.rest: out[start:] = patched(out[start:], record.rest, MARKS)")
        return lines

    def _inner(self, row: Inner) -> list[str]:
        if self.around and keeps_rest(row.shape):
            return [f"out += inside[{row.field!r}]"]
        name = self.source.name(compile_writer(row.shape, self.marks))
        if row.many:
            return [f"for x in record.{row.field}: {name}(x, out)"]
        return [f"x = record.{row.field}", f"if x is not None: {name}(x, out)"]

    def _row(self, row: Row, known: dict[str, str]) -> list[str]:
        reach = _Reach(self.source, self.shape.type, "record", known)
        lines = reach.records(row.columns)
        told = [one for one in row.columns if not one.constant]
        making: list[str] = []
        for column in told:
            reading, *text = reach.value(column)
            lines.append(reading)
            making += text
        if usual := usual_code(row):
            name = reach.locals[usual.path]
            making.append(f"{name} = {name} or {row.codes[0]!r}")
            reach.tests.pop(usual.path)
        making.append(f"add({self._text(row.tag, row.columns, reach, making)})")
        if row is self.shape.rows[0]:
            return lines + making
        alone = [one for one in row_prefixes(row, self.dedicated) if self.dedicated[one]]
        test = f"{known[alone[0]]} is not None" if alone else reach.any(row.columns)
        if alone:  # then nothing of it is read where it is not there
            own = [line for line in lines if not line.startswith("s_")]
            outer = [line for line in lines if line.startswith("s_")]
            return [*outer, f"if {test}:", *indented(own + making)]
        return [*lines, f"if {test}:", *indented(making)]

    def _text(self, tag: str, columns: tuple[Column, ...], reach: _Reach, lines: list[str]) -> str:
        """Code for a whole segment: one f-string, empty elements at its end dropped."""
        last = max((max(one.at, 0 if one.part else one.last) for one in columns), default=0)
        inside = [_in_f(tag), *_elements(self.marks, columns, reach, (1, last), lines)]
        return f"f{_in_f(self.marks.element).join(inside)!r}.rstrip({self.marks.element!r})"

    def _gathered(self, row: Row) -> list[str]:
        if row.times:
            return self._groups(row)
        if row.type is None:
            column = next(one for one in row.columns if not one.constant)
            reach = _Reach(self.source, None, "x", {})
            reach.locals[column.path] = "x"
            lines = reach.text(column, "x")
            text = self._text(row.tag, row.columns, reach, lines)
            return [f"for x in record.{row.field}:", *indented([*lines, f"add({text})"])]
        reach = _Reach(self.source, row.type, "x", {"": "x"})
        lines = reach.records(row.columns)
        for column in row.columns:
            lines += reach.value(column)
        text = self._text(row.tag, row.columns, reach, lines)
        return [f"for x in record.{row.field}:", *indented([*lines, f"add({text})"])]

    def _groups(self, row: Row) -> list[str]:
        """Repeated groups: consecutive items with the same head share a segment, up to `times`."""
        reach = _Reach(self.source, row.type, "x", {"": "x"})
        lines = reach.records(row.columns + row.item)
        for column in row.columns + row.item:
            lines += reach.value(column)
        first, last = min(one.at for one in row.item), max(one.at for one in row.item)
        mark = self.marks.element
        tag = [_in_f(row.tag), *_elements(self.marks, row.columns, reach, (1, first - 1), lines)]
        item = _elements(self.marks, row.item, reach, (first, last), lines)
        lines.append(f"head = f{_in_f(mark).join(tag)!r}")
        lines.append(f"item = f{_in_f(mark).join(item)!r}")
        room = f"held < {row.times}" + (f" and n not in record.{row.breaks}" if row.breaks else "")
        lines += [f"if head == before and {room}:", "    run += " + repr(mark) + " + item; held += 1"]
        lines += ["else:", f"    if run: add(run.rstrip({mark!r}))"]
        lines += [f"    before = head; held = 1; run = head + {mark!r} + item"]
        return [
            f"g = record.{row.field}",
            "if g:",
            "    before = run = ''; held = 0",
            "    for n, x in enumerate(g):",
            *indented(lines, 2),
            f"    add(run.rstrip({mark!r}))",
        ]


class _Reach:
    """Code that reaches into one record for its values."""

    def __init__(self, source: Source, record: type | None, name: str, known: dict[str, str]) -> None:
        self.source, self.record, self.known = source, record, known
        self.locals: dict[str, str] = {}
        self.tests: dict[str, str] = {}
        self.name = name

    def records(self, columns: tuple[Column, ...]) -> list[str]:
        """Gives every inner record a local variable."""
        lines = []
        for prefix in prefixes([one for one in columns if not one.constant]):
            if prefix in self.known:
                continue
            holder, _, step = prefix.rpartition(".")
            name = f"s_{prefix.replace('.', '_')}"
            outer = self.known[holder]
            guard = f" if {outer} is not None else None" if self._optional(holder) else ""
            lines.append(f"{name} = {outer}.{step}{guard}")
            self.known[prefix] = name
        return lines

    def _optional(self, prefix: str) -> bool:
        steps = prefix.split(".") if prefix else []
        assert self.record is not None  # noqa: S101
        return any(is_optional(self.record, ".".join(steps[: n + 1])) for n in range(len(steps)))

    def value(self, column: Column) -> list[str]:
        """Gives one value a local variable, and remembers the code of its text."""
        if column.constant:
            return []
        holder, _, step = column.path.rpartition(".")
        name = "w_" + column.path.replace(".", "_")
        known = absent(self.record, column) if column.kind else ()
        default = self.source.name(known[0]) if known and known[0] is not None else "None"
        nothing = "()" if column.last else default if column.kind else "''"
        guard = f" if {self.known[holder]} is not None else {nothing}" if self._optional(holder) else ""
        lines = [f"{name} = {self.known[holder]}.{step}{guard}"]
        if column.told:
            above, _, told = column.told.rpartition(".")
            lines.append(
                f"{name}_told = {self.known[above]}.{told}" + (guard and guard.replace(nothing, "False"))
            )
        self.locals[column.path] = name
        self.tests[column.path] = self._test(column, name)
        return lines + self.text(column, name)

    def text(self, column: Column, name: str) -> list[str]:
        """Gives the text of a value a local variable where it is not text already."""
        if not column.kind:
            return []
        self.locals[column.path] = f"t_{column.path.replace('.', '_')}"
        write = self.source.name(self.source.shape.kinds[column.kind].write)
        test = self.tests.get(column.path, "")
        only = f" if {test} else ''" if test else ""
        return [f"{self.locals[column.path]} = {write}({name}){only}"]

    def _test(self, column: Column, name: str) -> str:
        if column.told:
            return f"{name}_told"
        if not column.kind:
            return name
        known = absent(self.record, column)
        if known and known[0] is not None:
            return f"{name} != {self.source.name(known[0])}"
        return f"{name} is not None"

    def any(self, columns: tuple[Column, ...]) -> str:
        """Code that tells whether any of the values is there."""
        return " or ".join([self.tests[one.path] for one in columns if one.path in self.tests])


def _elements(
    marks: Delimiters, columns: tuple[Column, ...], reach: _Reach, span: tuple[int, int], lines: list[str]
) -> list[str]:
    """The inside of an f-string for each element of the span; what it needs before is added to `lines`."""
    texts: list[str] = []
    runs = 0
    for place in range(span[0], span[1] + 1):
        here = sorted((one for one in columns if one.at == place), key=lambda one: one.part)
        if place <= runs:
            continue
        if not here:
            texts.append("")
        elif here[0].part:
            texts.append(_composite(marks, here, reach, lines))
        elif here[0].last:
            runs = here[0].last
            texts.append(_spread(here[0], marks.element, reach, runs - place, lines))
        else:
            texts.append(_single(here[0], columns, reach, lines))
    return texts


def _single(column: Column, columns: tuple[Column, ...], reach: _Reach, lines: list[str]) -> str:
    if not column.constant:
        return "{" + reach.locals[column.path] + "}"
    if not column.beside:
        return _in_f(column.constant)
    other = next(one for one in columns if (one.part or one.at) == column.beside and not one.constant)
    name = f"k{len(lines)}"
    lines.append(f"{name} = {column.constant!r} if {reach.tests[other.path]} else ''")
    return "{" + name + "}"


def _spread(column: Column, mark: str, reach: _Reach, gaps: int, lines: list[str]) -> str:
    name = reach.locals[column.path]
    text = f"k{len(lines)}"
    lines.append(f"{text} = {mark!r}.join({name}) + {mark!r} * ({gaps} - max(len({name}) - 1, 0))")
    return "{" + text + "}"


def _composite(marks: Delimiters, columns: list[Column], reach: _Reach, lines: list[str]) -> str:
    wide = max(max(one.part, one.last) for one in columns)
    parts, runs = [], 0
    for part in range(1, wide + 1):
        here = next((one for one in columns if one.part == part), None)
        if part <= runs:
            continue
        if here is None:
            parts.append("")
        elif here.last:
            runs = here.last
            parts.append(_spread(here, marks.component, reach, runs - part, lines))
        else:
            parts.append(_single(here, tuple(columns), reach, lines))
    if len(parts) == 1:
        return parts[0]
    name = f"k{len(lines)}"
    lines.append(f"{name} = f{_in_f(marks.component).join(parts)!r}.rstrip({marks.component!r})")
    return "{" + name + "}"


def _in_f(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
