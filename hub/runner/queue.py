"""The queue that many nodes share: each verb is one transaction on PostgreSQL, and Procrastinate's home is here.

Of the library its tables, functions and statements are used, and not its worker (docs/why/lanes.md says why).
"""

from __future__ import annotations

import math
from importlib.resources import files

import msgspec
from procrastinate import sql

from hub.log import get_log
from hub.runner.kept import kept, told
from hub.runner.port import Outcome, Retry, Status, Steps, Trouble
from hub.runner.trouble import Verdict
from hub.store import Nudge, Store
from hub.store.jobs import Jobs, defer, install
from hub.store.lanes import HELD, LaneRun, LaneTrouble

NODE_LOST = "NodeLost"
"""The error of a run whose node died or fell silent."""
_IDLE_SECONDS = 3600
"""How long the journal keeps runs that found nothing to do."""
_LOST_FIX = "see the logs of the node that died: the step may need more memory, or time, than the node has"


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A nudge that this node runs: its job, the node's number as a worker, its line in the journal, and how often in
    a row it failed before.
    """

    job: int
    worker: int
    run: LaneRun
    failed: int

    @property
    def nudge(self) -> Nudge:
        """What runs."""
        return Nudge(self.run.step, self.run.lane)


class Queue:
    """The nudges, runs and troubles of every node on one database."""

    def __init__(self, store: Store, steps: Steps, node: str, retry: Retry) -> None:
        if store.dialect != "postgresql":
            raise ValueError("the shared queue needs PostgreSQL")
        self._store = store
        self._steps = steps
        self._node = node
        self._retry = retry
        with store.engines.writer.begin() as connection:
            install(connection, _schema(), _migrations())
        store.in_commit(defer)

    def nudge(self, nudges: tuple[Nudge, ...]) -> None:
        """Queue them."""
        with self._store.begin("runner.tend") as tx:
            tx.then(*nudges)

    def take(self, worker: int) -> Taken | None:
        """The next run, whose lane nobody else has from now on; None when nothing can run. What cannot run now is
        put aside on the way: it is kept with the trouble of its lane. `Stale`: ask again; `Overtaken`: arrive again.
        """
        while True:
            with self._store.begin("runner.take") as tx:
                jobs = Jobs(tx.session, sql.queries)
                job = jobs.take(worker)
                if job is None:
                    return None
                token = tx.lanes.take(job.lane)  # before the look: who releases the lane waits for the same row
                stands = {one.step: one for one in tx.lanes.troubles(lane=job.lane)}
                if self._may_run(job.step, stands):
                    run = tx.lanes.open_run(job.lane, job.step, self._node, token)
                    failed = stands[job.step].attempts if job.step in stands else 0
                    taken = Taken(job=job.id, worker=worker, run=run, failed=failed)
                else:
                    taken = None
                    jobs.done(job.id)
                    if any(one.kind == HELD for one in stands.values()):
                        tx.lanes.park(job.lane, job.step)
            if taken is not None:
                return taken

    def end(self, taken: Taken, outcome: Outcome, verdict: Verdict | None) -> Trouble | None:
        """The run ended; gives what is to be told of it. `Overtaken`: another node has the lane, and nothing of
        this run counts any more.
        """
        lane, step = taken.run.lane, taken.run.step
        trouble = None if verdict is None else self._fail(taken, verdict)
        with self._store.holding(lane, taken.run.token), self._store.begin("runner.end") as tx:
            Jobs(tx.session, sql.queries).done(taken.job)
            said = "more" if outcome.more else "ok"
            tx.lanes.close_run(taken.run, said if trouble is None else trouble.kind, outcome.done)
            if trouble is not None:
                tx.lanes.put(kept(trouble), None if trouble.kind == HELD else trouble.wait_seconds)
            elif taken.failed:
                tx.lanes.clear(lane, step)
            tx.then(*self._known(outcome.nudges))
            if outcome.more:
                tx.then(taken.nudge)
        return trouble

    def wake(self) -> None:
        """Queue what has backed off long enough."""
        with self._store.begin("runner.tend") as tx:
            tx.then(*self._known(tx.lanes.wake()))

    def tidy(self) -> None:
        """Forget the runs that found nothing to do: an idle hub has a hundred thousand of them a day."""
        with self._store.begin("runner.tend") as tx:
            tx.lanes.forget_idle(_IDLE_SECONDS)

    def release(self, lane: str) -> None:
        """Let a held lane go on with what waits in it."""
        with self._store.begin("runner.tend") as tx:
            tx.then(*self._known(tx.lanes.release(lane)))

    def arrive(self) -> int:
        """Begin to run steps; returns the number of this node as a worker."""
        with self._store.begin("runner.tend") as tx:
            return Jobs(tx.session, sql.queries).arrive()

    def beat(self, worker: int) -> bool:
        """Give a sign of life; False when the others have counted this node as dead."""
        with self._store.begin("runner.tend") as tx:
            return Jobs(tx.session, sql.queries).beat(worker)

    def leave(self, worker: int) -> None:
        """Say that this node runs nothing any more."""
        with self._store.begin("runner.tend") as tx:
            Jobs(tx.session, sql.queries).leave(worker)

    def mine(self, worker: int) -> set[int]:
        """The jobs that are marked as running on this node."""
        with self._store.view() as view:
            return Jobs(view.session, sql.queries).mine(worker)

    def take_over(self, dead_seconds: float, forgotten: tuple[int, ...] = ()) -> list[Trouble]:
        """Let the runs of nodes that were silent for `dead_seconds` be run by others, and those that this node has
        `forgotten`. A run that takes its node down with it is held in the end. Gives the lanes that are held now.
        """
        held = []
        with self._store.begin("runner.tend") as tx:
            jobs = Jobs(tx.session, sql.queries)
            if dead_seconds < math.inf:
                jobs.bury(dead_seconds)
            for job in jobs.put_back(forgotten):
                tx.lanes.lose(job.lane)
                before = tx.lanes.troubles(lane=job.lane, step=job.step)
                trouble = self._lost(Nudge(job.step, job.lane), 1 + sum(one.attempts for one in before))
                tx.lanes.put(kept(trouble))
                held += [trouble] if trouble.kind == HELD else []
                get_log().warning("lane.lost", step=job.step, lane=job.lane, attempts=trouble.attempts)
        return held

    def idle(self) -> bool:
        """Whether nothing waits that could run, and nothing runs, on any node."""
        with self._store.view() as view:
            return not (any(Jobs(view.session, sql.queries).all()) or view.lanes.due())

    def status(self) -> Status:
        """What waits and runs on all nodes, and what keeps lanes from running."""
        with self._store.view() as view:
            ready, running = Jobs(view.session, sql.queries).all()
            troubles = view.lanes.troubles()
        return Status(
            ready=len(ready),
            running=tuple(running),
            backing_off=tuple(Nudge(one.step, one.lane) for one in troubles if one.retry_at is not None),
            held=tuple(told(one) for one in troubles if one.kind == HELD),
        )

    def _may_run(self, step: str, stands: dict[str, LaneTrouble]) -> bool:
        if step not in self._steps:
            get_log().warning("step.unknown", step=step)
            return False
        backs_off = step in stands and stands[step].retry_at is not None
        return not backs_off and all(one.kind != HELD for one in stands.values())

    def _known(self, nudges: tuple[Nudge, ...] | list[Nudge]) -> list[Nudge]:
        for other in nudges:
            if other.step not in self._steps:
                get_log().warning("step.unknown", step=other.step)
        return [one for one in nudges if one.step in self._steps]

    def _fail(self, taken: Taken, verdict: Verdict) -> Trouble:
        attempts = taken.failed + 1
        if verdict.kind == HELD or (verdict.kind == "bug" and attempts >= self._retry.bug_limit):
            return verdict.trouble(taken.nudge, HELD, attempts, 0.0)
        wait = verdict.wait_seconds(self._retry, attempts)
        return verdict.trouble(taken.nudge, verdict.kind, attempts, wait)

    def _lost(self, nudge: Nudge, attempts: int) -> Trouble:
        return Trouble(
            step=nudge.step,
            lane=nudge.lane,
            kind=HELD if attempts >= self._retry.bug_limit else "bug",
            error=NODE_LOST,
            place="",
            said="the node that ran it died or fell silent",
            fix=_LOST_FIX,
            attempts=attempts,
        )


def _schema() -> str:
    return (files("procrastinate.sql") / "schema.sql").read_text(encoding="utf-8")


def _migrations() -> dict[str, str]:
    """The library's migrations by name; names sort in the order in which they are made."""
    folder = files("procrastinate.sql") / "migrations"
    found = {one.name: one for one in folder.iterdir() if one.name.endswith(".sql")}
    return {name: found[name].read_text(encoding="utf-8") for name in sorted(found)}
