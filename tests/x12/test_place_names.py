"""Places in words, as people are told them."""

from __future__ import annotations

import pytest

from hub.x12.grammar import Loop, Segment
from hub.x12.guides import GUIDES, guide_named
from hub.x12.tools.names import place_in_words


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (("2010BA", "N4", 3, 0), "Subscriber, postal code"),
        (("2010AA", "REF", 2, 0), "Billing provider, Tax id or License or UPIN, reference number"),
        (("2300", "HI", 1, 2), "Claim, diagnosis or other code"),
        (("2300", "DTP", 0, 0), "Claim"),
        (("", "ISA", 6, 0), "sender"),
        (("9999", "QQQ", 3, 0), ""),
    ],
)
def test_a_place_says_whose_field_it_is(place: tuple[str, str, int, int], words: str) -> None:
    """The loop says whose data it is, the element what it is; the segment where that alone would say too little."""
    assert place_in_words(guide_named("837P"), *place) == words


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.kind)
def test_every_segment_of_every_guide_has_words(guide: object) -> None:
    """Whatever a finding is about, something is said of its place."""
    for _, row in guide.root.walk():  # type: ignore[attr-defined]
        for inner in row.rows if isinstance(row, Loop) else ():
            if isinstance(inner, Segment):
                assert place_in_words(guide, row.id, inner.id, 0, 0)  # type: ignore[arg-type]
