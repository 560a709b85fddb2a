"""How these commands lay out text in a terminal of any width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from hub.plugin.api import Terminal


def heading(terminal: Terminal, text: str) -> None:
    """A title with an empty line before it."""
    terminal.say()
    terminal.say(terminal.paint(text, "name"))


def folded(terminal: Terminal, text: str, indent: int = 2, hanging: int = 2) -> list[str]:
    """Lines of a text that fit the terminal; a single one where nobody watches."""
    first, rest = " " * indent, " " * (indent + hanging)
    if not terminal.width:
        return [first + text]
    return textwrap.wrap(
        text,
        max(terminal.width, 40),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first]


def item(terminal: Terminal, text: str, fix: str = "", style: str = "", mark: str = "-") -> None:
    """A point of a list, and below it what to do."""
    for number, line in enumerate(folded(terminal, f"{mark} {text}")):
        terminal.say(terminal.paint(line, style) if style and not number else line)
    if fix:
        for line in folded(terminal, fix, indent=4, hanging=0):
            terminal.say(terminal.paint(line, "aside"))


def some(found: Sequence[str], most: int = 8) -> str:
    """The first few of a list, and how many more there are."""
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def plural(number: int, noun: str) -> str:
    """`1 message`, `1,200 messages`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def counted(found: Iterable[tuple[str, int]]) -> str:
    """`2.5 (3), 2.3 (1)`."""
    return ", ".join(f"{name} ({count})" for name, count in found)
