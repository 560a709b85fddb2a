"""The order of runs: what waits in which lane, what runs, what backs off, what is held. No threads, no clock."""

from __future__ import annotations

import heapq
from collections import Counter, deque

from hub.runner.port import Retry, Status, Trouble
from hub.runner.trouble import Verdict
from hub.store.nudge import Nudge


class Lanes:
    """A book of lanes; `now` is any count of seconds that only grows. Its owner sees to locking."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._queues: dict[str, dict[str, None]] = {}
        self._turn: deque[str] = deque()
        self._in_turn: set[str] = set()
        self._running: dict[str, str] = {}
        self._due: list[tuple[float, int, Nudge]] = []
        self._backing_off: dict[Nudge, None] = {}
        self._held: dict[str, Trouble] = {}
        self._failed: Counter[Nudge] = Counter()
        self._serial = 0

    def nudge(self, nudge: Nudge) -> None:
        """Let it wait, once; while it backs off it waits already."""
        if nudge not in self._backing_off:
            self._queues.setdefault(nudge.lane, {}).setdefault(nudge.step)
            self._line_up(nudge.lane)

    def take(self, now: float) -> Nudge | None:
        """The next to run, whose lane is free; it runs until `settle`."""
        self._wake(now)
        if not self._turn:
            return None
        lane = self._turn.popleft()
        self._in_turn.discard(lane)
        queue = self._queues[lane]
        step = next(iter(queue))
        del queue[step]
        if not queue:
            del self._queues[lane]
        self._running[lane] = step
        return Nudge(step, lane)

    def settle(self, nudge: Nudge, verdict: Verdict | None, now: float) -> Trouble | None:
        """The run ended: well (None), or with a verdict; gives what is to be told of it."""
        del self._running[nudge.lane]
        trouble = None if verdict is None else self._fail(nudge, verdict, now)
        if verdict is None:
            self._failed.pop(nudge, None)
        self._line_up(nudge.lane)
        return trouble

    def release(self, lane: str) -> None:
        """Let a held lane go on."""
        trouble = self._held.pop(lane, None)
        if trouble is not None:
            self._failed.pop(Nudge(trouble.step, lane), None)
            self._line_up(lane)

    def hold(self, trouble: Trouble) -> None:
        """Hold a lane that was held before this book began; its step waits."""
        self._held[trouble.lane] = trouble
        self._queues.setdefault(trouble.lane, {}).setdefault(trouble.step)

    def next_due(self) -> float | None:
        """When the first that backs off may run again."""
        return self._due[0][0] if self._due else None

    def could_run(self, now: float) -> bool:
        """Whether `take` would give something."""
        self._wake(now)
        return bool(self._turn)

    def status(self) -> Status:
        """A look."""
        ready = sum(len(self._queues[lane]) for lane in self._turn)
        running = tuple(Nudge(step, lane) for lane, step in self._running.items())
        held = tuple(self._held.values())
        return Status(ready=ready, running=running, backing_off=tuple(self._backing_off), held=held)

    def _line_up(self, lane: str) -> None:
        free = lane not in self._running and lane not in self._held
        if free and self._queues.get(lane) and lane not in self._in_turn:
            self._turn.append(lane)
            self._in_turn.add(lane)

    def _wake(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            _, _, nudge = heapq.heappop(self._due)
            del self._backing_off[nudge]
            self.nudge(nudge)

    def _fail(self, nudge: Nudge, verdict: Verdict, now: float) -> Trouble:
        self._failed[nudge] += 1
        attempts = self._failed[nudge]
        wait = verdict.wait_seconds(self._retry, attempts)
        if verdict.kind == "held" or (verdict.kind == "bug" and attempts >= self._retry.bug_limit):
            self._held[nudge.lane] = trouble = verdict.trouble(nudge, "held", attempts, 0.0)
            self._queues.setdefault(nudge.lane, {}).setdefault(nudge.step)
            return trouble
        self._serial += 1
        self._backing_off[nudge] = None
        heapq.heappush(self._due, (now + wait, self._serial, nudge))
        self._queues.get(nudge.lane, {}).pop(nudge.step, None)
        return verdict.trouble(nudge, verdict.kind, attempts, wait)
