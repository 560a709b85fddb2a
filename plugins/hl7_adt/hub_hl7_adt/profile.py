"""The profile as rows: each key, what it means, what it takes. Derived from the settings, for docs and the linter."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from pydantic.fields import FieldInfo

from hub_hl7_adt.presets import presets
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.settings_profile import places_of


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One key of the profile.

    `part` is what it is about (reading, keys, charges, money, policies, stay); `kind` what it takes: `place`,
    `places` (tried in order), `table` (by word), `place_table` (by place), `choice`, `words`, `word`, `number`.
    `default` is its default as TOML would read it; `segments` those that its places may name (`Z`: any of the
    sender's own); `choices` the words that it takes.
    """

    key: str
    part: str
    words: str
    kind: str
    default: Any = None
    segments: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """The places that it names by default."""
        return places_of(self.default) if self.segments else ()


def _rows(fields: Mapping[str, FieldInfo]) -> Iterable[Row]:
    for key, field in fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "part" in extra:
            yield _row(key, field, extra)


def _row(key: str, field: FieldInfo, extra: Mapping[str, Any]) -> Row:
    segments = tuple(extra.get("segments", ()))
    default = field.get_default(call_default_factory=True, validated_data={})
    choices = _choices(field.annotation)
    kind = _kind(field, default, bool(segments), choices)
    return Row(
        key=key,
        part=str(extra["part"]),
        words=field.description or "",
        kind=kind,
        default=_plain(default),
        segments=segments,
        choices=choices,
    )


def _kind(field: FieldInfo, default: object, of_places: bool, choices: tuple[str, ...]) -> str:
    if isinstance(default, dict):
        return "place_table" if of_places else "table"
    if of_places:
        return "choice" if choices else "places" if isinstance(default, tuple) else "place"
    if choices:
        return "choice"
    if isinstance(default, tuple):
        return "words"
    number = isinstance(default, int | float | Decimal) or Decimal in get_args(field.annotation)
    return "number" if number else "word"


def _choices(annotation: object) -> tuple[str, ...]:
    """The words of a Literal, also where it is one of several types or the values of a table."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if get_origin(annotation) in (Union, UnionType, dict):
        return tuple(word for part in get_args(annotation) for word in _choices(part))
    return ()


def _plain(default: object) -> object:
    return list(default) if isinstance(default, tuple) else default


PARTS = ("arrival", "reading", "keys", "charges", "money", "policies", "stay")
"""What keys are about, in the order in which people fill a profile in."""
ROWS: tuple[Row, ...] = tuple(sorted(_rows(Hl7Settings.model_fields), key=lambda row: PARTS.index(row.part)))
"""Every key of the profile, by what it is about."""
BY_KEY: Mapping[str, Row] = {row.key: row for row in ROWS}

_TITLES = {
    "arrival": "How messages arrive",
    "reading": "How they are read",
    "keys": "Whose they are",
    "charges": "Charges",
    "money": "What a line is, and its money",
    "policies": "Who pays",
    "stay": "The stay",
}


def documented() -> str:
    """The profile as the README has it: a table for each part, and the presets."""
    lines: list[str] = []
    for part in PARTS:
        rows = [row for row in ROWS if row.part == part]
        lines += [f"**{_TITLES[part]}**", "", "| Setting | Default | What it says |", "|---|---|---|"]
        lines += [f"| `{row.key}` | {_shown(row)} | {_takes(row)} |" for row in rows]
        lines.append("")
    lines += ["| Preset | Which senders |", "|---|---|"]
    lines += [f"| `{preset.name}` | {preset.about} |" for preset in presets().values()]
    return "\n".join(lines)


def _shown(row: Row) -> str:
    if row.default in (None, "", {}) or row.default == []:
        return "none"
    told = row.default if isinstance(row.default, list) else [row.default]
    return ", ".join(f"`{each}`" for each in told)


def _takes(row: Row) -> str:
    """What a key says, with the words that it takes where the text does not name them."""
    missing = [choice for choice in row.choices if choice not in row.words]
    words = row.words.replace("|", "\\|")
    return f"{words} ({', '.join(f'`{choice}`' for choice in row.choices)})" if missing else words


BEGINS, ENDS = "<!-- profile: renewed by python -m hub_hl7_adt.profile README.md -->\n", "\n<!-- /profile -->"


def renewed(readme: str) -> str:
    """A README with the profile as it is now between its two marks."""
    before, _, rest = readme.partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    return f"{before}{BEGINS}{documented()}{ENDS}{after}"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(renewed(Path(name).read_text()))

__all__ = ["BY_KEY", "PARTS", "ROWS", "Row", "documented", "presets", "renewed"]
