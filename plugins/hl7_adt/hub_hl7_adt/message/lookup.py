"""Positions by name, from names.txt: the one table of HL7's segments and data types, all versions united.

The table is made by tools/hl7_names.py from hl7apy's, because importing one of hl7apy's versions takes half a
second, no version has every name (withdrawn fields lose theirs), and a feed uses fields of several versions.
"""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("names.txt")


@cache
def _lines() -> dict[str, str]:
    lines = _TABLE.read_text(encoding="ascii").splitlines()
    return {name: rest for name, _, rest in (line.partition("\t") for line in lines)}


@cache
def names_of(table: str) -> dict[str, int]:
    """Position by name in a segment or data type; empty when there is none of that id."""
    cells = (cell.partition(":") for cell in _lines().get(table, "").split("\t") if cell)
    return {word: int(head.partition("=")[0]) for head, _, words in cells for word in words.split(",") if word}


@cache
def kinds_of(table: str) -> dict[int, tuple[str, ...]]:
    """The data types that a position had in any version, the latest first; simple ones are left out."""
    found = {}
    for cell in _lines().get(table, "").split("\t"):
        at, _, kinds = cell.partition(":")[0].partition("=")
        if at:
            found[int(at)] = tuple(kind for kind in kinds.split(",") if kind in _lines())
    return found


def is_table(name: str) -> bool:
    """Whether a segment or data type has this id."""
    return name in _lines()


def tables() -> tuple[str, ...]:
    """The ids of all segments and data types."""
    return tuple(_lines())


@cache
def position(table: str, name: str) -> int:
    """Where `name` stands in a segment or data type; raises AttributeError that suggests what was meant."""
    known = names_of(table)
    found = known.get(name) or known.get(name.removesuffix("_"))
    if found is None:
        raise AttributeError(f"{table} has no {name!r}{_meant(name, known)}")
    return found


def _meant(name: str, known: dict[str, int]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def unknown(name: str) -> AttributeError:
    """What to raise for a name that is neither a segment nor anything else of a message."""
    segments = {table.lower(): 1 for table in _lines() if len(table) == 3}
    return AttributeError(f"no segment of HL7 is called {name!r}{_meant(name, segments)}")
