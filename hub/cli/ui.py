"""How the command line speaks: plain lines, tables with colour in a terminal, one message for what went wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from hub.errors import HubError


def say(line: str = "") -> None:
    """One line for a person."""
    print(line)


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[int] = ()
) -> None:
    """A table; columns whose index stands in `right` are set to the right."""
    from rich.console import Console
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", title_style="bold", header_style="bold", show_edge=False)
    for index, column in enumerate(columns):
        drawn.add_column(column, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*[str(cell) for cell in row])
    console = Console()
    console.print(drawn)
    console.print()


def explain(error: HubError) -> int:
    """Say what went wrong and what to do, on standard error; returns the exit code."""
    from hub.app import Faulty

    print(f"hub: {error}", file=sys.stderr)
    if isinstance(error, Faulty):
        for fault in error.faults:
            print(f"  {fault.file}:{fault.line} {fault.key}: {fault.wrong}", file=sys.stderr)
    if error.fix:
        print(f"     what to do: {error.fix}", file=sys.stderr)
    return 2
