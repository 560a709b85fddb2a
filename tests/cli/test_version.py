"""Which hub is installed."""

from __future__ import annotations

from typer.testing import CliRunner

from hub import __version__
from hub.cli.main import app


def test_the_version_is_told() -> None:
    """`hub --version` tells what is installed, and needs no settings."""
    told = CliRunner().invoke(app, ["--version"])
    assert (told.exit_code, told.output) == (0, f"billing-hub {__version__}\n")
