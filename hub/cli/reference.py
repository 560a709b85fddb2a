"""Writes docs/reference/cli.md from the commands themselves: run `python -m hub.cli.reference` into that file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from hub.cli.main import app

OPENING = """# Commands

Written from the commands themselves by `python -m hub.cli.reference`; a test sees that it is current.

Every list takes `--json`, whose keys are stable. Where nobody watches (a pipe, a file) tables are plain text, one
line a row. Every act is recorded with who did it: `--by`, or the environment variable `HUB_USER`. Exit codes: 0 done,
1 a check failed (`check`, `connector test`, `verify`), 2 not possible, with what to do on standard error. `doctor`
ends with 1 for warnings and 2 for alarms; `run` with 75 where it may be tried again.
"""


def render() -> str:
    """The whole page."""
    root = typer.main.get_command(app)
    return "\n".join([OPENING, *_commands(root, "hub")]).rstrip() + "\n"


def _commands(command: Any, path: str) -> Iterator[str]:
    """Each command below `command`, in the order in which they are declared."""
    children = getattr(command, "commands", None)
    if children is None:
        yield from _command(command, path)
        return
    for name, child in children.items():
        yield from _commands(child, f"{path} {name}")


def _command(command: Any, path: str) -> Iterator[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and one.name != "help"]
    usage = " ".join([path, *(_argument(one) for one in arguments), *(["[options]"] if options else [])])
    yield f"## {path}\n\n{command.help}\n\n```\n{usage}\n```\n"
    if arguments or options:
        yield "| | | default |\n|---|---|---|"
        yield from (_row(f"`{one.name.upper()}`", one) for one in arguments)
        yield from (_row(", ".join(f"`{opt}`" for opt in one.opts), one) for one in options)
        yield ""


def _argument(one: Any) -> str:
    name = one.name.upper()
    return name if one.required else f"[{name}]"


def _row(name: str, one: Any) -> str:
    told = (one.help or "").replace("|", "\\|")
    variable = f" (`{one.envvar}`)" if getattr(one, "envvar", None) else ""
    empty = one.required or one.default in (None, "", False, ())
    return (
        f"| {name} | {told}{variable} | {'required' if one.required else '' if empty else f'`{one.default}`'} |"
    )


if __name__ == "__main__":
    print(render(), end="")
