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


@hl7.command()
def send(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    what: Annotated[
        list[str],
        typer.Argument(metavar="FILE... HOST:PORT", help="Files and folders, and where to send their messages."),
    ],
    connector: Annotated[
        str, typer.Option(help="Send to where this connector listens, instead of HOST:PORT.")
    ] = "",
    rate: Annotated[float, typer.Option(help="Messages a second at most; 0: as fast as they are answered.")] = 0,
    count: Annotated[int, typer.Option(help="So many messages, the samples over and over; 0: each once.")] = 0,
    first: Annotated[int, typer.Option("--from", help="Begin with this message.", min=1)] = 1,
    fresh_ids: Annotated[
        bool, typer.Option("--fresh-ids", help="Give each message an MSH-10 of its own.")
    ] = False,
    window: Annotated[int, typer.Option(help="Messages on their way at once.", min=1, max=1000)] = 1,
    ack_seconds: Annotated[float, typer.Option(help="How long an answer may take.", min=0.1)] = 30,
    go_on: Annotated[bool, typer.Option("--go-on", help="Send the rest where a message is refused.")] = False,
    tls: Annotated[bool, typer.Option("--tls", help="Over TLS.")] = False,
    tls_ca: Annotated[str, typer.Option(help="Who signs the receiver's certificate (PEM).")] = "",
    tls_cert: Annotated[str, typer.Option(help="Our certificate, where the receiver asks for one (PEM).")] = "",
    tls_key: Annotated[str, typer.Option(help="Its private key (PEM).")] = "",
    tls_name: Annotated[str, typer.Option(help="The name in the receiver's certificate, if another.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before sending to another machine.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be sent where.")] = False,
    config: Config = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Send messages over MLLP, and tell what was answered and how fast. Stops at the first that is refused."""
    from hub_hl7_adt.commands import send_command as done

    choice = done.Choice(
        what=tuple(what), connector=connector, tls=tls, tls_ca=tls_ca, tls_cert=tls_cert, tls_key=tls_key,
        tls_name=tls_name, rate=rate, count=count, first=first, fresh_ids=fresh_ids, window=window,
        ack_seconds=ack_seconds, go_on=go_on, yes=yes, dry_run=dry_run, as_json=as_json,
    )  # fmt: skip
    done.send(ctx.obj, choice, config, by)


@hl7.command()
def replay(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of messages that the hub has.")] = None,
    set_aside: Annotated[bool, typer.Option("--set-aside", help="All messages that are set aside.")] = False,
    every: Annotated[
        bool, typer.Option("--all", help="All messages of --connector, also those that were read well.")
    ] = False,
    connector: Annotated[str, typer.Option(help="Of this connector alone.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what each would become.")] = False,
    config: Config = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Read messages anew with the settings of today, and apply those that can be applied now."""
    from hub_hl7_adt.commands import replay_command as done

    choice = done.Choice(
        ids=tuple(ids or ()),
        set_aside=set_aside,
        every=every,
        connector=connector,
        dry_run=dry_run,
        as_json=as_json,
    )
    done.replay(ctx.obj, choice, config, by)
