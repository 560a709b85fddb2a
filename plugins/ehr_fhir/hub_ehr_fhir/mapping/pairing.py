"""Halves of characters: a JSON text that was cut in the middle of one (a lone surrogate) is no text.

One such text, an emoji at the end of a note, makes a whole message unreadable. Marked, it spoils its resource alone.
"""

from __future__ import annotations

import re

HALF = b"\\uffff"
"""Stands for half a character; Unicode has no character here, and it is as long, so that nothing moves."""
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def paired(raw: bytes) -> bytes:
    """The same JSON with `HALF` for each escape that is half a character; itself where there is none."""
    if b"\\ud" not in raw and b"\\uD" not in raw:
        return raw
    return _ESCAPE.sub(lambda found: HALF if found[1] else found[0], raw)
