"""A fault in the settings: where it stands, what is wrong, what was expected, and what to do."""

from __future__ import annotations

import msgspec

Path = tuple[str | int, ...]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault. `line` counts from 1; 0 means the file as a whole. No field repeats a value that may be secret.

    `severity`: error (the hub does not start) or warning.
    """

    file: str
    line: int
    key: str
    wrong: str
    expected: str = ""
    fix: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        said = f"{place}: {self.key}: {self.wrong}" if self.key else f"{place}: {self.wrong}"
        said += f"; expected: {self.expected}" if self.expected else ""
        if not self.fix:
            return f"{said}."
        return f"{said}. {self.fix[:1].upper()}{self.fix[1:]}{'' if self.fix.endswith('?') else '.'}"


def dotted(path: Path) -> str:
    """A key path as TOML writes it, rows counted from 1: `fees[3].cents`, `payers."Blue Sky".name`."""
    said = ""
    for part in path:
        if isinstance(part, int):
            said += f"[{part + 1}]"
        else:
            plain = part.replace("-", "").replace("_", "").isalnum() and part.isascii()
            said += ("." if said else "") + (part if plain else f'"{part}"')
    return said
