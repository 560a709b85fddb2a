"""Whatever the rows of a guide allow is read, written and found good by the same rows."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.x12.compiled import Match, Row, compiled, matcher
from hub.x12.elements import faults, relations
from hub.x12.generate import generate
from hub.x12.grammar import Guide, Segment
from hub.x12.guides import GUIDES
from hub.x12.tree import Node
from hub.x12.walk import Walk
from hub.x12.wire import STANDARD, Delimiters
from hub.x12.write import OutgoingSet, _body

EVERY_GUIDE = pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.kind)
seeds = st.integers(min_value=0, max_value=2**32)
MARKS = ("*", ":", " ", "X", "9", ".", "", "Ü")
"""What is put in the place of one character to damage a segment."""


def texts_of(guide: Guide, root: Node) -> list[str]:
    """The segment texts of a tree, without the rules that look across segments."""
    texts, problems = _body(guide, OutgoingSet(control_number="0001", root=root), STANDARD)
    assert problems == []
    return texts


def shape(node: Node) -> list[object]:
    """The loops and segment ids of a tree, in order."""
    return [[item.loop, shape(item)] if isinstance(item, Node) else item[0] for item in node.items]


@EVERY_GUIDE
@settings(deadline=None, max_examples=12)
@given(seed=seeds, often=st.sampled_from([0.05, 0.3, 0.5]))
def test_what_the_rows_allow_is_read_into_the_same_loops(guide: Guide, seed: int, often: float) -> None:
    """A tree made from the rows is read back, every segment in the loop it was made for, without a finding."""
    root = generate(guide, chance(seed), often=often)
    walk = Walk(guide, STANDARD)
    assert list(walk.run(texts_of(guide, root))) == []
    assert walk.findings == []
    assert shape(walk.root) == ["ST", *shape(root), "SE"]


@EVERY_GUIDE
@settings(deadline=None, max_examples=25)
@given(seed=seeds, pick=st.integers(0, 10_000), spot=st.integers(0, 10_000), mark=st.sampled_from(MARKS))
def test_pattern_and_explanation_agree(guide: Guide, seed: int, pick: int, spot: int, mark: str) -> None:
    """A damaged segment has a fault exactly when its pattern says no (a 29 February is settled by the calendar)."""
    texts = texts_of(guide, generate(guide, chance(seed), often=0.5))
    walk = Walk(guide, STANDARD)
    text = texts[1:-1][pick % (len(texts) - 2)]
    rows = [row for _, row in guide.root.walk() if isinstance(row, Segment) and row.id == text.split("*")[0]]
    at = spot % (len(text) + 1)
    damaged = text[:at] + mark + text[at + 1 :]
    values = damaged.split("*")
    assert walk.findings == []
    for row in rows:
        if values[0] != row.id:
            continue
        told = list(faults(row, values, STANDARD))
        matched = matcher(row, STANDARD)(damaged) is not None
        assert not (matched and told), told
        assert matched or told or "0229" in damaged
        assert all(isinstance(holds(values), bool) for _, holds in relations(row))


@EVERY_GUIDE
def test_every_row_can_be_reached(guide: Guide) -> None:
    """Given the chance, every row of a guide is taken by the reader: none hides behind another."""
    openers = {row.loop.opener.index for row in compiled(guide).rows if row.loop is not None}
    met: set[int] = set()
    for seed in range(5):
        walk = Recorder(guide, STANDARD)
        list(walk.run(texts_of(guide, generate(guide, chance(seed), often=0.8))))
        met |= walk.met
    assert met == {row.index for row in compiled(guide).rows} - openers


class Recorder(Walk):
    """A walk that notes which rows took a segment."""

    def __init__(self, guide: Guide, delimiters: Delimiters) -> None:
        super().__init__(guide, delimiters)
        self._matchers = [None] * len(self._matchers)
        self.met: set[int] = set()

    def _learn(self, row: Row) -> Match:
        self.met.add(row.index)
        return super()._learn(row)


def chance(seed: int) -> Random:
    """A source of chance that can be repeated."""
    return Random(seed)  # noqa: S311 - chance for tests, not for secrets
