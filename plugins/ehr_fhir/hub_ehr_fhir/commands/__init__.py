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
