"""Repairs what needs no knowledge: counts, echoes, numbering, form; never meaning, never money."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import attrgetter

import msgspec

from hub.x12.dictionary import Composite, Element, layouts
from hub.x12.finding import REPAIRS
from hub.x12.formats import is_date
from hub.x12.headers import count
from hub.x12.tools.levels import Levels, Line
from hub.x12.wire import ISA_WIDTHS, Block, Delimiters, Source, Wire

MOST_REPAIRS = 10_000
_FREE_TEXT_LENGTH = 25
_PADDED = frozenset((2, 4, 6, 8))
_DAY = re.compile(r"(\d{4})([-/])(\d\d)\2(\d\d)")
_ZIP = re.compile(r"(\d{5})-(\d{4})")
_POINTED = re.compile(r"([A-Z]\d[0-9A-Z])\.([0-9A-Z]{1,4})")
_ENDS = ("SE", "GE", "IEA")
_ENVELOPE = frozenset(("GS", "ST", "SE", "GE", "IEA", "TA1"))


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was mended: the finding's code, and its place as findings give it; never a value."""

    code: str
    line: int
    segment: str
    element: int = 0
    part: int = 0

    @property
    def where(self) -> str:
        """The place as people say it, such as `SE01` or `HI02-2`."""
        return (
            self.segment + (f"{self.element:02}" if self.element else "") + (f"-{self.part}" if self.part else "")
        )

    @property
    def words(self) -> str:
        """What was done."""
        return REPAIRS[self.code].partition(";")[0]


class Mending:
    """Reads a source once; iterate it for the mended bytes, then look at `repairs`, `total`, `lines` and `problem`.

    `problem` is "" or says why reading stopped: then the bytes are not the whole file. Where `total` is 0 the file
    is as good as it was, and the bytes read are the ones to keep.
    """

    def __init__(self, source: Source) -> None:
        self.wire = Wire(source)
        self.repairs: list[Repair] = []
        self.total = 0
        self.lines = 0
        self.sound = True
        self._interchange: _Interchange | None = None

    @property
    def problem(self) -> str:
        """Why the file could not be read to its end."""
        return self.wire.problem or ("" if self.sound else "its ISA does not tell the separators for certain")

    def __iter__(self) -> Iterator[bytes]:
        for block in self.wire:
            if block.opens:
                yield from self._close(block)
                self.sound = self.sound and _is_sound(block)
            if not self.sound:
                return
            self._interchange = self._interchange or _Interchange(self, block)
            yield from self._interchange.take(block)
        yield from self._close(None)
        self.repairs.sort(key=lambda one: one.line)

    def _close(self, block: Block | None) -> Iterator[bytes]:
        if self._interchange is not None:
            yield from self._interchange.end()
        self._interchange = None
        if block is not None and block.lead:
            yield block.lead

    def note(self, code: str, line: int, segment: str, element: int = 0, part: int = 0) -> None:
        """Keeps what was done, up to a number that nobody reads."""
        self.total += 1
        if len(self.repairs) < MOST_REPAIRS:
            self.repairs.append(Repair(code=code, line=line, segment=segment, element=element, part=part))

    def next_line(self) -> int:
        """The place of the segment that is read now; the ISA is 1."""
        self.lines += 1
        return self.lines


class _Interchange:
    """ISA to IEA: what is open, what was counted, and the lines that wait until their level is known."""

    def __init__(self, mending: Mending, block: Block) -> None:
        self.note = mending.note
        self.next_line = mending.next_line
        self.marks = block.delimiters
        self.full = self.marks.segment + self.marks.ending
        self.encoding = block.encoding
        self.form = _Form(self.marks, mending.note)
        self.levels = Levels(self.marks.element, mending.note)
        self.control = self.gs06 = self.st02 = ""
        self.group_open = self.set_open = False
        self.groups = self.sets = self.segments = 0
        self.closed = self.cut = False
        self.at = 0

    def take(self, block: Block) -> Iterator[bytes]:
        """Mends a run of segments."""
        self.encoding = block.encoding
        last = len(block.segments) - 1
        for number, text in enumerate(block.segments):
            self.at = self.next_line()
            tail = self.full if number < last else block.last
            self._segment(self.form.mended(text, self.at), tail)
        if last < 0 and block.last:
            self.levels.add(Line("", block.last, self.at, self.encoding))
        yield self._bytes()

    def end(self) -> Iterator[bytes]:
        """Adds what is missing, unless the file was cut off inside a segment."""
        if not self.cut:
            self._close_group()
            if not self.closed and self.control:
                self.note("interchange.unclosed", self.at, "IEA")
                self._add("IEA", self.groups, self.control)
        self.levels.flush()
        yield self._bytes()

    def _bytes(self) -> bytes:
        runs = groupby(self.levels.ready(), key=attrgetter("encoding"))
        return b"".join([_encoded("".join([line.text + line.tail for line in run]), name) for name, run in runs])

    def _segment(self, text: str, tail: str) -> None:
        tag = text.partition(self.marks.element)[0]
        act = _ACTS.get(tag)
        if act is not None:
            text = act(self, text)
        elif self.set_open:
            self.segments += 1
        if not tail.startswith(self.marks.segment):
            self.cut = tag not in _ENDS
            if not self.cut:
                self.note("file.truncated", self.at, tag)
                tail = self.marks.segment + tail
        self.levels.add(Line(text, tail, self.at, self.encoding))

    def _isa(self, text: str) -> str:
        values = text.split(self.marks.element)
        for place, width in enumerate(ISA_WIDTHS[:16]):
            value = values[place] if place < len(values) else ""
            wanted = _fitted(value, place, width)
            if wanted != value and place < len(values):
                self.note("isa.control" if place == 13 else "isa.width", self.at, "ISA", place)
                values[place] = wanted
        self.control = values[13].strip() if len(values) > 13 else ""
        return self.marks.element.join(values)

    def _gs(self, text: str) -> str:
        self._close_group()
        values = text.split(self.marks.element)
        self.group_open, self.sets = True, 0
        self.gs06 = values[6] if len(values) > 6 else ""
        self.groups += 1
        return text

    def _st(self, text: str) -> str:
        self._close_set()
        values = text.split(self.marks.element)
        self.set_open, self.segments = True, 1
        self.st02 = values[2] if len(values) > 2 else ""
        self.sets += 1
        self.levels.begin(claims=len(values) > 1 and values[1] == "837")
        return text

    def _se(self, text: str) -> str:
        if not self.set_open:
            return text
        self.set_open = False
        self.levels.flush()
        return self._trailer(text, self.segments + 1, self.st02)

    def _ge(self, text: str) -> str:
        self._close_set()
        if not self.group_open:
            return text
        self.group_open = False
        return self._trailer(text, self.sets, self.gs06)

    def _iea(self, text: str) -> str:
        self._close_group()
        if self.closed:
            return text
        self.closed = True
        return self._trailer(text, self.groups, self.control)

    def _trailer(self, text: str, counted: int, control: str) -> str:
        values = [*text.split(self.marks.element), "", ""]
        tag = values[0]
        wanted = [tag, values[1] if count(values[1]) == counted else str(counted), control or values[2]]
        for place, what in ((1, "count"), (2, "control")):
            if wanted[place] != values[place]:
                self.note(f"{tag.lower()}.{what}", self.at, tag, place)
        rest = self.marks.element.join(values[3:]).rstrip(self.marks.element)
        return self.marks.element.join([*wanted, rest]).rstrip(self.marks.element)

    def _close_set(self) -> None:
        if self.set_open:
            self.set_open = False
            self.levels.flush()
            self.note("trailer.missing", self.at, "SE")
            self._add("SE", self.segments + 1, self.st02)

    def _close_group(self) -> None:
        self._close_set()
        if self.group_open:
            self.group_open = False
            self.note("group.unclosed", self.at, "GE")
            self._add("GE", self.sets, self.gs06)

    def _add(self, tag: str, counted: int, control: str) -> None:
        text = self.marks.element.join((tag, str(counted), control)).rstrip(self.marks.element)
        self.levels.add(Line(text, self.full, self.at, self.encoding))


_ACTS: dict[str, Callable[[_Interchange, str], str]] = {
    "ISA": _Interchange._isa,  # noqa: SLF001 - its own methods, by segment
    "GS": _Interchange._gs,  # noqa: SLF001
    "ST": _Interchange._st,  # noqa: SLF001
    "SE": _Interchange._se,  # noqa: SLF001
    "GE": _Interchange._ge,  # noqa: SLF001
    "IEA": _Interchange._iea,  # noqa: SLF001
}


def _encoded(text: str, encoding: str) -> bytes:
    """The bytes of a text as it was written; what was echoed from elsewhere may need a wider encoding."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode("utf-8")


def _is_sound(block: Block) -> bool:
    """Whether the ISA of a new interchange can be trusted to tell the separators; else nothing is done."""
    marks = block.delimiters
    fields = block.segments[0].split(marks.element) if block.segments else []
    special = marks.element + marks.component + marks.segment + marks.repetition
    plain = not any(mark.isalnum() or mark == " " for mark in special) and len(set(special)) == len(special)
    return plain and len(fields) == 17 and fields[16] == marks.component and any(map(str.isalnum, fields[13]))


def _fitted(value: str, place: int, width: int) -> str:
    """An element of the ISA in its width, where blanks or zeros alone make it so; else as it is."""
    if place == 13:
        return value.strip().zfill(width) if value.strip().isdigit() and len(value.strip()) <= width else value
    if place in _PADDED and len(value.rstrip()) <= width:
        return value.rstrip().ljust(width)
    return value


class _Form:
    """Mends the form of single segments: blanks, empty ends, control characters, capitals, separators in dates."""

    def __init__(self, marks: Delimiters, note: Callable[..., None]) -> None:
        self.marks = marks
        self.note = note
        self.wrapped = False
        special = re.escape(marks.element + marks.component + marks.repetition)
        inside = "".join(
            re.escape(chr(code))
            for code in (*range(32), 127)
            if chr(code) not in marks.element + marks.component + marks.repetition
        )
        self.controls = re.compile(f"[{inside}]+")
        comma = re.escape(marks.component)
        element = re.escape(marks.element)
        self.suspicious = re.compile(
            rf"[{inside}]|[{special}] | [{special}]|^ | $|{element}$|{comma}(?:{element}|$)"
        )
        self.dated = re.compile(r"\d\d\d\d[-/]\d\d[-/]\d\d")

    def mended(self, text: str, line: int) -> str:
        """The segment as it should be written; the same text where nothing is to be done."""
        if text.startswith("ISA" + self.marks.element):
            return self._header(text, line)
        values: list[str] | None = None
        if self.suspicious.search(text):
            values = self._plain(text.split(self.marks.element), line)
        tag = (values[0] if values else text.partition(self.marks.element)[0])[:4]
        if tag not in layouts() and tag.upper() in layouts():
            values = values or text.split(self.marks.element)
            self.note("segment.case" if tag.upper() in _ENVELOPE else "segment.unexpected", line, tag.upper())
            values[0] = tag = tag.upper()
        if tag in _SPECIAL or (("-" in text or "/" in text) and self.dated.search(text)):
            values = values or text.split(self.marks.element)
            self._special(tag, values, line)
        return text if values is None else self.marks.element.join(values)

    def _header(self, text: str, line: int) -> str:
        found = self.controls.search(text)
        if found is None:
            return text
        self.wrapped = True  # broken into lines of one length, as mainframes do
        self.note("element.character", line, "ISA")
        return self.controls.sub("", text)

    def _plain(self, values: list[str], line: int) -> list[str]:
        tag = self.controls.sub("", values[0]).strip(" ")
        if tag != values[0]:
            self.note("element.blanks" if tag == values[0].strip(" ") else "element.character", line, tag)
        layout = layouts().get(tag.upper())
        done = [tag]
        for place, value in enumerate(values[1:], 1):
            kind = layout.elements[place - 1] if layout and place <= len(layout.elements) else None
            done.append(self._element(value, kind, (line, tag, place)))
        while len(done) > 1 and not done[-1]:
            self.note("element.trailing", line, tag, len(done) - 1)
            done.pop()
        return done

    def _element(self, value: str, kind: Element | Composite | None, place: tuple[int, str, int]) -> str:
        if not isinstance(kind, Composite):
            return self._value(value, kind, place, 0)
        mark = self.marks.component
        texts = value.split(self.marks.repetition) if self.marks.repetition else [value]
        for at, text in enumerate(texts):
            parts = [
                self._value(part, kind.parts[number] if number < len(kind.parts) else None, place, number + 1)
                for number, part in enumerate(text.split(mark))
            ]
            while len(parts) > 1 and not parts[-1]:
                self.note("element.trailing", *place, len(parts))
                parts.pop()
            texts[at] = mark.join(parts)
        return self.marks.repetition.join(texts) if self.marks.repetition else texts[0]

    def _value(self, value: str, kind: Element | None, place: tuple[int, str, int], part: int) -> str:
        text = value
        if self.controls.search(text):
            self.note("element.character", *place, part)
            free = kind is not None and kind.type == "AN" and kind.high >= _FREE_TEXT_LENGTH
            between = " " if free and not self.wrapped else ""
            text = between.join(piece for piece in (one.strip(" ") for one in self.controls.split(text)) if piece)
        if text.strip(" ") != text:
            self.note("element.blanks", *place, part)
            text = text.strip(" ")
        return text

    def _special(self, tag: str, values: list[str], line: int) -> None:
        for place, kind in _separated(tag):
            if place < len(values):
                text = _without_separators(kind, values[place], values)
                if text != values[place]:
                    self.note(_CODES[kind], line, tag, place)
                    values[place] = text
        if tag == "HI":
            self._diagnoses(values, line)

    def _diagnoses(self, values: list[str], line: int) -> None:
        for place, value in enumerate(values[1:], 1):
            parts = value.split(self.marks.component)
            if len(parts) > 1 and parts[0] in _ICD10 and _POINTED.fullmatch(parts[1]):
                self.note("hi.icd10", line, "HI", place, 2)
                parts[1] = parts[1].replace(".", "")
                values[place] = self.marks.component.join(parts)


_ICD10 = frozenset(("ABK", "ABF", "ABJ", "APR", "ABN"))
_SPECIAL = frozenset(("N4", "REF", "HI"))
_CODES = {"zip": "n4.zip", "tax": "ref.tax_id", "day": "element.date", "period": "element.date"}


@lru_cache(maxsize=512)
def _separated(tag: str) -> tuple[tuple[int, str], ...]:
    """The elements of a segment in which separators are taken out, and of what kind each is."""
    if tag == "N4":
        return ((3, "zip"),)
    if tag == "REF":
        return ((2, "tax"),)
    layout = layouts().get(tag)
    found = []
    for place, kind in enumerate(layout.elements if layout else (), 1):
        if isinstance(kind, Element) and (kind.type == "DT" or kind.number == "1251"):
            found.append((place, "day" if kind.type == "DT" else "period"))
    return tuple(found)


def _without_separators(kind: str, text: str, values: list[str]) -> str:
    if kind == "zip":
        return _ZIP.sub(r"\1\2", text) if _ZIP.fullmatch(text) and _country(values) in ("", "US") else text
    if kind == "tax":
        digits = text.replace("-", "")
        plain = values[1] in ("EI", "SY") and len(digits) == 9 and digits.isdigit()
        return digits if plain else text
    found = _DAY.fullmatch(text)
    if found is None:
        return text
    day = found[1] + found[3] + found[4]
    return day if is_date(day) else text


def _country(values: list[str]) -> str:
    return values[4] if len(values) > 4 else ""
