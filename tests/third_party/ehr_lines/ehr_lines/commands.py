"""`hub lines ...`: what an administrator of this feed types."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ehr_lines.port import KIND
from hub.plugin.api import Commands

lines = typer.Typer(help="Lines of facts.", no_args_is_help=True)
Folder = Annotated[Path | None, typer.Option("--config", "-c", help="Folder of the settings.")]


@lines.command()
def look(ctx: typer.Context, file: Path, connector: str, folder: Folder = None) -> None:
    """What the hub would make of a line, by kind."""
    given: Commands = ctx.obj
    with given.desk(folder) as desk:
        reading = desk.read(connector, file.read_bytes(), KIND)
        port = desk.settings(connector).port
    for problem in reading.problems:
        given.terminal.fail(f"{problem.where}: {problem.why}", problem.fix)
    kinds = [type(fact).__name__ for fact in reading.facts]
    given.terminal.table(
        f"a line for port {port}", ("fact", "many"), [(kind, kinds.count(kind)) for kind in kinds]
    )


@lines.command()
def stored(ctx: typer.Context, connector: str, by: str, folder: Folder = None) -> None:
    """The stored lines of a connector, one JSON object each."""
    given: Commands = ctx.obj
    with given.desk(folder, by) as desk:
        for one in desk.messages(connector):
            whole = desk.message(one.id)
            given.terminal.emit({"id": one.id, "state": one.state, "size": len(whole.body)})


@lines.command()
def breaks(number: int) -> None:
    """A bug."""
    raise ValueError(f"ZZCANARYNAME {number}")
