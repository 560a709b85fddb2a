"""The reader by position: bytes stay bytes, separators and escapes are the sender's own."""

from __future__ import annotations

import pytest
from hub_hl7_adt.wire import Separators, message_of, separators, split
from hypothesis import given, settings
from hypothesis import strategies as st

MSH = b"MSH|^~\\&|APP|FAC|HUB|SITE|20260105090000||ADT^A08|M1|P|2.5"
TEXT = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f\x85\xa0"), max_size=30
)


def _escaped(text: str) -> str:
    codes = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "&": "\\T\\"}
    return "".join(codes.get(char, char) for char in text)


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.sampled_from([b"\r", b"\n", b"\r\n"]))
def test_bytes_are_the_truth(lines: list[bytes], end: bytes) -> None:
    """A message keeps the bytes it was read from, and its segments are pieces of them in order."""
    raw = end.join([MSH, *lines])
    message = message_of(raw, "utf-8")
    assert message is not None
    assert message.raw == raw
    rest = raw
    for line in message.lines:
        assert line in rest
        rest = rest[rest.index(line) + len(line) :]
    assert rest.strip(b"\r\n\x0b\x1c") == b""


@settings(deadline=None)
@given(TEXT)
def test_escapes_come_back(text: str) -> None:
    """What a sender escapes is read as what it meant, surrounding blanks aside."""
    raw = MSH + b"|||||UNICODE UTF-8\rZZ1|" + _escaped(text).encode()
    message = message_of(raw, "utf-8")
    assert message is not None
    assert message.all(b"ZZ1")[0].text(1) == text.strip()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("A\\.br\\B", "A\nB"),
        ("\\H\\bold\\N\\", "bold"),
        ("\\X41\\\\X42\\", "AB"),
        ("half\\escape", "half\\escape"),
        ("\\Zlocal\\", "\\Zlocal\\"),
        ("\\P\\", "#"),
        ('""', ""),
    ],
)
def test_known_sequences(written: str, meant: str) -> None:
    """Formatting, hexadecimal and truncation escapes are read; what is not a known sequence stays as it is."""
    message = message_of(MSH + b"\rZZ1|" + written.encode(), "utf-8")
    assert message is not None
    assert message.all(b"ZZ1")[0].text(1) == meant


def test_positions() -> None:
    """Repetitions, components and subcomponents are found by position, and what is absent is empty."""
    message = message_of(MSH + b"\rPID|||1^^^EAST&2.16&ISO^MR~2^^^WEST", "utf-8")
    assert message is not None
    pid = message.all(b"PID")[0]
    first, second = pid.values(3)
    assert (first.text(1), first.text(4), first.text(4, 2), first.text(5)) == ("1", "EAST", "2.16", "MR")
    assert (second.text(1), second.text(4), second.text(5), pid.text(40)) == ("2", "WEST", "", "")
    assert message.header.text(1) == "|"
    assert message.header.text(9, 2) == "A08"
    assert pid.at(5, 1) == "PID-5.1"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"MSH|^~\\&|", Separators()),
        (b"MSH|^~\\&#|", Separators()),
        (b"MSH|^~\\\\&|", Separators()),
        (b"MSH|^|", Separators()),
        (b"MSH|^~&|", Separators()),
        (b"MSH$*@!%$", Separators(b"$", b"*", b"@", "!", b"%", "#")),
    ],
)
def test_separators(header: bytes, expected: Separators) -> None:
    """Separators come from MSH, also five of them, too few of them, a doubled escape, or others altogether."""
    assert separators(header) == expected


@pytest.mark.parametrize("header", [b"MSH", b"MSHX^~\\&", b"MSH|ABCD|", b"MSH^^~\\&^"])
def test_unusable_separators(header: bytes) -> None:
    """Separators that cannot be told from data, or from each other, make no message."""
    found = separators(header)
    assert found is None or len({found.field, found.component, found.repetition, found.subcomponent}) == 4


def test_charset() -> None:
    """MSH-18 rules, then the profile, then windows-1252 with a flag."""
    latin = "Müller".encode("iso8859-1")
    declared = message_of(MSH + b"||||||8859/1\rZZ1|" + latin, "utf-8")
    profile = message_of(MSH + b"\rZZ1|" + latin, "iso8859-1")
    fallback = message_of(MSH + b"\rZZ1|" + latin, "utf-8")
    assert declared
    assert profile
    assert fallback
    assert [m.all(b"ZZ1")[0].text(1) for m in (declared, profile, fallback)] == ["Müller"] * 3
    assert [m.charset_fallback for m in (declared, profile, fallback)] == [False, False, True]


def test_utf16_and_byte_order_marks() -> None:
    """A byte order mark is no part of the message, and UTF-16 is read."""
    text = MSH.decode() + "\rZZ1|ü"
    for raw in (b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16"), b"\x0b" + text.encode() + b"\x1c\r"):
        message = message_of(raw, "utf-8")
        assert message is not None
        assert message.all(b"ZZ1")[0].text(1) == "ü"


def test_split() -> None:
    """A batch gives its messages whole; envelope, strays and a wrong count are told apart."""
    one, two = MSH + b"\rPID|1\r", MSH + b"\rPID|2\r"
    parts = split(b"FHS|^~\\&\rBHS|^~\\&\r" + one + two + b"BTS|2\rFTS|1\r")
    assert parts.messages == (one, two)
    assert [line[:3] for line in parts.envelope] == [b"FHS", b"BHS", b"BTS", b"FTS"]
    assert (parts.strays, parts.counts_agree) == ((), True)
    assert not split(b"BHS|^~\\&\r" + one + b"BTS|2\r").counts_agree
    assert split(b"hello\r" + one).strays == (b"hello\r",)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_split_loses_nothing(raw: bytes) -> None:
    """Whatever the bytes, their printable part lands in messages, envelope or strays."""
    parts = split(b"x" + raw)
    kept = b"".join((*parts.messages, *parts.envelope, *parts.strays))
    assert sorted(kept.translate(None, b"\r\n\t \x0b\x1c")) == sorted(
        (b"x" + raw).translate(None, b"\r\n\t \x0b\x1c")
    )
