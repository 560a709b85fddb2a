"""Whatever is wrong with a file, its 999 and TA1 are good files of their own and say where and what."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from hub.x12.ack import acknowledgement, ta1, verdict
from hub.x12.envelope import X12Reader
from hub.x12.tree import Node, Segment
from tests.x12 import test_mutations_835, test_mutations_envelope
from tests.x12.mutations import edited, findings

FAIL = sorted((Path(__file__).parent / "fail").glob("*.x12"))


def read(data: bytes) -> X12Reader:
    """A file read strictly to its end, every set checked."""
    reader = X12Reader(data, strict=True)
    for transaction in reader:
        transaction.check()
    return reader


def faulty_files() -> list[tuple[str, bytes]]:
    """Every file of `fail`, and every single fault of the mutation tests."""
    found = [(path.stem, path.read_bytes()) for path in FAIL]
    for module in (test_mutations_835, test_mutations_envelope):
        found += [
            (f"{module.__name__[-8:]} {edit.name}", edited(module.GOOD, edit).encode()) for edit in module.EDITS
        ]
    return found


FILES = faulty_files()


@pytest.mark.parametrize("data", [data for _, data in FILES], ids=[name for name, _ in FILES])
def test_the_answer_to_a_faulty_file_is_good(data: bytes, samples: SimpleNamespace) -> None:
    """The 999 of each group and the TA1 of each interchange have no finding, and no set with an error is accepted."""
    for interchange in read(data).interchanges:
        for group in interchange.groups:
            root = acknowledgement(group)
            assert findings(samples.write("999", root).decode()) == []
            verdicts = [answer.value("IK5", 1) for answer in root.children("2000")]
            assert verdicts == [verdict(outcome) for outcome in group.sets]
            assert all(
                (word == "R") == (not one.accepted) for word, one in zip(verdicts, group.sets, strict=True)
            )
        answer = Segment(ta1(interchange))
        assert answer[4] in ("A", "E", "R")
        assert (answer[4] == "A") == (answer[5] == "000")


def answered(samples: SimpleNamespace, old: bytes, new: bytes) -> Node:
    """The first error loop of the 999 for a file of two claims with one edit."""
    data = samples.write("837P", samples.two_claims())
    assert old in data
    group = read(data.replace(old, new, 1)).interchanges[0].groups[0]
    error = acknowledgement(group).children("2000")[0].child("2100")
    assert error is not None
    return error


def test_a_fault_in_a_claim_names_it_by_its_number(samples: SimpleNamespace) -> None:
    """CTX carries CLM01, the sender's own number, where the segment stands in a claim."""
    error = answered(samples, b"CLM*PCN2*150.25", b"CLM*PCN2*150.26")
    assert [error.value("IK3", at) for at in (1, 4)] == ["CLM", "8"]
    assert error.segments().__next__()[0] == "IK3"
    assert [ctx[1] for ctx in error.all("CTX")] == ["CLM01:PCN2"]
    element = error.child("2110")
    assert element is not None
    assert [element.value("IK4", at) for at in (1, 2, 3, 4)] == ["2", "782", "7", ""]


def test_a_fault_outside_of_claims_names_none(samples: SimpleNamespace) -> None:
    """The subscriber is above the claims: no claim is named."""
    assert answered(samples, b"DMG*D8*19800101", b"DMG*D8*19800231").all("CTX") == []


def test_what_a_rule_makes_necessary_names_its_trigger(samples: SimpleNamespace) -> None:
    """A segment that only the claim's own content asks for is I6, with the segment that asks for it."""
    error = answered(samples, b"*11:B:1*Y*A*Y*Y~HI", b"*11:B:7*Y*A*Y*Y~HI")
    assert [error.value("IK3", at) for at in (1, 4)] == ["REF", "I6"]
    told = [[ctx[at] for at in (1, 2, 4)] for ctx in error.all("CTX")]
    assert told == [["SITUATIONAL TRIGGER", "CLM", "2300"], ["CLM01:PCN1", "", ""]]


def test_a_key_that_cannot_be_written_is_left_out(samples: SimpleNamespace) -> None:
    """A claim number with a control character would spoil the answer."""
    assert answered(samples, b"CLM*PCN2*150.25", b"CLM*PC\tN2*150.26").all("CTX") == []


@pytest.mark.parametrize(
    ("old", "new", "word", "note"),
    [
        ("ISA*00*", "ISA*99*", "R", "010"),
        ("*ZZ*ANYTOWN   ", "*QQ*ANYTOWN   ", "R", "005"),
        ("*ZZ*CLEARING  ", "*QQ*CLEARING  ", "R", "007"),
        ("*0930*^*00501*000000001", "*0930*:*00501*000000001", "R", "027"),
        ("GS*HP*ANYTOWN*CLEARING*20260120", "GS*HP*ANYTOWN*CLEARING*20260230", "E", "024"),
        ("GS*HP*ANYTOWN*", "GS*HC*ANYTOWN*", "A", "000"),
        ("*1200*A*000", "*1200*B*000", "A", "000"),
    ],
)
def test_a_ta1_says_what_is_wrong_with_the_interchange(old: str, new: str, word: str, note: str) -> None:
    """Each header fault has its note; what the 999 can say, and a partner's own TA1, are no reason to reject."""
    good = test_mutations_envelope.GOOD
    assert old in good
    answer = ta1(read(good.replace(old, new, 1).encode()).interchanges[0])
    assert (answer[4], answer[5]) == (word, note)


def test_a_number_used_before_between_two_is_told(samples: SimpleNamespace) -> None:
    """The second interchange of one number is rejected with note 025, the first one is not."""
    data = samples.write("837P", samples.two_claims())
    first, second = read(data + data).interchanges
    assert [ta1(first)[4:], ta1(second)[4:]] == [("A", "000"), ("R", "025")]


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [
        ("GS*HP*ANYTOWN*", "GS*HC*ANYTOWN*", ["1"]),
        ("*1*X*005010X221A1", "*1*X*005010X229A9", ["2"]),
        ("GE*2*1", "GE*3*1", ["5"]),
        ("GE*2*1", "GE*2*9", ["4"]),
        ("GE*2*1~\n", "", ["3"]),
    ],
)
def test_a_fault_of_the_group_rejects_it(old: str, new: str, codes: list[str]) -> None:
    """AK9 rejects a group for its own fault, says which, and counts no set as accepted."""
    group = read(test_mutations_envelope.GOOD.replace(old, new, 1).encode()).interchanges[0].groups[0]
    ak9 = acknowledgement(group).segment("AK9")
    assert ak9 is not None
    assert [ak9[1], ak9[4]] == ["R", "0"]
    assert [ak9[at] for at in range(5, len(ak9) + 1)] == codes


def test_a_set_without_guide_is_not_accepted(samples: SimpleNamespace) -> None:
    """A later release is read as an envelope and only warned of, yet nobody says that its content is good."""
    data = test_mutations_envelope.GOOD.replace("*1*X*005010X221A1", "*1*X*006020X314", 1)
    data = data.replace("ST*835*0001~", "ST*275*0001*006020X314~", 1)
    group = read(data.encode()).interchanges[0].groups[0]
    first = acknowledgement(group).children("2000")[0]
    assert [first.value("IK5", 1), first.value("IK5", 2)] == ["R", "1"]


@pytest.mark.parametrize("name", ["837p_hl_gap", "837p_total", "837p_state"])
def test_pyx12_accepts_our_999(
    name: str, tmp_path: Path, samples: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second opinion has nothing against the answers that we write, but for two CTX in one loop.

    The trigger of a missing segment and the key of the claim stand together in the guide's own way; pyx12 does
    not tell the two rows apart and counts them as one.
    """
    from pyx12.params import params
    from pyx12.x12n_document import x12n_document

    data = next(data for stem, data in FILES if stem == name)
    path = tmp_path / "answer.999"
    path.write_bytes(samples.write("999", acknowledgement(read(data).interchanges[0].groups[0])))
    said: list[str] = []
    logger = logging.getLogger("pyx12")
    monkeypatch.setattr(logger, "propagate", False)
    keeper = logging.Handler(level=logging.WARNING)
    keeper.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(keeper)
    try:
        accepted = x12n_document(param=params(), src_file=str(path), fd_997=None, fd_html=None, fd_xmldoc=None)
    finally:
        logger.removeHandler(keeper)
    assert said == []
    assert accepted
