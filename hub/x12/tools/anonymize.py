"""Makes a file that can be shared: synthetic names, ids, days and texts; amounts, codes and structure stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from hub.x12.dictionary import Composite, Element, layouts
from hub.x12.tools.disguise import Disguise
from hub.x12.wire import Block, Delimiters, Source, Wire

_NAMES = "93 1035 1036 1037 1038 1039 19 61 352 449 933 1204"
_LISTED = "1331 1341 447 480 499 628 734 799 1271 1705 234 1339"
_KINDS = {
    **dict.fromkeys(_NAMES.split(), "text"),
    **dict.fromkeys(_LISTED.split(), "listed"),
    "9999": "context",
    "509": "originator",
    "166": "address",
    "116": "zip",
    "364": "phone",
    "1251": "period",
    "I08": "short_day",
    "28": "id",
    "I12": "id",
    "I65": "code",
}
_CODE = re.compile(r"[A-Z0-9.:+-]{1,15}", re.IGNORECASE)
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")
_REMARK = re.compile(r"[A-Z]{1,3}\d{1,4}")
_TAXONOMY = re.compile(r"\d{3}[0-9A-Z]{6}[A-Z]")
_CLIA = re.compile(r"\d\dD\d{7}")
_CONTEXT = re.compile(r"SITUATIONAL TRIGGER|(?:(?:SUBSCRIBER|PATIENT|NUMBER|NAME) )*[A-Z][A-Z0-9]{1,2}\d\d")
# numbers of these kinds (REF01) are answers from a list
_ANSWERS = frozenset(("4N", "F5", "BLT"))
_ANY = Disguise(b"")
# numbers of these kinds (LIN02) are of a product, not of the very thing that somebody got
_PRODUCTS = frozenset(("N4", "EN", "EO", "HI", "ON", "UK", "UP"))


def kind_of(tag: str, place: int, part: int = 0) -> str:
    """What an element holds: text, address, id, zip, phone, day, period, short_day, originator, code, listed,
    context, number, time; `unknown` for what no dictionary holds. `part` is 1-based, 0 for a simple element.
    """
    layout = layouts().get(tag.upper())
    if layout is None or place > len(layout.elements):
        return "unknown"
    kind = layout.elements[place - 1]
    if isinstance(kind, Composite):
        if part > len(kind.parts):
            return "unknown"
        kind = kind.parts[max(part, 1) - 1]
    return _kind(kind)


@lru_cache(maxsize=1024)
def _kind(element: Element) -> str:
    if element.number in _KINDS:
        return _KINDS[element.number]
    by_type = {"ID": "code", "R": "number", "N0": "number", "DT": "day", "TM": "time"}
    return by_type.get(element.type, "id")


def is_personal(kind: str) -> bool:
    """Whether values of this kind may lead to somebody."""
    return kind not in ("code", "listed", "context", "number", "time")


def may_tell(values: Sequence[str], place: int, part: int, value: str) -> bool:
    """Whether a value of a segment may lead to somebody: by its kind, or since it is no code where one belongs."""
    kind = _in_context(values[0].upper(), place, part, kind_of(values[0], place, part), values, value)
    return is_personal(kind) or _BY_KIND[kind](value, _ANY) != value


class Anonymous:
    """Reads a source once and yields it disguised; `problem` says why it stopped early, if it did."""

    def __init__(self, source: Source, secret: bytes) -> None:
        self.wire = Wire(source)
        self.disguise = Disguise(secret)
        self.segments = 0

    @property
    def problem(self) -> str:
        """Why the file could not be read to its end: what follows is left out."""
        return self.wire.problem

    def __iter__(self) -> Iterator[bytes]:
        for block in self.wire:
            self.segments += len(block.segments)
            yield self._block(block)

    def _block(self, block: Block) -> bytes:
        marks = block.delimiters
        full = marks.segment + marks.ending
        texts = [segment(text, marks, self.disguise) for text in block.segments]
        return block.lead + (full.join(texts) + block.last).encode(block.encoding)


def segment(text: str, marks: Delimiters, disguise: Disguise) -> str:
    """One segment with everything in it that may lead to somebody replaced; `marks` tells it apart."""
    values = text.split(marks.element)
    tag = values[0].strip().upper()
    if tag == "ISA":
        return marks.element.join([values[0], *_header(values, disguise)])
    if tag not in layouts():
        return marks.element.join([_tag(values[0], disguise), *[disguise.shaped(value) for value in values[1:]]])
    for place, value in enumerate(values):
        if value and place:
            values[place] = _element(tag, place, value, values, marks, disguise)
    return marks.element.join(values)


def _tag(text: str, disguise: Disguise) -> str:
    """The id of a segment that nobody knows; what is too long to be one may be anything."""
    if text[:3] in ("ISA", "IEA", "TA1"):
        return text[:3] + disguise.shaped(text[3:])
    return text if len(text) <= 3 else disguise.shaped(text)


def _header(values: list[str], disguise: Disguise) -> Iterator[str]:
    for place, value in enumerate(values[1:], 1):
        act = _BY_KIND[kind_of("ISA", place)] if place < 16 else _as_it_is
        bare = value.strip(" ")
        yield value.replace(bare, act(bare, disguise)) if bare else value


def _element(tag: str, place: int, value: str, values: list[str], marks: Delimiters, disguise: Disguise) -> str:
    layout = layouts()[tag]
    repeats = value.split(marks.repetition) if marks.repetition else [value]
    composite = place <= len(layout.elements) and isinstance(layout.elements[place - 1], Composite)
    for at, one in enumerate(repeats):
        parts = one.split(marks.component) if marks.component else [one]
        for number, part in enumerate(parts):
            if part:
                step = number + 1 if composite else 0
                kind = _in_context(tag, place, step, kind_of(tag, place, step), values, part)
                parts[number] = _BY_KIND[kind](part, disguise)
        repeats[at] = marks.component.join(parts)
    return marks.repetition.join(repeats) if marks.repetition else repeats[0]


def _in_context(tag: str, place: int, step: int, kind: str, values: Sequence[str], value: str) -> str:
    """Where another element of the segment, or the segment itself, says that an id is a code, or a code is none."""
    if kind == "code" and len(value) > _longest(tag, place, step):
        return "text"
    if tag == "LIN" and kind == "listed" and (place > 3 or values[2] not in _PRODUCTS):
        return "id"
    if kind != "id":
        return kind
    coded = (
        (tag in ("MIA", "MOA") and _REMARK.fullmatch(value))
        or (tag == "PRV" and place == 3 and values[2] in ("PXC", "ZZ") and _TAXONOMY.fullmatch(value))
        or (tag == "REF" and place == 2 and values[1] in _ANSWERS and len(value) <= 3)
        or (tag == "DN2" and place == 1 and len(value) <= 2)  # a tooth
    )
    if coded:
        return "code"
    return "clia" if tag in ("REF", "NM1") and _CLIA.fullmatch(value) else kind


@lru_cache(maxsize=4096)
def _longest(tag: str, place: int, step: int) -> int:
    """How long a code of this element may be; what is longer may be anything."""
    kind = layouts()[tag].elements[place - 1]
    return kind.parts[max(step, 1) - 1].high if isinstance(kind, Composite) else kind.high


def _as_it_is(value: str, _disguise: Disguise) -> str:
    return value


def _code(value: str, disguise: Disguise) -> str:
    return value if _CODE.fullmatch(value) else disguise.text(value)


def _listed(value: str, disguise: Disguise) -> str:
    """A code from a list outside the guides: its letters are few, or there are digits among them."""
    coded = len(value) <= 2 or any(mark.isdigit() for mark in value)
    return value if coded and _CODE.fullmatch(value) else disguise.text(value)


def _context(value: str, disguise: Disguise) -> str:
    return value if _CONTEXT.fullmatch(value) else disguise.text(value)


def _number(value: str, disguise: Disguise) -> str:
    return value if _NUMBER.fullmatch(value) else disguise.shaped(value)


def _clia(value: str, disguise: Disguise) -> str:
    moved = disguise.shaped(value[:2] + value[3:])
    return f"{moved[:2]}D{moved[2:]}"


_BY_KIND: dict[str, Callable[[str, Disguise], str]] = {
    "text": lambda value, disguise: disguise.text(value),
    "address": lambda value, disguise: disguise.address(value),
    "id": lambda value, disguise: disguise.id(value),
    "unknown": lambda value, disguise: disguise.shaped(value),
    "zip": lambda value, disguise: disguise.zip_code(value),
    "phone": lambda value, disguise: disguise.phone(value),
    "day": lambda value, disguise: disguise.day(value),
    "short_day": lambda value, disguise: disguise.short_day(value),
    "period": lambda value, disguise: disguise.period(value),
    "originator": lambda value, disguise: value[:1] + disguise.id(value[1:]),
    "clia": _clia,
    "code": _code,
    "listed": _listed,
    "context": _context,
    "number": _number,
    "time": _number,
}
