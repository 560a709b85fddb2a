"""The commands `hub schedule` and `hub runs`: when steps run, and how their runs went."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.groups import Group
from hub.cli.options import HERE, AsJson, By, Folder, Limit

schedule = typer.Typer(help="When steps run: calendars, pauses, run now.", no_args_is_help=True, cls=Group)
runs = typer.Typer(help="How the runs of schedules went.", no_args_is_help=True, cls=Group)
Named = Annotated[str, typer.Argument(help="Which schedule, as `hub schedule list` calls it.")]


@schedule.command("list")
def schedule_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Every schedule, also the built-in ones: its next three times, its last run, its calendar, its pause."""
    from hub.cli import schedules

    schedules.show(folder, as_json=as_json)


@schedule.command("pause")
def schedule_pause(
    name: Named,
    until: Annotated[
        str, typer.Option(help="When it goes on by itself: 2h, 3d, 2026-11-30 or 2026-11-30T08:00 (hub.zone).")
    ] = "",
    why: Annotated[str, typer.Option(help="Why, in a few words without patient data.")] = "",
    by: By = "cli",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Pause a schedule on every node. What falls due meanwhile is recorded and not made up for."""
    from hub.cli import schedules

    schedules.pause(folder, name, until=until, why=why, by=by, as_json=as_json)


@schedule.command("resume")
def schedule_resume(name: Named, by: By = "cli", folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Let a paused schedule go on with its next time."""
    from hub.cli import schedules

    schedules.resume(folder, name, by=by, as_json=as_json)


@schedule.command("run")
def schedule_run(
    name: Named,
    connector: Annotated[str, typer.Option(help="Only this lane; empty: all of the schedule.")] = "",
    by: By = "cli",
    folder: Folder = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would run.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a schedule now, also a paused one; the running hub begins it within seconds."""
    from hub.cli import schedules

    schedules.run(folder, name, connector=connector, by=by, dry_run=dry_run, as_json=as_json)


@runs.command("list")
def runs_list(
    name: Annotated[str, typer.Option("--schedule", help="Only of this schedule.")] = "",
    outcome: Annotated[
        str, typer.Option(help="Only these: asked, running, ok, partial, failed, lost, held, paused, skipped.")
    ] = "",
    since: Annotated[str, typer.Option(help="Not older than: 2h, 3d or 2026-11-30.")] = "",
    limit: Limit = 50,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Runs of schedules, newest last."""
    from hub.cli import schedules

    schedules.runs(folder, schedule=name, outcome=outcome, since=since, limit=limit, as_json=as_json)


@runs.command("show")
def runs_show(
    run: Annotated[str, typer.Argument(help="Run id.")], folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """One run: when, how long, how many, how it ended."""
    from hub.cli import schedules

    schedules.run_record(folder, run, as_json=as_json)
