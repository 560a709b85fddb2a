"""Reads an overlay from TOML and tells every fault of the file at once, each with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hub.errors import Problem
from hub.x12.grammar import Guide, Loop, Segment, Use
from hub.x12.guides import GUIDES
from hub.x12.overlay.rule import Condition, Limits, Overlay, OverlayRefused, OverlayRule, Place, place

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_STATUS = re.compile(r"[A-Z]\d{1,2}:\d{1,3}")
_LIMITS = ("claims_per_file", "claims_per_set", "bytes_per_file")
_TOP = ("title", "guides", "limits", "rule")
_RULE: dict[str, type] = {
    "name": str,
    "at": str,
    "message": str,
    "severity": str,
    "status": str,
    "codes": list,
    "codes_file": str,
    "pattern": str,
    "required": bool,
    "forbidden": bool,
    "default": str,
    "shortest": int,
    "longest": int,
    "when": dict,
}
_DOES = ("codes", "codes_file", "pattern", "required", "forbidden", "default", "shortest", "longest")
_OF_ELEMENT = ("codes", "codes_file", "pattern", "default", "shortest", "longest")
_FIX = "correct the overlay; docs/how-to/add-a-payers-rules.md shows every key"
Row = Segment | Loop


def read_overlay(path: Path) -> Overlay:
    """The overlay of a file, named as the file is; raises OverlayRefused with every fault."""
    try:
        text = path.read_text("utf-8")
        told = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        why = "is not TOML: " + str(fault) if isinstance(fault, tomllib.TOMLDecodeError) else "cannot be read"
        raise OverlayRefused([Problem(code="overlay.file", where=path.name, why=why, fix=_FIX)]) from None
    reading = _Reading(path, text)
    made = reading.overlay(told)
    if reading.problems:
        raise OverlayRefused(sorted(reading.problems, key=lambda one: int(one.where.rpartition(":")[2])))
    return made


class _Reading:
    """One file: what it says, and what is wrong with it."""

    def __init__(self, path: Path, text: str) -> None:
        self.name = path.stem
        self.folder = path.parent
        self.file = path.name
        self.problems: list[Problem] = []
        self.lines = text.splitlines()
        self.starts = [at for at, line in enumerate(self.lines) if line.strip().startswith("[[rule]]")]
        self.guides: tuple[Guide, ...] = GUIDES

    def fault(self, key: str, why: str, rule: int | None = None, *, fix: str = _FIX) -> None:
        """Notes a fault at the line of a key, within the rule where one is given (0 is the first)."""
        first, last = 0, self.starts[0] if self.starts else len(self.lines)
        if rule is not None:
            first = self.starts[rule] if rule < len(self.starts) else 0
            last = self.starts[rule + 1] if rule + 1 < len(self.starts) else len(self.lines)
        begins = re.compile(rf"\s*\[?{re.escape(key)}\b")
        line = next((at for at in range(first, last) if begins.match(self.lines[at])), first)
        self.problems.append(Problem(code="overlay.file", where=f"{self.file}:{line + 1}", why=why, fix=fix))

    def overlay(self, told: Mapping[str, Any]) -> Overlay:
        for key in told:
            if key not in _TOP:
                self.fault(key, f"there is no setting {key} here; known are {', '.join(_TOP)}")
        if not _NAME.fullmatch(self.name):
            self.fault("title", "the file's name must be of small letters, digits, - and _")
        kinds = self._kinds(told.get("guides", []))
        rules = told.get("rule", [])
        if not isinstance(rules, list) or not all(isinstance(one, dict) for one in rules):
            self.fault("rule", "each rule begins with [[rule]]")
            rules = []
        made = [self._rules(at, one) for at, one in enumerate(rules)]
        names = [found[0].name for found in made if found]
        for at, found in enumerate(made):
            if found and names.count(found[0].name) > 1:
                self.fault("name", "two rules have this name", at)
        return Overlay(
            name=self.name,
            title=str(told.get("title", self.name)),
            guides=kinds,
            rules=tuple(one for found in made for one in found),
            limits=self._limits(told.get("limits", {})),
        )

    def _kinds(self, told: object) -> tuple[str, ...]:
        known = {guide.kind: guide for guide in GUIDES}
        if not isinstance(told, list) or not all(one in known for one in told):
            self.fault("guides", f"guides is a list of kinds: {', '.join(known)}")
            return ()
        if told:
            self.guides = tuple(known[one] for one in told)
        return tuple(told)

    def _limits(self, told: object) -> Limits:
        if not isinstance(told, dict):
            self.fault("limits", f"limits is a table with {', '.join(_LIMITS)}")
            return Limits()
        good = {}
        for key, value in told.items():
            if key not in _LIMITS:
                self.fault(key, f"there is no limit {key}; known are {', '.join(_LIMITS)}")
            elif type(value) is not int or value < 1:
                self.fault(key, f"{key} is a whole number above 0")
            else:
                good[key] = value
        return Limits(**good)

    def _rules(self, at: int, told: dict[str, Any]) -> list[OverlayRule]:
        """The rule at each of its places: one, or those of a list."""
        places = told.get("at")
        each = [{**told, "at": one} for one in places] if isinstance(places, list) and places else [told]
        return [made for one in each if (made := self._rule(at, one)) is not None]

    def _listed(self, at: int, told: dict[str, Any]) -> list[str]:
        """The codes of a rule, with those of its file: one at the beginning of each line."""
        codes = list(told.get("codes", []))
        if "codes_file" not in told:
            return codes
        try:
            lines = (self.folder / told["codes_file"]).read_text("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            self.fault("codes_file", "this list cannot be read; it stands beside the overlay", at)
            return codes
        codes += [words[0] for line in lines if (words := line.split()) and not line.startswith("#")]
        if not codes:
            self.fault("codes_file", "this list is empty", at)
        return codes

    def _rule(self, at: int, told: dict[str, Any]) -> OverlayRule | None:
        before = len(self.problems)
        for key, value in told.items():
            if key not in _RULE:
                self.fault(key, f"a rule has no key {key}; known are {', '.join(_RULE)}", at)
            elif type(value) is not _RULE[key]:
                self.fault(key, f"{key} must be {_WORDS[_RULE[key]]}", at)
        for key in ("name", "at", "message"):
            if key not in told:
                self.fault("[rule]", f"a rule needs {key}", at)
        if not any(told.get(key) for key in _DOES):
            self.fault("[rule]", f"a rule says one of {', '.join(_DOES)}", at)
        if len(self.problems) > before:
            return None
        self._words(at, told)
        where = place(told["at"])
        if where is None:
            self.fault("at", "is not a place such as 2010BB NM109, 2300 REF[G1] 02 or 2400 SV101-2", at)
            return None
        told = {**told, "codes": self._listed(at, told)}
        uses = self._uses(where, at, "at")
        self._values(at, told, where, uses)
        when = self._condition(told["when"], where, at) if "when" in told else None
        if len(self.problems) > before:
            return None
        return _made(told, where, when)

    def _words(self, at: int, told: dict[str, Any]) -> None:
        if not _NAME.fullmatch(told["name"]):
            self.fault("name", "a name is of small letters, digits, - and _", at)
        if told.get("severity", "error") not in ("error", "warning"):
            self.fault("severity", "severity is error or warning", at)
        if "status" in told and not _STATUS.fullmatch(told["status"]):
            self.fault("status", "status is category and code, such as A7:562", at)
        if told.get("required") and told.get("forbidden"):
            self.fault("required", "a place cannot be required and forbidden", at)

    def _uses(self, where: Place, at: int, key: str) -> list[Use | None]:
        """How the guides use a place: one entry for each row that it names, None for a whole segment."""
        rows = [row for guide in self.guides for row in rows_at(guide, where)]
        if not rows:
            self.fault(key, f"no guide named here has a segment at {where.text}", at)
            return []
        if not where.element:
            return [None]
        uses = [found for row in rows if (found := _use(row, where)) is not None]
        if not uses:
            self.fault(key, f"the guide does not use {where.text}", at)
        return list(uses)

    def _values(self, at: int, told: dict[str, Any], where: Place, uses: list[Use | None]) -> None:
        if not where.element:
            for key in _OF_ELEMENT:
                if told.get(key):
                    self.fault(key, f"{key} is said of an element, such as {where.text}02", at)
            return
        allowed = {code for use in uses if use is not None for code in use.codes}
        codes = told.get("codes", [])
        if not all(isinstance(code, str) and code for code in codes):
            self.fault("codes", "codes is a list of texts", at)
        elif allowed and not allowed.issuperset(codes):
            self.fault("codes", "an overlay narrows the guide's codes, and one of these is not among them", at)
        try:
            pattern = re.compile(told.get("pattern", ""))
        except re.error as wrong:
            self.fault("pattern", f"is not a regular expression: {wrong}", at)
            return
        default = told.get("default", "")
        if default and allowed and default not in (set(codes) or allowed):
            self.fault("default", "the default is not one of the codes allowed", at)
        elif default and told.get("pattern") and not pattern.fullmatch(default):
            self.fault("default", "the default does not match the pattern", at)
        if 0 < told.get("longest", 0) < told.get("shortest", 0):
            self.fault("longest", "longest is less than shortest", at)

    def _condition(self, told: dict[str, Any], where: Place, at: int) -> Condition | None:
        unknown = set(told) - {"at", "codes", "present"}
        other = place(str(told.get("at", "")))
        codes = told.get("codes", [])
        if unknown or other is None or not isinstance(codes, list) or ("codes" in told) == ("present" in told):
            self.fault("when", 'when is { at = "2000B SBR09", codes = ["MB"] }, or present = true or false', at)
            return None
        self._uses(other, at, "when")
        if not any(_in_sight(guide, where.loop, other.loop) for guide in self.guides):
            self.fault("when", f"{other.text} is not read before {where.text} is judged", at)
        return Condition(
            place=other, codes=tuple(map(str, codes)), present=told.get("present", True) is not False
        )


_WORDS = {str: "a text", list: "a list", bool: "true or false", int: "a whole number", dict: "a table"}


def _made(told: dict[str, Any], where: Place, when: Condition | None) -> OverlayRule:
    return OverlayRule(
        name=told["name"],
        place=where,
        message=told["message"],
        severity=told.get("severity", "error"),
        status=told.get("status", ""),
        codes=tuple(told.get("codes", ())),
        pattern=told.get("pattern", ""),
        required=told.get("required", False),
        forbidden=told.get("forbidden", False),
        default=told.get("default", ""),
        shortest=told.get("shortest", 0),
        longest=told.get("longest", 0),
        when=when,
    )


def rows_at(guide: Guide, where: Place) -> Iterator[Segment]:
    """The rows of a guide that a place names: one, or more where no qualifier tells them apart."""
    loop = _loop(guide.root, where.loop)
    for row in loop.rows if loop is not None else ():
        if isinstance(row, Loop):
            continue
        fits = not where.qualifier or not row.qualifiers or where.qualifier in row.qualifiers
        if row.id == where.segment and fits:
            yield row


def loop_paths(guide: Guide, loop: str) -> list[tuple[str, ...]]:
    """The ids from the header ("") down to each loop of this id; none when the guide has no such loop."""
    return list(_paths(guide.root, loop, ()))


def _paths(around: Loop, loop: str, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    here = (*above, around.id)
    if around.id == loop:
        yield here
    for row in around.rows:
        if isinstance(row, Loop):
            yield from _paths(row, loop, here)


def _loop(around: Loop, loop: str) -> Loop | None:
    if around.id == loop:
        return around
    found = (_loop(row, loop) for row in around.rows if isinstance(row, Loop))
    return next((one for one in found if one is not None), None)


def _use(row: Segment, where: Place) -> Use | None:
    use = row.element(where.element)
    if use is None or not where.part:
        return use
    return use.parts[where.part - 1] if where.part <= len(use.parts) else None


def _in_sight(guide: Guide, judged: str, other: str) -> bool:
    """Whether a loop is open, or stands before on the way, when the other one is judged."""
    ways = [(one, two) for one in loop_paths(guide, judged) for two in loop_paths(guide, other)]
    return any(_before(guide, one, two) for one, two in ways)


def _before(guide: Guide, to_judged: tuple[str, ...], to_other: tuple[str, ...]) -> bool:
    if to_other == to_judged[: len(to_other)] or to_other[:-1] == to_judged:
        return True
    around = to_other[:-1]
    if around != to_judged[: len(around)] or len(around) >= len(to_judged):
        return False
    loop = _loop(guide.root, around[-1])
    order = [row.id for row in loop.rows if isinstance(row, Loop)] if loop is not None else []
    return order.index(to_other[-1]) < order.index(to_judged[len(around)])
