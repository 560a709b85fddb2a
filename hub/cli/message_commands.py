"""The commands `hub messages`: what came from a source, what could not be applied, and what a person does with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.groups import Group
from hub.cli.options import HERE, AsJson, By, Folder, Limit

messages = typer.Typer(
    help="Messages of sources: which came, which stop a lane, and mending them.", no_args_is_help=True, cls=Group
)
Id = Annotated[str, typer.Argument(help="Message id or number.")]
Why = Annotated[str, typer.Option(help="Why, in a few words without patient data: it is recorded.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@messages.command("list")
def messages_list(
    folder: Folder = HERE,
    source: Annotated[str, typer.Option(help="Only of this connector.")] = "",
    state: Annotated[str, typer.Option(help="Only those that stand so: set_aside, blocked, read, ...")] = "",
    reason: Annotated[str, typer.Option(help="Only those with this code as a reason, as hl7.value.")] = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Messages, newest last, with where each stands and why."""
    from hub.cli import messages as told

    told.listed(folder, source=source, state=state, reason=reason, limit=limit, as_json=as_json)


@messages.command("show")
def messages_show(
    message: Id,
    by: By = "cli",
    folder: Folder = HERE,
    content: Annotated[
        bool, typer.Option("--content", help="Print the content too (patient data: recorded).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """One message: reason and place, what waits behind it, what it was mended from or into."""
    from hub.cli import messages as told

    told.shown(folder, message, content=content, by=by, as_json=as_json)


@messages.command("lanes")
def messages_lanes(
    folder: Folder = HERE,
    source: Annotated[str, typer.Option(help="Only of this connector.")] = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """The messages behind which accounts or patients stand still: since when, why, and how many wait."""
    from hub.cli import messages as told

    told.lanes(folder, source=source, limit=limit, as_json=as_json)


@messages.command("edit")
def messages_edit(  # noqa: PLR0913, PLR0917 - each is an option
    message: Id,
    why: Why,
    file: Annotated[Path | None, typer.Option(help="The mended message, whole.")] = None,
    editor: Annotated[
        bool, typer.Option("--editor", help="Mend it in $EDITOR (patient data: recorded).")
    ] = False,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="PLACE=VALUE, as in FT1[1]-7.1=T1015; may be repeated.")
    ] = None,
    by: By = "cli",
    folder: Folder = HERE,
    dry_run: Dry = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put a mended message in the place of one that cannot be applied; first shown as it would be read."""
    from hub.cli import mending

    choice = mending.Choice(file=file, editor=editor, change=tuple(change or ()), why=why, by=by)
    mending.edit(folder, message, choice, dry_run=dry_run, yes=yes, as_json=as_json)


@messages.command("replay")
def messages_replay(
    message: Annotated[str, typer.Argument(help="Message id or number.")] = "",
    lane_of: Annotated[
        str, typer.Option("--lane-of", help="Whatever stops the lanes in which this message waits.")
    ] = "",
    set_aside: Annotated[bool, typer.Option("--set-aside", help="Every message that is set aside.")] = False,
    source: Annotated[str, typer.Option(help="With --set-aside: only of this connector.")] = "",
    by: By = "cli",
    folder: Folder = HERE,
    dry_run: Dry = False,
    as_json: AsJson = False,
) -> None:
    """Read messages again, as after a change of settings; each in its own place."""
    from hub.cli import mending

    what = mending.Which(message=message, lane_of=lane_of, set_aside=set_aside, source=source)
    mending.replay(folder, what, by=by, dry_run=dry_run, as_json=as_json)


@messages.command("skip")
def messages_skip(
    message: Id,
    why: Why,
    by: By = "cli",
    folder: Folder = HERE,
    dry_run: Dry = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let a message go that will not be applied: it is kept, nothing of it is used, and its lanes flow."""
    from hub.cli import mending

    mending.skip(folder, message, why=why, by=by, dry_run=dry_run, yes=yes, as_json=as_json)
