"""Partners as rows of data: what a preset fills in, and how far it may be trusted."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

WORDS = {
    "A": "from the partner's own guide",
    "B": "from others who quote the partner's guide",
    "C": "from old or inferred sources",
}


class Preset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One partner; the fields are explained at the head of `presets.toml`."""

    title: str
    confidence: Literal["A", "B", "C"]
    sends: tuple[str, ...]
    receives: tuple[str, ...]
    file_name: str
    test: str
    settings: dict[str, Any]
    extensions: dict[str, str] = {}
    envelope: dict[str, str] = {}
    needs: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_template(self) -> bool:
        """To be confirmed with the partner before production."""
        return self.confidence != "A"


@cache
def presets() -> dict[str, Preset]:
    """All presets by name."""
    text = files("hub_clearinghouse_sftp").joinpath("presets.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Preset])
