"""Which characters the bytes of a message are: MSH-18, then the sender's profile, then windows-1252 with a flag."""

from __future__ import annotations

import re

_PUNCTUATION = re.compile(r"[^A-Z0-9]")

# HL7 table 0211, and what senders write instead, without punctuation, to Python's codecs. A name that is not here
# leaves the profile's default in force; so do ASCII (whose bytes need no choice) and UTF-16 and 32 (whose bytes
# would not have been a header).
_CHARSETS = {
    **dict.fromkeys(("UNICODE", "UNICODEUTF8", "UTF8"), "utf-8"),
    **{f"{prefix}8859{n}": f"iso8859-{n}" for prefix in ("", "ISO") for n in (*range(1, 12), 13, 14, 15, 16)},
    **dict.fromkeys(("LATIN1", "ISOLATIN1"), "iso8859-1"),
    **{f"{prefix}125{n}": f"windows-125{n}" for prefix in ("WINDOWS", "CP", "WIN") for n in range(9)},
    "ISOIR14": "shift_jis",
    "ISOIR87": "iso2022_jp",
    "ISOIR159": "iso2022_jp_1",
    **dict.fromkeys(("GB180302000", "GB18030"), "gb18030"),
    **dict.fromkeys(("KSX1001", "EUCKR"), "euc_kr"),
    **dict.fromkeys(("BIG5",), "big5"),
    **dict.fromkeys(("SHIFTJIS", "SJIS"), "shift_jis"),
}


def codec_named(name: str) -> str:
    """Python's codec for a name of table 0211, however it is punctuated; empty for one that decides nothing."""
    return _CHARSETS.get(_PUNCTUATION.sub("", name.upper()), "")


def decoded(body: bytes, declared: list[str], default: str) -> tuple[str, str, bool]:
    """The text, its codec, and whether neither MSH-18 (`declared`, its repetitions) nor the default was true."""
    named = [codec for name in declared if (codec := codec_named(name))]
    for codec in named or [default]:
        try:
            return body.decode(codec), codec, False
        except (UnicodeDecodeError, LookupError):
            continue
    for codec in ("windows-1252", "latin-1"):
        try:
            return body.decode(codec), codec, True
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 reads every byte")


def plain(raw: bytes) -> bytes:
    """Bytes without a byte order mark, leading blanks or MLLP framing; UTF-16 becomes UTF-8."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raw = raw.decode("utf-16", errors="replace").encode()
    return raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x0b\x1c\r\n \t")
