"""The contract of a `Runner`.

R1  A nudged step runs once, with its lane; nothing runs that was not nudged.
R2  Never two runs of one lane at once, whatever their steps; lanes with nothing in common do not wait.
R3  Nudges that wait are folded: nudged five times, run once.
R4  A nudge that arrives while its step runs makes it run once more, after.
R5  `more` runs the step again until it says no; other steps of the lane get their turn between.
R6  The nudges of an outcome are followed.
R7  A step that raises is counted and reported by step, lane, type and place, never by its message; other
    lanes go on, and it is tried again.
R8  `Misconfigured`, `InDoubt` and a hung plugin hold the lane: nothing of it runs until it is released, and
    then what waited runs.
R9  `RetryLater` backs off for at least as long as it asked; nudges in between do not shorten that, and the
    lane's other steps go on.
R10 An unknown step is refused where it is nudged.
R11 A bug is tried again a few times, then its lane is held.
R12 After `stop` nothing begins; what runs is waited for, and what does not end is named.
R13 Success forgets earlier failures: the next failure waits the first time again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from hub.errors import InDoubt, Misconfigured, RetryLater, Stale
from hub.plugin.host import PluginFault
from hub.plugin.host.faults import HUNG
from hub.runner import Nudge, Outcome, Retry, Runner, Steps, Trouble

CANARY = "ZZCANARY"
RETRY = Retry(first_seconds=0.05, most_seconds=0.2, bug_limit=3)
ASKED_SECONDS = 2.0
"""Long enough that a busy machine has looked before it is over."""
MakeRunner = Callable[[Steps, Callable[[Trouble], None]], Runner]


class RunnerKit:
    """Give `make_runner` (with `RETRY`), and `until` where time passes otherwise than by waiting."""

    @pytest.fixture
    def make_runner(self) -> MakeRunner:
        """Yours to give: a runner of these steps that tells its troubles to the second argument."""
        raise NotImplementedError("give the fixture `make_runner`")

    @pytest.fixture
    def run(self, make_runner: MakeRunner) -> Iterator[Running]:
        """Makes runners and stops them."""
        running = Running(make_runner)
        yield running
        for runner in running.made:
            runner.stop()

    def until(self, runner: Runner, condition: Callable[[], bool], within_seconds: float) -> None:
        """Let up to `within_seconds` pass until `condition` holds, and fail if it does not."""
        raise NotImplementedError

    def test_nudged_step_runs(self, run: Running) -> None:
        """R1: what was nudged runs with its lane, and nothing else does."""
        seen: list[str] = []
        runner = run({"a": _note(seen, "a"), "b": _note(seen, "b")})
        runner.nudge("a", "x")
        runner.told([Nudge("a", "y"), Nudge("a")])
        assert runner.run_until_idle(60)
        assert sorted(seen) == ["a:", "a:x", "a:y"]
        assert {count.step: (count.runs, count.done) for count in runner.counts()} == {"a": (3, 3), "b": (0, 0)}

    def test_lanes_exclude(self, run: Running) -> None:
        """R2: one lane, one run; whatever the steps."""
        inside: dict[str, int] = {}
        most: list[int] = []

        def step(lane: str) -> Outcome:
            inside[lane] = inside.get(lane, 0) + 1
            most.append(inside[lane])
            threading.Event().wait(0.001)
            inside[lane] -= 1
            return Outcome(done=1)

        runner = run(dict.fromkeys("abcd", step))
        for name in "abcd":
            for lane in "wxyz":
                runner.nudge(name, lane)
        assert runner.run_until_idle(60)
        assert len(most) == 16
        assert max(most) == 1

    def test_nudges_fold(self, run: Running) -> None:
        """R3: waiting nudges are one."""
        seen: list[str] = []
        runner = run({"a": _note(seen, "a")})
        for _ in range(5):
            runner.nudge("a", "x")
        assert runner.run_until_idle(60)
        assert seen == ["a:x"]

    def test_nudge_while_running(self, run: Running) -> None:
        """R4: a nudge that comes during the run is not lost: what it told of may have come too late for it."""
        seen: list[str] = []

        def step(lane: str) -> Outcome:
            seen.append(lane)
            if len(seen) == 1:
                run.made[0].nudge("a", lane)
                run.made[0].nudge("a", lane)
            return Outcome()

        runner = run({"a": step})
        runner.nudge("a", "x")
        assert runner.run_until_idle(60)
        assert seen == ["x", "x"]

    def test_more(self, run: Running) -> None:
        """R5: a step with more to do yields to its lane's other steps between its runs."""
        seen: list[str] = []

        def step(_lane: str) -> Outcome:
            seen.append("a")
            return Outcome(done=1, more=len(seen) < 4)

        runner = run({"a": step, "b": _note(seen, "b")})
        runner.told([Nudge("a", "x"), Nudge("b", "x")])
        assert runner.run_until_idle(60)
        assert seen == ["a", "b:x", "a", "a"]

    def test_outcome_nudges(self, run: Running) -> None:
        """R6: a step passes work on."""
        seen: list[str] = []

        def first(lane: str) -> Outcome:
            return Outcome(nudges=(Nudge("b", lane), Nudge("b", "y")))

        runner = run({"a": first, "b": _note(seen, "b")})
        runner.nudge("a", "x")
        assert runner.run_until_idle(60)
        assert sorted(seen) == ["b:x", "b:y"]

    def test_raising_step(self, run: Running) -> None:
        """R7: a bug is reported without its message, and only its own lane waits."""
        seen: list[str] = []
        fails = [True]

        def step(lane: str) -> Outcome:
            if lane == "bad" and fails:
                fails.clear()
                raise ValueError(CANARY)
            return _note(seen, "a")(lane)

        runner = run({"a": step})
        runner.told([Nudge("a", "bad"), Nudge("a", "good")])
        assert runner.run_until_idle(60)
        assert "a:good" in seen
        self.until(runner, lambda: "a:bad" in seen, 60)
        (trouble,) = run.troubles
        assert (trouble.step, trouble.lane, trouble.kind, trouble.error) == ("a", "bad", "bug", "ValueError")
        assert "runner.py:" in trouble.place
        assert CANARY not in repr(trouble)

    @pytest.mark.parametrize("error", ["misconfigured", "in-doubt", "hung"])
    def test_held_lane(self, run: Running, error: str) -> None:
        """R8: what a person must mend is not tried again by itself."""
        seen: list[str] = []
        fails = [True]

        def step(lane: str) -> Outcome:
            if fails:
                raise HOLDS[error]
            return _note(seen, "a")(lane)

        runner = run({"a": step, "b": _note(seen, "b")})
        runner.nudge("a", "x")
        assert runner.run_until_idle(60)
        runner.told([Nudge("a", "x"), Nudge("b", "x"), Nudge("b", "y")])
        assert runner.run_until_idle(60)
        assert seen == ["b:y"]
        assert [(held.lane, held.kind) for held in runner.status().held] == [("x", "held")]
        fails.clear()
        runner.release("x")
        assert runner.run_until_idle(60)
        assert sorted(seen) == ["a:x", "b:x", "b:y"]
        assert runner.status().held == ()
        assert len(run.troubles) == 1

    @pytest.mark.parametrize("error", ["retry", "stale"])
    def test_backing_off(self, run: Running, error: str) -> None:
        """R9: it waits as asked; nudges do not hurry it; the lane's other steps go on."""
        seen: list[str] = []
        fails = [True]

        def step(lane: str) -> Outcome:
            if fails:
                fails.clear()
                raise (
                    RetryLater("busy", after_seconds=ASKED_SECONDS) if error == "retry" else Stale("lost a race")
                )
            return _note(seen, "a")(lane)

        runner = run({"a": step, "b": _note(seen, "b")})
        runner.nudge("a", "x")
        assert runner.run_until_idle(60)
        (trouble,) = run.troubles
        assert trouble.kind == "retry"
        assert trouble.wait_seconds >= (ASKED_SECONDS if error == "retry" else 0.05)
        if error == "retry":
            runner.told([Nudge("a", "x"), Nudge("b", "x")])
            assert runner.run_until_idle(60)
            assert runner.status().backing_off == (Nudge("a", "x"),)
            assert seen == ["b:x"]
        self.until(runner, lambda: "a:x" in seen, 60)
        assert runner.run_until_idle(60)
        assert seen.count("a:x") == 1

    def test_unknown_step(self, run: Running) -> None:
        """R10: a misspelt step is a bug, said at once."""
        runner = run({"a": _note([], "a")})
        with pytest.raises(ValueError, match="no step is called 'z'"):
            runner.nudge("z")
        with pytest.raises(ValueError, match="no step is called 'z'"):
            runner.told([Nudge("z")])

    def test_poison_is_held(self, run: Running) -> None:
        """R11: a bug does not run for ever."""
        tries: list[str] = []

        def step(lane: str) -> Outcome:
            tries.append(lane)
            raise KeyError(CANARY)

        runner = run({"a": step})
        runner.nudge("a", "x")
        runner.start()
        self.until(runner, lambda: len(run.troubles) == RETRY.bug_limit, 10)  # it is told after the lane is held
        assert [(held.lane, held.kind) for held in runner.status().held] == [("x", "held")]
        assert len(tries) == RETRY.bug_limit
        assert [trouble.kind for trouble in run.troubles] == ["bug", "bug", "held"]
        assert [trouble.attempts for trouble in run.troubles] == [1, 2, 3]

    def test_stop(self, run: Running) -> None:
        """R12: stopping ends in order."""
        seen: list[str] = []
        runner = run({"a": _note(seen, "a")})
        assert runner.stop() == ()
        runner.nudge("a", "x")
        runner.run_until_idle(1)
        assert seen == []

    def test_success_forgets_failures(self, run: Running) -> None:
        """R13: a later failure is a first one again."""
        plan = [True, True, False, True, False]

        def step(_lane: str) -> Outcome:
            if plan.pop(0):
                raise RetryLater("busy")
            return Outcome(done=1)

        runner = run({"a": step})
        runner.nudge("a", "x")
        runner.start()
        self.until(runner, lambda: len(plan) == 2, 60)
        runner.run_until_idle(60)
        runner.nudge("a", "x")
        self.until(runner, lambda: not plan, 60)
        assert runner.run_until_idle(60)
        assert [trouble.attempts for trouble in run.troubles] == [1, 2, 1]


class Running:
    """Makes runners of one kind and hears their troubles."""

    def __init__(self, make: MakeRunner) -> None:
        self._make = make
        self.made: list[Runner] = []
        self.troubles: list[Trouble] = []

    def __call__(self, steps: Steps) -> Runner:
        runner = self._make(steps, self.troubles.append)
        self.made.append(runner)
        return runner


HOLDS: dict[str, Exception] = {
    "misconfigured": Misconfigured("the password is wrong"),
    "in-doubt": InDoubt("the wire was cut"),
    "hung": PluginFault(plugin="p", instance="i", method="list", cause=HUNG),
}


def _note(seen: list[str], name: str) -> Callable[[str], Outcome]:
    def step(lane: str) -> Outcome:
        seen.append(f"{name}:{lane}")
        return Outcome(done=1)

    return step
