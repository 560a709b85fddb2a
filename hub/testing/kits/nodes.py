"""The contract of runners that share their work: what only several nodes on one database can show.

R14 Two nodes never run one lane at once, and the journal proves it.
R15 What a dead node ran is run by another.
R16 A node that was stopped, overtaken and woken can write nothing more: neither after its sleep nor in it.
R17 A nudge runs when its transaction commits, and never when that rolls back.
R18 Held lanes and steps that back off are seen by every node, stay so over restarts, and any node may release them.
R19 What a node leaves when it stops is run by the others.
R20 A nudge that is folded into one that waits is not taken before what it tells of is committed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import pytest

from hub.errors import Misconfigured, RetryLater
from hub.runner import Nudge, Outcome, Runner, Steps, Trouble
from hub.store import Store
from hub.store.lanes import LOST, LaneRun, overlaps

MakeNode = Callable[[Steps, Callable[[Trouble], None], str], Runner]


class OtherNode(Protocol):
    """A node in a process of its own. Its step `act` says that it began, waits for a word, and then writes its name
    into the store; `act.inside` begins its transaction first, and waits in it.
    """

    def began(self) -> bool:
        """Whether its step runs."""
        ...

    def kill(self) -> None: ...
    def freeze(self) -> None: ...

    def thaw(self) -> None:
        """Wake it, and say the word."""
        ...

    def end(self) -> str:
        """What its step came to: `acted`, or the class of what the store raised."""
        ...


MakeOther = Callable[[], AbstractContextManager[OtherNode]]


class NodesKit:
    """Give `nodes` (troubles are told to the second argument, the third names the node), `kept` (a store on the same
    database), `other` and `until`.
    """

    @pytest.fixture
    def nodes(self) -> MakeNode:
        """Yours to give: makes a runner on the shared database."""
        raise NotImplementedError("give the fixture `nodes`")

    @pytest.fixture
    def kept(self) -> Store:
        """Yours to give: a store whose nudges the runners hear."""
        raise NotImplementedError("give the fixture `kept`")

    @pytest.fixture
    def other(self) -> MakeOther:
        """Yours to give: starts a node in a process of its own."""
        raise NotImplementedError("give the fixture `other`")

    @pytest.fixture
    def node(self, nodes: MakeNode) -> Iterator[Nodes]:
        """Makes nodes and stops them."""
        made = Nodes(nodes)
        yield made
        for one in made.all:
            one.stop()

    def until(self, condition: Callable[[], bool], within_seconds: float) -> None:
        """Wait up to `within_seconds` until `condition` holds, and fail if it does not."""
        raise NotImplementedError

    def test_nodes_exclude(self, node: Nodes, kept: Store) -> None:
        """R14: whoever runs a lane, nobody else does."""
        inside: dict[str, int] = {}
        most: list[int] = []

        def step(lane: str) -> Outcome:
            inside[lane] = inside.get(lane, 0) + 1
            most.append(inside[lane])
            threading.Event().wait(0.002)
            inside[lane] -= 1
            return Outcome(done=1, more=len(most) < 40)

        one, two = node("one", dict.fromkeys("ab", step)), node("two", dict.fromkeys("ab", step))
        one.start()
        two.start()
        one.told([Nudge(name, lane) for lane in "xyz" for name in "ab"])
        assert one.run_until_idle(60)
        self.until(lambda: two.busy == one.busy == 0, 60)
        runs = journal(kept)
        assert max(most) == 1
        assert len(runs) == len(most) >= 40
        assert {run.node for run in runs} == {"one", "two"}
        assert overlaps(runs) == []

    def test_dead_node(self, node: Nodes, kept: Store, other: MakeOther) -> None:
        """R15: the heir begins the dead node's run anew."""
        with other() as dead:
            heir = node("heir", {"act": lambda _lane: Outcome(done=1)})
            heir.nudge("act", "x")
            self.until(dead.began, 60)
            dead.kill()
        heir.start()
        self.until(lambda: "ok" in [run.outcome for run in journal(kept)], 60)
        runs = journal(kept)
        assert [(run.node, run.outcome) for run in runs] == [("other", LOST), ("heir", "ok")]
        assert overlaps(runs) == []

    @pytest.mark.parametrize("step", ["act", "act.inside"])
    def test_woken_node(self, node: Nodes, kept: Store, other: MakeOther, step: str) -> None:
        """R16: the sleeper's transaction is refused, also the one that it slept in; its run is not settled twice."""
        acted: list[str] = []

        def act(lane: str) -> Outcome:
            with kept.begin("admin") as tx:
                tx.plugin_state("acts").put("heir", b"1")
            acted.append(lane)
            return Outcome(done=1)

        with other() as sleeper:
            heir = node("heir", {"act": act, "act.inside": act})
            heir.nudge(step, "x")
            self.until(sleeper.began, 60)
            sleeper.freeze()
            heir.start()
            self.until(lambda: bool(acted), 60)
            sleeper.thaw()
            assert sleeper.end() in {"Overtaken", "FellSilent"}
        assert heir.run_until_idle(60)
        with kept.view() as view:
            acts = view.plugin_state("acts")
            assert (acts.get("heir"), acts.get("other")) == (b"1", None)
        runs = journal(kept)
        assert [(run.node, run.outcome) for run in runs] == [("other", LOST), ("heir", "ok")]
        assert overlaps(runs) == []

    def test_rollback(self, node: Nodes, kept: Store) -> None:
        """R17: what is not true nudges nobody."""
        seen: list[str] = []
        one = node("one", {"a": _note(seen)})
        with pytest.raises(LookupError):
            _fail_after(kept, Nudge("a", "never"))
        with kept.begin("admin") as tx:
            tx.then(Nudge("a", "x"), Nudge("a", "y"), Nudge("a", "x"))
        assert one.run_until_idle(60)
        assert sorted(seen) == ["x", "y"]

    def test_troubles_are_shared(self, node: Nodes) -> None:
        """R18: one node's trouble is everyone's, and anyone's release frees it."""
        seen: list[str] = []
        fails = {"x": Misconfigured("the password is wrong"), "y": RetryLater("busy", after_seconds=600)}

        def step(lane: str) -> Outcome:
            if lane in fails:
                raise fails[lane]
            return _note(seen)(lane)

        steps = {"a": step, "b": _note(seen)}
        one = node("one", steps)
        one.told([Nudge("a", "x"), Nudge("a", "y")])
        assert one.run_until_idle(60)
        assert one.stop() == ()
        two, three = node("two", steps), node("three", steps)
        two.told([Nudge("a", "x"), Nudge("b", "x"), Nudge("a", "y"), Nudge("b", "y")])
        assert two.run_until_idle(60)
        assert seen == ["y"]
        for each in (two, three):
            (held,) = each.status().held
            assert (held.step, held.lane, held.said) == ("a", "x", "the password is wrong")
            assert each.status().backing_off == (Nudge("a", "y"),)
        del fails["x"]
        three.release("x")
        assert two.run_until_idle(60)
        assert seen == ["y", "x", "x"]
        assert three.status().held == ()

    def test_stopped_node(self, node: Nodes) -> None:
        """R19: a nudge belongs to nobody."""
        seen: list[str] = []
        one, two = node("one", {"a": _note(seen)}), node("two", {"a": _note(seen)})
        one.start()
        assert one.stop() == ()
        one.nudge("a", "x")
        assert seen == []
        assert two.run_until_idle(60)
        assert seen == ["x"]

    def test_folded_nudge(self, node: Nodes, kept: Store) -> None:
        """R20: a step that ran before the commit would not see what it was nudged for."""
        gate, at_gate = threading.Event(), threading.Event()
        found: list[bytes | None] = []
        other_lanes: list[str] = []

        def step(_lane: str) -> Outcome:
            with kept.view() as view:
                found.append(view.plugin_state("news").get("told"))
            return Outcome(done=1)

        def wait(_connection: object, nudges: list[Nudge]) -> None:
            if Nudge("a", "x") in nudges:
                at_gate.set()
                gate.wait(60)

        def tell() -> None:
            with kept.begin("admin") as tx:
                tx.plugin_state("news").put("told", b"yes")
                tx.then(Nudge("a", "x"))

        one = node("one", {"a": step, "b": _note(other_lanes)})
        one.nudge("a", "x")
        kept.in_commit(wait)
        teller = threading.Thread(target=tell)
        teller.start()
        assert at_gate.wait(60)
        one.nudge("b", "y")
        one.start()
        self.until(lambda: other_lanes == ["y"], 60)
        assert found == []
        gate.set()
        teller.join()
        assert one.run_until_idle(60)
        assert found == [b"yes"]


class Nodes:
    """Makes nodes of one hub."""

    def __init__(self, make: MakeNode) -> None:
        self._make = make
        self.all: list[Runner] = []
        self.troubles: list[Trouble] = []

    def __call__(self, name: str, steps: Steps) -> Runner:
        self.all.append(self._make(steps, self.troubles.append, name))
        return self.all[-1]


def journal(store: Store) -> list[LaneRun]:
    """Every run of every lane, in order."""
    with store.view() as view:
        return view.lanes.runs()


def _fail_after(store: Store, nudge: Nudge) -> None:
    with store.begin("admin") as tx:
        tx.then(nudge)
        raise LookupError


def _note(seen: list[str]) -> Callable[[str], Outcome]:
    def step(lane: str) -> Outcome:
        seen.append(lane)
        return Outcome(done=1)

    return step
