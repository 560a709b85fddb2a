"""The commands `hub patients` and `hub appointments`: who is one with whom, and what a day brings."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.groups import Group
from hub.cli.options import HERE, AsJson, By, Folder, Limit

Dry = Annotated[bool, typer.Option("--dry-run", help="Only tell what would follow.")]

patients = typer.Typer(help="Patients who are one, or two after all.", no_args_is_help=True, cls=Group)
appointments = typer.Typer(help="What is planned.", no_args_is_help=True, cls=Group)


@patients.command("show")
def patients_show(
    patient: Annotated[str, typer.Argument(metavar="PATIENT", help="Their id in the hub.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Who a patient is now, and what stands under them: visits, open claims, appointments, what they owe."""
    from hub.cli import patients as told

    told.show(folder, patient, as_json=as_json)


@patients.command("merge")
def patients_merge(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The id that ceases.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The id that it is from now on.")],
    by: By = "cli",
    folder: Folder = HERE,
    dry_run: Dry = False,
    as_json: AsJson = False,
) -> None:
    """Two patients are one: visits, open claims, balances and statements follow. It can be undone: `unmerge`."""
    from hub.cli import patients as told

    told.merge(folder, old, new, by=by, dry_run=dry_run, as_json=as_json)


@patients.command("unmerge")
def patients_unmerge(
    patient: Annotated[str, typer.Argument(metavar="PATIENT", help="The id that was merged by mistake.")],
    by: By = "cli",
    folder: Folder = HERE,
    dry_run: Dry = False,
    as_json: AsJson = False,
) -> None:
    """A patient who was merged is themselves again; nothing was rewritten, so everything comes back to them."""
    from hub.cli import patients as told

    told.unmerge(folder, patient, by=by, dry_run=dry_run, as_json=as_json)


@appointments.command("list")
def appointments_list(
    day: Annotated[str, typer.Option(help="today, tomorrow, or a date.")] = "tomorrow",
    source: Annotated[str, typer.Option(help="Only of this source.")] = "",
    limit: Limit = 1_000,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """The appointments of one day, by their hour."""
    from hub.cli import patients as told

    told.appointments(folder, day, source, limit=limit, as_json=as_json)
