"""How the command line speaks: plain lines, tables with colour in a terminal, one message for what went wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from hub.errors import HubError


def say(line: str = "") -> None:
    """One line for a person."""
    print(line, flush=True)


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

    drawn = Table(title=title, title_justify="left", title_style="bold", header_style="bold", show_edge=False)
    for index, column in enumerate(columns):
        drawn.add_column(column, justify="right" if index in right else "left", overflow="fold")
    for number, row in enumerate(cells):
        style = styles[number] if number < len(styles) else ""
        drawn.add_row(*[Text(cell) for cell in row], style=style or None)
    console = Console(highlight=False)
    console.print(drawn)
    console.print()


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
    from hub.store.opening import Faulty

    print(f"hub: {error}", file=sys.stderr)
    if isinstance(error, Faulty):
        for fault in error.faults:
            print(f"  {fault.file}:{fault.line} {fault.key}: {fault.wrong}", file=sys.stderr)
    if error.fix:
        print(f"     what to do: {error.fix}", file=sys.stderr)
    return 2
