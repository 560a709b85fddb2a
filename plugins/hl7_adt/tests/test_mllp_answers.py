"""Answers: in the sender's own words, by the rules of original and enhanced mode, and whole for any header."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hub_hl7_adt.mllp import answers as say
from hub_hl7_adt.mllp.answers import Answers, header_of
from hub_hl7_adt.wire import message_of
from hypothesis import given, settings
from hypothesis import strategies as st
from mllplab import house, message

from hub.clock import TurnedClock

CLOCK = TurnedClock(datetime(2026, 1, 6, 12, 30, 5, tzinfo=UTC))


def answer(body: bytes, verdict: say.Verdict = say.STORED, mode: str = "auto") -> tuple[str, ...]:
    """The answers to a message, without the frames; codes are checked against what the answers say."""
    text, codes = Answers(CLOCK, mode).answer(header_of(body), verdict)
    found = [one.removeprefix("\x0b") for one in text.decode("latin-1").split("\x1c\r") if one]
    assert len(found) == len(codes)
    assert all(f"MSA|{code}|" in one or "MSA|" not in one for one, code in zip(found, codes, strict=True))
    return tuple(found)


def test_an_answer_is_addressed_to_the_sender() -> None:
    """Applications and facilities change sides; id, version, processing id and trigger are those of the message."""
    (said,) = answer(message(7))
    msh, msa, end = said.split("\r")
    fields = msh.split("|")
    assert fields[:7] == ["MSH", "^~\\&", "HUB", "SITE", "APP", "FAC", "20260106123005+0000"]
    assert (fields[8], fields[10], fields[11]) == ("ACK^A08^ACK", "P", "2.5")
    assert (msa, end) == ("MSA|AA|M7", "")


def test_answers_have_ids_of_their_own() -> None:
    """No two answers of a listener have the same MSH-10, which is no longer than 20 characters."""
    made = Answers(CLOCK)
    ids = {made.answer(header_of(message()), say.STORED)[0].split(b"|")[9] for _ in range(100)}
    assert len(ids) == 100
    assert max(map(len, ids)) <= 20


def test_an_answer_keeps_separators_and_charset() -> None:
    """Other separators, a fifth one, and MSH-18 are answered in kind; bytes of another charset come back as sent."""
    odd = b"MSH$%*?!$APP$F\xe9$HUB$SITE$20260106$$ADT%A01$ID\xe9$P$2.4$$$$$$8859/1\rPID$1\r"
    text, _ = Answers(CLOCK).answer(header_of(odd), say.STORED)
    assert text.startswith(b"\x0bMSH$%*?!$HUB$SITE$APP$F\xe9$20260106123005+0000$$ACK%A01%ACK$")
    assert b"$P$2.4$$$$$$8859/1\rMSA$AA$ID\xe9\r" in text
    fifth = message().replace(b"^~\\&", b"^~\\&#")
    assert answer(fifth)[0].startswith("MSH|^~\\&#|HUB")
    swallowed = message().replace(b"^~\\&", b"^~&")
    assert answer(swallowed)[0].startswith("MSH|^~\\&|HUB")


@pytest.mark.parametrize(
    ("version", "kind", "said"),
    [
        ("2.5.1", "ADT^A01^ADT_A01", "ACK^A01^ACK"),
        ("2.3.1", "DFT^P03", "ACK^P03^ACK"),
        ("2.3", "DFT^P03", "ACK^P03"),
        ("2.2", "ADT", "ACK"),
        ("", "ADT^A01", "ACK^A01^ACK"),
    ],
)
def test_the_type_fits_the_version(version: str, kind: str, said: str) -> None:
    """MSH-9 has a structure since 2.3.1; where no trigger is told there is none; MSH-12 is never empty."""
    (one,) = answer(message(version=version, kind=kind))
    assert one.split("|")[8] == said
    assert one.split("|")[11].split("\r")[0] == (version or "2.5")


def test_errors_are_of_the_senders_version() -> None:
    """Since 2.5 ERR tells place, code, severity and words; before, one ELD field."""
    (new,) = answer(message(), say.OTHER_BODY)
    assert "\rMSA|AE|M1\rERR||MSH^1^10|205^Duplicate key identifier^HL70357|E||||another message came" in new
    (old,) = answer(message(version="2.3"), say.OTHER_BODY)
    assert old.endswith("\rMSA|AE|M1\rERR|MSH^1^10^205&Duplicate key identifier&HL70357\r")


AL, NE, ER, SU = "AL", "NE", "ER", "SU"


@pytest.mark.parametrize(
    ("accept", "application", "well", "badly"),
    [
        ("", "", ["AA"], ["AR"]),
        (AL, NE, ["CA"], ["CE"]),
        (AL, "", ["CA"], ["CE"]),
        (AL, AL, ["CA", "AA"], ["CE"]),
        (NE, NE, [], []),
        (NE, AL, ["AA"], ["AR"]),
        ("", AL, ["AA"], ["AR"]),
        (ER, NE, [], ["CE"]),
        (SU, NE, ["CA"], []),
        (ER, AL, ["AA"], ["CE"]),
        (SU, AL, ["CA", "AA"], ["AR"]),
        (AL, ER, ["CA"], ["CE"]),
        (NE, ER, [], ["AR"]),
        (NE, SU, ["AA"], []),
        ("al", "ne", ["CA"], ["CE"]),
        ("Y", "", ["CA"], ["CE"]),
    ],
)
def test_enhanced_mode(accept: str, application: str, well: list[str], badly: list[str]) -> None:
    """MSH-15 asks for the commit acknowledgement, MSH-16 for the application's, each always, never, on error or on
    success; both empty is original mode. What was not committed has no application acknowledgement beside a CE."""
    body = message(header=f"|||{accept}|{application}")
    for verdict, expected in ((say.STORED, well), (say.AWAY, badly)):
        text, codes = Answers(CLOCK).answer(header_of(body), verdict)
        assert list(codes) == expected
        assert [part.split(b"|", 1)[0].decode() for part in text.split(b"MSA|")[1:]] == expected


def test_modes_may_be_forced() -> None:
    """`original` answers AA whatever MSH-15 says; `enhanced` answers CA even where it says nothing."""
    asked = message(header="|||AL|AL")
    assert "MSA|AA|" in answer(asked, mode="original")[0]
    assert [one.count("MSA|CA|") for one in answer(message(), mode="enhanced")] == [1]
    assert "MSA|CR|" in answer(message(), say.TOO_LARGE, mode="enhanced")[0]


def test_an_application_answer_asks_for_none() -> None:
    """An AA in enhanced mode says that no answer to it is wanted, so that two systems come to an end."""
    commit, application = answer(message(header="|||AL|AL"))
    assert application.split("\r")[0].split("|")[14:16] == ["NE", "NE"]
    assert len(commit.split("\r")[0].split("|")) == 12


def test_both_answers_come_on_one_line() -> None:
    """A sender that asks for both hears CA, then AA, on its own connection; one that asks for none hears none."""
    with house() as at:
        line = at.line()
        line.say(message(1, header="|||AL|AL"), message(2, header="|||NE|NE"), message(3))
        assert [line.msa() for _ in range(3)] == [("CA", "M1"), ("AA", "M1"), ("AA", "M3")]
        assert len(at.bodies) == 3


HEADERS = st.lists(
    st.sampled_from([b"MSH", b"BHS", b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b"\x0b", b"\x1c", b"\x1c\r", b"AL",
                     b"NE", b"2.3", b"ADT^A01", b"ACK", b"\xff", b"\xef\xbb\xbf", b"x", b" "]),
    max_size=40,
).map(b"".join)  # fmt: skip


@settings(deadline=None)
@given(st.one_of(HEADERS, HEADERS.map(lambda more: b"MSH|^~\\&|" + more), st.binary(max_size=60)))
def test_any_header_has_an_answer_in_one_block(body: bytes) -> None:
    """Whatever came, each answer is one block whose segments are MSH, MSA and perhaps ERR, and reads as a message."""
    for verdict in (say.STORED, say.TOO_LARGE, say.OTHER_BODY):
        text, codes = Answers(CLOCK).answer(header_of(body), verdict)
        blocks = text.split(b"\x1c\r")
        assert blocks.pop() == b""
        assert len(blocks) == len(codes)
        for block in blocks:
            assert block[:1] == b"\x0b"
            assert not {0x0B, 0x1C} & set(block[1:])
            assert [one[:3] for one in block[1:].split(b"\r")[:-1]] in (
                [b"MSH", b"MSA"],
                [b"MSH", b"MSA", b"ERR"],
            )
            assert message_of(block[1:], "utf-8") is not None
