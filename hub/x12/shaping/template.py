"""Compiles the quickest reader: one pattern and straight code for one sequence of segments that was met before.

A sequence (`Sequel`) is known by the id, the code and the number of elements of each segment. Its pattern matches
only what the writer would write the same way, in the order that stands in the file; whatever else comes is left to
the readers that look at every segment.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec

from hub.x12.shaping.making import Making
from hub.x12.shaping.reading import composite, run
from hub.x12.shaping.rest import difference
from hub.x12.shaping.rows import Column, Row, Shape
from hub.x12.shaping.sequel import NotLearned, Part, Repeats, Sequel, Template
from hub.x12.shaping.sequence import Sequence
from hub.x12.shaping.writing import compile_writer
from hub.x12.wire import STANDARD, Delimiters


class Templates(Making):
    """Makes the templates of one shape; values that repeat are remembered by all of them together."""

    def __init__(
        self, shape: Shape, marks: Delimiters, stops: frozenset[str], inner: str, foreign: frozenset[str]
    ) -> None:
        super().__init__(shape, marks, None, strict=True)
        self.stops = stops
        self.foreign = foreign - {row.tag for row in shape.rows}
        self.write = compile_writer(shape, marks)
        self.source.names.update(Decimal=Decimal, setfield=msgspec.structs.force_setattr)
        self.varied: set[Part] = set()
        self.told: dict[Part, list[str]] = {}
        self._repeats: dict[Part, str] = {}
        self._composites: dict[tuple[str, int], list[str]] = {}
        element, segment = re.escape(marks.element), re.escape(marks.segment)
        ends = "|".join(sorted(map(re.escape, stops - {inner, ""})))
        again = f"{re.escape(inner)}{element}|" if inner else ""
        self._after = f"(?={again}(?:{ends})(?:{element}|{segment})|\\Z)"
        self.text = f"[^{re.escape(marks.element + marks.segment)}]++"
        tags = [row.tag for row in shape.rows]
        self.coded = frozenset(
            row.tag for row in shape.rows[1:] if row.codes or (isinstance(row, Row) and row.times)
        )
        plain = all(row.code_at == 1 and not row.code_in_part for row in shape.rows)
        own = {one.path.rpartition(".")[0] for one in self.columns if not one.constant}
        inside = {
            one.path for row in shape.rows if isinstance(row, Row) and row.field for one in row.columns + row.item
        }
        heads = [one for row in shape.rows if isinstance(row, Row) and row.times for one in row.columns]
        self.able = (
            plain
            and own <= {"", *self.whole}
            and tags.count(tags[0]) == 1
            and all(one.at == 1 for one in heads)
            and not any(one.beside for one in self.columns if not one.part)
            and not inside & {one.path for one in self.columns if one.path}
        )

    def learned(self, sequel: Sequel, texts: list[str], *given: Any) -> Template:
        """The template of a sequence that stands in `texts`. Raises `NotLearned`, or `Odd` if these values are."""
        moves = self._moves(sequel, texts, (), given) if self.able else None
        if moves is None:
            raise NotLearned
        template = self._compiled(sequel, moves)
        self._proved(template, texts, given)
        return template

    def _moves(
        self, sequel: Sequel, texts: list[str], moves: tuple[tuple[int, int, int], ...], given: tuple[Any, ...]
    ) -> tuple[tuple[int, int, int], ...] | None:
        """What `rest` will hold: (place, which segment it replaces, which stands there); None where values differ."""
        template = self._compiled(sequel, moves)
        out = self._written(template, texts, given)
        found = []
        for place, old, new in difference(out, texts, STANDARD):
            if not new or (old and old != new) or texts.count(new) > 1:
                return None
            found.append((place, texts.index(old) if old else -1, texts.index(new)))
        standard = (self.marks.element, self.marks.component, self.marks.repetition) == ("*", ":", "^")
        return tuple(found) if not found or (self.keeps and standard) else None

    def _proved(self, template: Template, texts: list[str], given: tuple[Any, ...]) -> None:
        """A template that does not give back what it was learned from is none."""
        if self._written(template, texts, given) != texts:
            raise NotLearned

    def _written(self, template: Template, texts: list[str], given: tuple[Any, ...]) -> list[str]:
        found = template.match(self.marks.segment.join([*texts, ""]), 0)
        if found is None:
            raise NotLearned
        out: list[str] = []
        self.write(template.build(found, texts, 0, (), *given), out)
        return out

    def _compiled(self, sequel: Sequel, moves: tuple[tuple[int, int, int], ...]) -> Template:
        made = Sequence(self, sequel, moves)
        pattern = re.compile(made.pattern() + self._after)
        lines = made.code()
        build = run(self.source, lines)["build"]
        return Template(pattern.match, build, len(sequel))

    def repeating(self, row: Row, part: Part) -> bool:
        """Whether the texts of such segments repeat, so far as is known."""
        more = part[2][1:] if part[1] else part[2]
        return row.few and "1" in more and part not in self.varied and bool(row.type or not row.field)

    def repeated(self, row: Row, part: Part) -> str:
        """The name of the memory of such segments."""
        if part not in self._repeats:
            pattern, lines, values = (made := Sequence(self, (), ())).alone(row, part)
            if not (made.fields or row.field):
                raise NotLearned
            self.told[part] = list(made.fields)
            head = self.marks.element.join([row.tag, *([part[1]] if part[1] else []), ""])
            match = self.source.name(re.compile(pattern).fullmatch)
            code = [f"found = {match}({head!r} + text)", "if found is None: raise Odd"]
            code += [f"{', '.join(made.groups)}, = found.groups()", *lines, f"return ({values})"]
            make = run(self.source, ["def build(text):", *[f"    {line}" for line in code]])["build"]
            self._repeats[part] = self.source.name(None)
            self.source.names[self._repeats[part]] = Repeats(make, part, self.varied)
        return self._repeats[part]

    def composite_lines(self, row: Row, columns: list[Column], text: str) -> list[str]:
        """Code that reads a composite, whose values all templates remember together."""
        key = (row.tag + ",".join(row.codes), columns[0].at)
        if key not in self._composites:
            where = f"{self._where(row)}{columns[0].at:02}"
            record = row.type or self.shape.type
            self._composites[key] = composite(self.source, columns, "@TEXT@", record, where, "i")
        return [line.replace("@TEXT@", text) for line in self._composites[key]]
