"""`hub backup`, `hub restore` and `hub db upgrade`: what a keeper says; what is done stands in hub/keep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.groups import Group
from hub.cli.options import HERE, AsJson, By, Folder

Dry = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")]


class _Backing(Group):
    """`hub backup` alone makes one."""

    first = "make"

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Put the usual command in front where none is named."""
        named = bool(args) and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if named else [self.first, *args])


class _Restoring(_Backing):
    """`hub restore FILE` puts one back."""

    first = "file"


backup = typer.Typer(help="Backups: `hub backup` makes one.", cls=_Backing)
restore = typer.Typer(help="Putting a backup back: `hub restore FILE --into FOLDER`.", cls=_Restoring)


@backup.command("make")
def backup_make(
    folder: Folder = HERE,
    to: Annotated[Path | None, typer.Option(help="Another folder than the configured one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a backup while the hub runs: one encrypted file with the database and the settings. `hub backup` is
    enough.
    """
    from hub.cli import keeping

    keeping.back_up(folder, to, as_json=as_json)


@backup.command("list")
def backup_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """The backups, and which of them a restore drill has proved."""
    from hub.cli import keeping

    keeping.show(folder, as_json=as_json)


@backup.command("rotate")
def backup_rotate(folder: Folder = HERE, dry_run: Dry = False, as_json: AsJson = False) -> None:
    """Remove backups that are older than the settings say; never the newest, nor the last proved one."""
    from hub.cli import keeping

    keeping.turn(folder, dry_run=dry_run, as_json=as_json)


@backup.command("drill")
def backup_drill(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Restore the newest backup into a temporary place, prove the promises there, and leave nothing of it."""
    from hub.cli import keeping

    keeping.try_newest(folder, as_json=as_json)


@backup.command("key")
def backup_key(
    folder: Folder = HERE,
    by: By = "cli",
    show: Annotated[bool, typer.Option("--show", help="Print the key itself, after asking.")] = False,
    to: Annotated[
        Path | None, typer.Option(help="Write the page into a new file that only you can read.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """How to keep the master key apart; with --show or --to, the page to print. Showing is recorded."""
    from hub.cli import keeping

    keeping.key(folder, by=by, show_it=show, to=to, yes=yes)


@restore.command("file")
def restore_file(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    into: Annotated[Path, typer.Option(help="A new or empty folder: settings and data are put there.")],
    store: Annotated[
        str, typer.Option(help="PostgreSQL only: the address of an empty database.", envvar="HUB_RESTORE_STORE")
    ] = "",
    key: Annotated[
        Path | None, typer.Option(help="File with the master key, as on its page; else it is asked for.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Prove the eleven promises on what was restored.")
    ] = False,
    migrate: Annotated[bool, typer.Option("--migrate", help="Bring its tables up to this hub.")] = False,
    tools: Annotated[str, typer.Option(help="Folder of pg_restore, if packages did not put it there.")] = "",
    as_json: AsJson = False,
) -> None:
    """Put a backup back into a fresh place; nothing is overwritten. The hub does not run on it before `accept`."""
    from hub.cli import restoring

    how = restoring.How(file=file, into=into, store=store, key=key, tools=tools, verify=verify, migrate=migrate)
    restoring.put_back(how, as_json=as_json)


@restore.command("accept")
def restore_accept(
    why: Annotated[str, typer.Option(help="What happened, in a few words without patient data.")],
    by: By = "",
    folder: Folder = HERE,
    margin: Annotated[
        int, typer.Option(help="Numbers left out of each counter.", min=1, max=10_000_000)
    ] = 100_000,
    dry_run: Dry = False,
    as_json: AsJson = False,
) -> None:
    """Let the hub run on what was restored: what may have gone out since the backup is not sent again by itself."""
    from hub.cli import restoring

    restoring.accept(folder, by=by, why=why, margin=margin, dry_run=dry_run, as_json=as_json)


def db_upgrade(
    folder: Folder = HERE,
    rehearse: Annotated[
        bool,
        typer.Option("--rehearse", help="Try it on a copy, prove that, tell how long it took, leave nothing."),
    ] = False,
    no_backup: Annotated[bool, typer.Option("--no-backup", help="Do not make a backup first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make or migrate the tables, after a backup of what is there; safe to repeat. Refused while a hub runs."""
    from hub.cli import upgrading

    if rehearse:
        upgrading.rehearse(folder, as_json=as_json)
    else:
        upgrading.upgrade(folder, backup=not no_backup, as_json=as_json)
