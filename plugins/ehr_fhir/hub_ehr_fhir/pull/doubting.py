"""A search that the server refuses for one unit: it takes that search no more, or chokes on this one."""

from __future__ import annotations

from hub.plugin.api import RetryLater
from hub_ehr_fhir.pull.cursors import PullCursor
from hub_ehr_fhir.pull.walking import Searched

_SURE = 3


def single(refused: Searched) -> bool:
    """Whether the search was for one value, which alone may be to blame."""
    return not refused.feature.startswith("_") and not refused.feature.endswith(",")


def doubted(cursor: PullCursor, unit: str, tries: int, refused: Searched) -> RetryLater:
    """What to wait with, where this may be the unit's own trouble. Raises `refused` where it is that of the search:
    it was refused for another unit just before, or for this one again and again (`tries`).
    """
    search = f"{refused.kind} {refused.feature}"
    before, cursor.doubted = cursor.doubted, (unit, search)
    others = before[1] == search and before[0] != unit
    if not single(refused) or others or tries + 1 >= _SURE:
        cursor.doubted = ("", "")
        raise refused
    return RetryLater(
        f"the server does not take a search of {refused.kind} by {refused.feature} for one of them",
        fix="nothing: it is asked for again",
    )


def sound(cursor: PullCursor) -> None:
    """Something came: what was refused before was about that one alone."""
    cursor.doubted = ("", "")
