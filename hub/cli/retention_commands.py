"""`hub retention`, `hub hold` and `hub keys`: what a keeper says; what is done stands in hub/keep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.groups import Group
from hub.cli.options import HERE, AsJson, By, Folder, Limit

Dry = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", help="Mean it: this cannot be undone.")]

retention = typer.Typer(help="What may be purged, and purging it.", no_args_is_help=True, cls=Group)
hold = typer.Typer(help="Legal holds: what may not be purged.", no_args_is_help=True, cls=Group)
keys = typer.Typer(help="The keys that encrypt everything.", no_args_is_help=True, cls=Group)


@retention.command("plan")
def retention_plan(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """A dry run: what would be purged now, how old it is, and what is kept back and why."""
    from hub.cli import retaining

    retaining.plan(folder, as_json=as_json)


@retention.command("purge")
def retention_purge(folder: Folder = HERE, by: By = "cli", yes: Yes = False, as_json: AsJson = False) -> None:
    """Purge what the plan says, while the hub runs. Without --yes only the plan is told."""
    from hub.cli import retaining

    if yes:
        retaining.purge(folder, by=by, as_json=as_json)
    else:
        retaining.plan(folder, as_json=as_json)


@retention.command("list")
def retention_list(folder: Folder = HERE, limit: Limit = 50, as_json: AsJson = False) -> None:
    """What was purged, when and by whom."""
    from hub.cli import retaining

    retaining.history(folder, limit=limit, as_json=as_json)


@hold.command("place")
def hold_place(
    kind: Annotated[str, typer.Argument(help="practice, patient or claim.")],
    about: Annotated[str, typer.Argument(metavar="ID", help="Its id; of a practice its name.")],
    why: Annotated[str, typer.Option(help="Why, in a few words without patient data.")],
    by: By = "cli",
    folder: Folder = HERE,
    dry_run: Dry = False,
    as_json: AsJson = False,
) -> None:
    """From now on nothing that hangs on it is purged."""
    from hub.cli import retaining

    retaining.place(folder, kind, about, why=why, by=by, dry_run=dry_run, as_json=as_json)


@hold.command("lift")
def hold_lift(
    hold_id: Annotated[str, typer.Argument(metavar="HOLD", help="The hold's id.")],
    by: By = "cli",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """End a hold; the next purge may remove what it kept."""
    from hub.cli import retaining

    retaining.lift(folder, hold_id, by=by, as_json=as_json)


@hold.command("list")
def hold_list(
    folder: Folder = HERE,
    all_: Annotated[bool, typer.Option("--all", help="Those that were lifted too.")] = False,
    as_json: AsJson = False,
) -> None:
    """The holds in force."""
    from hub.cli import retaining

    retaining.holds(folder, lifted=all_, as_json=as_json)


@keys.command("list")
def keys_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """The keys, since when each is in use, and how many rows are under retired ones. No key is shown."""
    from hub.cli import keychain

    keychain.show(folder, as_json=as_json)


@keys.command("rotate")
def keys_rotate(
    purpose: Annotated[str, typer.Argument(help="data or lookup.")] = "data",
    by: By = "cli",
    folder: Folder = HERE,
    dry_run: Dry = False,
    as_json: AsJson = False,
) -> None:
    """Encrypt with a new data key from now on, while the hub runs; what is there stays readable."""
    from hub.cli import keychain

    keychain.rotate(folder, purpose, by=by, dry_run=dry_run, as_json=as_json)


@keys.command("reencrypt")
def keys_reencrypt(folder: Folder = HERE, by: By = "cli", dry_run: Dry = False, as_json: AsJson = False) -> None:
    """Encrypt everything under the present data key now, instead of a part each night."""
    from hub.cli import keychain

    keychain.reencrypt(folder, by=by, dry_run=dry_run, as_json=as_json)


@keys.command("change-master")
def keys_change_master(
    to: Annotated[Path, typer.Option(help="File of the new master key; made now where there is none.")],
    by: By = "cli",
    folder: Folder = HERE,
    dry_run: Dry = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Wrap every key under another master key. Then name it in hub.toml and start every node again."""
    from hub.cli import keychain

    keychain.change_master(folder, to, by=by, dry_run=dry_run or not yes, as_json=as_json)
