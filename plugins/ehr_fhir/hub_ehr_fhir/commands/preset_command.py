"""`hub fhir preset`: which systems are known, what is set for them, and what a person does there."""

from __future__ import annotations

import difflib
import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from hub.plugin.api import Commands, Terminal
from hub_ehr_fhir.presets import Preset, presets

_ENTERED = {
    "Register": "where",
    "Client id": "client_id",
    "Keys (JWKS)": "keys",
    "Scopes": "scopes",
    "Afterwards": "afterwards",
}


def preset(given: Commands, name: str, *, as_json: bool) -> None:
    """List the presets, or tell of one."""
    terminal, known = given.terminal, presets()
    if name and name not in known:
        called = [key for key, each in known.items() if name.lower() in each.about.lower()]
        close = called[:1] or difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.4)
        terminal.fail(
            "there is no such preset", fix=f"did you mean {close[0]}?" if close else "hub fhir preset lists them"
        )
    if as_json:
        terminal.document([known[name]] if name else list(known.values()))
    elif name:
        _tell(terminal, known[name])
    else:
        terminal.table("Presets", ("name", "about"), [(each.name, each.about) for each in known.values()])


def _tell(terminal: Terminal, one: Preset) -> None:
    _say(terminal, one.about)
    _say(terminal, f"How this is known: {one.source}")
    terminal.say()
    terminal.say("Where it is entered, as far as that is public (pages move, names change):")
    for name, words in _ENTERED.items():
        _say(terminal, f"{name}: {getattr(one.register, words)}")
    terminal.say()
    for number, note in enumerate(one.notes, 1):
        _say(terminal, f"{number}. {note}")
    terminal.say()
    terminal.say("Set in [connectors.NAME.settings] where preset names it, and nothing else is set:")
    for line in _lines(one.settings, ""):
        terminal.say(f"  {line}")


def _lines(settings: Mapping[str, Any], table: str) -> Iterator[str]:
    for key, value in settings.items():
        path = f"{table}{key}"
        if isinstance(value, Mapping):
            yield from _lines(value, f"{path}.")
        else:
            yield f"{path} = {json.dumps(value)}"


def _say(terminal: Terminal, text: str) -> None:
    width = terminal.width
    for line in textwrap.wrap(text, max(width, 30), subsequent_indent="   ") if width else [text]:
        terminal.say(line)
