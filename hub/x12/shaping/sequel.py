"""What is known of segments that follow each other again and again, and of those whose text repeats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
