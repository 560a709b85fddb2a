"""`hub x12 diff`: what two files say differently."""

from __future__ import annotations

import itertools
import sys

from msgspec.structs import replace

from hub.cli.ui import print_json, say, table
from hub.cli.x12_files import Input, only, printable, unreadable
from hub.cli.x12_validate import count_of
from hub.x12.classify import classify
from hub.x12.tools.diff import Difference, differences

_COLUMNS = ("", "in", "place", "what it is", "first", "second", "lines")
_MASK = "***"


def diff(first: str, second: str, *, strict: bool, masked: bool, limit: int, as_json: bool) -> None:
    """Tell the differences; ends with 0 where there is none, 1 with some, 2 where a file cannot be read."""
    with only(first) as old, only(second) as new:
        if old.file is None or new.file is None:
            raise unreadable(old.name if old.file is None else new.name)
        for one in (old, new):
            _refuse_other(one)
        found = differences(old.file, new.file, strict=strict)
        told = list(itertools.islice((_masked(one) if masked else one for one in found), limit))
        more = sum(1 for _ in found)
    if as_json:
        print_json({"first": old.name, "second": new.name, "differences": told, "left_out": more})
    else:
        _print(old.name, new.name, told, more)
    sys.exit(int(bool(told)))


def _refuse_other(given: Input) -> None:
    if given.file is not None:
        if not classify(given.file).is_x12:
            raise unreadable(given.name)
        given.file.seek(0)


def _masked(one: Difference) -> Difference:
    about = " ".join(one.about.split()[:1]) if one.about.startswith("claim") else one.about.partition(" 2")[0]
    return replace(one, about=about, first=one.first and _MASK, second=one.second and _MASK)


def _print(first: str, second: str, told: list[Difference], more: int) -> None:
    if not told:
        say(f"{first} and {second} say the same")
        return
    if sys.stdout.isatty():
        _list(f"{first} (first) and {second} (second)", told)
    else:
        _rows(f"{first} (first) and {second} (second)", told)
    say(f"{count_of(len(told) + more, 'difference')}" + (f"; {more:,} not shown (--limit)" if more else ""))


def _list(title: str, told: list[Difference]) -> None:
    """Differences below what they are in: what was there with -, what is there now with +."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(title, style="bold"))
    for about, group in itertools.groupby(told, key=lambda one: one.about):
        console.print(Text(f"  {printable(about)}", style="bold cyan"), soft_wrap=True)
        for one in group:
            lines = f"line {_lines(one)}  " if one.first_line or one.second_line else ""
            head = Text(f"    {lines}").append(printable(one.place), style="bold")
            console.print(head.append(f"  {one.name or one.what}"), soft_wrap=True)
            for mark, value, other, style in (
                ("-", one.first, "added", "red"),
                ("+", one.second, "removed", "green"),
            ):
                if value != _MASK and (value or one.what == "changed") and one.what != other:
                    console.print(Text(f"        {mark} {printable(value)}", style=style), soft_wrap=True)
    console.print()


def _rows(title: str, told: list[Difference]) -> None:
    rows = [
        [
            printable(cell or "-")
            for cell in (one.what, one.about, one.place, one.name, one.first, one.second, _lines(one))
        ]
        for one in told
    ]
    table(title, _COLUMNS, rows)


def _lines(one: Difference) -> str:
    return f"{one.first_line or '-'}/{one.second_line or '-'}"
