"""Nothing is lost: published and generated sets of the three claims are written again byte for byte."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from flowlab.claims_837 import ReadSet, read_sets
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.model.claim import Claim
from hub.testing.x12_strategies import interchanges

CORPUS = Path(__file__).parents[3] / "shared" / "data" / "x12"
OF_THE_INDEX = (CORPUS / "INDEX.tsv").read_text().splitlines()[1:] if CORPUS.exists() else []
FILES = [
    CORPUS / row[0]
    for row in (line.split("\t") for line in OF_THE_INDEX)
    if row[1].startswith("837") and "005010" in row[2]
]
UNREADABLE = {
    "src_test_resources_837_5010_x12_missing_required_loops_mult_repeats.txt": "2300 DTP03",
    "src_tests_resources_837_005010X222A2_demo.example11.837": "2400 SV107",
    "src_tests_resources_837_005010X222A2_demo.example9.837": "2400 SV107",
}
"""Samples whose claims cannot be read: no date in a DTP, pointers with the separator of another file."""


def heard(one: ReadSet) -> None:
    """The set comes back as it was, and each claim is a document that comes back as it was."""
    assert one.problems == []
    assert one.written() == one.texts
    for claim in one.claims:
        assert msgspec.json.decode(msgspec.json.encode(claim), type=Claim) == claim


@pytest.mark.skipif(not FILES, reason="the sample files of others are not beside this clone")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_published_set_comes_back(path: Path) -> None:
    """Each set comes back segment by segment, right or wrong as it is, where its claims can be read."""
    for one in read_sets(path.read_bytes()):
        assert one.told, "a set without a claim would prove nothing"
        if path.name in UNREADABLE:
            assert [problem.where.split(" (")[0] for problem in one.problems] == [UNREADABLE[path.name]]
        else:
            heard(one)


@pytest.mark.parametrize("kind", ["837P", "837I", "837D"])
def test_a_generated_file_comes_back(kind: str) -> None:
    """Whatever a guide allows, in any of its rows and with any delimiters, is read into claims without loss."""

    @given(data=interchanges(kind, odd=True))
    @settings(max_examples=25, deadline=None, database=None)
    def comes_back(data: bytes) -> None:
        for one in read_sets(data):
            if one.told:
                heard(one)

    comes_back()


@given(
    data=interchanges("837P", most_sets=1), at=st.integers(0, 10_000), junk=st.sampled_from(["X", "9", "-", ""])
)
@settings(max_examples=15, deadline=None, database=None)
def test_damage_never_raises(data: bytes, at: int, junk: str) -> None:
    """A file that was damaged anywhere after its header gives claims and problems, never an exception."""
    place = 200 + at % max(1, len(data) - 200)
    damaged = data[:place] + junk.encode() + data[place + 1 :]
    for one in read_sets(damaged):
        assert all(claim.control_number is not None for claim in one.claims)
