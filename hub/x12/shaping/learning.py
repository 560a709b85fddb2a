"""Reads the records of a file by what was learned of it: which sequences of segments its sender writes.

    learned = Learned(CLAIM, marks)
    flat = learned.flat(texts)                              # "" where these cannot be read so
    record, i, place = learned.read(texts, i, flat, place, *given)

A sequence that comes again and again gets a template (`template.py`), and the one that came after another the last
time is tried first. What has none is read by the shape's own reader; both give the same records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from hub.x12.shaping.kinds import Odd, Unreadable
from hub.x12.shaping.looping import compile_reader
from hub.x12.shaping.rows import Inner, Shape
from hub.x12.shaping.sequel import NotLearned, Part, Sequel, Template
from hub.x12.shaping.template import Templates
from hub.x12.wire import Delimiters

LEARN_AT = (4, 16, 64, 256)
"""How often a sequence is met before it gets a template, which takes a few milliseconds to make; and when that is
tried again, where the values it was then met with were odd."""

MOST_TEMPLATES = 128
MOST_SEQUELS = 1_024
"""Sequences that are counted: a file that has more of them is of no use to learn from."""

RENEWED_AFTER = 50_000
"""Loops without a template after which all is learned anew, where there is no room for more."""

LONGEST = 48
"""Segments of a sequence that is worth a template."""


class Learned:
    """What was learned of one shape, a loop with one kind of loop inside it that repeats at its end."""

    def __init__(self, shape: Shape, marks: Delimiters) -> None:
        inner = shape.rows[-1]
        if not (isinstance(inner, Inner) and inner.many and not inner.codes):
            raise TypeError("only a shape that ends with a loop that repeats can be learned")
        own = frozenset(row.tag for row in shape.rows[1:])
        stops = shape.ends | {inner.tag}
        self._marks = marks
        self._slow = compile_reader(shape, marks)[0]
        self._inner = compile_reader(inner.shape, marks, own | shape.ends, top=False)[0]
        self._tag, self._opens = inner.tag, inner.tag + marks.element
        self._stops = stops
        self._heads = _Known(shape, marks, stops, inner.tag, frozenset())
        self._loops = _Known(inner.shape, marks, stops, inner.tag, own)
        self._root = self._heads.nothing

    def flat(self, texts: list[str]) -> str:
        """Segment texts, the last of them "", as one text; "" where one could not be told from another."""
        if self._heads.stale() or self._loops.stale():
            self._heads.renew()
            self._loops.renew()
            self._root = self._heads.nothing
        made = self._marks.segment.join(texts)
        return "" if "\x1b" in made else made

    def read(self, texts: list[str], i: int, flat: str, place: int, *given: Any) -> tuple[Any, int, int]:
        """Reads the record that begins at `texts[i]` and at `flat[place]`; gives it and where the next begins.

        Raises `Unreadable` as the reader of the shape does.
        """
        try:
            found = self._quick(texts, i, flat, place, given) if flat else None
        except (Odd, ValueError, Unreadable):
            found = None  # and the other reader tells what is wrong, if anything is
        if found is not None:
            return found
        made, after = self._slow(texts, i, *given)
        return made, after, place + sum(map(len, texts[i:after])) + after - i

    def _quick(
        self, texts: list[str], i: int, flat: str, place: int, given: tuple[Any, ...]
    ) -> tuple[Any, int, int] | None:
        head, opens = self._root.next, self._opens
        told = head.match(flat, place)
        if told is None:
            head, told = self._heads.found(self._root, texts, i, flat, place, given)
            if told is None:
                return None
        at, place = i + head.count, told.end()
        inside = []
        before = head
        while flat.startswith(opens, place):
            loop = before.next
            found = loop.match(flat, place)
            if found is None:
                loop, found = self._loops.found(before, texts, at, flat, place, ())
                if found is None:
                    made, after = self._inner(texts, at)
                    tag = texts[after].partition(self._marks.element)[0]
                    if tag not in self._stops or texts[after] == self._tag:
                        return None  # or opens the loop inside, though nothing stands in it
                    inside.append(made)
                    place += sum(map(len, texts[at:after])) + after - at
                    at = after
                    continue
            inside.append(loop.build(found, texts, at, ()))
            at += loop.count
            place = found.end()
            before = loop
        return head.build(told, texts, i, tuple(inside), *given), at, place


class _Known:
    """The sequences of one loop that were met, and the templates of those that came often."""

    def __init__(self, *made_of: Any) -> None:
        self._made_of = made_of
        self._begin()

    def _begin(self, varied: Iterable[Part] = ()) -> None:
        self._templates = Templates(*self._made_of)
        self._templates.varied.update(varied)
        self._varied = len(self._templates.varied)
        self.nothing = Template(re.compile("(?!)").match, _unmade, 0)
        self._known: dict[Sequel, Template] = {}
        self._met: dict[Sequel, int] = {}
        self._left = MOST_TEMPLATES
        self._unknown = 0

    def stale(self) -> bool:
        """Whether segments are now known not to repeat."""
        return len(self._templates.varied) != self._varied

    def renew(self) -> None:
        """Makes all templates anew."""
        self._begin(self._templates.varied)

    def found(
        self, before: Template, texts: list[str], i: int, flat: str, place: int, given: tuple[Any, ...]
    ) -> tuple[Template, Any]:
        """The template of what stands at a place, and what it finds there, None where there is none.

        Those that followed the one before are tried, then what stands there is looked at.
        """
        for one in before.others:
            found = one.match(flat, place)
            if found is not None:
                before.next = one
                return one, found
        one = self.fitting(texts, i, given)
        found = one.match(flat, place)
        if found is not None:
            before.follow(one)
        return one, found

    def fitting(self, texts: list[str], i: int, given: tuple[Any, ...]) -> Template:
        """The template of the sequence that begins at `texts[i]`; one that matches nothing where there is none."""
        sequel = self._sequel(texts, i)
        found = self._known.get(sequel)
        return found if found is not None else self._learned(sequel, texts[i : i + len(sequel)], given)

    def _sequel(self, texts: list[str], i: int) -> Sequel:
        element = self._templates.marks.element
        coded, stops = self._templates.coded, self._templates.stops
        parts: list[Part] = []
        for text in texts[i : i + LONGEST]:
            tag, *values = text.split(element)
            if tag in stops and parts:
                break
            code = values[0] if values and tag in coded else ""
            parts.append((tag, code, "".join(["1" if one else "0" for one in values])))
        return tuple(parts)

    def _learned(self, sequel: Sequel, texts: list[str], given: tuple[Any, ...]) -> Template:
        self._unknown += 1
        if self._unknown > RENEWED_AFTER and not self._left:
            self._begin()
        if len(self._met) >= MOST_SEQUELS:
            self._met.clear()
        self._met[sequel] = met = self._met.get(sequel, 0) + 1
        if met not in LEARN_AT or not self._left or len(sequel) >= LONGEST:
            return self.nothing
        self._left -= 1
        try:
            made = self._templates.learned(sequel, texts, *given)
        except (NotLearned, Odd):
            return self.nothing
        made.next = self.nothing
        self._known[sequel] = made
        return made


def _unmade(*given: Any) -> Any:
    del given
    raise Odd
