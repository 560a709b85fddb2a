"""`hub fhir`: what a person does with FHIR servers and files by hand.

Only names and options stand here; what a command does is imported when it is used. `ctx.obj` is what
`hub.plugin.api.desk` describes.
"""

from __future__ import annotations

import typer

fhir = typer.Typer(
    help="FHIR servers and files: make a key, look what a server offers, preview what becomes of an encounter.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
