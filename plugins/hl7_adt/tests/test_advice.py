"""hl7apy advises: its findings are places and kinds, it never raises, and nothing of it becomes data."""

from __future__ import annotations

import pytest
from hub_hl7_adt import advice
from hub_hl7_adt.advice import advise, sampled

HEAD = b"MSH|^~\\&|APP|FAC|HUB|SITE|20260105090000||ADT^A01|M1|P|2.5\r"
GOOD = b"EVN||20260105090000\rPID|1||7^^^EAST^MR||QUILL^ADA\rPV1|1|O\r"


def test_findings_have_places_and_no_values() -> None:
    """What is missing, repeated or out of its table is named by its place, without the value."""
    found = advise(HEAD + b"EVN||20260105090000\rPID|1||||SECRETNAME^ADA||1980|XSEX\rPV1|1|O\r")
    places = {(problem.where, problem.why) for problem in found}
    assert ("PID-3", "a part that HL7 requires here is missing") in places
    assert ("PID-8", "a code is not in its HL7 table") in places
    assert {problem.severity for problem in found} == {"warning"}
    assert {problem.code for problem in found} == {"hl7.advice"}
    said = " ".join(problem.where + problem.why + problem.fix for problem in found)
    assert "SECRETNAME" not in said
    assert "XSEX" not in said


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        HEAD,
        HEAD.replace(b"^~\\&|", b"^~\\&#|") + GOOD,
        HEAD.replace(b"|2.5", b"|9.9") + GOOD,
        HEAD.replace(b"ADT^A01", b"ZZZ^Z99") + GOOD,
        HEAD.replace(b"ADT^A01", b"") + GOOD,
        HEAD + b"\xff\xfe\xfd|\r" + GOOD,
        HEAD + b"PID|" + b"~" * 3000 + b"\r",
        HEAD + b"NTE|1||\\H\\\\H\\\\N\\\r",
        HEAD + b"PID|1||7&&&&&&^^^^^^\r" * 20,
    ],
)
def test_it_never_raises(raw: bytes) -> None:
    """Whatever hl7apy does with a message is a finding about it."""
    for problem in advise(raw):
        assert problem.where
        assert problem.why


def test_five_separators_are_no_obstacle() -> None:
    """hl7apy refuses a fifth separator before 2.7; it is given the four that it knows, and checks the rest."""
    four, five = advise(HEAD + GOOD), advise(HEAD.replace(b"^~\\&|", b"^~\\&#|") + GOOD)
    assert four == five


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large message is not checked, and says so; findings are at most fifty."""
    monkeypatch.setattr(advice, "_library", lambda: pytest.fail("a large message must not reach hl7apy"))
    assert "was not checked" in advise(HEAD + b"NTE|1||" + b"x" * advice.MOST_BYTES)[0].why
    assert "was not checked" in advise(HEAD + b"NTE|1\r" * advice.MOST_SEGMENTS)[0].why


def test_without_hl7apy_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing or broken library is said, not raised."""

    def broken() -> None:
        raise ImportError("no")

    monkeypatch.setattr(advice, "_library", broken)
    assert "nothing was checked" in advise(HEAD + GOOD)[0].why


def test_the_sample_is_the_same_every_time() -> None:
    """A message is in the sample by its bytes alone, in about the share that was asked for."""
    bodies = [HEAD + str(number).encode() for number in range(2000)]
    chosen = [body for body in bodies if sampled(body, 0.1)]
    assert 120 < len(chosen) < 280
    assert chosen == [body for body in bodies if sampled(body, 0.1)]
    assert not any(sampled(body, 0.0) for body in bodies)
    assert all(sampled(body, 1.0) for body in bodies)
