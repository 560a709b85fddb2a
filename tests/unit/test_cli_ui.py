"""How the command line looks in a terminal: no word and no id is broken, no sentence of the help is cut."""

from __future__ import annotations

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from hub.cli import ui
from hub.cli.doctor_commands import INDENT, _folded
from hub.cli.main import app

CELL = st.lists(st.text("abcdef0123_", min_size=1, max_size=12), max_size=4).map(" ".join)
LINES = st.integers(1, 5).flatmap(
    lambda count: st.lists(st.lists(CELL, min_size=count, max_size=count), min_size=1, max_size=4)
)


@given(LINES, st.integers(5, 120))
def test_columns_fit_and_break_no_word(lines: list[list[str]], room: int) -> None:
    """Columns are never wider together than the terminal, each holds its longest word, and where both cannot be
    there are no columns.
    """
    longest = [
        max((len(w) for cell in column for w in cell.split()), default=1) for column in zip(*lines, strict=True)
    ]
    widths = ui.fitting(lines, room)
    if widths is None:
        assert sum(longest) > room
        return
    assert sum(widths) <= room
    assert all(width >= word for width, word in zip(widths, longest, strict=True))


def test_a_row_that_does_not_fit_is_a_block() -> None:
    """The first cell stands alone, the others below it with their names, and what is empty is left out."""
    told = ui.block(("run", "took", "done", ""), ("run_1", "2.0s", "-", "built in"), 80)
    assert told == "run_1\n    took 2.0s, built in"
    narrow = ui.block(("run", "why"), ("run_1", "one two three"), 14)
    assert narrow.splitlines() == ["run_1", "    why one", "    two three"]


def test_advice_is_folded_between_words() -> None:
    """A long line of the doctor goes on below its beginning, and no word is cut in two."""
    line = f"{INDENT}do: name it under [notifications.to] in hub.toml"
    folded = _folded(line, 40).splitlines()
    assert " ".join(part.strip() for part in folded) == line.strip()
    assert all(len(part) <= 40 and part.startswith(INDENT) for part in folded)


def test_help_cuts_no_sentence() -> None:
    """`hub --help` and that of each group say every command's first sentence to its end."""
    root = typer.main.get_command(app)
    for name, command in [("hub", root), *root.commands.items()]:  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            told = command.get_help(typer.Context(command, info_name=name))
            assert "..." not in told.partition("Commands:")[2], name


def test_switches_have_one_name() -> None:
    """No option is offered with a `--no-` twin that only says what holds anyway."""

    def below(command: typer.core.TyperGroup) -> list[str]:
        found = []
        for one in getattr(command, "commands", {}).values():
            found += [opt for param in one.params for opt in param.secondary_opts] + below(one)
        return found

    assert below(typer.main.get_command(app)) == []  # type: ignore[arg-type]


def test_an_empty_list_says_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In a terminal a table without rows is one line."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    ui.table("Messages", ("run", "schedule"), [])
    assert "Messages (none)" in capsys.readouterr().out
