"""Three nodes on one PostgreSQL, of which one is killed again and again while many mailboxes are at work."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median
from typing import Self

import msgspec

from faultlab.books import broken, sent_pcns
from hub.app import App, open_app
from hub.runner import Nudge
from hub.store.lanes import LOST, LaneRun, overlaps
from hub.testing.installed import install, on_path
from hub.testing.office import Elsewhere, NodeProcess, Office, Partners, SharedClock, stop
from hub.testing.practice import make_load

SAMPLE = Path(__file__).parents[2] / "third_party" / "clearinghouse_folder"
START = datetime(2026, 2, 2, 12, tzinfo=UTC)
OPEN = ("new", "ready", "frozen", "sent", "accepted")
DONE = frozenset({"paid", "forwarded"})
OFTEN = ("batch.freeze", "fetch.fetch", "audit.seal")
RIPEN_EACH, FEED_EACH = 4, 3
TURN_SECONDS = 5.0
CALM_SECONDS = 3_600.0
HALF_A_DAY = timedelta(hours=12)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`kill_seconds` is how long one node dies every `every_seconds`; every `sleep_each`-th time another one sleeps
    until the next stroke. Encounters come to `feed_each` practices at a time, for `feed_seconds` at most (0: all).
    """

    claims: int
    practices: int
    kill_seconds: float
    every_seconds: float
    nodes: int = 3
    feed_each: int = 5
    sleep_each: int = 3
    feed_seconds: float = 0.0
    dead_seconds: float = 0.0
    seed: int = 1


class Stroke(msgspec.Struct, frozen=True, kw_only=True):
    """What befell a process: `kill` or `sleep`, when (seconds since 1970), and when it was awake again (0: never)."""

    pid: int
    how: str
    at: float
    woke: float = 0.0


class Report(msgspec.Struct, kw_only=True):
    """What came of it. Seconds by the wall clock: `noticed_seconds` from a stroke until the others had put the run
    back, `take_over_seconds` until its lane ran again, which holds what waited before it in the queue.
    """

    claims: int = 0
    kills: int = 0
    sleeps: int = 0
    runs: int = 0
    lost: int = 0
    refused: int = 0
    noticed_seconds: list[float] = []
    take_over_seconds: list[float] = []
    fed_seconds: float = 0.0
    path_seconds: float = 0.0
    states: dict[str, int] = {}
    wrong: list[str] = []

    def lines(self) -> Iterator[str]:
        """The report for a person."""
        rate = self.claims / self.path_seconds
        yield f"{self.claims} claims, fed in {self.fed_seconds:.0f} s, all posted after {self.path_seconds:.0f} s"
        yield f"{rate:.1f} claims a second from file to posted payment"
        yield f"{self.kills} nodes killed, {self.sleeps} put to sleep and woken"
        yield f"{self.lost} of {self.runs} runs lost with them"
        if waits := self.take_over_seconds:
            noticed = self.noticed_seconds
            yield f"noticed after {median(noticed):.1f} s (median), {max(noticed):.1f} s at most"
            yield f"taken over after {median(waits):.1f} s (median), {max(waits):.1f} s at most"
        yield f"{self.refused} runs of woken nodes refused; claims: {self.states}"
        yield from (f"WRONG: {one}" for one in self.wrong)


class Strikes:
    """Strikes one node after the other, in a thread of its own, until it is told to end; a killed one begins anew."""

    def __init__(self, nodes: list[NodeProcess], plan: Plan) -> None:
        self.done: list[Stroke] = []
        self._nodes, self._plan = nodes, plan
        self._rng = Random(plan.seed)  # noqa: S311 - whom to kill is no secret
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="strikes")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def over(self) -> bool:
        """Whether it has ended by itself."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        until = time.monotonic() + self._plan.kill_seconds
        number = 0
        while not self._end.wait(self._plan.every_seconds) and time.monotonic() < until:
            number += 1
            victim, other = self._rng.sample(self._nodes, 2)
            asleep = (other, other.pid, other.sleep()) if number % self._plan.sleep_each == 0 else None
            self.done.append(Stroke(pid=victim.pid, how="kill", at=victim.kill()))
            victim.start()
            if asleep is not None:
                self._end.wait(self._plan.every_seconds)
                asleep[0].wake()
                self.done.append(Stroke(pid=asleep[1], how="sleep", at=asleep[2], woke=time.time()))


class Campaign:
    """One office, its partners and its nodes; `tell` hears a line of progress now and then."""

    def __init__(self, folder: Path, store: str, plan: Plan, tell: Callable[[str], object] = bool) -> None:
        self.plan, self.report, self._tell = plan, Report(), tell
        self.office = Office(work=folder, practices=plan.practices, store=store)
        self._folder, self._ending = folder, ExitStack()
        self._files = [make_load(plan.claims // plan.practices, seed=n) for n in range(1, plan.practices + 1)]
        self._next = self._turns = 0

    def run(self) -> Report:
        """Everything, to the proofs."""
        with self._ending:
            app = self._open()
            nodes = [self._node(number) for number in range(self.plan.nodes)]
            self._ending.callback(stop, nodes)
            for node in nodes:
                node.wait()
            with Strikes(nodes, self.plan) as strikes:
                self._live(app, strikes)
            stop(nodes)
            self._prove(app, strikes.done)
        return self.report

    def _open(self) -> App:
        self._ending.enter_context(on_path(install(SAMPLE, self._folder / "plugin")))
        self._partners = Partners(self.office.partner, self.office.mailboxes, START, sftp=False)
        self._ending.callback(self._partners.stop)
        self.office.furnish()
        self._clock = SharedClock(self._folder / "clock", START)
        app = open_app(self.office.config, clock=self._clock)
        self._ending.callback(app.close)
        self._asking = Elsewhere(app)
        return app

    def _node(self, number: int) -> NodeProcess:
        log = self._folder / f"node-{number}.log"
        clock, dead = self._folder / "clock", self.plan.dead_seconds
        return NodeProcess(f"node {number}", self.office.config, clock=clock, log=log, dead_seconds=dead)

    def _live(self, app: App, strikes: Strikes) -> None:
        """Half a day passes every few seconds; when nothing more comes, time leaps to the next answer. Until all that
        was fed is posted and the strikes are over.
        """
        began = time.monotonic()
        feeding, rests, due = True, True, None
        while (seconds := time.monotonic() - began) < self.plan.kill_seconds + CALM_SECONDS:
            feeding = feeding and not 0 < self.plan.feed_seconds < seconds
            fed: list[int] = []
            if feeding and (rests or self._turns % FEED_EACH == 0):
                fed = self._feed()
                feeding, self.report.fed_seconds = bool(fed), seconds
            self._ask(app, fed)
            rests = self._asking.run_until_idle(TURN_SECONDS)
            self._say(app, time.monotonic() - began)
            if not feeding and rests and due is None and not self._awaits(app):
                break
            leap = due - self._clock.now() if due and rests and not feeding else HALF_A_DAY
            due = self._partners.advance(self._clock.turn(max(leap, HALF_A_DAY)))
        self.report.path_seconds = time.monotonic() - began

    def _ask(self, app: App, fed: list[int]) -> None:
        """Nudge what is to be looked at now."""
        self._turns += 1
        nudges = [Nudge(step, lane) for step in OFTEN for lane in app.lanes(step)]
        nudges += [Nudge("ingest.pull", f"{source}{number}") for number in fed for source in ("ehr", "adt")]
        if not fed or self._turns % RIPEN_EACH == 0:
            nudges += [Nudge("ingest.ripen", lane) for lane in app.lanes("ingest.ripen")]
        self._asking.told(nudges)

    def _feed(self) -> list[int]:
        """One more file for the next few practices that have any; which they are."""
        fed: list[int] = []
        for _ in range(self.plan.practices):
            number = self._next % self.plan.practices + 1
            self._next += 1
            if (found := next(self._files[number - 1], None)) is not None:
                self.office.drop(number, *found)
                fed.append(number)
            if len(fed) == self.plan.feed_each:
                break
        return fed

    def _awaits(self, app: App) -> bool:
        with app.store.view() as view:
            waiting = view.encounters.count(state=("gathering", "waiting"))
            return bool(waiting or view.claims.count(state=OPEN) or view.inbox.waiting("received", 1))

    def _say(self, app: App, seconds: float) -> None:
        with app.store.view() as view:
            claims = view.claims.tally()
        self._tell(f"{seconds:>6.0f} s  day {(self._clock.now() - START).days}  claims: {claims}")

    def _prove(self, app: App, strokes: list[Stroke]) -> None:
        """All that must hold in the end, and the figures."""
        report, wrong = self.report, self.report.wrong
        report.kills = sum(one.how == "kill" for one in strokes)
        report.sleeps = sum(one.how == "sleep" for one in strokes)
        with app.store.view() as view:
            report.states, report.claims = view.claims.tally(), view.claims.count(rank=1)
            runs = view.lanes.runs()
            cash = view.book.total(account="cash_clearing")
            left = [item.reason for item in view.work.list(limit=100)]
        self._prove_claims(app, cash)
        wrong += [f"work is left: {Counter(left)}"] * bool(left)
        report.runs, report.lost = len(runs), sum(run.outcome == LOST for run in runs)
        wrong += [f"ran twice at once: {one} and {two}" for one, two in overlaps(runs)]
        wrong += _stale(app)
        struck = list(_struck(runs, strokes))
        report.noticed_seconds = sorted(noticed for noticed, _ in struck)
        report.take_over_seconds = sorted(taken for _, taken in struck)
        report.refused = sum(log.read_text().count("lane.taken_over") for log in self._folder.glob("node-*.log"))

    def _prove_claims(self, app: App, cash: int) -> None:
        wrong, books = self.report.wrong, self._partners.reports().values()
        received: Counter[str] = Counter()
        for book in books:
            received.update(book.received)
        sent = sent_pcns(app)
        if set(received) != sent or set(received.values()) != {1}:
            wrong.append(f"received {len(received)}, sent {len(sent)}, {sum(received.values())} in all")
        if open_still := {state: count for state, count in self.report.states.items() if state not in DONE}:
            wrong.append(f"claims that are not done: {open_still}")
        if (paid := sum(one.cents for book in books for one in book.payments)) != cash:
            wrong.append(f"the partners paid {paid} cents, the hub posted {cash}")
        wrong += broken(app)


def _stale(app: App) -> list[str]:
    """Steps of transfers that were written under a token older than one before them in their mailbox."""
    with app.store.view() as view:
        lines = defaultdict(list)
        for file in view.files.find(limit=1_000_000):
            lines[file.mailbox] += view.outbox.journal(file.id)
    ordered = {mailbox: sorted(some, key=lambda line: line.seq) for mailbox, some in lines.items()}
    return [
        f"{mailbox}: transfer {then.seq} under {then.fence}, after {first.fence}"
        for mailbox, some in ordered.items()
        for first, then in pairwise(some)
        if then.fence < first.fence
    ]


def _struck(runs: list[LaneRun], strokes: list[Stroke]) -> Iterator[tuple[float, float]]:
    """Seconds from each stroke until the runs that it struck were put back, and until their lanes ran again."""
    struck = {str(one.pid): one.at for one in strokes}
    lanes: dict[str, list[LaneRun]] = defaultdict(list)
    for run in runs:
        lanes[run.lane].append(run)
    for some in lanes.values():
        for first, then in pairwise(some):
            pid = first.node.rpartition(":")[2]
            if first.outcome == LOST and first.ended_at is not None and pid in struck:
                yield first.ended_at.timestamp() - struck[pid], then.began_at.timestamp() - struck[pid]
