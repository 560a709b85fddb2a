"""Hypothesis strategies for valid X12: whole sets and whole files of every guide, for tests of plugins.

    from hypothesis import given
    from hub.testing.x12_strategies import interchanges, sets

    @given(data=interchanges("835"))
    def test_my_reader_takes_any_remittance(data: bytes) -> None:
        ...

    @given(root=sets("837P", times={"2400": 2}))            # every claim has two lines
    def test_my_writer(root: Node) -> None: ...

What is drawn is valid: the hub's strict check finds nothing in it, and its money balances. Names, numbers
and codes are invented. A failing example shrinks to fewer and shorter loops and segments, since the least
choice is always the smallest tree. Kinds: 837P 837I 837D 835 999 277CA 276 277 270 271. Needs hypothesis,
which the hub itself does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from hypothesis import strategies as st

from hub.x12.generate import interchange, valid
from hub.x12.guides import guide_named
from hub.x12.tree import Node
from hub.x12.wire import STANDARD, Delimiters

_OFTEN = (0.02, 0.15, 0.3, 0.6)
_ENDINGS = ("", "\n", "\r\n", "\r")
_MARKS = (("*", ":", "^", "~"), ("|", ">", "!", "\x1c"), ("\x1d", "\x1f", "\x1e", "'"), ("+", "\\", "`", "\n"))
"""Element, component, repetition and segment marks that partners use, the usual ones first."""


def sets(
    kind: str, *, often: float | None = None, times: Mapping[str, int] | None = None
) -> st.SearchStrategy[Node]:
    """Trees of valid sets, for `write_interchange` and `check_root`.

    `often` is the chance of each situational row (drawn when not given), `times` fixes by loop id how often a
    loop stands where it is made. Raises KeyError for a kind without generated sets.
    """
    guide = guide_named(kind)
    chance = st.sampled_from(_OFTEN) if often is None else st.just(often)

    def make(random: Random, how_often: float) -> Node:
        return valid(guide, random, often=how_often, times=dict(times or {}))

    return st.builds(make, st.randoms(use_true_random=False), chance)


def delimiters() -> st.SearchStrategy[Delimiters]:
    """Marks and line endings that partners use; what is generated holds none of them in its data."""

    def make(marks: tuple[str, str, str, str], ending: str) -> Delimiters:
        element, component, repetition, segment = marks
        return Delimiters(
            element=element,
            component=component,
            repetition=repetition,
            segment=segment,
            ending="" if segment == "\n" else ending,
        )

    return st.builds(make, st.sampled_from(_MARKS), st.sampled_from(_ENDINGS))


def interchanges(kind: str, *, most_sets: int = 2, odd: bool = False) -> st.SearchStrategy[bytes]:
    """Bytes of valid files: one interchange, one group, up to `most_sets` sets; `odd` varies the delimiters."""
    guide = guide_named(kind)

    def make(random: Random, how_often: float, count: int, marks: Delimiters) -> bytes:
        return interchange(guide, random, sets=count, often=how_often, delimiters=marks)

    return st.builds(
        make,
        st.randoms(use_true_random=False),
        st.sampled_from(_OFTEN),
        st.integers(1, most_sets),
        delimiters() if odd else st.just(STANDARD),
    )
