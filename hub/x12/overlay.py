"""Rules of one payer or clearinghouse on top of a guide, kept as TOML and loaded by name; never `if payer ==`.

    medicare = load("medicare")                                   # built in, or `overlays/medicare.toml` of the site
    X12Reader(file, overlays=[medicare])                          # findings of SNIP type 7, `overlay.medicare.<rule>`
    check_root(guide, root, overlays=[medicare])
    write_interchange(envelope, groups, overlays=[medicare])      # fills the defaults, refuses what breaks a rule

How a file is written: docs/how-to/add-a-payers-rules.md and the examples in `hub/x12/overlays`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

from hub.errors import Problem, Refused

BUILT_IN = Path(__file__).parent / "overlays"
_PLACE = re.compile(
    r"(?:([0-9]{4}[A-Z]{0,2}|header) )?([A-Z][A-Z0-9]{1,2}?)(?:\[([^\]\s]+)\])?(?: ?(\d\d)(?:-([1-9]))?)?"
)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place as people write it: `2010BB NM109`, `2300 REF[G1] 02`, `2400 SV101-2`, `BHT06`.

    `loop` is "" for the header; `qualifier` names the row of the segment, "" for any; `element` 0 stands for
    the whole segment, `part` 0 for the whole element.
    """

    loop: str
    segment: str
    qualifier: str = ""
    element: int = 0
    part: int = 0

    @property
    def text(self) -> str:
        """The place as it is written in a file."""
        tag = self.segment + (f"[{self.qualifier}]" if self.qualifier else "")
        if self.element:
            tag += f"{' ' if self.qualifier else ''}{self.element:02}"
        return f"{self.loop} {tag}".strip() + (f"-{self.part}" if self.part else "")


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """When a rule holds: another place has one of `codes`, or anything (`present`), or nothing (not `present`)."""

    place: Place
    codes: tuple[str, ...] = ()
    present: bool = True


class OverlayRule(msgspec.Struct, frozen=True, kw_only=True):
    """What one place must be; any of these may be said together. Lengths are in characters, 0 is no limit.

    `default` is what the writer fills in where the element is empty; `status` a 277CA status (`A7:562`).
    """

    name: str
    place: Place
    message: str
    severity: str = "error"
    status: str = ""
    codes: tuple[str, ...] = ()
    pattern: str = ""
    required: bool = False
    forbidden: bool = False
    default: str = ""
    shortest: int = 0
    longest: int = 0
    when: Condition | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one file or transaction set may hold; 0 is no limit."""

    claims_per_file: int = 0
    claims_per_set: int = 0
    bytes_per_file: int = 0


class Overlay(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one partner; `guides` are the kinds that they are for (837P), all that fit when empty."""

    name: str
    title: str
    guides: tuple[str, ...] = ()
    rules: tuple[OverlayRule, ...] = ()
    limits: Limits = Limits()

    def applies_to(self, kind: str) -> bool:
        """Whether these rules are for a guide of this kind."""
        return not self.guides or kind in self.guides


class OverlayRefused(Refused):
    """An overlay cannot be used; `problems` names every fault with its file and line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        told = "; ".join(f"{one.where}: {one.why}" for one in problems)
        super().__init__(f"the overlay cannot be used: {told}", fix=problems[0].fix)
        self.problems = tuple(problems)


def place(text: str) -> Place | None:
    """Reads a place; None when it is not one."""
    found = _PLACE.fullmatch(text)
    if found is None:
        return None
    loop, segment, qualifier, element, part = found.groups()
    return Place(
        loop="" if loop in (None, "header") else loop,
        segment=segment,
        qualifier=qualifier or "",
        element=int(element or 0),
        part=int(part or 0),
    )


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
    from hub.x12.overlay_file import read_overlay

    return read_overlay(path)
