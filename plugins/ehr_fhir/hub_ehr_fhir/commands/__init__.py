"""`hub fhir`: what a person does with FHIR servers and files by hand.

Only names and options stand here; what a command does is imported when it is used. `ctx.obj` is what
`hub.plugin.api.desk` describes.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

fhir = typer.Typer(
    help="FHIR servers and files: make a key, look what a server offers, preview what becomes of an encounter.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Config = Annotated[Path | None, typer.Option("--config", "-c", help="Folder of the settings; else HUB_CONFIG.")]
By = Annotated[str, typer.Option("--by", envvar="HUB_USER", help="Who does it, as the audit trail shall say.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


class KeyKind(StrEnum):
    """Algorithms of SMART Backend Services."""

    RS384 = "RS384"
    ES384 = "ES384"


@fhir.callback()
def _fhir() -> None:
    """Commands of FHIR stay words of their own, be there one or many."""


@fhir.command()
def key(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The connector.")],
    kind: Annotated[
        KeyKind, typer.Option(help="RS384 (RSA), which every server takes, or ES384 (EC).")
    ] = KeyKind.RS384,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new key beside the one that is there, which stays valid.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be written.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make the key pair with which the hub signs in at a FHIR server, and the JWKS to register there.

    A key that is there is never overwritten.
    """
    from hub_ehr_fhir.commands.key_command import key as done

    done(ctx.obj, name, str(kind), rotate=rotate, dry_run=dry_run, as_json=as_json, config=config)


@fhir.command()
def probe(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The connector.")] = "",
    url: Annotated[str, typer.Option(help="Instead: an address that asks for no sign-in.")] = "",
    patient: Annotated[
        str, typer.Option(help="Id of a patient to try searches with, where nobody is listed.")
    ] = "",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Try what a FHIR server really offers, tell how it will be asked, and what billing will not get from it.

    It only reads, one resource at a time. Ends with 1 where no claim can come of what is offered.
    """
    from hub_ehr_fhir.commands import probe_command as done

    done.probe(ctx.obj, done.Choice(name=name, url=url, patient=patient, as_json=as_json), config)


@fhir.command()
def pull(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The connector.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Needed: the hub itself pulls; this only looks.")
    ] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell what the first call of a pull would bring from a FHIR server, as counts by type. Nothing is stored.

    It begins as if nothing had been pulled before. What is new is taken by `hub run`.
    """
    from hub_ehr_fhir.commands.pull_command import pull as done

    if not dry_run:
        ctx.obj.terminal.fail("a pull is the hub's own work", fix="add --dry-run to see what it would bring")
    done(ctx.obj, name, config, as_json=as_json)


@fhir.command()
def export(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The connector.")],
    start: Annotated[bool, typer.Option("--start", help="Ask for an export now, not at its next turn.")] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="End the one that runs; what was taken of it stays.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Watch until no export runs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be asked for.")] = False,
    config: Config = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """How a bulk export stands: what the server says, files and resources taken, what is missing, the next turn.

    Exports are worked at by the pulls of `hub run`: the next one takes up what is asked for here (`hub schedule run`
    asks for one now). Ends with 1 where the last export was not whole.
    """
    from hub_ehr_fhir.commands import export_command as done

    if start and cancel:
        ctx.obj.terminal.fail("--start and --cancel contradict each other", fix="give one of them")
    choice = done.Choice(name=name, begin=start, end=cancel, wait=wait, dry_run=dry_run, as_json=as_json)
    if not done.export(ctx.obj, choice, config, by):
        raise typer.Exit(1)


@fhir.command()
def preset(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="One of them.")] = "",
    as_json: AsJson = False,
) -> None:
    """The systems that are known (`preset = "..."`): what is set for them, where to register, what to expect."""
    from hub_ehr_fhir.commands.preset_command import preset as done

    done(ctx.obj, name, as_json=as_json)


@fhir.command()
def subscribe(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The connector.")],
    remove: Annotated[bool, typer.Option("--remove", help="Remove all of ours instead.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Only tell which of ours stand there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Let the server send what changes: Subscriptions to `push.subscribe_to` that point to this hub.

    Those that stand there and work are kept, broken ones are made anew, others of this connector are removed.
    """
    from hub_ehr_fhir.commands import subscribe_command as done

    done.subscribe(
        ctx.obj, done.Wish(name=name, remove=remove, show=show, dry_run=dry_run, as_json=as_json), config
    )


@fhir.command()
def preview(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL|MESSAGE",
            help="A file or folder (- for standard input), an Encounter or Patient at a server, or a stored message.",
        ),
    ],
    encounter: Annotated[
        str, typer.Option(help="This encounter: its id, or its label such as 'Encounter[2]'.")
    ] = "",
    connector: Annotated[str, typer.Option(help="Read it, and ask the server, as this connector does.")] = "",
    alone: Annotated[
        bool,
        typer.Option("--alone", help="By itself: not what the hub keeps, nor what it learned of the server."),
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also what is not told and not needed.")] = False,
    values: Annotated[bool, typer.Option("--values", help="Show the patient's values, too.")] = False,
    config: Config = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """One encounter: where each element of its claim would come from, what is missing, and what to do. With a
    connector it is read beside what the hub keeps of it, so that it tells what the hub would do.

    Ends with 1 where something would hold the claim. Nothing is stored or sent.
    """
    from hub_ehr_fhir.commands import preview_command as done

    choice = done.Choice(
        what=what,
        encounter=encounter,
        connector=connector,
        alone=alone,
        everything=everything,
        values=values,
        as_json=as_json,
    )
    done.preview(ctx.obj, choice, config, by)


@fhir.command()
def codes(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME|FILE...", help="A connector of which the hub has messages; or files, folders."
        ),
    ],
    connector: Annotated[str, typer.Option(help="Read files as this connector does.")] = "",
    limit: Annotated[int, typer.Option(help="Look at so many messages, the newest.", min=1)] = 1000,
    everything: Annotated[bool, typer.Option("--all", help="All of them, not only the most frequent.")] = False,
    values: Annotated[
        bool, typer.Option("--values", help="Also what the sender calls its codes in words.")
    ] = False,
    config: Config = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """What a sender's charge codes, diagnoses, payers, places and clinicians are that settings do not know yet, with
    counts, and the lines to add to charge_map.toml, practices.toml and providers.toml.

    Ends with 1 where something is not mapped. Nothing is written.
    """
    from hub_ehr_fhir.commands import codes_command as done

    choice = done.Choice(
        what=tuple(what), connector=connector, limit=limit, everything=everything, values=values, as_json=as_json
    )
    done.codes(ctx.obj, choice, config, by)
