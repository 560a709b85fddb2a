"""Rules of one payer or clearinghouse on top of a guide, kept as TOML and loaded by name; never `if payer ==`.

    medicare = load("medicare")                                   # built in, or `overlays/medicare.toml` of the site
    X12Reader(file, overlays=[medicare])                          # findings of SNIP type 7, `overlay.medicare.<rule>`
    check_root(guide, root, overlays=[medicare])
    write_interchange(envelope, groups, overlays=[medicare])      # fills the defaults, refuses what breaks a rule

How a file is written: docs/how-to/add-a-payers-rules.md and the examples in `hub/x12/overlay/presets`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from hub.errors import Problem
from hub.x12.overlay.rule import Limits, Overlay, OverlayRefused, OverlayRule, place
from hub.x12.overlay.written import read_overlay

__all__ = [
    "Limits",
    "Overlay",
    "OverlayRefused",
    "OverlayRule",
    "available",
    "load",
    "load_all",
    "place",
]

BUILT_IN = Path(__file__).parent / "presets"


def available(folders: Sequence[Path] = ()) -> dict[str, Path]:
    """The overlays that can be named, each with its file; a site's own goes before a built-in of the same name."""
    found: dict[str, Path] = {}
    for folder in (*folders, BUILT_IN):
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
            found.setdefault(path.stem, path)
    return found


def load(name: str, folders: Sequence[Path] = ()) -> Overlay:
    """The overlay of this name, or in this file; raises OverlayRefused with every fault and its line.

    `folders` are looked through first, then what is built in.
    """
    path = Path(name) if name.endswith(".toml") else available(folders).get(name)
    if path is None or not path.is_file():
        known = ", ".join(available(folders))
        raise OverlayRefused(
            [
                Problem(
                    code="overlay.unknown",
                    where=name,
                    why="there is no overlay of this name",
                    fix=f"name one of: {known}; or put {Path(name).stem}.toml into the folder overlays",
                )
            ]
        )
    return _read(path, path.stat().st_mtime_ns)


def load_all(names: Sequence[str], folders: Sequence[Path] = ()) -> tuple[Overlay, ...]:
    """The overlays of these names, each once; the faults of all are raised together."""
    found: list[Overlay] = []
    problems: list[Problem] = []
    for name in dict.fromkeys(names):
        try:
            found.append(load(name, folders))
        except OverlayRefused as refused:
            problems.extend(refused.problems)
    if problems:
        raise OverlayRefused(problems)
    return tuple(found)


@lru_cache(maxsize=256)
def _read(path: Path, _changed: int) -> Overlay:
    return read_overlay(path)
