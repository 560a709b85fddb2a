"""`hub hl7`: what a person does with HL7 messages by hand: learn a sender's samples, look, send, read again.

Only names and options stand here; what a command does is imported when it is used. `ctx.obj` is what
`hub.plugin.api.desk` describes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

hl7 = typer.Typer(
    help="HL7 v2 messages: learn a sender's samples, look at a message, send, read again.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Config = Annotated[Path | None, typer.Option("--config", "-c", help="Folder of the settings; else HUB_CONFIG.")]
By = Annotated[str, typer.Option("--by", envvar="HUB_USER", help="Who does it, as the audit trail shall say.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Values = Annotated[bool, typer.Option("--values", help="Show values too: patient data.")]


@hl7.command()
def lint(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    samples: Annotated[list[Path], typer.Argument(help="Files, folders, batches or captures with messages.")],
    profile: Annotated[str, typer.Option(help="A preset, or a file that --write wrote.")] = "",
    connector: Annotated[str, typer.Option(help="Read with the settings of this connector.")] = "",
    write: Annotated[Path | None, typer.Option(help="Write the proposed settings into this new file.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every row of every table.")] = False,
    values: Values = False,
    config: Config = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """What becomes of a sender's sample messages, what a claim would lack, and the settings they ask for.

    Ends with 1 where something would stop a claim.
    """
    from hub_hl7_adt.commands import lint_command as done

    choice = done.Choice(
        profile=profile, connector=connector, write=write, everything=everything, values=values, as_json=as_json
    )
    done.lint(ctx.obj, samples, choice, config, by)


@hl7.command()
def show(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    message: Annotated[str, typer.Argument(help="A file, `-`, or the id of a message that the hub has.")],
    segment: Annotated[list[str] | None, typer.Option(help="Only these segments, such as PID or FT1[2].")] = None,
    nth: Annotated[int, typer.Option(help="Which message of a file that holds several.", min=1)] = 1,
    raw: Annotated[bool, typer.Option("--raw", help="The segments as they are written.")] = False,
    check: Annotated[
        bool | None,
        typer.Option("--check/--no-check", help="What hl7apy says of it; otherwise for what is set aside."),
    ] = None,
    values: Annotated[
        bool | None,
        typer.Option("--values/--no-values", help="Values or only shapes; of files values, of the hub shapes."),
    ] = None,
    connector: Annotated[str, typer.Option(help="Read a file with the settings of this connector.")] = "",
    config: Config = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """One message as a tree of segments, fields and components, with what is wrong where it is."""
    from hub_hl7_adt.commands import show_command as done

    choice = done.Choice(
        segments=tuple(one.upper() for one in segment or ()), nth=nth, raw=raw, check=check, values=values,
        connector=connector, as_json=as_json,
    )  # fmt: skip
    done.show(ctx.obj, message, choice, config, by)
