"""Every runner keeps one contract, and nodes on one database another."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Self

import pytest

from hub.clock import SystemClock, TurnedClock
from hub.runner import LocalRunner, Outcome, Runner, SimulatedRunner, Steps, Trouble
from hub.runner.distributed import DistributedRunner, Pulse
from hub.store import Keyring, Store, open_store
from hub.testing.kits import nodes as nodes_kit
from hub.testing.kits import runner as kit
from hub.testing.kits.nodes import MakeNode, MakeOther, NodesKit
from hub.testing.kits.runner import RETRY, MakeRunner, RunnerKit

START = datetime(2026, 3, 2, 14, tzinfo=UTC)
MORTAL = Pulse(beat_seconds=0.2, dead_seconds=1.0, look_seconds=0.2)
PULSE = Pulse(beat_seconds=0.2, dead_seconds=60.0, look_seconds=0.2)
"""Of a node that nobody takes over from: no busy machine makes it dead."""


def wait_until(condition: Callable[[], bool], within_seconds: float) -> None:
    """Look again and again until it holds."""
    pause = threading.Event()
    for _ in range(int(within_seconds / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it never came true")


@pytest.fixture
def nodes(made_pg_url: str, request: pytest.FixtureRequest) -> Iterator[MakeNode]:
    """Makes nodes on one PostgreSQL, each with a store of its own."""
    stores: list[Store] = []
    pulse: Pulse = getattr(request.cls, "pulse", PULSE)

    def make(steps: Steps, told: Callable[[Trouble], None], node: str) -> DistributedRunner:
        stores.append(open_store(made_pg_url, Keyring(bytes(32)), SystemClock()))
        return DistributedRunner(
            steps, store=stores[-1], node=node, threads=3, retry=RETRY, on_trouble=told, pulse=pulse
        )

    yield make
    for store in stores:
        store.close()


class TestLocalRunner(RunnerKit):
    """Threads."""

    @pytest.fixture
    def make_runner(self) -> MakeRunner:
        return lambda steps, told: LocalRunner(steps, retry=RETRY, on_trouble=told)

    def until(self, runner: Runner, condition: Callable[[], bool], within_seconds: float) -> None:
        """Wait."""
        wait_until(condition, within_seconds)


class TestDistributedRunner(RunnerKit):
    """Threads of one node on a shared queue."""

    @pytest.fixture
    def make_runner(self, nodes: MakeNode) -> MakeRunner:
        return lambda steps, told: nodes(steps, told, "one")

    def until(self, runner: Runner, condition: Callable[[], bool], within_seconds: float) -> None:
        """Wait."""
        wait_until(condition, within_seconds)


class TestSimulatedRunner(RunnerKit):
    """One thread and a turned clock."""

    @pytest.fixture
    def make_runner(self) -> MakeRunner:
        def make(steps: Steps, told: Callable[[Trouble], None]) -> SimulatedRunner:
            self.clock = TurnedClock(START)
            return SimulatedRunner(steps, self.clock, retry=RETRY, on_trouble=told)

        return make

    def until(self, runner: Runner, condition: Callable[[], bool], within_seconds: float) -> None:
        """Turn the clock."""
        assert isinstance(runner, SimulatedRunner)
        runner.run_until_idle()
        for _ in range(int(within_seconds / 0.01)):
            if condition():
                return
            runner.turn_to(self.clock.now() + timedelta(seconds=0.01))
        raise AssertionError("it never came true")


@pytest.mark.campaign
class TestNodes(NodesKit):
    """Several nodes on one PostgreSQL."""

    pulse = MORTAL

    @pytest.fixture
    def nodes(self, nodes: MakeNode) -> MakeNode:
        return nodes

    @pytest.fixture
    def kept(self, made_pg_url: str) -> Iterator[Store]:
        store = open_store(made_pg_url, Keyring(bytes(32)), SystemClock())
        DistributedRunner({}, store=store)
        yield store
        store.close()

    @pytest.fixture
    def other(self, made_pg_url: str, tmp_path: Path) -> MakeOther:
        return lambda: Process(made_pg_url, tmp_path)

    def until(self, condition: Callable[[], bool], within_seconds: float) -> None:
        """Wait."""
        wait_until(condition, within_seconds)


class Process:
    """A node in a process of its own, which ends with the block."""

    def __init__(self, url: str, folder: Path) -> None:
        self._command = [
            sys.executable,
            str(Path(__file__).parents[1] / "runnerlab" / "node.py"),
            url,
            str(folder),
        ]
        self._folder = folder

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def began(self) -> bool:
        """Whether its step runs."""
        assert self._process.poll() is None
        return (self._folder / "began").exists()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Stop it where it is."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Wake it, and say the word."""
        (self._folder / "word").touch()
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> str:
        """What its step came to."""
        wait_until((self._folder / "end").exists, 60)
        return (self._folder / "end").read_text()


@pytest.mark.parametrize(("module", "tests"), [(kit, RunnerKit), (nodes_kit, NodesKit)])
def test_every_number_has_a_test(module: ModuleType, tests: type) -> None:
    """The contract's numbers and the numbers that its tests cite are the same."""
    promised = set(re.findall(r"^(R\d+) ", module.__doc__ or "", re.MULTILINE))
    tests = [it for name, it in vars(tests).items() if name.startswith("test_")]
    assert {number for it in tests for number in re.findall(r"\bR\d+\b", it.__doc__ or "")} == promised


def test_lanes_run_side_by_side() -> None:
    """Two lanes of the local runner run at the same time: each step here waits for the other."""
    both = threading.Barrier(2, timeout=60)

    def step(_lane: str) -> Outcome:
        both.wait()
        return Outcome(done=1)

    runner = LocalRunner({"a": step}, threads=2)
    runner.nudge("a", "x")
    runner.nudge("a", "y")
    assert runner.run_until_idle(60)
    assert runner.counts()[0].done == 2
    assert runner.stop() == ()


def test_stop_names_what_does_not_end() -> None:
    """A step that does not end in time is named by its lane; a step that hears `stopping` ends."""
    began, freed = threading.Event(), threading.Event()

    def deaf(_lane: str) -> Outcome:
        began.set()
        freed.wait(60)
        return Outcome()

    runner = LocalRunner({"a": deaf})
    runner.start()
    runner.nudge("a", "x")
    assert began.wait(60)
    assert runner.stop(within_seconds=0.05) == ("x",)
    freed.set()
    assert runner.stop(within_seconds=10) == ()


def test_idle_wait_ends_with_its_time() -> None:
    """`run_until_idle` comes back when its time is up and says that it is not idle."""
    freed = threading.Event()

    def slow(_lane: str) -> Outcome:
        freed.wait(60)
        return Outcome()

    runner = LocalRunner({"a": slow})
    runner.nudge("a")
    assert not runner.run_until_idle(0.05)
    freed.set()
    assert runner.run_until_idle(60)
    runner.stop()


def test_simulated_order_is_the_order_of_nudges() -> None:
    """The same nudges always run in the same order."""
    seen: list[str] = []

    def step(lane: str) -> Outcome:
        seen.append(lane)
        return Outcome(more=len(seen) < 4)

    runner = SimulatedRunner({"a": step}, TurnedClock(START))
    for lane in ("z", "m", "b"):
        runner.nudge("a", lane)
    runner.run_until_idle()
    assert seen == ["z", "m", "b", "z", "m", "b"]


def test_simulated_runner_refuses_to_nest_and_to_run_for_ever() -> None:
    """A step that runs the runner, and one that always has more, are bugs that are said."""

    def nested(_lane: str) -> Outcome:
        runner.run_until_idle()
        return Outcome()

    told: list[Trouble] = []
    runner = SimulatedRunner({"a": nested}, TurnedClock(START), on_trouble=told.append)
    runner.nudge("a")
    runner.run_until_idle()
    assert [trouble.error for trouble in told] == ["RuntimeError"]
    endless = SimulatedRunner({"a": lambda _lane: Outcome(more=True)}, TurnedClock(START), most_runs=50)
    endless.nudge("a")
    with pytest.raises(RuntimeError, match="no end"):
        endless.run_until_idle()
