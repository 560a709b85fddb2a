"""What is learned of a payer's remittances only saves time: the records are the same, and so is what is written."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.flow.remit_shapes import CLAIM
from hub.model.remit import ClaimPayment
from hub.x12.envelope import X12Reader
from hub.x12.generate import interchange
from hub.x12.guides import guide_named
from hub.x12.shapes import Learned, Unreadable, reader, writer
from hub.x12.shaping import learning, sequel
from hub.x12.wire import STANDARD, Delimiters

CLAIM_TEXTS = (
    "CLP*A1*1*100*70.5*10*12*ICN1*11*1",
    "NM1*QC*1*SAMPLE*PAT****MI*M1",
    "NM1*82*1******XX*1245319599",
    "DTM*232*20260105",
    "DTM*050*20260202",
    "SVC*HC:T1015:25*100*70.5**1",
    "DTM*472*20260105",
    "CAS*CO*45*19.5",
    "CAS*PR*3*10",
    "REF*6R*L1",
    "AMT*B6*80.5",
)
OTHER_ORDER = (0, 2, 1, 4, 3, 5, 6, 10, 9, 7, 8)
SPOILED = (
    ("A1", ""),
    ("100", "100.00"),
    ("100", "0100"),
    ("100", "+100"),
    ("100", "100."),
    ("70.5", "70.555"),
    ("70.5", "x"),
    ("70.5", ""),
    ("10*12", "*12"),
    ("ICN1", "ICN\x1b1"),
    ("20260105", "20261305"),
    ("20260105", "2026010"),
    ("T1015:25", "T1015::25"),
    ("T1015:25", "T1015:25:"),
    ("HC:T1015:25", "T1015"),
    ("**1", "**1.0"),
    ("**1", "**2"),
    ("**1", "**"),
    ("CO*45", "CO*"),
    ("CO*45", "PR*45"),
    ("CO*45", "lower*45"),
    ("PR*3*10", "PR*3*10*1*4*5"),
    ("PR*3*10", "PR*3*10*"),
    ("B6*80.5", "B6*"),
    ("B6*80.5", "I*80.5"),
    ("6R*L1", "6R*L1*"),
    ("6R*L1", "0K*L1"),
    ("AMT*B6", "NM1*TT"),
    ("AMT*B6", "ZZ*B6"),
    ("REF*6R*L1", "AMT*B6*80.5"),
    ("DTM*232", "DTM*233"),
    ("DTM*232*20260105", "DTM*050*20260202"),
)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "LEARN_AT", range(1, 10_000))


def bare(paid: ClaimPayment) -> ClaimPayment:
    """A claim payment without what is kept beside its fields, which may be told in more than one way."""
    return replace(paid, rest=(), lines=tuple([replace(line, rest=()) for line in paid.lines]))


def told(read: Any, texts: list[str]) -> tuple[str, list[str], ClaimPayment | None, int]:
    """What a reader makes of a claim: why not, what is written of it again, the record, where it ended."""
    try:
        paid, end = read(texts)
    except Unreadable as found:
        return f"{found.problem.where} {found.problem.why} {found.at}", [], None, 0
    out: list[str] = []
    writer(CLAIM, STANDARD)(paid, out)
    return "", out, bare(paid), end


def compared(learned: Learned, texts: list[str]) -> None:
    """Holds what was learned against the reader that looks at every segment."""
    flat = learned.flat(texts)

    def quick(texts: list[str]) -> tuple[ClaimPayment, int]:
        paid, end, place = learned.read(texts, 0, flat, 0, 1, ())
        assert not flat or place == sum(len(text) + 1 for text in texts[:end])
        return paid, end

    found = told(quick, texts)
    assert found == told(lambda texts: reader(CLAIM, STANDARD)(texts, 0, 1, ()), texts)
    assert found[0] or found[1] == texts[: found[3]]


@pytest.mark.parametrize("order", [range(len(CLAIM_TEXTS)), OTHER_ORDER])
@pytest.mark.parametrize(("old", "new"), SPOILED)
def test_another_value_in_a_known_sequence_is_read_as_ever(order: Any, old: str, new: str) -> None:
    """After a payer's order is learned, a claim of that order with an odd value is neither lost nor read wrong."""
    learned = Learned(CLAIM, STANDARD)
    texts = [CLAIM_TEXTS[at] for at in order]
    compared(learned, [*texts, ""])
    for at, text in enumerate(texts):
        if old in text:
            compared(learned, [*texts[:at], text.replace(old, new), *texts[at + 1 :], ""])
    compared(learned, [*texts, ""])


@pytest.mark.parametrize("bare", ["SVC", "CAS", "DTM", "CLP", "LX"])
@pytest.mark.parametrize("at", range(1, len(CLAIM_TEXTS) + 1))
def test_a_segment_without_elements_ends_no_claim_early(bare: str, at: int) -> None:
    """An id that stands alone is taken as the other reader takes it: the lines after it are not lost."""
    learned = Learned(CLAIM, STANDARD)
    for _ in range(5):
        compared(learned, [*CLAIM_TEXTS, ""])
    compared(learned, [*CLAIM_TEXTS[:at], bare, *CLAIM_TEXTS[at:], ""])


def test_a_payers_own_order_is_learned() -> None:
    """Claims in another order than the guide's get templates, and their segments come back in that order."""
    learned = Learned(CLAIM, STANDARD)
    texts = [*[CLAIM_TEXTS[at] for at in OTHER_ORDER], ""]
    compared(learned, texts)
    monkey = texts[0].replace("A1", "B2"), texts[7].replace("80.5", "9.99")
    again = [monkey[0], *texts[1:7], monkey[1], *texts[8:]]
    flat = learned.flat(again)
    learned._slow = None  # type: ignore[assignment]  # only what was learned can read it now
    learned._inner = None  # type: ignore[assignment]
    paid, end, _ = learned.read(again, 0, flat, 0, 1, ())
    out: list[str] = []
    writer(CLAIM, STANDARD)(paid, out)
    assert (out, end) == (again[:-1], len(again) - 1)


def test_texts_that_turn_out_to_vary_are_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """When segments that were remembered whole begin to differ, what is read of them stays the same."""
    monkeypatch.setattr(sequel, "MOST_REPEATED", 3)
    learned = Learned(CLAIM, STANDARD)
    for number in range(24):
        vary = number // 8
        claim = [text.replace("19.5", f"19.5{number % 9 + 1}" if vary else "19.5") for text in CLAIM_TEXTS]
        claim = [text.replace("124531", f"1245{number:02}" if vary > 1 else "124531") for text in claim]
        compared(learned, [*claim, ""])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_whatever_was_learned_the_records_are_the_same(seed: int) -> None:
    """Claims of every kind, reordered alike and then spoiled here and there, are read as without templates."""
    random = Random(seed)  # noqa: S311 - chance for a test
    data = interchange(guide_named("835"), random, sets=1, often=random.choice((0.1, 0.3, 0.6)))
    texts = [text for one in X12Reader(data) for run in one.runs() for text in run]
    starts = [at for at, text in enumerate(texts) if text.startswith("CLP*")]
    learned = Learned(CLAIM, STANDARD)
    for start in starts:
        claim = texts[start:]
        for _ in range(random.randrange(3)):
            at = random.randrange(1, max(2, len(claim) - 2))
            claim.insert(random.randrange(1, len(claim)), claim.pop(min(at, len(claim) - 1)))
        compared(learned, [*claim, ""])
        for _ in range(4):
            old, new = random.choice(SPOILED)
            at = random.randrange(len(claim))
            other = [
                *claim[:at],
                claim[at].replace(old, new).replace("0", random.choice("0123")),
                *claim[at + 1 :],
            ]
            if other[0].startswith("CLP*"):
                compared(learned, [*other, ""])


def test_each_delimiters_have_their_own_templates() -> None:
    """A file with other delimiters is learned in them, and what is out of order in it is left to the other reader."""
    marks = Delimiters(element="|", component=">", repetition="!", segment="\n")
    texts = [text.translate(str.maketrans("*:", "|>")) for text in CLAIM_TEXTS]
    for order in (range(len(texts)), OTHER_ORDER):
        learned = Learned(CLAIM, marks)
        mine = [*[texts[at] for at in order], ""]
        for _ in range(2):
            paid, end, _ = learned.read(mine, 0, learned.flat(mine), 0, 1, ())
            out: list[str] = []
            writer(CLAIM, marks)(paid, out)
            assert (out, end) == (mine[:-1], len(texts))
