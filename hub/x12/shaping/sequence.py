"""Writes one template: the pattern of its segments, and straight code for the record that is made of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from hub.x12.shaping.facts import row_prefixes, usual_code
from hub.x12.shaping.making import MOST_KEYWORDS
from hub.x12.shaping.paths import absent, inner_type, local
from hub.x12.shaping.reading import constructed, made_of
from hub.x12.shaping.rows import Column, Inner, Row
from hub.x12.shaping.sequel import NotLearned, Part, Sequel

if TYPE_CHECKING:
    from hub.x12.shaping.template import Templates


class Sequence:
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
