"""The commands `hub notices`: what people were told, and whether a notifier works."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.groups import Group
from hub.cli.options import HERE, AsJson, Folder, Limit

notices = typer.Typer(help="What people are told, and by which way.", no_args_is_help=True, cls=Group)


@notices.command("list")
def notices_list(
    folder: Folder = HERE,
    state: Annotated[str, typer.Option(help="Only these: waiting, sent, refused, dropped, silent.")] = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Notices, newest first, and what stands open now; those that wait say what their last try met."""
    from hub.cli import notices as told

    told.show(folder, state=state, limit=limit, as_json=as_json)


@notices.command("test")
def notices_test(
    connector: Annotated[str, typer.Argument(help="Which notifier, as [connectors.NAME] calls it.")],
    folder: Folder = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send one notice that says it is a test. `hub connector test` tries the way without sending."""
    from hub.cli import notices as told

    told.test(folder, connector, dry_run=dry_run, as_json=as_json)
