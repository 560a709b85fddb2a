"""TA1 and 999: each set is answered by what was found in it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hub.x12.ack import acknowledgement, ta1
from hub.x12.envelope import X12Reader
from hub.x12.tree import Node


def answered(data: bytes) -> Node:
    """The body of the 999 for the first group of a file."""
    reader = X12Reader(data)
    for transaction in reader:
        transaction.check()
    return acknowledgement(reader.interchanges[0].groups[0])


def verdicts(root: Node) -> list[str]:
    """IK501 of each set."""
    return [answer.value("IK5", 1) for answer in root.children("2000")]


def test_a_good_group_is_accepted(samples: SimpleNamespace) -> None:
    """Nothing found: every set A, the group A, counts as they are."""
    root = answered(samples.write("837P", samples.two_claims(), samples.two_claims()))
    assert verdicts(root) == ["A", "A"]
    assert [root.value("AK9", n) for n in (1, 2, 3, 4)] == ["A", "2", "2", "2"]
    assert [root.value("AK1", n) for n in (1, 2, 3)] == ["HC", "1", "005010X222A1"]


def test_one_bad_set_of_three_is_rejected_alone(samples: SimpleNamespace) -> None:
    """A 999 speaks per transaction set: the good ones are accepted beside the bad one (P)."""
    data = samples.write("837P", *[samples.two_claims() for _ in range(3)])
    root = answered(data.replace(b"DMG*D8*19800101", b"DMG*D8*19800231", 1))
    assert verdicts(root) == ["R", "A", "A"]
    assert [root.value("AK9", n) for n in (1, 2, 3, 4)] == ["P", "3", "3", "2"]
    error = root.children("2000")[0].child("2100")
    assert error is not None
    assert [error.value("IK3", n) for n in (1, 2, 3, 4)] == ["DMG", "17", "2010", "8"]
    element = error.child("2110")
    assert element is not None
    assert [element.value("IK4", n) for n in (1, 2, 3, 4)] == ["2", "1251", "8", ""]


def test_a_set_with_warnings_only_is_accepted_with_errors(samples: SimpleNamespace) -> None:
    """Warnings are told and the set still goes on (E)."""
    data = samples.write("837P", samples.two_claims()).replace(b"CLM*PCN2", b"CLM*PCN1")
    root = answered(data)
    assert verdicts(root) == ["E"]
    assert root.value("AK9", 1) == "E"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [(b"SE*57*", b"SE*58*", "4"), (b"*0001~GE", b"*0009~GE", "3"), (b"SE*57*0001~", b"", "2")],
)
def test_faults_of_the_trailer_are_told_by_the_set(
    samples: SimpleNamespace, old: bytes, new: bytes, code: str
) -> None:
    """A wrong count, a wrong echo and a missing SE each have their code in IK502."""
    root = answered(samples.write("837P", samples.two_claims()).replace(old, new, 1))
    assert verdicts(root) == ["R"]
    assert root.children("2000")[0].value("IK5", 2) == code


def test_a_999_never_copies_a_value(samples: SimpleNamespace) -> None:
    """The bad element is named by its place; its content stays where it is."""
    data = samples.write("837P", samples.two_claims()).replace(b"*SUMMER*JANE", b"* SUMMER*" + b"J" * 40)
    written = samples.write("999", answered(data))
    assert b"SUMMER" not in written
    assert b"JJJ" not in written


def test_a_ta1_accepts_or_says_why_not(samples: SimpleNamespace) -> None:
    """A sound interchange is accepted; a wrong count or echo is rejected with its note."""
    data = samples.write("837P", samples.two_claims())
    expected = {
        data: ("A", "000"),
        data.replace(b"IEA*1*", b"IEA*4*"): ("R", "021"),
        data.replace(b"IEA*1*000000001", b"IEA*1*000000009"): ("R", "001"),
        data.replace(b"IEA*1*000000001~", b""): ("R", "023"),
    }
    for content, verdict in expected.items():
        reader = X12Reader(content)
        assert [one.control_number for one in reader] == ["0001"]
        answer = ta1(reader.interchanges[0])
        assert (answer[4], answer[5]) == verdict
        assert answer[1:4] == ("000000001", "260120", "0930")
