"""A small language that binds segments to fields once; compiled into a reader's tables and a writer per loop.

A row such as `one("CR1", "=LB?weight weight:n - reason", "ambulance", Ambulance)` names, element by element, the
field that holds it: `-` is not used, `=LB` is fixed and `=LB?weight` fixed where that field is told, `(a,b)` a
composite, `codes*` the rest and `codes*4` the next four as a tuple. Kinds follow a colon: `n` number or none, `N`
number, `z` number or zero, `d` day, `i` whole numbers, `b` yes, `0` the mark 0 for yes, `k` and `q` person or not,
a name in capitals a table of words. The writer parts elements by `E` and components by `C`, whatever a file uses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hub.flow.claim_837.values import C, E, day, day_text, number, number_text, parts, some, whole

_TOKEN = re.compile(r"(?P<name>\w+)(?P<many>\*\d*)?(?::(?P<kind>\w+))?")

Fields = dict[str, Any]
Read = Callable[[list[str], Fields, str], None]
Write = Callable[[Any, list[str]], None]


def _said(values: list[str]) -> bool | None:
    """Whether somebody is a person, where the first name does not say it."""
    told = values[2] == "1"
    return None if told == bool(values[4]) else told


def _kind(record: Any) -> str:
    told = record.is_person
    return "1" if (bool(record.first) if told is None else told) else "2"


def _kind_of_biller(record: Any) -> str:
    return "1" if record.is_person or record.first else "2"


_NAMES: Fields = {
    "E": E,
    "C": C,
    "N": number,
    "M": some,
    "D": day,
    "T": number_text,
    "Y": day_text,
    "P": parts,
    "I": whole,
    "said": _said,
    "kind": _kind,
    "biller": _kind_of_biller,
    "PAD": ("",) * 12,
    "ZERO": Decimal(0),
}


class Elements:
    """The elements of one row, as expressions that read and write them."""

    def __init__(self, tag: str, spec: str, tables: Mapping[str, Mapping[str, Any]], on: str = "r") -> None:
        self.tag, self.on = tag, on
        self.before: list[str] = []
        self.reads: list[tuple[str, str]] = []
        self.names: Fields = {}
        self._tables = tables
        tokens = re.findall(r"\([^)]*\)|\S+", spec)
        self._numeric = set(re.findall(r"(\w+):[nNzd]", spec))
        self.width = 0
        self._places: list[str] = []
        for nth, token in enumerate(tokens):
            self._element(token, last=nth == len(tokens) - 1)

    @property
    def text(self) -> str:
        """An expression for the segment's text."""
        fixed = f'"{self.tag}"'
        return f"E.join(({fixed}, {', '.join(self._places)})).rstrip(E)"

    def _element(self, token: str, *, last: bool) -> None:
        at = self.width + 1
        if not token.startswith("("):
            self.width += self._token(token, f"v[{at}]", f"v[{at}:{{end}}]", at, self._places, last=last)
            return
        inner: list[str] = []
        tokens = token[1:-1].split(",")
        wide = sum(int(t.partition("*")[2].partition(":")[0] or 1) for t in tokens)
        self.before.append(f"p{at} = P(v[{at}], c, {wide})")
        place = 0
        for nth, part in enumerate(tokens):
            ending = nth == len(tokens) - 1
            one, some_of = f"p{at}[{place}]", f"p{at}[{place}:{{end}}]"
            place += self._token(part, one, some_of, at, inner, last=ending, start=place)
        comma = "," if len(inner) == 1 else ""
        self._places.append(f"C.join(({', '.join(inner)}{comma})).rstrip(C)")
        self.width += 1

    def _token(
        self,
        token: str,
        one: str,
        some_of: str,
        at: int,
        into: list[str],
        *,
        last: bool,
        start: int | None = None,
    ) -> int:
        """Adds one token's expressions, and says how many places it takes."""
        place = f'"{self.tag}{at:02}"'
        if token == "-":  # noqa: S105 - no secret
            into.append('""')
            return 1
        if token.startswith("="):
            into.append(self._fixed(token[1:]))
            return 1
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise ValueError(f"{self.tag}: cannot read {token!r}")
        name, many, kind = found["name"], found["many"], found["kind"] or ""
        if not many:
            self.reads.append((name, self._reading(kind, one, place)))
            into.append(self._writing(kind, f"{self.on}.{name}"))
            return 1
        count = int(many[1:] or 0)
        begin = at if start is None else start
        texts = f"filter(None, {some_of.format(end=begin + count if count else '')})"
        self.reads.append((name, f"I({texts}, {place})" if kind == "i" else f"tuple({texts})"))
        listed = f"{self.on}.{name}"
        into.append(f"*map(str, {listed})" if kind == "i" else f"*{listed}")
        if count and not last:
            into.append(f"*PAD[:{count}-len({listed})]")
        return count or 1

    def _fixed(self, token: str) -> str:
        value, _, field_name = token.partition("?")
        if not field_name:
            return repr(value)
        told = f"{self.on}.{field_name}"
        return f"({value!r} if {told}{' is not None' if field_name in self._numeric else ''} else '')"

    def _reading(self, kind: str, text: str, place: str) -> str:
        plain = {
            "": text,
            "n": f"N({text}, {place})",
            "N": f"M({text}, {place})",
            "z": f"(N({text}, {place}) or ZERO)",
            "d": f"D({text}, {place})",
            "b": f"({text} == 'Y')",
            "0": f"({text} == '0')",
            "k": "said(v)",
            "q": "(v[2] == '1' and not v[4])",
        }
        if kind in plain:
            return plain[kind]
        self.names[f"{kind}_read"] = self._tables[kind]
        return f"{kind}_read.get((x := {text}), x)"

    def _writing(self, kind: str, value: str) -> str:
        plain = {
            "": value,
            "n": f"T({value})",
            "N": f"T({value})",
            "z": f"(T({value}) if {value} else '')",
            "d": f"Y({value})",
            "b": f"('Y' if {value} else '')",
            "0": f"('0' if {value} else '')",
            "k": f"kind({self.on})",
            "q": f"biller({self.on})",
        }
        if kind in plain:
            return plain[kind]
        self.names[f"{kind}_write"] = {word: code for code, word in self._tables[kind].items()}
        return f"{kind}_write.get({value}, {value})"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One segment at its place: how it is read into fields, and the lines of Python that write it from `r`."""

    tag: str
    read: Read
    lines: tuple[str, ...]
    codes: tuple[str, ...] = ()
    names: Fields = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Loop:
    """A loop and its rows, the opener first; `make` turns fields into the record for `into` of the loop around it.

    Without `make` its fields are those of the loop around it. `many` gathers records in a tuple. `by_hand` writes
    it from the record around it, instead of the rows. `defaults` are the fields before anything is read.
    """

    id: str
    rows: tuple[Row | Loop, ...]
    make: Callable[..., Any] | None = None
    into: str = ""
    many: bool = False
    defaults: Fields = field(default_factory=dict)
    by_hand: Write | None = None

    @property
    def opener(self) -> Row:
        """The row that begins the loop."""
        first = self.rows[0]
        return first.opener if isinstance(first, Loop) else first


class Language:
    """The rows of the language, with the tables of words that they may name."""

    def __init__(self, tables: Mapping[str, Mapping[str, Any]]) -> None:
        self._tables = tables

    def own(self, tag: str, spec: str, codes: str = "", *, when: str = "", on: str = "r") -> Row:
        """A segment whose elements are fields of the loop's own record; written when the expression holds."""
        elements = Elements(tag, spec, self._tables, on)
        body = [f"f[{name!r}] = {reading}" for name, reading in elements.reads]
        line = f"out.append({elements.text})"
        return Row(
            tag=tag,
            codes=tuple(codes.split()),
            read=_reader(elements, body),
            lines=(f"if {when}: {line}" if when else line,),
            names=elements.names,
        )

    def one(self, tag: str, spec: str, into: str, record: type, codes: str = "") -> Row:
        """A segment that is one small record."""
        elements = Elements(tag, spec, self._tables, "x")
        made = ", ".join(f"{name}={reading}" for name, reading in elements.reads)
        return Row(
            tag=tag,
            codes=tuple(codes.split()),
            read=_reader(elements, [f"f[{into!r}] = record({made})"], record=record),
            lines=(f"x = r.{into}", f"if x is not None: out.append({elements.text})"),
            names=elements.names,
        )

    def many(self, tag: str, spec: str, into: str, record: type, codes: str = "") -> Row:
        """A segment that repeats, each a small record of a tuple."""
        elements = Elements(tag, spec, self._tables, "x")
        made = ", ".join(f"{name}={reading}" for name, reading in elements.reads)
        body = [f"f[{into!r}] = (*f.get({into!r}, ()), record({made}))"]
        return Row(
            tag=tag,
            codes=tuple(codes.split()),
            read=_reader(elements, body, record=record),
            lines=(f"for x in r.{into}: out.append({elements.text})",),
            names=elements.names,
        )


def _reader(elements: Elements, body: Sequence[str], **names: Any) -> Read:
    width = elements.width
    source = "\n    ".join(
        [
            "def read(v, f, c):",
            f"if len(v) <= {width}: v += FILL[len(v)]",
            *elements.before,
            *body,
        ]
    )
    fill = [[""] * (width + 1 - length) for length in range(width + 1)]
    space: Fields = {**_NAMES, **elements.names, **names, "FILL": fill}
    exec(source, space)  # noqa: S102 - the source is made here, of the rows
    read: Read = space["read"]
    return read


def by_hand(tag: str, read: Read, write: Write | None, codes: str = "", *, when: str = "") -> Row:
    """A segment that two plain functions read and write; without `write` another row writes it."""
    name = f"write_{id(write)}"
    line = f"{name}(r, out)"
    return Row(
        tag=tag,
        codes=tuple(codes.split()),
        read=read,
        lines=() if write is None else (f"if {when}: {line}" if when else line,),
        names={name: write},
    )


def writer(loop: Loop) -> Write:
    """A function that appends the segments of a loop's record, and of the loops in it, to a list."""
    if loop.by_hand is not None:
        return loop.by_hand
    space: Fields = dict(_NAMES)
    lines = _writing(loop, space)
    exec("\n    ".join(["def write(r, out):", *lines, "pass"]), space)  # noqa: S102 - made here, of the rows
    write: Write = space["write"]
    return write


def _writing(loop: Loop, space: Fields) -> list[str]:
    lines: list[str] = []
    for row in loop.rows:
        if isinstance(row, Row):
            lines += row.lines
            space |= row.names
        elif row.make is None and row.by_hand is None:
            lines += _writing(row, space)
        else:
            name = f"write_{row.id}_{row.into}_{len(space)}"
            space[name] = writer(row)
            lines += _inner(row, name)
    return lines


def _inner(loop: Loop, name: str) -> list[str]:
    if loop.by_hand is not None or not loop.into:
        return [f"{name}(r, out)"]
    if loop.many:
        return [f"for x in r.{loop.into}: {name}(x, out)"]
    return [f"x = r.{loop.into}", f"if x is not None: {name}(x, out)"]


class Spot:
    """A loop at its place: for each segment id the element that tells rows apart, and what to do by its value.

    What to do is a triple: loops to close first, how to read, the loop that opens.
    """

    __slots__ = ("around", "loop", "table")

    def __init__(self, loop: Loop, around: Spot | None) -> None:
        self.loop = loop
        self.around = around
        self.table: dict[str, tuple[int, dict[str, Act], Act | None]] = {}


Act = tuple[int, Read, Spot | None]


def spots(loop: Loop) -> Spot:
    """The tables of a loop and all below it, ready to run."""
    below: dict[int, dict[int, Spot]] = {}
    root = _spot(loop, None, below)
    _fill(root, below)
    return root


def _spot(loop: Loop, around: Spot | None, below: dict[int, dict[int, Spot]]) -> Spot:
    spot = Spot(loop, around)
    below[id(spot)] = {nth: _spot(row, spot, below) for nth, row in enumerate(loop.rows) if isinstance(row, Loop)}
    return spot


def _fill(spot: Spot, below: dict[int, dict[int, Spot]]) -> None:
    up = 0
    here: Spot | None = spot
    while here is not None:
        for nth, row in enumerate(here.loop.rows):
            opened = below[id(here)].get(nth)
            first = row.opener if isinstance(row, Loop) else row
            if nth or here.around is None:
                _add(spot, first, (up, first.read, opened))
        up, here = up + 1, here.around
    for inner in below[id(spot)].values():
        _fill(inner, below)


def _add(spot: Spot, row: Row, act: Act) -> None:
    at, by, anything = spot.table.get(row.tag, (3 if row.tag == "HL" else 1, {}, None))
    for code in row.codes:
        by.setdefault(code, act)
    if not row.codes and anything is None:
        anything = act
    spot.table[row.tag] = (at, by, anything)
