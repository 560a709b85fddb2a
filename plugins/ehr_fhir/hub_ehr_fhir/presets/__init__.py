"""What the systems that many practices have ask for, as TOML beside this file: settings, and notes for a person."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

OPTIONAL = frozenset({"server", "bulk", "push"})
"""Tables that do something by being there: a preset adds to them, and makes none."""


class Register(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where at such a system the hub is made known, as far as that is public: `where` it is registered, where the
    `client_id` is shown, the public `keys` and the `scopes` are entered, and who has to agree `afterwards`.
    """

    where: str
    client_id: str
    keys: str
    scopes: str
    afterwards: str


class Preset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A system: `about` in a sentence, `source`: how this is known and whether it was tried, `notes`: what a person
    does and should expect there, `register`: what is entered where, `settings`: what it sets, under a person's own.
    """

    name: str
    about: str
    source: str
    notes: tuple[str, ...]
    register: Register
    settings: Mapping[str, Any]


@cache
def presets() -> Mapping[str, Preset]:
    """Every preset by its name."""
    folder = files(__name__)
    found = {}
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            told = tomllib.loads(file.read_text(encoding="utf-8"))
            name = file.name.removesuffix(".toml")
            found[name] = msgspec.convert({**told, "name": name}, Preset)
    return found


def under(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are given, over those of the preset that they name; table by table, to any depth. Tables of
    `OPTIONAL` are added to only where they are given.

    Raises ValueError, which names the nearest one, for a preset that is not known.
    """
    name = given.get("preset", "")
    if not isinstance(name, str) or not name:
        return dict(given)
    preset = presets().get(name)
    if preset is None:
        close = difflib.get_close_matches(name.lower(), presets(), n=1, cutoff=0.4)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise ValueError(f"there is no such preset; there are {', '.join(presets())}{meant}")
    wanted = {key: value for key, value in preset.settings.items() if key not in OPTIONAL or key in given}
    return _merged(wanted, given)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    whole = {**base, **over}
    for key, value in base.items():
        own = over.get(key)
        if isinstance(value, Mapping) and isinstance(own, Mapping):
            whole[key] = _merged(value, own)
    return whole
