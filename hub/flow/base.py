"""What every step is given, and what it says when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from hub.clock import Clock
from hub.config import Settings
from hub.errors import Problem
from hub.model.work import WorkItem
from hub.plugin.host import PluginHost
from hub.store import Store

CHUNK = 100
"""Items per transaction: small enough that a writer holds SQLite for about 20 ms."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Hub:
    """The parts a step may use."""

    settings: Settings
    store: Store
    host: PluginHost
    clock: Clock
    options: dict[str, str] = field(default_factory=dict)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How many items a run of a step finished, and whether it should run again at once."""

    done: int = 0
    more: bool = False


Step = Callable[[Hub, str], Outcome]


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """`items` in slices of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def work_for(
    problems: Iterable[Problem], aggregate: str, aggregate_id: str, *, owner: str = "biller"
) -> list[WorkItem]:
    """One work item for each problem of one aggregate."""
    return [
        WorkItem(
            reason=problem.code,
            aggregate=aggregate,
            aggregate_id=aggregate_id,
            why=problem.why,
            fix=problem.fix,
            where=problem.where,
            owner=owner,
        )
        for problem in problems
    ]
