"""What the pages name exists: links lead somewhere, and commands are the hub's with options that they have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from hub.cli.main import app

ROOT = Path(__file__).parents[2]
HUB: Any = typer.main.get_command(app)
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"`(hub [^`]+)`|^(?:    )+(hub .+)$", re.MULTILINE)


def _anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A link names a file of the repository, and a heading of it where it names one."""
    for file, anchor in re.findall(r"\]\(([^)#\s:]*)(?:#([^)\s]+))?\)", page.read_text()):
        target = page.parent / file if file else page
        assert target.exists(), file
        assert not anchor or anchor in _anchors(target.read_text()), f"{file}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_commands_exist(page: Path) -> None:
    """Each `hub ...` is a command, and each long option behind it one of its own."""
    for found in CODE.findall(page.read_text()):
        _known((found[0] or found[1]).split("  #")[0].split(" && ")[0].split())


def _known(words: list[str]) -> None:
    at: Any = HUB
    rest = words[1:]
    if rest and rest[0] not in HUB.commands and (of_plugin := HUB.get_command(typer.Context(HUB), rest[0])):
        at, rest = of_plugin, rest[1:]
    while rest and (inner := getattr(at, "commands", {})):
        names = rest[0].split("|")
        default = getattr(at, "first", None)
        name = names[0] if names[0] in inner else default
        assert name, f"{' '.join(words)}: no command {names[0]}"
        rest, at = rest[1:] if names[0] in inner else rest, inner[name]
        for other in names[1:]:
            assert other in inner, other
    if default := getattr(at, "first", None):
        at = at.commands[default]  # type: ignore[attr-defined]
    options = {opt for param in at.params for opt in param.opts} | {"--help"}
    for word in rest:
        if word.startswith("--"):
            assert word.split("=")[0].rstrip(",.;:)]") in options, f"{' '.join(words)}: no option {word}"


@pytest.mark.parametrize(
    "line", ["hub rnu", "hub backup verify --now", "hub work list --all", "hub db downgrade"]
)
def test_what_does_not_exist_is_found(line: str) -> None:
    """The check above refuses commands and options that the hub does not have."""
    with pytest.raises(AssertionError, match=r"no (command|option)"):
        _known(line.split())
