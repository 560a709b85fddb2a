"""How the command line speaks: plain lines, tables with colour in a terminal, one message for what went wrong."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from hub.errors import HubError

NEXT = "The running hub takes it up within a minute; where none runs: hub run --once"


def say(line: str = "") -> None:
    """One line for a person."""
    print(line, flush=True)


def say_folded(text: str, indent: str = "") -> None:
    """A sentence for a person, folded between words where somebody watches; `indent` before each line."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    room = max(width - len(indent) - 4, 40)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) if width else [text]
    for number, line in enumerate(lines):
        say(f"{indent}{line}" if number == 0 else f"{indent}    {line}")


def coloured() -> bool:
    """Whether standard output is a terminal that wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_json(value: Any) -> None:
    """A record, dict or list as indented JSON; the keys are the same whatever stands in it."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Sequence[int] = (),
    styles: Sequence[str] = (),
) -> None:
    """A table; columns whose index stands in `right` are set to the right, `styles` colours the rows.

    Where nobody watches it is plain text, one line a row, so that other programs may read it.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(title, columns, cells, right, styles)
    else:
        _write(title, columns, cells, right)


def _draw(
    title: str, columns: Sequence[str], cells: list[list[str]], right: Sequence[int], styles: Sequence[str]
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    widths = fitting([columns, *cells], console.width - 3 * len(columns))
    coloured = [styles[number] if number < len(styles) else "" for number in range(len(cells))]
    if not cells or widths is None:
        console.print(Text(title if cells else f"{title} (none)", style="bold"))
        for row, style in zip(cells, coloured, strict=True):
            console.print(Text(block(columns, row, console.width), style=style))
        console.print()
        return
    drawn = Table(title=title, title_justify="left", title_style="bold", header_style="bold", show_edge=False)
    drawn.show_header = any(columns)
    for index, (column, width) in enumerate(zip(columns, widths, strict=True)):
        drawn.add_column(column, justify="right" if index in right else "left", width=width)
    for row, style in zip(cells, coloured, strict=True):
        drawn.add_row(*[Text(cell) for cell in row], style=style or None)
    console.print(drawn)
    console.print()


def fitting(lines: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Widths of columns that fit into `room` letters, texts broken between words; None where a word or an id, which
    somebody may want to copy, would have to be broken too.
    """
    columns = list(zip(*lines, strict=True))
    widths = [max(1, *map(len, column)) for column in columns]
    words = [max((len(word) for cell in column for word in cell.split()), default=1) for column in columns]
    if sum(words) > room:
        return None
    while sum(widths) > room:
        spare = [index for index, width in enumerate(widths) if width > words[index]]
        widths[max(spare, key=widths.__getitem__)] -= 1
    return widths


def block(columns: Sequence[str], row: Sequence[str], width: int) -> str:
    """A row where the terminal is too narrow for its table: the first cell, below it the others with their names."""
    told = [
        f"{name} {cell}".strip() for name, cell in zip(columns[1:], row[1:], strict=True) if cell not in ("", "-")
    ]
    rest = textwrap.wrap(", ".join(told), width - 4, break_long_words=False, break_on_hyphens=False)
    return "\n".join([row[0], *(f"    {line}" for line in rest)])


def _write(title: str, columns: Sequence[str], cells: list[list[str]], right: Sequence[int]) -> None:
    lines = [list(columns), *cells]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    say(title)
    for line in lines:
        padded = [
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        say("  ".join(padded).rstrip())
    say()


def when(instant: datetime | None) -> str:
    """An instant for a list: to the minute, in UTC."""
    return f"{instant:%Y-%m-%d %H:%M}Z" if instant else "-"


def age(span: timedelta) -> str:
    """How long something has stood, in its largest unit: `4d`, `7h`, `12m`."""
    minutes = max(int(span.total_seconds() // 60), 0)
    if minutes >= 2 * 24 * 60:
        return f"{minutes // (24 * 60)}d"
    return f"{minutes // 60}h" if minutes >= 120 else f"{minutes}m"


def explain(error: HubError) -> int:
    """Say what went wrong and what to do, on standard error; returns the exit code."""
    print(f"hub: {error}", file=sys.stderr)
    for fault in getattr(
        error, "faults", ()
    ):  # of settings; the store that raises them is not imported for a message
        print(f"  {fault.file}:{fault.line} {fault.key}: {fault.wrong}", file=sys.stderr)
    if error.fix:
        print(f"     what to do: {error.fix}", file=sys.stderr)
    return 2
