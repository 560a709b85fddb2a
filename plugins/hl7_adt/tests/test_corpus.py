"""Real messages of a dozen projects: all are read, none is changed, and two other readers see the same values."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hl7
import pytest
from hub_hl7_adt.message.parts import HEADERS
from hub_hl7_adt.wire import Message, message_of, plain, split

SHARED = Path(os.environ.get("HUB_SHARED_DATA") or Path(__file__).parents[4] / "shared/data") / "hl7"
FRAMING = b"\r\n\t \x0b\x1c"
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the sample messages are not on this machine")


def files() -> list[Path]:
    """Every sample file, in a stable order."""
    return sorted(SHARED.rglob("*.hl7"))


def messages() -> Iterator[Message]:
    """Every message of every file that has a usable header."""
    for path in files():
        for raw in split(path.read_bytes()).messages:
            message = message_of(raw, "utf-8")
            if message is not None:
                yield message


def test_every_file_is_read() -> None:
    """Each file holds messages or is an empty batch, and every message has a header that can be used, but those
    whose separators are letters, digits, braces around a digit or control characters: the inputs of other projects'
    fuzzers and templates, and one that lost its field separator.
    """
    for path in files():
        parts = split(path.read_bytes())
        assert parts.messages or b"BTS" in [line[:3] for line in parts.envelope], path.name
        for raw in parts.messages:
            if message_of(raw, "utf-8") is None:
                declared = raw[4:9].split(raw[3:4])[0].replace(b"|", b"0")
                assert not all(33 <= char < 127 and not chr(char).isalnum() for char in declared), path.name


def test_reading_changes_no_byte() -> None:
    """What was read is written back as it came: pieces of a file and segments of a message are all of it."""
    for path in files():
        raw = path.read_bytes()
        parts = split(raw)
        kept = b"".join((*parts.messages, *parts.envelope, *parts.strays))
        assert Counter(kept.translate(None, FRAMING)) == Counter(plain(raw).translate(None, FRAMING)), path.name
        for body in parts.messages:
            message = message_of(body, "utf-8")
            if message is None:
                continue
            for segment in message.segments:
                segment.text(5, 2)
                segment.values(3)
            assert message.raw == body
            assert [segment.raw for segment in message.segments] == message.lines, path.name


def test_facts_never_raise() -> None:
    """The mapping takes every message of the corpus, whatever it is, without an exception."""
    from hub_hl7_adt.reading import read
    from hub_hl7_adt.settings import Hl7Settings

    profile = Hl7Settings()
    for path in files():
        assert read(path.read_bytes(), profile).problems is not None


def test_python_hl7_sees_the_same_fields() -> None:
    """Every field of every segment is what python-hl7 reads, as it is written. Explained differences: it drops blanks
    at a message's end and lines that name no segment, and refuses two messages with separators that it asserts.
    """
    compared = refused = 0
    different = []
    for message in messages():
        lines = [line.decode(message.codec) for line in message.lines if line.strip()]
        try:
            other = hl7.parse("\r".join(lines))
        except (hl7.ParseException, AssertionError):
            refused += 1
            continue
        named = [segment for segment in message.segments if segment.fields[0].strip(" |")]
        theirs = [segment for segment in other if str(segment[0]).strip(" |")]
        for ours, its in zip(named, theirs, strict=True):
            for position in range(1 if ours.name not in HEADERS else 3, len(ours.fields)):
                compared += 1
                if ours.written(position).strip() != str(its[position]).strip():
                    different.append(ours.at(position))
    assert different == []
    assert compared > 20_000
    assert refused <= 5


def test_hl7apy_sees_the_same_values_where_it_keeps_them() -> None:
    """The first component of each repetition is what hl7apy parsed, as it is written: it shifts withdrawn fields,
    normalises numbers, drops empty repetitions at an end and refuses much, so only what it re-serialises
    unchanged is compared, which is most fields of a sample of the corpus.
    """
    from hl7apy.core import Segment as Theirs
    from hl7apy.parser import parse_segment

    compared = differing = 0
    sample = [one for one in messages() if one.header.text(12) == "2.5.1" and one.raw.isascii()][::9]
    for message in sample:
        if message.header.written(2) != "^~\\&":
            continue
        for segment in message.segments:
            if segment.name in HEADERS or segment.name.startswith("Z"):
                continue
            line = segment.raw.decode("ascii")
            try:
                theirs: Theirs = parse_segment(line, version="2.5.1")
            except Exception:  # noqa: BLE001, S112 - what it refuses is told in the notes on the field
                continue
            if theirs.to_er7() != line.rstrip("|"):
                continue
            first: dict[str, str] = {}
            for field in theirs.children:
                first.setdefault(field.name or "", field.to_er7())
            first.pop("", None)  # what it does not know has no name
            for name, value in first.items():
                position = int(name.rpartition("_")[2])
                compared += 1
                differing += value != segment.written(position).split("~")[0]
    assert differing == 0
    assert compared > 200
