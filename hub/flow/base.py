"""What every step is given, and what it says when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec import UNSET

from hub.clock import Clock
from hub.config import Settings
from hub.errors import Problem
from hub.model.claim import Claim
from hub.model.work import WorkItem
from hub.plugin.host import PluginHost
from hub.store import Store, Tx
from hub.store.documents import Change
from hub.store.nudge import Outcome as Outcome  # noqa: PLC0414 - every step says it

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
    folder: Path = Path()
    """The settings folder: paths in settings count from it."""


class Judging(Protocol):
    """What of a hub judges claims: everything but its store."""

    @property
    def settings(self) -> Settings: ...
    @property
    def host(self) -> PluginHost: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def folder(self) -> Path: ...


Step = Callable[[Hub, str], Outcome]


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """`items` in slices of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def route_of(hub: Judging, claim: Claim) -> str:
    """Which clearinghouse carries the claim: a plugin's word, else configuration's."""
    return hub.host.route_claim(claim) or hub.settings.clearinghouse(claim.payer)


def move_claims(tx: Tx, changes: Sequence[Change[Claim]], *, cause: str = "", actor: str = "hub") -> None:
    """Write the changes of claims, and one event for each that stands elsewhere afterwards (promise 10)."""
    tx.claims.put_many(changes)
    for change in changes:
        if change.state is not UNSET and change.state != change.row.state:
            tx.event(
                f"claim.{change.state}",
                "claim",
                change.row.id,
                practice=change.row.practice,
                version=change.row.col("version"),
                actor=actor,
                cause=cause,
            )


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
