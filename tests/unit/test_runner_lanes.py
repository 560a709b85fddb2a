"""The book of lanes, whatever is nudged, fails, is held and released, in whatever order."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hub.errors import Misconfigured, RetryLater
from hub.runner.lanes import Lanes
from hub.runner.port import Retry
from hub.runner.trouble import judge
from hub.store.nudge import Nudge

STEPS = st.sampled_from(["a", "b", "c"])
LANES = st.sampled_from(["x", "y", "z"])
ERRORS: dict[str, Exception | None] = {
    "": None,
    "later": RetryLater("busy", after_seconds=3),
    "wrong": Misconfigured("wrong"),
    "bug": KeyError(),
}


class Book(RuleBasedStateMachine):
    """A model beside the book: what was nudged and has not run since."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes = Lanes(Retry(first_seconds=1, most_seconds=8, bug_limit=2))
        self.now = 0.0
        self.running: dict[str, Nudge] = {}
        self.owed: set[Nudge] = set()
        self.held: set[str] = set()
        self.due: dict[Nudge, float] = {}

    @rule(step=STEPS, lane=LANES)
    def nudge(self, step: str, lane: str) -> None:
        """Whatever is nudged is owed a run that begins after."""
        self.lanes.nudge(Nudge(step, lane))
        self.owed.add(Nudge(step, lane))

    @rule()
    def take(self) -> None:
        """What is taken was owed, in a lane that is free, and not before its time."""
        taken = self.lanes.take(self.now)
        if taken is None:
            blocked = self.running.keys() | self.held
            early = {nudge for nudge, at in self.due.items() if at > self.now}
            assert not {nudge for nudge in self.owed - early if nudge.lane not in blocked}
            return
        assert taken in self.owed
        assert taken.lane not in self.running
        assert taken.lane not in self.held
        assert self.due.pop(taken, 0.0) <= self.now
        self.owed.discard(taken)
        self.running[taken.lane] = taken

    @precondition(lambda self: self.running)
    @rule(data=st.data(), error=st.sampled_from(sorted(ERRORS)))
    def settle(self, data: Any, error: str) -> None:
        """A run ends well or not; a failed one is owed again, later or once released."""
        lane = data.draw(st.sampled_from(sorted(self.running)))
        nudge = self.running.pop(lane)
        raised = ERRORS[error]
        trouble = self.lanes.settle(nudge, None if raised is None else judge(raised), self.now)
        assert (trouble is None) == (raised is None)
        if trouble is None:
            return
        self.owed.add(nudge)
        if trouble.kind == "held":
            self.held.add(lane)
        else:
            self.due[nudge] = self.now + trouble.wait_seconds

    @rule(lane=LANES)
    def release(self, lane: str) -> None:
        """A person mends a lane, or one that needs no mending."""
        self.lanes.release(lane)
        self.held.discard(lane)

    @rule(seconds=st.sampled_from([0.5, 1.0, 4.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        """The count of seconds grows."""
        self.now += seconds

    @invariant()
    def status_is_true(self) -> None:
        """The look that is offered agrees with the model."""
        status = self.lanes.status()
        assert set(status.running) == set(self.running.values())
        assert {trouble.lane for trouble in status.held} == self.held
        assert set(status.backing_off) >= {nudge for nudge, at in self.due.items() if at > self.now}

    def teardown(self) -> None:
        """Nothing is lost: with everything mended and time enough, each owed run happens, and then nothing does."""
        for nudge in list(self.running.values()):
            self.lanes.settle(nudge, None, self.now)
        self.running = {}
        for lane in list(self.held):
            self.lanes.release(lane)
        ran = []
        while (nudge_ := self.lanes.take(self.now + 1000)) is not None:
            ran.append(nudge_)
            self.lanes.settle(nudge_, None, self.now + 1000)
        assert sorted(ran, key=repr) == sorted(self.owed, key=repr)


TestBook = Book.TestCase
TestBook.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
