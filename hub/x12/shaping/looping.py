"""Writes the loop of a reader: which row or inner loop takes a segment, in order or with care."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from hub.x12.shaping.facts import gathers, keeps_rest, row_prefixes, usual_code
from hub.x12.shaping.kinds import Memory
from hub.x12.shaping.making import Making
from hub.x12.shaping.paths import absent, blank, inner_type, local
from hub.x12.shaping.reading import (
    assigned,
    constructed,
    indented,
    made_of,
    run,
    split,
)
from hub.x12.shaping.rows import Column, Inner, Reader, Row, Shape, Writer
from hub.x12.wire import Delimiters


class Loop(Making):
    """One reader being written."""

    def __init__(
        self,
        shape: Shape,
        marks: Delimiters,
        outer: frozenset[str],
        writer: Writer | None,
        careful: Reader | None,
        *,
        strict: bool,
        top: bool,
    ) -> None:
        super().__init__(shape, marks, writer, strict=strict)
        self.outer, self.top = outer, top
        self.careful = careful
        self.inner: dict[int, Reader] = {}

    def compiled(self) -> dict[str, Any]:
        """The names of the generated module; `read` is the reader."""
        given = ", ".join(f"g_{name}" for name in self.shape.given)
        body = self._body()
        lines = [f"def read(texts, i{', ' + given if given else ''}):", "    start = i"]
        if self.strict and (self.keeps or self.top):
            self.source.names["careful"] = self.careful
            again = f"return careful(texts, start{', ' + given if given else ''})"
            lines += ["    try:", *indented(body, 2), "    except (Odd, ValueError):", f"        {again}"]
        else:
            lines += indented(body)
        return run(self.source, lines)

    def _body(self) -> list[str]:
        lines = self._initial()
        opener = self.shape.rows[0]
        assert isinstance(opener, Row)  # noqa: S101 - a loop begins with a segment
        lines += ["text = texts[i]", *self._taken(opener, opener=True), "i += 1"]
        if self.strict:
            return [*lines, *self._in_order(), *self._end()]
        lines += ["while True:", *indented(["text = texts[i]", "tag = text[:4]", *self._dispatch()])]
        return [*lines, *self._end()]

    def _initial(self) -> list[str]:
        lines = []
        for row in self.shape.rows[1:]:
            if isinstance(row, Inner):
                lines.append(f"{local(row.field)} = {'[]' if row.many else 'None'}")
            elif row.field:
                lines.append(f"{local(row.field)} = ()")
                if row.times and (self.strict or row.breaks):
                    lines.append(f"c_{row.field} = {row.times}")
                if row.breaks:
                    lines.append(f"{local(row.breaks)} = ()")
            else:
                lines += [line for column in row.columns for line in self._blank(column)]
        lines += [f"{local(prefix)} = None" for prefix in self.whole]
        lines += [f"has_{local(prefix)} = False" for prefix in self.dedicated if prefix not in self.whole]
        if self.strict:
            lines.append("more = False")
        else:
            fields = [row.field for row in self.shape.rows[1:] if isinstance(row, Inner)]
            lines += ["seen = set()", f"inside = {{{', '.join(f'{name!r}: []' for name in fields)}}}"]
        return list(dict.fromkeys(lines))

    def _blank(self, column: Column, *, inside: bool = False) -> list[str]:
        """The value of a column that no segment told; one that only a record of its own reads needs none."""
        if column.constant:
            return []
        for prefix, only in self.dedicated.items() if not inside else ():
            if only and column.path.startswith(prefix + "."):
                return []
        value = blank(column)
        if column.kind and (told := absent(self.shape.type, column)) and told[0] is not None:
            value = self.source.name(told[0])
        lines = [f"{local(column.path)} = {value}"]
        return [*lines, f"{local(column.told)} = False"] if column.told else lines

    def _in_order(self) -> list[str]:
        """The quick way: each row after the one before it, as the writer writes them."""
        groups: list[list[tuple[int, Row | Inner]]] = []
        for order, row in enumerate(self.shape.rows[1:], 1):
            if not groups or groups[-1][0][1].tag != row.tag:
                groups.append([])
            groups[-1].append((order, row))
        lines = ["text = texts[i]; tag = text[:4]"]
        for group in groups:
            lines += self._step(group)
        return [*lines, *self._stop()]

    def _step(self, group: list[tuple[int, Row | Inner]]) -> list[str]:
        """Takes the segments of one id that stand together."""
        (_, row), *others = group
        test = self._is(row.tag)
        if others:
            return ["order = 0", f"while {test}:", *indented(self._branch(group))]
        if row.codes:
            body = self._branch(group)
            return [f"while {test}:", *indented(body if gathers(row) else [*body, "break"])]
        return [f"{'while' if gathers(row) else 'if'} {test}:", *indented(self._taking(row))]

    def _stop(self) -> list[str]:
        """The quick way ends only where this loop does: not at a segment that it takes elsewhere."""
        again = self._again()
        if self.top:
            ends = self.source.name(self.shape.ends)
            return [f"if {again}text.partition({self.marks.element!r})[0] not in {ends}: raise Odd"]
        if self.keeps:  # it may be read by a careful one, which takes what it leaves
            theirs = self.source.name(self.outer - {row.tag for row in self.shape.rows[1:]})
            return [f"if {again}text.partition({self.marks.element!r})[0] not in {theirs}: raise Odd"]
        own = sorted({row.tag + self.marks.element for row in self.shape.rows[1:]})
        tests = [
            f"tag{'' if size == 4 else f'[:{size}]'} in {self.source.name(frozenset(known))}"
            for size in (3, 4)
            if (known := [one for one in own if len(one) == size])
        ]
        return [f"if {again}({' or '.join(tests)}): raise Odd"] if tests else []

    def _again(self) -> str:
        """Code that looks first whether the same loop begins again, which it mostly does."""
        tag = self.shape.rows[0].tag
        mine = any(row.tag == tag for row in self.shape.rows[1:]) or tag not in self.outer | self.shape.ends
        return "" if mine or len(tag) != 3 else f"tag != {tag + self.marks.element!r} and "

    def _is(self, tag: str) -> str:
        """Code that tells whether the segment has this id."""
        full = tag + self.marks.element
        if len(full) == 4:
            return f"tag == {full!r}"
        return f"{self._again() if self.strict else ''}tag[:{len(full)}] == {full!r}"

    def _dispatch(self) -> list[str]:
        """With care: one branch for each segment id, wherever it stands."""
        by_tag: dict[str, list[tuple[int, Row | Inner]]] = {}
        for order, row in enumerate(self.shape.rows):
            if order:
                by_tag.setdefault(row.tag, []).append((order, row))
        lines: list[str] = []
        for tag, rows in by_tag.items():
            lines += [f"{'elif' if lines else 'if'} {self._is(tag)}:", *indented(self._branch(rows))]
        if not lines:
            return self._unknown()
        return [*lines, "else:", *indented(self._unknown())]

    def _branch(self, rows: list[tuple[int, Row | Inner]]) -> list[str]:
        """Tells the rows of one segment id apart."""
        lines: list[str] = []
        if self.strict and len(rows) > 1 and all(isinstance(row, Row) and row.few for _, row in rows):
            return self._sorted([(order, row) for order, row in rows if isinstance(row, Row)])
        coded = [(order, row) for order, row in rows if row.codes]
        free = [(order, row) for order, row in rows if not row.codes][:1]
        if coded and coded[0][1].code_at == 1 and not coded[0][1].code_in_part:
            lines.append(f"v = text.split({self.marks.element!r}); q = v[1]")
        elif coded:
            lines.append(f"q = {self._code(coded[0][1])}")
        alone = len(rows) == 1
        for order, row in coded:
            test = f"q == {row.codes[0]!r}" if len(row.codes) == 1 else f"q in {row.codes!r}"
            taking = self._place(order, row, alone=alone)
            lines += [f"{'elif' if len(lines) > 1 else 'if'} {test}:", *indented(taking)]
        otherwise = self._place(*free[0], alone=alone) if free else self._unknown()
        return [*lines, "else:", *indented(otherwise)] if coded else otherwise

    def _sorted(self, rows: list[tuple[int, Row]]) -> list[str]:
        """Rows of one segment id whose texts repeat: one memory tells the row of a text and what it holds."""
        name = self.source.name(None)
        body = [f"v = text.split({self.marks.element!r}); q = v[1]"]
        for order, row in sorted(rows, key=lambda one: not one[1].codes):
            test = f"if q in {row.codes!r}:" if row.codes else "if True:"
            body += [test, *indented([*self._told(row), f"return {order}, {self._targets(row)}"])]
        run(self.source, [f"def {name}(text, at=0):", *indented([*body, "raise Odd"])])
        self.source.names[name] = Memory(self.source.names[name])
        lines = [f"k, got = {name}[text]"]
        for order, row in rows:
            once = "=" if not row.field else ""
            taking = [f"if order >{once} {order}: raise Odd", f"order = {order}", *self._kept(row), *self._next()]
            lines += [f"{'elif' if len(lines) > 1 else 'if'} k == {order}:", *indented(taking)]
        return lines

    def _told(self, row: Row) -> list[str]:
        """Reads `text` into local variables, or into `got` where the row gathers."""
        if row.field:
            return [f"got = {self._function(row, plain=True)}(text)"]
        return self._read(row)

    def _targets(self, row: Row) -> str:
        """The local variables that a row fills, as one expression and as one target."""
        if row.field:
            return "got"
        whole = [prefix for prefix in row_prefixes(row, self.dedicated) if prefix in self.whole]
        if whole:
            return local(whole[0])
        names = [local(one.path) for one in row.columns if not one.constant]
        names += [local(one.told) for one in row.columns if one.told]
        names += [f"has_{local(prefix)}" for prefix in row_prefixes(row, self.dedicated)]
        return ", ".join(names) if len(names) == 1 else f"({', '.join(names)})"

    def _kept(self, row: Row) -> list[str]:
        """Puts what a memory gave where it belongs."""
        if row.field:
            return self._added(row)
        return [f"{self._targets(row)} = got", *self._more(row)]

    def _code(self, row: Row | Inner) -> str:
        cut = f"text.split({self.marks.element!r}, {row.code_at + 1})"
        whole = f"({cut} + PADS[{row.code_at}])[{row.code_at}]"
        return f"{whole}.partition({self.marks.component!r})[0]" if row.code_in_part else whole

    def _place(self, order: int, row: Row | Inner, *, alone: bool) -> list[str]:
        """Takes a segment for a row, if it may stand here."""
        once = not gathers(row)
        if self.strict:
            check = [f"if order >{'=' if once else ''} {order}: raise Odd", f"order = {order}"]
            return [*([] if alone else check), *self._taking(row)]
        if not once:
            return self._taking(row)
        taking = [f"seen.add({order})", *self._taking(row)]
        return [f"if {order} in seen:", *indented(self._skipped(row)), "else:", *indented(taking)]

    def _skipped(self, row: Row | Inner) -> list[str]:
        if isinstance(row, Row):
            return ["i += 1"]
        return [f"_, i = {self._reader(row)}(texts, i)"]

    def _next(self) -> list[str]:
        return ["i += 1", *(["text = texts[i]; tag = text[:4]"] if self.strict else [])]

    def _taking(self, row: Row | Inner) -> list[str]:
        """Takes a segment or a loop inside, and goes on to what follows."""
        if isinstance(row, Row):
            return [*self._taken(row), *self._next()]
        read, field = self._reader(row), local(row.field)
        following = self._next()[1:]
        if not self.strict and keeps_rest(row.shape):
            following = [f"inside[{row.field!r}] += texts[b:i]"]
            if row.many:
                return [f"b = i; x, i = {self._reader(row)}(texts, i)", f"{field}.append(x)", *following]
            return [f"b = i; {field}, i = {self._reader(row)}(texts, i)", *following]
        if row.many:
            return [f"x, i = {read}(texts, i)", f"{field}.append(x)", *following]
        return [f"{field}, i = {read}(texts, i)", *following]

    def _reader(self, row: Inner) -> str:
        if id(row) not in self.inner:
            own = frozenset(one.tag for one in self.shape.rows[1:])
            own |= {self.shape.rows[0].tag} if not self.top else frozenset()
            outer = self.outer | own | (self.shape.ends if self.top else frozenset())
            quick, careful = compile_reader(row.shape, self.marks, outer, top=False)
            self.inner[id(row)] = quick if self.strict or keeps_rest(row.shape) else careful
            self.source.names[f"read_{id(row)}"] = self.inner[id(row)]
        return f"read_{id(row)}"

    def _unknown(self) -> list[str]:
        """What to do with a segment that no row takes: the loop ends, or it is left to `rest`."""
        if self.strict:
            return ["break"]
        tag = f"text.partition({self.marks.element!r})[0]"
        ends = self.source.name(self.shape.ends if self.top else self.outer)
        return [f"if {tag} in {ends}: break", "i += 1"]

    def _taken(self, row: Row, *, opener: bool = False) -> list[str]:
        """Takes the values of one segment `text`."""
        if row.field:
            return self._gathered(row)
        if not (self.strict and row.few):
            return [*self._read(row, opener=opener), *self._more(row, opener=opener)]
        name = self.source.name(None)
        if opener:
            targets = self._targets(row)[1:-1] + ", more"
            body = ["more = False", *self._read(row, opener=True), *self._more(row, opener=True)]
            run(self.source, [f"def {name}(text):", *indented([*body, f"return {targets}"])])
            self.source.names[name] = Memory(self.source.names[name])
            return [f"{targets} = {name}[text]"]
        run(self.source, [f"def {name}(text):", *indented([*self._read(row), f"return {self._targets(row)}"])])
        self.source.names[name] = Memory(self.source.names[name])
        return [f"got = {name}[text]", *self._kept(row)]

    def _read(self, row: Row, *, opener: bool = False) -> list[str]:
        """Reads the values of one segment `text` into local variables."""
        fixed = max((one.at for one in row.columns if one.constant and not one.beside), default=0)
        fixed = max(fixed, row.code_at if row.codes else 0)
        prefixes_here = row_prefixes(row, self.dedicated)
        alone = any(self.dedicated[prefix] for prefix in prefixes_here)
        least = 0 if opener or alone else fixed + 1
        in_v = bool(row.codes) and row.code_at == 1 and not row.code_in_part and not opener
        usual = row.usual if self.strict else 0
        lines = split(self.source, row.columns, least, done=in_v and not (self.strict and row.few), usual=usual)
        known = row.code_at if in_v and len(row.codes) == 1 else 0
        late = tuple(one for one in row.columns if usual and one.at > usual)
        early = tuple(one for one in row.columns if one not in late)
        lines += assigned(self.source, early, self.shape.type, self._where(row), known=known)
        if late:
            lines += self._late(row, late, usual)
        if code := usual_code(row):
            lines.append(f"if {local(code.path)} == {row.codes[0]!r}: {local(code.path)} = ''")
        lines += [f"has_{local(prefix)} = True" for prefix in prefixes_here if prefix not in self.whole]
        for prefix in prefixes_here:
            if prefix in self.whole:
                inner = inner_type(self.shape.type, prefix)[0]
                made = made_of(self.source, self.shape.type, inner, prefix + ".", self.columns, self.dedicated)
                lines.append(f"{local(prefix)} = {made}")
        return lines

    def _late(self, row: Row, late: tuple[Column, ...], usual: int) -> list[str]:
        """Elements that are seldom there: read only where the segment is that long."""
        wide = max(max(one.at, 0 if one.part else one.last) for one in late)
        reading = [f"if n <= {wide}: v += PADS[{wide + 1} - n]"]
        reading += assigned(self.source, late, self.shape.type, self._where(row), above=usual)
        blanks = [line for column in late for line in self._blank(column, inside=True)]
        return [f"if n > {usual + 1}:", *indented([*reading, "more = True"]), "else:", *indented(blanks)]

    def _gathered(self, row: Row) -> list[str]:
        name = self._function(row)
        return [
            f"got = {name}[text]" if self.strict and row.few else f"got = {name}(text, i)",
            *self._added(row),
        ]

    def _added(self, row: Row) -> list[str]:
        """Adds what a segment held to the tuple that gathers it."""
        field = local(row.field)
        more = self._more(row)
        if not row.times:
            return [f"{field} += (got,)", *more]
        if not (self.strict or row.breaks):
            return [f"{field} += got"]
        heads = [one.path for one in row.columns if not one.constant]
        same = "".join([f" and got[0].{path} == l_{row.field}_{path}" for path in heads])
        broken = f"{local(row.breaks)} += (len({field}),); more = True" if row.breaks else "raise Odd"
        lines = [f"if c_{row.field} < {row.times}{same}: {broken}", f"c_{row.field} = len(got)"]
        lines += [f"l_{row.field}_{path} = got[0].{path}" for path in heads]
        if self.strict:
            return [*lines, f"{field} += got", *more]
        return ["if got:", *indented([*lines, f"{field} += got"])]

    def _item_lines(self, row: Row) -> list[str]:
        known = row.code_at if row.codes and len(row.codes) == 1 and not row.code_in_part else 0
        lines = split(self.source, row.columns)
        return lines + assigned(self.source, row.columns, row.type, self._where(row), at="at", known=known)

    def _item(self, row: Row) -> str:
        if row.type is None:
            return local(next(one.path for one in row.columns if not one.constant))
        return constructed(self.source, row.type, row.columns)

    def _function(self, row: Row, *, plain: bool = False) -> str:
        """A function of its own for a row, with a memory of the texts it has seen."""
        name = self.source.name(None)
        body = self._items(row) if row.times else [*self._item_lines(row), f"return {self._item(row)}"]
        run(self.source, [f"def {name}(text, at=0):", *indented(body)])
        if self.strict and row.few and not plain:
            self.source.names[name] = Memory(self.source.names[name])
        return name

    def _items(self, row: Row) -> list[str]:
        """Reads a segment with a repeated group of elements into a tuple of records."""
        assert row.type is not None  # noqa: S101 - each() with an item makes records
        first = min(one.at for one in row.item)
        step = max(one.at for one in row.item) - first + 1
        moved = tuple(_moved(one, -first) for one in row.item)
        lines = split(self.source, row.columns, most=first + step * row.times - 1)
        known = row.code_at if row.codes and len(row.codes) == 1 and not row.code_in_part else 0
        if row.columns:
            lines += assigned(self.source, row.columns, row.type, self._where(row), at="at", known=known)
        item = self.source.odd("not v[k]")
        taking = assigned(self.source, moved, row.type, self._where(row) + "+", at="at", base="k")
        taking.append(f"out.append({constructed(self.source, row.type, row.columns + moved)})")
        item += taking if self.strict else ["if v[k]:", *indented(taking)]
        if self.strict:  # one group is the usual number of them
            made = constructed(self.source, row.type, row.columns + moved)
            alone = [f"k = {first}", *item[:-1], f"return ({made},)"]
            lines += [f"if n <= {first + step}:", *indented(alone)]
        end = "n" if self.strict else f"min(n, {first + step * row.times})"
        lines += ["out = []", f"k = {first}", f"while k < {end}:", *indented([*item, f"k += {step}"])]
        return [*lines, *self.source.odd("not out"), "return tuple(out)"]


def _moved(column: Column, by: int) -> Column:
    return msgspec.structs.replace(column, at=column.at + by)


@lru_cache(maxsize=256)
def compile_reader(
    shape: Shape, marks: Delimiters, outer: frozenset[str] = frozenset(), *, top: bool = True
) -> tuple[Reader, Reader]:
    """The quick reader of a shape and the one that reads with care."""
    from hub.x12.shaping.writing import compile_writer

    writer = compile_writer(shape, marks, around=True)
    slow = Loop(shape, marks, outer, writer, None, strict=False, top=top)
    careful: Reader = slow.compiled()["read"]
    quick: Reader = Loop(shape, marks, outer, writer, careful, strict=True, top=top).compiled()["read"]
    return quick, careful
