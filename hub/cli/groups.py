"""Groups of commands whose help says each command's first sentence whole, on as many lines as it needs."""

from __future__ import annotations

import typer
from typer.core import TyperGroup

WHOLE = 300


class Group(TyperGroup):
    """A group that cuts no sentence short."""

    def format_commands(self, ctx: typer.Context, formatter: typer.HelpFormatter) -> None:  # type: ignore[name-defined, override]
        """Each command and its first sentence."""
        rows = [
            (name, command.get_short_help_str(limit=WHOLE))
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name)) and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
