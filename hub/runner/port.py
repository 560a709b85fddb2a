"""Where a step runs: the port that the embedded, the simulated and the distributed runner share.

A step is a function of a lane. It pulls what the store says is waiting, does some of it, and says how much and
whether more waits. A nudge is a step's name and a lane, nothing else: losing one loses nothing, repeating one
repeats nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from hub.store.nudge import Nudge
from hub.store.nudge import Outcome as Outcome  # noqa: PLC0414 - part of the port

Step = Callable[[str], Outcome]
Steps = Mapping[str, Step]


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A run that raised. `kind`: `retry` (it backs off), `held` (the lane waits for a person), `bug` (it backs
    off, and is held after some more). `said` is the error's message only where that holds no values by contract.
    """

    step: str
    lane: str
    kind: str
    error: str
    place: str
    said: str = ""
    fix: str = ""
    attempts: int = 1
    wait_seconds: float = 0.0


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How a run that failed backs off: doubling from `first_seconds` to `most_seconds`; a bug is tried
    `bug_limit` times, then its lane is held.
    """

    first_seconds: float = 1.0
    most_seconds: float = 300.0
    bug_limit: int = 5

    def wait_seconds(self, attempts: int, asked: float | None) -> float:
        """How long to wait after the `attempts`-th failure in a row, at least as long as was asked."""
        doubled = min(self.first_seconds * 2.0 ** min(attempts - 1, 30), self.most_seconds)
        return max(doubled, asked or 0.0)


class StepCount(msgspec.Struct, kw_only=True):
    """Runs of one step: how many, items done, failures, and seconds in all."""

    step: str
    runs: int = 0
    done: int = 0
    failures: int = 0
    seconds: float = 0.0


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A look at a runner: how many wait, which run, which back off, which lanes are held and why."""

    ready: int
    running: tuple[Nudge, ...]
    backing_off: tuple[Nudge, ...]
    held: tuple[Trouble, ...]

    @property
    def idle(self) -> bool:
        """Nothing runs, and nothing could run now."""
        return not self.ready and not self.running


class Runner(Protocol):
    """Runs steps: never two of one lane at once, whatever their names."""

    def nudge(self, step: str, lane: str = "") -> None:
        """Ask that `step` run for `lane`. Repeated nudges that wait are one; a nudge that comes while that step
        runs makes it run once more. An unknown step raises `ValueError`.
        """
        ...

    def told(self, nudges: Sequence[Nudge]) -> None:
        """Nudge each: what `store.on_commit` calls."""
        ...

    def start(self) -> None:
        """Begin to run what is nudged, in the background where there is one; harmless twice."""
        ...

    def run_until_idle(self, within_seconds: float | None = None) -> bool:
        """Run, and come back when nothing could run now (True), or when the time is up (False)."""
        ...

    def stop(self, within_seconds: float = 10.0) -> tuple[str, ...]:
        """Begin nothing more and wait for what runs; gives the lanes that did not end in time."""
        ...

    def release(self, lane: str) -> None:
        """A person has mended it: let a held lane go on with what waits in it."""
        ...

    @property
    def busy(self) -> int:
        """How many steps run in this process now."""
        ...

    def status(self) -> Status: ...
    def counts(self) -> tuple[StepCount, ...]: ...
