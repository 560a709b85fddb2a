"""Valid sets of every guide: structure from the rows, then all that must be true made true, kind by kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from random import Random

from hub.x12.generate.answers import acknowledgement_277, acknowledgement_999, either, eligibility, status
from hub.x12.generate.claims import Claims, who_is_the_patient
from hub.x12.generate.remittance import payment
from hub.x12.generate.rows import Choice, Plan, from_rows
from hub.x12.generate.values import make_values_true
from hub.x12.generate.world import CREATED, World
from hub.x12.grammar import Guide
from hub.x12.tree import Node
from hub.x12.wire import STANDARD, Delimiters
from hub.x12.write import Envelope, OutgoingGroup, OutgoingSet, Party, write_interchange

_AT = dt.datetime(CREATED.year, CREATED.month, CREATED.day, 9, 30, tzinfo=dt.UTC)
_PATIENTS: dict[str, Choice] = {"2000B": who_is_the_patient}


def _claims(kind: str) -> Callable[[Node, World], None]:
    return lambda root, world: Claims(kind, world).make_true(root)


_TRUTH: dict[str, Callable[[Node, World], None]] = {
    "837P": _claims("837P"),
    "837I": _claims("837I"),
    "837D": _claims("837D"),
    "835": payment,
    "999": acknowledgement_999,
    "277CA": acknowledgement_277,
    "276": status,
    "277": status,
    "270": eligibility,
    "271": eligibility,
}
_CHOICES: dict[str, dict[str, Choice]] = {
    "837P": _PATIENTS,
    "837I": _PATIENTS,
    "837D": _PATIENTS,
    "276": {"2000D": either("2200D", "2000E")},
    "277": {
        "2000B": either("2000C", "2200B"),
        "2000C": either("2000D", "2200C"),
        "2000D": either("2200D", "2000E"),
    },
    "270": {"2000C": either("2110C", "2000D")},
}
KINDS = tuple(_TRUTH)
"""The kinds of which valid sets can be made."""


def valid(
    guide: Guide,
    random: Random,
    *,
    often: float = 0.3,
    most: int = 3,
    times: dict[str, int] | None = None,
) -> Node:
    """A tree for what stands between ST and SE in which the strict check of the guide finds nothing.

    `often` is the chance of each situational row, `most` how often a loop or segment repeats at most; `times`
    fixes by loop id how often a loop stands, such as `{"2400": 6}`. Raises KeyError for a guide not in `KINDS`.
    """
    truth = _TRUTH[guide.kind]
    plan = Plan(random=random, often=often, most=most, choices=_CHOICES.get(guide.kind, {}), times=times or {})
    root, world = from_rows(guide, plan), World(random)
    make_values_true(root, world)
    truth(root, world)
    return root


def interchange(
    guide: Guide, random: Random, *, sets: int = 1, often: float = 0.3, delimiters: Delimiters = STANDARD
) -> bytes:
    """The bytes of an interchange with one group of so many valid sets."""
    roots = [valid(guide, random, often=often) for _ in range(sets)]
    return written(guide, roots, delimiters=delimiters)


def written(guide: Guide, roots: list[Node], *, number: int = 1, delimiters: Delimiters = STANDARD) -> bytes:
    """One interchange around trees; raises RefusedByGuide when the strict check finds fault with one."""
    outer = Envelope(
        sender=Party(id="GENERATED"),
        receiver=Party(id="READER"),
        control_number=number,
        usage="T",
        at=_AT,
        delimiters=delimiters,
    )
    sets = [OutgoingSet(control_number=f"{at:04}", root=root) for at, root in enumerate(roots, 1)]
    group = OutgoingGroup(guide=guide, sender="GENERATED", receiver="READER", control_number=number, sets=sets)
    return b"".join(write_interchange(outer, [group]))
