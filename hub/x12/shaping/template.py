"""Compiles the quickest reader: one pattern and straight code for one sequence of segments that was met before.

A sequence (`Sequel`) is known by the id, the code and the number of elements of each segment. Its pattern matches
only what the writer would write the same way, in the order that stands in the file; whatever else comes is left to
the readers that look at every segment.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from hub.x12.shaping.facts import row_prefixes, usual_code
from hub.x12.shaping.kinds import Odd
from hub.x12.shaping.making import MOST_KEYWORDS, Making
from hub.x12.shaping.paths import absent, inner_type, local
from hub.x12.shaping.reading import composite, constructed, made_of, run
from hub.x12.shaping.rest import difference
from hub.x12.shaping.rows import Column, Inner, Row, Shape
from hub.x12.shaping.writing import compile_writer
from hub.x12.wire import STANDARD, Delimiters

Part = tuple[str, str, str]
"""A segment of a sequence: its id, its first element where that is a code, and 1 or 0 for each element: has a value
or not."""
Sequel = tuple[Part, ...]


MOST_REPEATED = 1_000
"""Different texts of one kind of segment after which they do not repeat enough to be remembered."""

MOST_OTHERS = 8
"""Templates that are tried after another before a sequence is looked at."""


class Template:
    """A sequence that is read at once: `match` finds it in the text, `build` makes the record of what was found.

    `count` is the number of its segments, `next` the template that followed it the last time, `others` all that did.
    """

    __slots__ = ("build", "count", "match", "next", "others")

    def __init__(self, match: Callable[[str, int], Any], build: Callable[..., Any], count: int) -> None:
        self.match, self.build, self.count = match, build, count
        self.next: Template = self
        self.others: tuple[Template, ...] = ()

    def follow(self, one: Template) -> None:
        """Notes which template came after this one."""
        if one not in self.others:
            self.others = (one, *self.others[: MOST_OTHERS - 1])
        self.next = one


class Repeats(dict[str, tuple[Any, ...]]):
    """What was made of the texts of one kind of segment; where they do not repeat it is told to `varied`."""

    __slots__ = ("_left", "_make", "_part", "_varied")

    def __init__(self, make: Callable[[str], tuple[Any, ...]], part: Part, varied: set[Part]) -> None:
        super().__init__()
        self._make, self._part, self._varied = make, part, varied
        self._left = MOST_REPEATED

    def __missing__(self, text: str) -> tuple[Any, ...]:
        """Makes and keeps what is new."""
        made = self._make(text)
        self._left -= 1
        if self._left > 0:
            self[text] = made
        else:
            self._varied.add(self._part)
        return made


class NotLearned(Exception):
    """A sequence has no template: it is not what the writer would write, or is too odd to be worth one."""


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
        made = _Sequence(self, sequel, moves)
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
            pattern, lines, values = (made := _Sequence(self, (), ())).alone(row, part)
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


class _Sequence:
    """One template being written."""

    def __init__(self, of: Templates, sequel: Sequel, moves: tuple[tuple[int, int, int], ...]) -> None:
        self.of, self.sequel, self.moves = of, sequel, moves
        self.shape, self.source = of.shape, of.source
        self.patterns: list[str] = []
        self.groups: list[str] = []
        self.lines: list[str] = []
        self.fields: dict[str, str] = {}
        self.gathered: dict[str, list[str]] = {}
        self.breaks: dict[str, list[int]] = {}
        self.before: dict[str, tuple[int, str]] = {}
        self.taken: set[int] = set()
        self.filled = ""
        for part in sequel:
            self._segment(part)

    def pattern(self) -> str:
        """The pattern of the segments, each with its terminator."""
        return "".join([text + re.escape(self.of.marks.segment) for text in self.patterns])

    def code(self) -> list[str]:
        """The function that makes the record of the groups of a match."""
        given = "".join([f", g_{name}" for name in self.shape.given])
        lines = [f"def build(found, texts, at, inside{given}):"]
        lines.append(f"    {', '.join(self.groups)}, = found.groups()")
        lines += [f"    {line}" for line in [*self._different(), *self.lines, *self._made(), "return made"]]
        return lines

    def _segment(self, part: Part) -> None:
        tag, code, filled = part
        if tag in self.of.foreign or (tag in self.of.coded and not code):
            raise NotLearned
        row = self._row(tag, code)
        if row is None:
            self._unknown(part)
            return
        if not filled.endswith("1"):
            raise NotLearned
        self.filled, texts = filled, [re.escape(row.tag)]
        if not self.of.repeating(row, part):
            self._look(row, code, texts)
        elif row.field:
            self._gather_again(row, part, texts)
        else:
            again = self._again(row, part, texts)
            names = {path: f"r{len(self.lines)}_{local(path.replace('.', '_'))}" for path in self.of.told[part]}
            self.lines.append(f"{', '.join(names.values())}, = {again}")
            self.fields.update(names)
        self.patterns.append(re.escape(self.of.marks.element).join(texts))

    def _look(self, row: Row, code: str, texts: list[str]) -> None:
        """A segment every element of which is read."""
        if row.field:
            self._gather(row, code, texts)
        else:
            self._fill(row, code, texts)

    def _again(self, row: Row, part: Part, texts: list[str]) -> str:
        """A segment whose text repeats: the records that were made of it the last time."""
        texts += [re.escape(part[1])] if part[1] else []
        values = [self.of.text if one == "1" else "" for one in part[2][bool(part[1]) :]]
        group = self._group(re.escape(self.of.marks.element).join(values), texts)
        return f"{self.of.repeated(row, part)}[{group}]"

    def _gather_again(self, row: Row, part: Part, texts: list[str]) -> None:
        items = self.gathered.setdefault(row.field, [])
        name = f"i{len(self.lines)}"
        self.lines.append(f"{name} = {self._again(row, part, texts)}")
        if not row.times:
            items.append(f"{name}[0]")
            return
        first = min(one.at for one in row.item)
        step = max(one.at for one in row.item) - first + 1
        number = -(-(len(self.filled) + 1 - first) // step)
        self._headed(row, part[1], number, len(items))
        items += [f"{name}[{at}]" for at in range(number)]

    def _headed(self, row: Row, code: str, number: int, held: int) -> None:
        """Notes where a segment of groups begins though the one before has room for more."""
        size, head = self.before.get(row.field, (row.times, ""))
        if head == code and size < row.times:
            if not row.breaks:
                raise NotLearned
            self.breaks.setdefault(row.breaks, []).append(held)
        self.before[row.field] = number, code

    def alone(self, row: Row, part: Part) -> tuple[str, list[str], str]:
        """Pattern, lines and values of one segment by itself."""
        self.filled, texts = part[2], [re.escape(row.tag)]
        self._look(row, part[1], texts)
        made = self.gathered[row.field] if row.field else list(self.fields.values())
        return re.escape(self.of.marks.element).join(texts), self.lines, "".join([f"{one}, " for one in made])

    def _row(self, tag: str, code: str) -> Row | None:
        """The row that takes a segment; None where it is left to `rest`."""
        if not self.patterns:
            opener = self.shape.rows[0]
            return opener if isinstance(opener, Row) else None
        mine = [(at, row) for at, row in enumerate(self.shape.rows) if at and row.tag == tag]
        fitting = [one for one in mine if code in one[1].codes] or [one for one in mine if not one[1].codes]
        if not fitting:
            return None
        at, row = fitting[0]
        if isinstance(row, Inner):
            raise NotLearned
        if not row.field and at in self.taken:
            return None
        self.taken.add(at)
        return row

    def _unknown(self, part: Part) -> None:
        tag, code, filled = part
        texts = [re.escape(tag), *([re.escape(code)] if code else [])]
        texts += [self.of.text if one == "1" else "" for one in filled[bool(code) :]]
        self.patterns.append(re.escape(self.of.marks.element).join(texts))

    def _group(self, pattern: str, texts: list[str]) -> str:
        name = f"e{len(self.groups)}"
        self.groups.append(name)
        texts.append(f"({pattern})")
        return name

    def _fill(self, row: Row, code: str, texts: list[str]) -> None:
        """A segment whose columns are fields of the record, or of a record inside that only it fills."""
        told = self._elements(row, row.columns, (1, len(self.filled) + 1), code, texts, self.shape.type)
        whole = [one for one in row_prefixes(row, self.of.dedicated) if one in self.of.whole]
        if whole:
            inner = inner_type(self.shape.type, whole[0])[0]
            self.fields[whole[0]] = made_of(
                self.source, self.shape.type, inner, whole[0] + ".", tuple(told), self.of.dedicated
            )
            return
        usual = usual_code(row)
        for column in told:
            if column is not usual or code != row.codes[0]:
                self.fields[column.path] = local(column.path)

    def _gather(self, row: Row, code: str, texts: list[str]) -> None:
        """A segment that gathers: one record, or one for each group of elements."""
        items = self.gathered.setdefault(row.field, [])
        if row.times:
            self._groups(row, code, texts, items)
            return
        told = self._elements(row, row.columns, (1, len(self.filled) + 1), code, texts, row.type)
        items.append(self._item(row, told))

    def _groups(self, row: Row, code: str, texts: list[str], items: list[str]) -> None:
        first = min(one.at for one in row.item)
        step = max(one.at for one in row.item) - first + 1
        size = len(self.filled) + 1
        if size <= first or size > first + step * row.times:
            raise NotLearned
        before = len(items)
        heads = self._elements(row, row.columns, (1, first), code, texts, row.type)
        for base in range(first, size, step):
            if self.filled[base - 1] == "0":
                raise NotLearned
            moved = tuple(msgspec.structs.replace(one, at=one.at - first + base) for one in row.item)
            told = self._elements(row, moved, (base, min(size, base + step)), "", texts, row.type)
            items.append(self._item(row, heads + told))
        self._headed(row, code, len(items) - before, before)

    def _item(self, row: Row, columns: list[Column]) -> str:
        name = f"i{len(self.lines)}"
        if row.type is None:
            made = local(next(one.path for one in columns if not one.constant))
        else:
            made = constructed(self.source, row.type, tuple(columns))
        self.lines.append(f"{name} = {made}")
        return name

    def _elements(
        self,
        row: Row,
        columns: tuple[Column, ...],
        span: tuple[int, int],
        code: str,
        texts: list[str],
        record: type | None,
    ) -> list[Column]:
        """Adds the patterns of elements from `span[0]` up to before `span[1]`, and the code that reads them.

        Gives the columns that have another value than one that is not told.
        """
        runs, told = 0, []
        for place in range(*span):
            here = [one for one in columns if one.at == place]
            filled = self.filled[place - 1] == "1"
            if place <= runs:
                continue
            if here and here[0].last and not here[0].part:
                runs = self._run(here[0], span[1], texts)
                told.append(here[0])
            elif here and filled and not here[0].part:
                told += self._element(here[0], code if place == 1 else "", texts, record)
            elif here and filled:
                self.lines += self.of.composite_lines(row, here, self._group(self.of.text, texts))
                told += here
            elif filled:
                raise NotLearned
            else:
                texts.append("")
                told += [kept for one in here for kept in self._absent(one, record)]
        beyond = [one for one in columns if one.at >= span[1]]
        return told + [kept for one in beyond for kept in self._absent(one, record)]

    def _run(self, column: Column, end: int, texts: list[str]) -> int:
        """Texts of a run without gaps; gives the place of the last."""
        last = min(column.last, end - 1)
        if column.gaps or "0" in self.filled[column.at - 1 : last]:
            raise NotLearned
        names = [self._group(self.of.text, texts) for _ in range(column.at, last + 1)]
        self.lines.append(f"{local(column.path)} = ({', '.join(names)},)")
        return last

    def _absent(self, column: Column, record: type | None) -> list[Column]:
        """The column if its value, where it is not there, is another than its field has by itself."""
        if column.required or column.constant:
            raise NotLearned
        if column.told:
            self.fields[column.told] = "False"
        if column.kind or record is None or column.last or not column.path:
            return []
        if absent(record, column)[0] == "":
            return []
        self.lines.append(f"{local(column.path)} = ''")
        return [column]

    def _element(self, column: Column, code: str, texts: list[str], record: type | None) -> list[Column]:
        if column.constant or code:
            if column.constant and code and column.constant != code:
                raise NotLearned
            texts.append(re.escape(column.constant or code))
            if not column.constant:
                self.lines.append(f"{local(column.path)} = {self._constant(column, code, record)}")
            return [] if column.constant else [column]
        kind = self.shape.kinds[column.kind] if column.kind else None
        known = absent(record, column)
        if kind is None:
            value = self._group(self.of.text, texts)
        elif kind.form and (not known or known[0] is None):
            value = f"Decimal({self._group(kind.form, texts)})"
        else:
            value = self.source.value(column, self._group(self.of.text, texts), "", record, "i")
        self.lines.append(f"{local(column.path)} = {value}")
        if column.told and absent(record, msgspec.structs.replace(column, path=column.told))[0] is not True:
            self.fields[column.told] = "True"
        return [column]

    def _constant(self, column: Column, code: str, record: type | None) -> str:
        """Code for the value of an element that is the same wherever the sequence stands."""
        if not column.kind:
            return repr(code)
        memory = self.source.value(column, "", "", record, "i").partition("[")[0]
        return self.source.name(self.source.names[memory][code])

    def _different(self) -> list[str]:
        """Segments that were moved are known by their text: where two could be alike, they must not be."""
        if not self.moves:
            return []
        size = len(self.sequel)
        pairs = [(a, b) for a in range(size) for b in range(a + 1, size) if self.sequel[a] == self.sequel[b]]
        return [f"if texts[at + {a}] == texts[at + {b}]: raise Odd" for a, b in pairs]

    def _made(self) -> list[str]:
        fields = dict(self.fields)
        for name, items in self.gathered.items():
            fields[name] = f"({', '.join(items)},)"
        fields.update({name: repr(tuple(places)) for name, places in self.breaks.items()})
        late = {name: f"g_{name}" for name in self.shape.given if name not in self.shape.often}
        fields.update({name: f"g_{name}" for name in self.shape.given if name not in late})
        for row in self.shape.rows:
            if isinstance(row, Inner):
                fields[row.field] = "inside"
        for target, (function, *sources) in self.shape.derive.items():
            if any(one in fields for one in sources):
                values = [f"made.{one}" for one in sources]
                late[target] = f"{self.source.name(function)}({', '.join(values)})"
        if self.moves:
            rest = [
                f"({place}, {f'texts[at + {old}]' if old >= 0 else repr('')}, texts[at + {new}])"
                for place, old, new in self.moves
            ]
            fields["rest"] = f"({', '.join(rest)},)"
        names = list(fields)
        first, second = names[:MOST_KEYWORDS], names[MOST_KEYWORDS:]
        called = ", ".join([f"{name}={fields[name]}" for name in first])
        lines = [f"made = {self.source.name(self.shape.type)}({called})"]
        lines += [f"setfield(made, {name!r}, {fields[name]})" for name in second]
        for name, code in late.items():
            guard = f"if {code}: " if name in self.shape.given else ""
            lines.append(f"{guard}setfield(made, {name!r}, {code})")
        return lines


__all__ = ["NotLearned", "Odd", "Part", "Sequel", "Template", "Templates"]
