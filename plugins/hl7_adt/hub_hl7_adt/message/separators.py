r"""The delimiters that a header declares, and the escapes that stand for them (HL7 2.5, 2.5.4 and 2.7).

Escapes that are read: `\F\ \S\ \T\ \R\ \E\ \P\`, hexadecimal `\Xdd..\`, highlighting `\H\ \N\` and the formatting
commands `\.br\ \.sp\ \.sk\ \.ce\ \.in\ \.ti\ \.fi\ \.nf\`. `\C..\`, `\M..\`, `\Z..\` and what is no sequence stay.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

_USUAL = b"^~\\&#"
_HEX = re.compile(r"X(?:[0-9A-Fa-f]{2})+")
_COMMAND = re.compile(r"\.(br|ce|sp|sk|in|ti|fi|nf)([+-]?\d{0,3})", re.IGNORECASE | re.ASCII)
_BREAKS = {"br": "\n", "ce": "\n"}
_REPEATS = {"sp": "\n", "sk": " "}


class Separators(msgspec.Struct, frozen=True):
    """The delimiters that a header declares; `escape` as text because it is looked for in decoded values."""

    field: bytes = b"|"
    component: bytes = b"^"
    repetition: bytes = b"~"
    escape: str = "\\"
    subcomponent: bytes = b"&"
    truncation: str = "#"

    @property
    def named(self) -> dict[str, str]:
        """What each one-letter escape stands for (HL7 2.5, 2.7.1)."""
        codec = "latin-1"
        return {
            "F": self.field.decode(codec),
            "S": self.component.decode(codec),
            "R": self.repetition.decode(codec),
            "T": self.subcomponent.decode(codec),
            "E": self.escape,
            "P": self.truncation,
        }


@lru_cache(maxsize=256)
def separators(header: bytes) -> Separators | None:
    """The separators of a header segment's first bytes; None when they cannot be used.

    MSH-2 may have fewer than four characters (the usual ones stand in) or five; a doubled escape, as left by
    a careless program, counts once, and one that a shell swallowed (`^~&`) is put back.
    """
    field = header[3:4]
    if not field or field.isalnum() or not b" " < field < b"\x7f":
        return None
    declared = bytes(dict.fromkeys(header[4:10].split(field)[0].split(b"\r")[0].split(b"\n")[0]))
    if len(declared) > 5 or any(c <= 32 or c >= 127 or chr(c).isalnum() for c in declared):
        return None
    chars = declared + _USUAL[len(declared) :]
    if len(set(chars)) < 5 and set(declared) <= set(_USUAL):
        chars = _USUAL
    if len(set(chars)) < 5 or field in chars:
        return None
    return Separators(field, chars[0:1], chars[1:2], chr(chars[2]), chars[3:4], chr(chars[4]))


def unescaped(text: str, seps: Separators, codec: str) -> str:
    r"""`text` with `\F\`, `\X0D\`, `\.br\` and kin as what they mean; what is not a known sequence stays."""
    parts = text.split(seps.escape)
    out, index = [parts[0]], 1
    while index < len(parts):
        meant = _meaning(parts[index], seps, codec) if index + 1 < len(parts) else None
        if meant is None:
            out.append(seps.escape + parts[index])
            index += 1
        else:
            out.append(meant + parts[index + 1])
            index += 2
    return "".join(out)


def _meaning(sequence: str, seps: Separators, codec: str) -> str | None:
    if len(sequence) == 1:
        return "" if sequence in "HN" else seps.named.get(sequence)
    if sequence[:1] == "X" and _HEX.fullmatch(sequence):
        return _bytes_meant(bytes.fromhex(sequence[1:]), codec)
    command = _COMMAND.fullmatch(sequence)
    if command is None:
        return None
    name, count = command[1].lower(), command[2].lstrip("+-")
    return _REPEATS[name] * min(int(count or 1), 99) if name in _REPEATS else _BREAKS.get(name, "")


def _bytes_meant(data: bytes, codec: str) -> str:
    """Hexadecimal data is in the character set of the message (UTF-8 where its bytes are ASCII); what is not is read
    as windows-1252.
    """
    try:
        return data.decode("utf-8" if codec == "ascii" else codec)
    except (UnicodeDecodeError, LookupError):
        return data.decode("windows-1252", errors="replace")


def escaped(text: str, seps: Separators) -> str:
    """`text` as it stands in a message: separators and line ends become escapes."""
    codes = {char: f"{seps.escape}{name}{seps.escape}" for name, char in seps.named.items() if name != "P"}
    codes |= {char: f"{seps.escape}X{ord(char):02X}{seps.escape}" for char in "\r\n\x0b\x1c"}
    return "".join(codes.get(char, char) for char in text)
