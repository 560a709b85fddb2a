"""The reader by position: bytes stay bytes, separators and escapes are the sender's own."""

from __future__ import annotations

import pytest
from hub_hl7_adt.wire import Message, Separators, message_of, messages_of, separators, split
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
        ("A\\.BR\\B", "A\nB"),
        ("A\\.sp2\\B", "A\n\nB"),
        ("A\\.sk3\\B", "A   B"),
        ("A\\.in+4\\B\\.fi\\", "AB"),
        ("A\\.ce\\B", "A\nB"),
        ("\\F\\\\S\\\\T\\\\R\\\\E\\", "|^&~\\"),
        ("\\XC3BC\\", "ü"),
        ("\\XFC\\", "ü"),
        ("\\X4\\", "\\X4\\"),
        ("\\C2842\\x\\M2442\\", "\\C2842\\x\\M2442\\"),
        ("555^0000001", "555"),
        ("0150.00", "0150.00"),
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
    message = message_of(MSH + b"||||||UNICODE UTF-8\rZZ1|" + written.encode(), "utf-8")
    assert message is not None
    assert message.all(b"ZZ1")[0].text(1) == meant
    assert message.all(b"ZZ1")[0].raw == b"ZZ1|" + written.encode()


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


NAMED = (
    MSH + b'||||||ASCII\rPID|||1^^^EAST&2.16&ISO^MR~~2^^^WEST||QUILL&VAN^ADA~MARSH^ADA^^^^^M||19800203|""\r'
    b"FT1|1|A\rFT1|2|B||||CG|G0438^A text^HCPCS\rZFT|1|local^part&deep\rNTE|1||wrapped note\nFT1 is no segment"
)


def named() -> Message:
    """A message to find things in by name."""
    found = message_of(NAMED, "utf-8")
    assert found is not None
    return found


def test_parts_by_name() -> None:
    """Segments, fields, repetitions, components and subcomponents are found by HL7's names for them."""
    message = named()
    assert message.pid.patient_name[0].family == "QUILL"
    assert message.pid.patient_name[0].family.own_surname_prefix == "VAN"
    assert message.pid.patient_name[1].name_type_code == "M"
    assert str(message.pid.patient_name) == "QUILL"
    assert [str(one) for one in message.pid.patient_identifier_list] == ["1", "", "2"]
    assert message.pid.patient_identifier_list[0].assigning_authority.universal_id == "2.16"
    assert message.msh.message_type[0].trigger_event == "A08"
    assert [str(line.transaction_id) for line in message.all("FT1")] == ["A", "B"]
    assert message.all("FT1")[1].transaction_code[0].text_ == "A text"
    assert message.all("FT1")[1].transaction_code.at == "FT1[2]-7"


def test_what_is_not_there_is_empty() -> None:
    """A missing segment, field, repetition or component is empty and false, and nothing raises."""
    message = named()
    assert not message.gt1
    assert message.gt1.guarantor_name[3].family == ""
    assert not message.pid.patient_address
    assert len(message.pid.patient_address) == 0
    assert not message.pid.patient_identifier_list[1]
    assert message.pid.patient_identifier_list[9].id_number == ""
    assert message.z("ZZZ") == []


def test_null_is_not_empty() -> None:
    """HL7's explicit null reads as empty and is told apart from it, for a field as for a component."""
    pid = named().pid
    assert (pid.text(8), pid.is_null(8), pid.administrative_sex.is_null, pid.has(8)) == ("", True, True, False)
    assert (pid.text(9), pid.is_null(9), pid.patient_alias.is_null) == ("", False, False)
    message = message_of(MSH + b'\rPID|||1^^""^X', "utf-8")
    assert message is not None
    assert (message.pid.is_null(3, 3), message.pid.is_null(3, 1), message.pid.is_null(3)) == (True, False, False)
    assert message.pid.patient_identifier_list[0].check_digit_scheme.is_null
    assert not message.pid.patient_identifier_list[0].assigning_authority.is_null


def test_z_segments_have_positions() -> None:
    """A sender's own segments are read by position, and only those are Z-segments."""
    (line,) = named().z("ZFT")
    assert (line.text(1), line.text(2), line.text(2, 2), line.text(2, 2, 2)) == ("1", "local", "part", "deep")
    with pytest.raises(AttributeError, match="not a Z-segment"):
        named().z("FT1")


def test_unknown_names_say_what_was_meant() -> None:
    """A name that HL7 does not have fails at its own place, with the nearest one."""
    message = named()
    with pytest.raises(AttributeError, match="PID has no 'patient_nam'; did you mean 'patient_name'"):
        message.pid.patient_nam  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="XPN has no 'famly_name'; did you mean 'family_name'"):
        message.pid.patient_name[0].famly_name  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="no segment of HL7 is called 'pidd'; did you mean 'pid'"):
        message.pidd  # type: ignore[attr-defined]  # noqa: B018


def test_a_wrapped_note_is_no_segment() -> None:
    """A line that begins with a segment's letters but not with its separator is text of a careless sender."""
    assert [line.number for line in named().all("FT1")] == [1, 2]


def test_other_separators() -> None:
    """Whatever characters a sender declares part its messages, and the usual ones are then text."""
    message = message_of(b"MSH$*@!%$APP$$$$$$ADT*A08$M1$P$2.5\rPID$$$1***EAST%2.16@2$$QU^LL*A|DA*!F!", "utf-8")
    assert message is not None
    assert message.pid.patient_name[0].family == "QU^LL"
    assert message.pid.patient_name[0].given == "A|DA"
    assert message.pid.text(5, 3) == "$"
    assert message.pid.patient_identifier_list[0].assigning_authority.universal_id == "2.16"
    assert message.pid.patient_identifier_list[1].id_number == "2"


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\r"])
@pytest.mark.parametrize("last", [b"", b"\r", b"\n", b"\x1c\r"])
@pytest.mark.parametrize("before", [b"", b"\r\n", b"\x0b", b"\xef\xbb\xbf", b"  "])
def test_ends_and_garbage(end: bytes, last: bytes, before: bytes) -> None:
    """CR, LF and CRLF end a segment, the last end may be missing, and framing before a message is no part of it."""
    message = message_of(before + end.join((MSH, b"PID|||1", b"PV1|1|O")) + last, "utf-8")
    assert message is not None
    assert [segment.name for segment in message.segments] == ["MSH", "PID", "PV1"]
    assert message.pv1.text(2) == "O"


def test_garbage_before_a_message_is_a_stray() -> None:
    """What stands before the first header is told apart from the message, which is read whole."""
    parts = split(b"GET / HTTP/1.1\r\n\r\n" + MSH + b"\rPID|||1\r")
    assert (len(parts.messages), len(parts.strays)) == (1, 1)
    assert parts.messages[0] == MSH + b"\rPID|||1\r"


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UNICODE UTF-8", "utf-8"), ("unicode utf-8", "utf-8"), ("UTF-8", "utf-8"), ("8859/1", "iso8859-1"),
        ("8859/2", "iso8859-2"), ("8859/5", "iso8859-5"), ("8859/7", "iso8859-7"), ("8859/9", "iso8859-9"),
        ("8859/15", "iso8859-15"), ("ISO-8859-1", "iso8859-1"), ("ISO8859/1", "iso8859-1"),
        ("WINDOWS-1252", "windows-1252"), ("GB 18030-2000", "gb18030"), ("BIG-5", "big5"), ("KS X 1001", "euc_kr"),
        ("ISO IR14", "shift_jis"), ("ISO IR87", "iso2022_jp"), ("~ISO IR87", "iso2022_jp"),
        ("8859/1~UNICODE UTF-8", "iso8859-1"),
    ],
)  # fmt: skip
def test_table_0211(declared: str, codec: str) -> None:
    """Every name of table 0211, however it is punctuated, and the first of its repetitions that fits, is a codec."""
    samples = {"gb18030": "中", "big5": "中", "euc_kr": "한", "shift_jis": "日", "iso2022_jp": "日本",
               "iso8859-5": "Ж", "iso8859-7": "Ω", "iso8859-2": "ł"}  # fmt: skip
    text = samples.get(codec, "ü")
    body = MSH + f"||||||{declared}\rZZ1|".encode() + text.encode(codec) + b"|next"
    message = message_of(body, "utf-8")
    assert message is not None
    segment = message.all("ZZ1")[0]
    assert (segment.text(1), segment.text(2), message.charset_fallback) == (text, "next", False)
    assert segment.raw == b"ZZ1|" + text.encode(codec) + b"|next"


@pytest.mark.parametrize("declared", ["UNICODE UTF-8", "ASCII", ""])
def test_a_byte_that_is_no_character_is_flagged(declared: str) -> None:
    """Bytes that are not what was declared are read as windows-1252, or as Latin-1 where even that lacks one, and
    flagged: no byte stops a message.
    """
    for byte, char in ((b"\xe9", "é"), (b"\x81", "\x81"), (b"\xff", "ÿ")):
        message = message_of(MSH + b"||||||" + declared.encode() + b"\rZZ1|A" + byte + b"|B", "utf-8")
        assert message is not None
        assert (message.all("ZZ1")[0].text(1), message.charset_fallback) == ("A" + char, True)
        assert message.all("ZZ1")[0].text(2) == "B"


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


FILES = {
    "counts agree": (b"FHS|^~\\&\rBHS|^~\\&\r%sBTS|2\rBHS|^~\\&\rBTS|0\rFTS|2\r", True),
    "another batch count": (b"FHS|^~\\&\rBHS|^~\\&\r%sBTS|3\rFTS|1\r", False),
    "another file count": (b"FHS|^~\\&\rBHS|^~\\&\r%sBTS|2\rFTS|2\r", False),
    "batches that only agree in sum": (b"BHS|^~\\&\r%sBTS|1\rBHS|^~\\&\rBTS|1\r", False),
    "no batch": (b"FHS|^~\\&\r%sFTS|2\r", True),
    "no number": (b"BHS|^~\\&\r%sBTS|many\r", True),
    "trailer without a count": (b"BHS|^~\\&\r%sBTS\r", True),
}


@pytest.mark.parametrize("name", FILES)
def test_counts(name: str) -> None:
    """BTS-1 counts the messages of its own batch and FTS-1 the batches; what is no number counts nothing."""
    frame, agree = FILES[name]
    two = MSH + b"\rPID|1\r" + MSH + b"\rPID|2\r"
    assert split(frame % two).counts_agree is agree


def test_each_message_has_its_own_fate() -> None:
    """A file hands out each message alone; a wrong count or a stray is a piece of its own that reads as a problem."""
    one, two = MSH + b"\rPID|1\r", MSH + b"\rPID|2\r"
    good = b"BHS|^~\\&\r" + one + two + b"BTS|2\r"
    assert tuple(messages_of("", good)) == (one, two)
    *both, piece = messages_of("", b"BHS|^~\\&\r" + one + two + b"BTS|3\r")
    assert both == [one, two]
    assert not split(piece).counts_agree
    *both, piece = messages_of("", b"hello\r" + one + two)
    assert (both, split(piece).strays) == ([one, two], (b"hello\r",))
    assert tuple(messages_of("", b"hello")) == (b"hello",)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([MSH + b"\rPID|1\r", b"BHS|^~\\&\r", b"BTS|1\r", b"FTS|1\r", b"junk\r", b"\x0b"]))
)
def test_pieces_lose_nothing(parts: list[bytes]) -> None:
    """Every message of a file is handed out once, whatever stands around it."""
    raw = b"".join(parts)
    pieces = list(messages_of("", raw))
    assert sum(len(split(piece).messages) for piece in pieces) == parts.count(MSH + b"\rPID|1\r")
    if parts.count(b"junk\r"):
        assert any(split(piece).strays or b"junk" in piece for piece in pieces)
