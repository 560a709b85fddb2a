"""Something around a hub breaks in the midst of its path and is mended later: the hub must go on by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from faultlab.books import books, check, opened
from faultlab.life import Life
from faultlab.visits import REVERSED, Drop, Kind, drops
from faultlab.world import World
from hub.app import App
from hub.runner.port import Trouble
from hub.store.points import CrashPlan

FIVE = (
    Kind(day=0, source="fhir", payers=("medicare", "medigap")),
    Kind(day=0, source="hl7", payers=("ppo", "second")),
    Kind(day=0, source="fhir", payers=("ppo",), member=REVERSED),
    Kind(day=0, source="hl7", payers=(), copay=True),
    Kind(day=1, source="hl7", payers=("ppo",)),
)
"""Encounters enough for a crossover, a second payer, a reversal, a copay and printed statements."""


class Fault(Protocol):
    """What breaks: `prepare` sees the world before the hub opens, `strike` breaks, `mend` mends."""

    def prepare(self, world: World) -> None: ...
    def strike(self, app: App) -> None: ...
    def mend(self) -> None: ...


class Trigger(CrashPlan):
    """Strikes once, at one commit (`name:before:N`, `name:after:N`); what the action raises is the commit's error."""

    def __init__(self, at: str, fault: Fault, app: App) -> None:
        super().__init__()
        self.name, self.side, count = at.split(":")
        self.count, self.struck = int(count), False
        self._fault, self._app = fault, app
        self._met: Counter[str] = Counter()

    def before(self, name: str) -> int:
        """Before its commit."""
        self._perhaps(name, "before")
        return super().before(name)

    def after(self, name: str, number: int) -> None:
        """After its commit."""
        self._perhaps(name, "after")
        super().after(name, number)

    def _perhaps(self, name: str, side: str) -> None:
        if (name, side) != (self.name, self.side) or self.struck:
            return
        self._met[name] += 1
        if self._met[name] == self.count:
            self.struck = True
            self._fault.strike(self._app)


def undisturbed_five(folder: Path) -> dict[str, Any]:
    """What the five encounters come to when nothing breaks."""
    with World(folder, drops(FIVE)) as world:
        life = Life(world.place, world.ask)
        try:
            life.run()
            assert life.troubles == []
        finally:
            life.close()
        with opened(world) as app:
            found = books(app)
        check(world, found)
    return found


def survive(
    folder: Path,
    fault: Fault,
    at: str,
    expected: dict[str, Any],
    *,
    store: str = "",
    files: Iterable[Drop] | None = None,
    rests: int = 1,
) -> list[Trouble]:
    """A life in which `fault` strikes at a commit and is mended when the hub has come to rest so many times: it lives
    to the end, and the books are those of a life that nothing disturbed. Returns what its runner was troubled by.
    """
    with World(folder, drops(FIVE) if files is None else files, store=store) as world:
        fault.prepare(world)
        life = Life(world.place, world.ask)
        trigger = Trigger(at, fault, life.app)
        life.app.store._crash = trigger
        life.at_rest = _mending(trigger, fault, rests)
        try:
            life.run()
            assert trigger.struck, f"{at} was not passed"
            assert [one for one in life.troubles if one.kind != "retry"] == []
            with life.app.store.view() as view:
                left = [item.reason for item in view.work.list(limit=100) if item.aggregate == "connector"]
            assert left == []
        finally:
            fault.mend()
            life.close()
        check(world, expected)
    return life.troubles


def _mending(trigger: Trigger, fault: Fault, rests: int) -> Any:
    """Mend once, when the hub rests for the so-many-th time after the strike."""
    seen = Counter[str]()

    def at_rest() -> None:
        if trigger.struck:
            seen["rests"] += 1
            if seen["rests"] == rests:
                fault.mend()

    return at_rest
