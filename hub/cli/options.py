"""The options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[
    Path, typer.Option("--config", "-c", envvar="HUB_CONFIG", help="Folder of the settings.", show_default=True)
]
By = Annotated[str, typer.Option(envvar="HUB_USER", help="Who does it, as the audit trail shall say.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Limit = Annotated[int, typer.Option(help="Rows at most.", min=1)]
HERE = Path("config")
