"""Codes as files bring them: what is not shaped like one is shown as `?`, since it may be a name put in its place."""

from __future__ import annotations

import re

_CODE = re.compile(r"[A-Z]{1,3}|(?=[A-Z]*[0-9])[A-Z0-9]{1,5}")
UNTOLD = "?"


def code(text: str) -> str:
    """`text` if it may stand in a clear column, a work item, an event or the ledger: up to five capitals and digits,
    of letters alone three; else `?`. Nothing stays nothing. The file itself keeps what it says, sealed.

    Fits CARC, RARC, the groups of CAS, PLB03-1, CLP02, BPR04, TA105, segment ids and positions of IK3, STC01.
    """
    return text if not text or _CODE.fullmatch(text) else UNTOLD


__all__ = ["UNTOLD", "code"]
