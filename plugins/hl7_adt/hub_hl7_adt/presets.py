"""The shapes that many senders share, as TOML beside this file: what each means, and the settings that it makes."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A shape: `about` says in a sentence which senders have it, `settings` what it sets."""

    name: str
    about: str
    settings: Mapping[str, Any]


@cache
def presets() -> Mapping[str, Preset]:
    """Every preset by its name."""
    folder = files("hub_hl7_adt").joinpath("presets")
    found = {}
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            told = tomllib.loads(file.read_text(encoding="utf-8"))
            name = file.name.removesuffix(".toml")
            found[name] = Preset(name=name, about=told["about"], settings=told["settings"])
    return found


def under(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are given, over those of the preset that they name; a table adds to the preset's table.

    Raises ValueError, which names the nearest one, for a preset that is not known.
    """
    name = given.get("preset", "")
    if not isinstance(name, str) or not name:
        return dict(given)
    preset = presets().get(name)
    if preset is None:
        close = difflib.get_close_matches(name, presets(), n=1, cutoff=0.4)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise ValueError(f"there is no such preset; there are {', '.join(presets())}{meant}")
    whole = {**preset.settings, **given}
    for key, value in preset.settings.items():
        own = given.get(key)
        if isinstance(value, Mapping) and isinstance(own, Mapping):
            whole[key] = {**value, **own}
    return whole
