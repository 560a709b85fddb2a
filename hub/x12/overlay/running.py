"""Runs overlays: checks beside the guide's own rules as loops close, limits, and the defaults of the writer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import msgspec

from hub.x12.dictionary import layouts
from hub.x12.finding import Finding
from hub.x12.grammar import Guide
from hub.x12.overlay.rule import Condition, Overlay, OverlayRule, Place
from hub.x12.overlay.written import loop_paths, rows_at
from hub.x12.rules.reporting import Reporter
from hub.x12.tree import Node, RawSegment, Segment, Value
from hub.x12.walk import Closer, Walk

Tally = dict[str, int]
"""Claims met so far, by the name of the overlay."""


class _Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one overlay for one guide, by the loop at whose end they run."""

    checks: dict[str, list[tuple[OverlayRule, Callable[[str], object] | None]]]
    loops: dict[str, list[OverlayRule]]
    defaults: tuple[OverlayRule, ...]


@lru_cache(maxsize=256)
def _compiled(overlay: Overlay, guide: Guide) -> _Compiled:
    made = _Compiled(
        checks={},
        loops={},
        defaults=tuple(rule for rule in overlay.rules if rule.default and any(rows_at(guide, rule.place))),
    )
    for rule in overlay.rules if overlay.applies_to(guide.kind) else ():
        if not any(rows_at(guide, rule.place)):
            continue
        if rule.required and _is_opener(guide, rule.place):
            for parent in {path[-2] for path in loop_paths(guide, rule.place.loop)}:
                made.loops.setdefault(parent, []).append(rule)
            continue
        match = re.compile(rule.pattern).fullmatch if rule.pattern else None
        made.checks.setdefault(rule.place.loop, []).append((rule, match))
    return made


def _is_opener(guide: Guide, where: Place) -> bool:
    """Whether a place is the first segment of a loop as a whole: to require it is to require the loop."""
    if not where.loop or where.element:
        return False
    rows = next(row for row in _loops(guide) if row[0] == where.loop)
    return rows[1] == where.segment


def _loops(guide: Guide) -> Iterator[tuple[str, str]]:
    for _, row in guide.root.walk():
        if not hasattr(row, "elements"):
            yield row.id, row.opener.id


def with_overlays(
    closers: dict[str, Closer], walk: Walk, overlays: Sequence[Overlay], tally: Tally
) -> dict[str, Closer]:
    """The closers of a guide with those of the overlays behind them; the same when no overlay is for it."""
    guide = walk.guide
    joined = dict(closers)
    for overlay in overlays:
        if not overlay.applies_to(guide.kind):
            continue
        run = _Run(overlay, guide, Reporter(walk), tally)
        for loop in {*run.rules.checks, *run.rules.loops, *guide.units, ""}:
            joined[loop] = _both(joined.get(loop), run.close)
    return joined


def _both(first: Closer | None, second: Closer) -> Closer:
    if first is None:
        return second

    def close(node: Node) -> None:
        first(node)
        second(node)

    return close


class _Run:
    """One overlay at work on one transaction set."""

    def __init__(self, overlay: Overlay, guide: Guide, report: Reporter, tally: Tally) -> None:
        self.overlay = overlay
        self.units = guide.units
        self.report = report
        self.rules = _compiled(overlay, guide)
        self.tally = tally
        self.before = tally.get(overlay.name, 0)

    def close(self, node: Node) -> None:
        """Judges one loop that closes."""
        if node.loop in self.units:
            self.tally[self.overlay.name] = self.tally.get(self.overlay.name, 0) + 1
        for rule, match in self.rules.checks.get(node.loop, ()):
            if rule.when is None or holds(rule.when, node):
                self._judge(rule, match, node)
        for rule in self.rules.loops.get(node.loop, ()):
            if node.child(rule.place.loop) is None and (rule.when is None or holds(rule.when, node)):
                self._say(rule, node, None, missing=rule.place.segment)
        if not node.loop:
            self._limit(node)

    def _judge(self, rule: OverlayRule, match: Callable[[str], object] | None, node: Node) -> None:
        place = rule.place
        found = False
        for raw in segments_at(node, place):
            if not place.element:
                found = True
                if rule.forbidden:
                    self._say(rule, node, raw)
                continue
            text = text_at(node, raw, place)
            if not text:
                if rule.required:
                    self._say(rule, node, raw)
                found = True
                continue
            found = True
            if rule.forbidden or not _fits(rule, text) or (match is not None and not match(text)):
                self._say(rule, node, raw)
        if rule.required and not found:
            self._say(rule, node, None, missing=place.segment)

    def _say(self, rule: OverlayRule, node: Node, raw: RawSegment | None, *, missing: str = "") -> None:
        self.report(
            node,
            raw,
            f"overlay.{self.overlay.name}.{rule.name}",
            rule.message,
            snip=7,
            element=0 if missing else rule.place.element,
            part=0 if missing else rule.place.part,
            severity=rule.severity,
            missing=missing,
            status=rule.status,
        )

    def _limit(self, root: Node) -> None:
        most = self.overlay.limits.claims_per_set
        met = self.tally.get(self.overlay.name, 0) - self.before
        if most and met > most:
            code = f"overlay.{self.overlay.name}.claims_per_set"
            message = f"the transaction set holds more than the {most} claims that are taken"
            first = root.items[0] if root.items and not isinstance(root.items[0], Node) else None
            self.report(root, first, code, message, snip=7)


def file_findings(overlay: Overlay, tally: Tally, size: int) -> Iterator[Finding]:
    """What is wrong with a whole file of `size` bytes: too many claims, or too large."""
    limits = overlay.limits
    if limits.claims_per_file and tally.get(overlay.name, 0) > limits.claims_per_file:
        message = f"the file holds more than the {limits.claims_per_file} claims that are taken"
        yield Finding(snip=7, code=f"overlay.{overlay.name}.claims_per_file", message=message)
    if limits.bytes_per_file and size > limits.bytes_per_file:
        message = f"the file is larger than the {limits.bytes_per_file} bytes that are taken"
        yield Finding(snip=7, code=f"overlay.{overlay.name}.bytes_per_file", message=message)


def filled(root: Node, guide: Guide, overlays: Sequence[Overlay]) -> Node:
    """The tree with the defaults of the overlays in its empty elements; a new tree where any is filled."""
    rules = [rule for one in overlays if one.applies_to(guide.kind) for rule in _compiled(one, guide).defaults]
    return _filled(root, None, rules) if rules else root


def _filled(node: Node, parent: Node | None, rules: Sequence[OverlayRule]) -> Node:
    made = Node(node.loop, [], parent, node.position, node.delimiters)
    for item in node.items:
        made.items.append(_filled(item, made, rules) if isinstance(item, Node) else item)
    for rule in rules:
        if rule.place.loop != made.loop or (rule.when is not None and not holds(rule.when, made)):
            continue
        for at, item in enumerate(made.items):
            if not isinstance(item, Node) and _is_at(item, rule.place, made):
                made.items[at] = _with_default(item, rule, made)
    return made


def _with_default(raw: RawSegment, rule: OverlayRule, node: Node) -> RawSegment:
    place = rule.place
    if text_at(node, raw, place):
        return raw
    values: list[Value] = [*raw, *[None] * (place.element + 1 - len(raw))]
    if not place.part:
        values[place.element] = rule.default
        return tuple(values)
    parts = list(Segment(raw, node.delimiters).parts(place.element))
    parts += [""] * (place.part - len(parts))
    parts[place.part - 1] = rule.default
    values[place.element] = tuple(parts)
    return tuple(values)


def holds(condition: Condition, node: Node) -> bool:
    """Whether the other place, in sight of this loop, has one of the codes, or is there or not as asked."""
    there = node.find(condition.place.loop)
    place = condition.place
    met = [(there, raw) for raw in segments_at(there, place)] if there is not None else []
    texts = [text_at(loop, raw, place) if place.element else place.segment for loop, raw in met]
    if condition.codes:
        return any(text in condition.codes for text in texts)
    return any(texts) == condition.present


def segments_at(node: Node, place: Place) -> list[RawSegment]:
    """The segments of a loop that a place names."""
    return [item for item in node.items if not isinstance(item, Node) and _is_at(item, place, node)]


def _is_at(raw: RawSegment, place: Place, node: Node) -> bool:
    if raw[0] != place.segment:
        return False
    if not place.qualifier:
        return True
    layout = layouts().get(place.segment)
    told_by = (layout.qualifier if layout is not None else 0) or 1
    return Segment(raw, node.delimiters).parts(told_by)[1] == place.qualifier


def text_at(node: Node, raw: RawSegment, place: Place) -> str:
    """The text at a place of a segment, "" when it is empty."""
    segment = Segment(raw, node.delimiters)
    return segment.parts(place.element)[place.part] if place.part else segment[place.element]


def _fits(rule: OverlayRule, text: str) -> bool:
    if rule.codes and text not in rule.codes:
        return False
    return len(text) >= rule.shortest and (not rule.longest or len(text) <= rule.longest)
