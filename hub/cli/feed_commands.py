"""The commands `hub feeds`: how each feed does, and the last days of one by the hour."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.groups import Group
from hub.cli.options import HERE, AsJson, Folder

feeds = typer.Typer(
    help="How the feeds of EHRs do: last message, rates, answers, lanes that stand still, silence.",
    no_args_is_help=False,
    invoke_without_command=True,
    cls=Group,
)


@feeds.callback()
def feeds_all(ctx: typer.Context, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """How the feeds of EHRs do: last message, rates, answers, lanes that stand still, silence."""
    if ctx.invoked_subcommand is None:
        feeds_list(folder, as_json)


@feeds.command("list")
def feeds_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Every feed by connection: last message, messages in this hour and day, answers, what waits."""
    from hub.cli import feeds as told

    told.table_of(folder, as_json=as_json)


@feeds.command("show")
def feeds_show(
    name: Annotated[str, typer.Argument(help="Which source, as [connectors.NAME] calls it.")],
    folder: Folder = HERE,
    days: Annotated[int, typer.Option(help="So many days back.", min=1, max=56)] = 7,
    as_json: AsJson = False,
) -> None:
    """One feed: its habit, its connections, and the last days by the hour."""
    from hub.cli import feeds as told

    told.one(folder, name, days=days, as_json=as_json)
