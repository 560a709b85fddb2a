"""Writes docs/reference/hooks.md from the hooks, ports and records themselves.

python -m hub.testing.reference docs/reference/hooks.md
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from hub import errors
from hub.log import NUMBER_KEYS, TEXT_KEYS
from hub.plugin.api import desk, hookspecs, ports, web

INTRO = """# Hooks and ports

Everything a plugin author imports stands in `hub.plugin.api`, and the records in `hub.model`. The API is version 0:
it may still change, and a plugin says which version it was made for by `HUB_API = 0` in the module that its entry
point (group `hub`) names.

This page is written from the code by `python -m hub.testing.reference docs/reference/hooks.md`; a test sees to it
that it is up to date. How to write a plugin: [docs/how-to/write-a-plugin.md](../how-to/write-a-plugin.md).

The host loads only the plugins that configuration names. It refuses a hook that does not exist or asks for other
arguments, a function with a hook's name that is not marked `@hookimpl`, a hook wrapper, another API version, a name
that two plugins offer, a class that lacks a method of its port, and every wrong or unknown key of every instance's
settings, all in one report. Every call is timed and isolated; what it returns is checked field by field; a call that
is silent for too long is a fault, and its instance is held until a person lets it go on. `HUB_TRACE_PLUGINS=1`
prints each call and how long it took.
"""
CALLS = """All implementations of a hook are called, each by itself: one that raises is reported and passed over. A
hook that decides (`first result wins`) stops at the first answer that is not None. An implementation may take fewer
arguments than its hook has.
"""
ERRORS = """Only these may be raised on purpose. Their messages are shown to people and kept in logs: they never hold
a patient's value. Anything else is a bug of the plugin: it is reported by plugin, method, type, file and line, and
its message is thrown away.
"""
LOADED = """They are loaded only when they are used: the help of the command `hub` lists them by what their
distributions say of themselves (`description`). A name of the hub cannot be taken, one that two distributions bring
is refused to both, and the package must say `HUB_API` as for hooks. A command that raises anything but the errors
below ends with its name, the kind of error and its place, never with its words; `tests/third_party/ehr_lines` is a
whole example.
"""
PORTS = (
    ports.Plugin,
    ports.Transfer,
    ports.Clearinghouse,
    ports.PrintVendor,
    ports.EhrSource,
    ports.MendingSource,
    ports.PiecingSource,
    ports.ListeningSource,
    web.WebSource,
    ports.Notifier,
)
COMMANDS = (desk.Commands, desk.Terminal, desk.Desk)
GIVEN = (ports.Context, ports.State, ports.Secrets, ports.Log, ports.Inbox)


def hooks() -> dict[str, Callable[..., Any]]:
    """Every hook by name."""
    found = inspect.getmembers(hookspecs, inspect.isfunction)
    return {name: hook for name, hook in found if hasattr(hook, f"{hookspecs.PROJECT}_spec")}


def signature(name: str, function: Callable[..., Any]) -> str:
    """`name(argument: Type) -> Type` as it stands in the code, without self."""
    said = inspect.signature(function)
    given = [_argument(it) for it in said.parameters.values() if it.name != "self"]
    back = f" -> {said.return_annotation}" if isinstance(said.return_annotation, str) else ""
    return f"{name}({', '.join(given)}){back}"


def page() -> str:
    """The whole page."""
    return (
        "\n".join((INTRO, *_hooks(), *_ports(), *_given(), *_commands(), *_records(), *_errors())).rstrip() + "\n"
    )


def _argument(parameter: inspect.Parameter) -> str:
    star = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
    return f"{star}{parameter.name}: {parameter.annotation}"


def _hooks() -> Iterator[str]:
    yield "## Hooks\n"
    yield CALLS
    for name, hook in hooks().items():
        first = getattr(hook, f"{hookspecs.PROJECT}_spec")["firstresult"]
        yield f"### `{signature(name, hook)}`\n"
        yield f"{_text(hook)}{' First result wins.' if first else ''}\n"


def _ports() -> Iterator[str]:
    yield "## Ports\n"
    yield f"{inspect.cleandoc(ports.__doc__ or '').partition(chr(10) + chr(10))[2]}\n"
    for port in PORTS:
        yield from _protocol(port)


def _given() -> Iterator[str]:
    yield "## What a plugin is given\n"
    for given in GIVEN:
        yield from _protocol(given)
    yield f"Keys of the log, with plain words: {_keys(TEXT_KEYS)}; with numbers: {_keys(NUMBER_KEYS)}.\n"


def _commands() -> Iterator[str]:
    yield "## Commands\n"
    yield f"{inspect.cleandoc(desk.__doc__ or '').partition(chr(10) + chr(10))[2]}\n"
    yield f"{LOADED}"
    for given in COMMANDS:
        yield from _protocol(given)


def _keys(keys: frozenset[str]) -> str:
    return ", ".join(f"`{key}`" for key in sorted(keys))


def _protocol(port: type) -> Iterator[str]:
    bases = [base.__name__ for base in port.__bases__ if base.__name__ not in {"Protocol", "object"}]
    yield f"### {port.__name__}\n"
    yield f"{_text(port)}{f' All of `{bases[0]}`, and:' if bases else ''}\n"
    for name, member in vars(port).items():
        if name == "__init__" and port is ports.Plugin:
            yield f"- `{signature('__init__', member)}`"
        elif isinstance(member, property) and member.fget is not None:
            yield _line(f"{name}: {inspect.signature(member.fget).return_annotation}", member)
        elif inspect.isfunction(member) and not name.startswith("_"):
            call = signature(name, member)
            yield _line(f"async {call}" if inspect.iscoroutinefunction(member) else call, member)
    yield ""


def _records() -> Iterator[str]:
    yield "## Records of the door\n"
    yield "Immutable, keyword-only. Their constructors check nothing; the host checks what a plugin returns.\n"
    for record in (it for home in (ports, web, desk) for it in vars(home).values() if _is_record(it)):
        if record.__module__ in {ports.__name__, web.__name__, desk.__name__}:
            yield f"### {record.__name__}\n"
            yield f"{_text(record)}\n"
            yield from (f"- `{name}: {kind}`" for name, kind in record.__annotations__.items())
            yield ""


def _is_record(thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, msgspec.Struct)


def _errors() -> Iterator[str]:
    yield "## Errors\n"
    yield ERRORS
    for error in (errors.Misconfigured, errors.RetryLater, errors.Refused, errors.InDoubt):
        yield f"- `{signature(error.__name__, error.__init__)}`: {_text(error)}"


def _line(call: str, member: Any) -> str:
    said = _text(member)
    return f"- `{call}`" + (f": {said}" if said else "")


def _text(thing: Any) -> str:
    return " ".join(inspect.cleandoc(thing.__doc__ or "").split())


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page())
