"""What is wrong with messages becomes work: an item for each fault of a message, and one for each habit of a sender.

A warning (`Problem.severity`) is folded: however many messages say it, one item stands open for the source, the code
and the place. The messages keep the code in their reason, by which they are listed. Errors, and notices, which say
that money or messages may be missing, are about one message each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hub.errors import Problem
from hub.model.work import WorkItem

_NUMBERED = re.compile(r"\[\d+\]")
_OF_MESSAGE = re.compile(r"^message\[\d+\] ")


def alone(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that are about their message alone, in order."""
    return [one for one in problems if one.severity != "warning"]


def habits(problems: Iterable[Problem], source: str) -> list[WorkItem]:
    """The work that the warnings among `problems`, of any number of messages of one source, come to."""
    folded: dict[tuple[str, str], Problem] = {}
    for one in problems:
        if one.severity == "warning":
            folded.setdefault((one.code, place_of(one.where)), one)
    return [_habit(place, one, source) for (_, place), one in folded.items()]


def place_of(where: str) -> str:
    """The place without the numbers of messages, segments and entries: `message[3] IN1[2]-18` is `IN1-18`."""
    return _NUMBERED.sub("", _OF_MESSAGE.sub("", where))


def reason_of(problems: Sequence[Problem]) -> str:
    """The reason of a message that was applied, or could not be: the code of the first fault of its own, and those of
    its warnings; codes with a blank between them.
    """
    codes = [one.code for one in alone(problems)[:1]]
    codes += [one.code for one in problems if one.severity == "warning"]
    return " ".join(dict.fromkeys(codes))


def _habit(place: str, one: Problem, source: str) -> WorkItem:
    which = f"hub messages list --source {source} --reason {one.code}"
    return WorkItem(
        reason=one.code,
        aggregate="source",
        aggregate_id=source,
        why=one.why,
        fix=f"{one.fix}; which messages: {which}" if one.fix else f"which messages: {which}",
        where=place,
        owner="it",
    )
