"""One place changes, and not one other byte."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hub_hl7_adt.message.editing import NotEditable, edited, spot_of
from hub_hl7_adt.wire import message_of, split
from hypothesis import given, settings
from hypothesis import strategies as st

SHARED = Path(os.environ.get("HUB_SHARED_DATA") or Path(__file__).parents[4] / "shared/data") / "hl7"
HEAD = b"MSH|^~\\&|APP|FAC|HUB|SITE|20260105090000||DFT^P03|M1|P|2.5\r"
BODY = HEAD + b"PID|1||7^^^EAST&1.2&ISO^MR~8^^^WEST||QUILL^ADA\rFT1|1|A||20260105\rFT1|2|B||20260105\r"


@pytest.mark.parametrize(
    ("place", "value", "was", "now"),
    [
        ("PID-5.1", "HALE", b"QUILL^ADA", b"HALE^ADA"),
        ("PID-5", "HALE", b"QUILL^ADA", b"HALE"),
        ("PID-3[2].1", "9", b"~8^^^WEST", b"~9^^^WEST"),
        ("PID-3[3].5", "PI", b"~8^^^WEST|", b"~8^^^WEST~^^^^PI|"),
        ("PID-3.4.2", "9.9", b"EAST&1.2&ISO", b"EAST&9.9&ISO"),
        ("PID-3.1", "x", b"|7^^^", b"|x^^^"),
        ("FT1[2]-2", "C", b"FT1|2|B|", b"FT1|2|C|"),
        ("FT1[2]-11", "12.50", b"FT1|2|B||20260105\r", b"FT1|2|B||20260105|||||||12.50\r"),
        ("MSH-11", "T", b"|M1|P|", b"|M1|T|"),
        ("MSH-18", "UNICODE UTF-8", b"|P|2.5\r", b"|P|2.5||||||UNICODE UTF-8\r"),
        ("PID-8", '""', b"QUILL^ADA\r", b'QUILL^ADA|||""\r'),
        ("PID-5.2", "A|B^C~D\\E&F", b"^ADA\r", b"^A\\F\\B\\S\\C\\R\\D\\E\\E\\T\\F\r"),
        ("PID-5.2", "one\rtwo", b"^ADA\r", b"^one\\X0D\\two\r"),
    ],
)
def test_one_place(place: str, value: str, was: bytes, now: bytes) -> None:
    """The place is replaced, what is missing on the way is added, separators are escaped; the rest is untouched."""
    assert BODY.count(was) == 1
    assert edited(BODY, place, value) == BODY.replace(was, now)


def test_literal_values_keep_their_separators() -> None:
    """A value that is meant as HL7 is written as it is, but never a segment end."""
    assert b"FT1|1|A||20260105|||G0438^^HCPCS\r" in edited(BODY, "FT1-7", "G0438^^HCPCS", literal=True)
    with pytest.raises(NotEditable, match="end of a segment"):
        edited(BODY, "FT1-7", "A\rPID|2", literal=True)


@pytest.mark.parametrize("place", ["PID", "PID-0", "pid-5", "PID-5.1.1.1", "PID[0]-5", "PID-5;1", "", "FT1-7[0]"])
def test_what_is_no_place(place: str) -> None:
    """Anything but a place is refused by what a place looks like."""
    with pytest.raises(NotEditable, match="a place is written like"):
        edited(BODY, place, "x")


@pytest.mark.parametrize("place", ["ZZ1-1", "FT1[3]-2", "MSH-1", "MSH-2"])
def test_what_cannot_be_edited(place: str) -> None:
    """A segment that is not there and the separators are refused, and no message repeats a value."""
    with pytest.raises(NotEditable) as refused:
        edited(BODY, place, "SECRET")
    assert "SECRET" not in str(refused.value)
    assert "QUILL" not in str(refused.value)


def test_framing_ends_and_charset_stay() -> None:
    """Byte order marks, MLLP framing, LF and CRLF ends and UTF-16 stay as they came."""
    for end in (b"\r", b"\n", b"\r\n"):
        raw = b"\x0b" + BODY.replace(b"\r", end) + b"\x1c\r"
        assert edited(raw, "PID-5.1", "HALE") == raw.replace(b"QUILL", b"HALE")
    marked = b"\xef\xbb\xbf" + BODY
    assert edited(marked, "PID-5.1", "HALE") == marked.replace(b"QUILL", b"HALE")
    wide = BODY.decode().encode("utf-16")
    assert edited(wide, "PID-5.1", "HALE").decode("utf-16") == BODY.decode().replace("QUILL", "HALE")


def test_the_new_value_is_in_the_messages_charset() -> None:
    """A value is written in the charset of MSH-18; a character that it lacks is refused."""
    latin = BODY.replace(b"|2.5\r", b"|2.5||||||8859/1\r").replace(b"ADA", "Zoë".encode("latin-1"))
    assert edited(latin, "PID-5.1", "Müller") == latin.replace(b"QUILL", "Müller".encode("latin-1"))
    with pytest.raises(NotEditable, match="MSH-18"):
        edited(latin, "PID-5.1", "中")
    assert edited(BODY, "PID-5.1", "中") == BODY.replace(b"QUILL", "中".encode())


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20), st.integers(1, 12),
       st.integers(0, 4))  # fmt: skip
def test_what_is_written_is_read_back(value: str, field: int, component: int) -> None:
    """Whatever text is set is what is read there, surrounding blanks aside."""
    place = f"FT1[2]-{field}" + (f".{component}" if component else "")
    message = message_of(edited(BODY, place, value), "utf-8")
    assert message is not None
    read = message.all("FT1")[1].text(field, component or 1)
    assert read == ("" if value == '""' else value.strip())


@pytest.mark.skipif(not SHARED.exists(), reason="the sample messages are not on this machine")
def test_the_corpus_is_edited_in_one_place() -> None:
    """Real messages keep all bytes but those of the place that is set; emptied again, only separators are left."""
    for path in sorted(SHARED.rglob("*.hl7"))[::3]:
        for raw in split(path.read_bytes()).messages:
            message = message_of(raw, "utf-8")
            if message is None or b"MARK" in raw or message.seps.field != b"|":
                continue
            marked = edited(raw, "MSH-60", "MARK")
            assert marked.count(b"MARK") == 1
            emptied = edited(marked, "MSH-60", "")
            assert re.sub(rb"\|+([\r\n]|$)", rb"\1", emptied) == re.sub(rb"\|+([\r\n]|$)", rb"\1", raw)


def test_spots() -> None:
    """A place is read down to the subcomponent, and what is left out is all of it."""
    spot = spot_of("IN1[2]-3[4].5.6")
    assert (spot.segment, spot.which, spot.field, spot.repetition, spot.component, spot.sub) == (
        "IN1",
        2,
        3,
        4,
        5,
        6,
    )
    assert spot_of("PID-3").component == 0
