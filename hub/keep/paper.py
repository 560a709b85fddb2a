"""The master key on paper: in groups, with a check behind each line, so that it can be typed in again at night."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from hub.errors import Misconfigured
from hub.store import Keyring

_LINES = 4
_DIGITS = 16
_CHECK = 4
_LINE = re.compile(
    r"^\s*(?:line\s*)?([1-4])[.:)]?\s+([0-9a-fA-F][0-9a-fA-F\s-]*?)\s*[/=]\s*([0-9a-fA-F]{4})\s*$", re.IGNORECASE
)
_PAGE = """BILLING HUB: MASTER KEY                                   KEEP APART FROM BACKUPS AND SERVERS
============================================================================================
mark of this key: {mark}

{lines}

The hub's data and every backup of it can be read with this key only. Nobody can make it again.
Two copies on paper, in two safes, is right. Where it stands on the server: {where}
To use it: type these four lines into a file, or where the hub asks for the key. The four digits
behind the slash of each line are a check: a line that was typed wrong is named.
A new master key needs a new page; keep the old page as long as there are backups with its mark.
"""


def page(secret: str, where: str) -> str:
    """The whole page for a key as it stands in its file or environment; `where` is the reference in the settings."""
    mark = Keyring.from_text(secret).mark
    return _PAGE.format(mark=mark, lines="\n".join(lines(secret)), where=where)


def lines(secret: str) -> list[str]:
    """Four lines of four groups of hex digits, each with its check."""
    digits = _raw(secret).hex()
    found = []
    for number in range(1, _LINES + 1):
        part = digits[(number - 1) * _DIGITS : number * _DIGITS]
        groups = " ".join(part[at : at + 4] for at in range(0, _DIGITS, 4))
        found.append(f"    {number}.  {groups}  / {_check(number, part)}")
    return found


def read(text: str) -> str:
    """The key in what a person gives: a page or its four lines, base64, or 64 hex digits. `Misconfigured` names the
    line that is wrong, never what stands in it.
    """
    told = {match[1]: (match[2], match[3]) for line in text.splitlines() if (match := _LINE.match(line))}
    if not told:
        return text.strip()
    if sorted(told) != ["1", "2", "3", "4"]:
        missing = sorted({"1", "2", "3", "4"} - set(told))
        raise Misconfigured(f"line {', '.join(missing)} of the key is missing", fix="type all four lines")
    digits = ""
    for number, (groups, check) in sorted(told.items()):
        part = re.sub(r"[\s-]", "", groups).lower()
        if len(part) != _DIGITS or _check(int(number), part) != check.lower():
            raise Misconfigured(f"line {number} of the key is not as on its paper", fix="type this line again")
        digits += part
    return digits


def _check(number: int, part: str) -> str:
    return hashlib.sha256(f"billing-hub master key {number} {part}".encode()).hexdigest()[:_CHECK]


def _raw(secret: str) -> bytes:
    body = secret.strip()
    try:
        return bytes.fromhex(body) if len(body) == 64 else base64.b64decode(body, validate=True)
    except (ValueError, binascii.Error):
        raise Misconfigured("the master key is neither base64 nor hex") from None
