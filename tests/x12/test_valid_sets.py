"""Generated sets are valid: our strict check finds nothing in them, whatever the chance."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.codes.icd10cm import diagnosis_fault
from hub.testing.x12_strategies import sets
from hub.x12.compiled import Match, Row, compiled
from hub.x12.envelope import X12Reader
from hub.x12.formats import NAMED
from hub.x12.generate import KINDS, big, interchange, valid
from hub.x12.generate.rows import FORMATS
from hub.x12.grammar import Guide
from hub.x12.guides import GUIDES, guide_named
from hub.x12.tree import Node
from hub.x12.walk import Walk
from hub.x12.wire import STANDARD, Delimiters
from hub.x12.write import OutgoingSet, check_root, set_texts

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
FEW = settings(
    deadline=None, max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
LEFT_OUT: dict[str, set[str]] = {"999": {"CTX"}}
"""Segments that no generated set has, by kind: what they say is only what another segment says."""


def chance(seed: int) -> Random:
    """A source of chance that can be repeated."""
    return Random(seed)  # noqa: S311 - chance for tests, not for secrets


def test_there_are_valid_sets_of_every_guide() -> None:
    """No guide is without generated sets."""
    assert set(KINDS) == {guide.kind for guide in GUIDES}


def test_every_named_format_has_a_value() -> None:
    """A format that rows may name has a value for generated segments, and it has that format."""
    import re

    assert set(FORMATS) == set(NAMED)
    assert all(re.fullmatch(pattern, FORMATS[name]) for name, (pattern, _) in NAMED.items())


@EVERY_KIND
@FEW
@given(data=st.data())
def test_nothing_is_wrong_with_a_generated_set(kind: str, data: st.DataObject) -> None:
    """The strict check, with all rules across segments, finds nothing, not even a warning."""
    root = data.draw(sets(kind))
    assert [(found.code, found.where) for found in check_root(guide_named(kind), root)] == []


@EVERY_KIND
def test_a_generated_file_is_read_without_a_finding(kind: str) -> None:
    """Read as a partner's file and strictly, envelopes and sets have no finding at all."""
    data = interchange(guide_named(kind), chance(11), sets=4)
    for strict in (True, False):
        reader = X12Reader(data, strict=strict, diagnoses=diagnosis_fault)
        assert [transaction.check() for transaction in reader] == [[]] * 4
        assert reader.findings == []


@EVERY_KIND
def test_the_same_chance_gives_the_same_set(kind: str) -> None:
    """Sets are made from the given chance alone."""
    guide = guide_named(kind)
    first, again, other = (interchange(guide, chance(seed)) for seed in (5, 5, 6))
    assert first == again
    assert first != other


@EVERY_KIND
def test_every_segment_of_a_guide_comes_in_valid_sets(kind: str) -> None:
    """The rarely used rows are reached too: each row's segment, at its place, in some valid set."""
    guide = guide_named(kind)
    openers = {row.loop.opener.index for row in compiled(guide).rows if row.loop is not None}
    met: set[int] = set()
    paid_before = {"2000A": 1, "2000B": 6, "2000C": 1, "2300": 1, "2320": 2, "2400": 1, "2430": 1}
    for seed in range(6):
        walk = _Recorder(guide, STANDARD)
        times = paid_before if seed % 2 and kind.startswith("837") else {}
        root = valid(guide, chance(seed), often=(0.85, 0.6)[seed % 2], most=2, times=times)
        list(walk.run(set_texts(guide, OutgoingSet(control_number="0001", root=root), STANDARD)))
        met |= walk.met
    lacking = [row.segment for row in compiled(guide).rows if row.index not in met | openers]
    assert {segment.id for segment in lacking} <= LEFT_OUT.get(kind, set()), [
        (segment.id, segment.name) for segment in lacking
    ]


class _Recorder(Walk):
    """A walk that notes which rows took a segment."""

    def __init__(self, guide: Guide, delimiters: Delimiters) -> None:
        super().__init__(guide, delimiters)
        self._matchers = [None] * len(self._matchers)
        self.met: set[int] = set()

    def _learn(self, row: Row) -> Match:
        self.met.add(row.index)
        return super()._learn(row)


def loops(root: Node) -> Counter[str]:
    """How often each loop stands in a tree."""
    found = Counter(inner.loop for inner in root.children())
    for inner in root.children():
        found += loops(inner)
    return found


def test_loops_stand_as_often_as_asked() -> None:
    """`times` fixes how often a loop stands where it is made."""
    root = valid(guide_named("837P"), chance(1), times={"2000A": 1, "2000B": 2, "2000C": 1, "2300": 3, "2400": 5})
    found = loops(root)
    assert (found["2000B"], found["2300"], found["2400"]) == (2, 6, 30)
    assert check_root(guide_named("837P"), root) == []


class Least(Random):
    """The chance that hypothesis shrinks to: the lowest of every choice."""

    def random(self) -> float:
        return 0.0

    def getrandbits(self, k: int) -> int:
        return 0


@pytest.mark.parametrize(("kind", "most"), [("837P", 30), ("835", 12), ("999", 4), ("277CA", 14), ("270", 14)])
def test_the_least_choices_give_the_smallest_set(kind: str, most: int) -> None:
    """What a failing example shrinks towards is about as short as the guide allows, and valid."""
    root = valid(guide_named(kind), Least())
    assert sum(1 for _ in root.segments()) <= most
    assert check_root(guide_named(kind), root) == []


@pytest.mark.parametrize("kind", ["837P", "837I", "837D", "835"])
def test_a_big_file_is_valid_and_as_big_as_asked(kind: str) -> None:
    """A file of many claims has that many, each with its own number and its lines, and nothing is wrong with it."""
    count = 5040 if kind == "837P" else 130
    data = b"".join(big(guide_named(kind), chance(2), claims=count, lines=2, variety=7))
    reader, numbers, lines = X12Reader(data, strict=True), Counter[str](), set()
    for transaction in reader:
        for unit in transaction.units():
            numbers[unit.value("CLM", 1) or unit.value("CLP", 1)] += 1
            lines.add(len(unit.children("2400", "2110")))
        assert transaction.findings == []
    assert reader.findings == []
    assert (len(numbers), set(numbers.values()), lines) == (count, {1}, {2})
    assert len(reader.interchanges[0].groups[0].sets) == (2 if kind == "837P" else 1)
