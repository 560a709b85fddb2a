"""A day of a hospital's feed, compressed: a hub that is killed takes it over MLLP, people mend what is poisoned, and
in the end everything is as if each message had come once and in order to a hub that nobody disturbed.
"""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random

import msgspec
from typer.testing import CliRunner

from faultlab.feed_hub import SOURCE, FeedHub, Memory
from faultlab.feed_senders import Connection, Tally, dealt
from hub.app import App, open_app
from hub.cli import main
from hub.cli.opened import opened
from hub.clock import SystemClock
from hub.flow.source_lanes import assemble_soon, read_soon
from hub.runner import LocalRunner
from hub.store import Store
from hub.store.held_lanes import Stopped
from hub.store.inbox import Arrival, InboxItem
from hub.testing.feed_state import state
from hub.testing.hl7_feed import Feed, Sent

DAY = timedelta(hours=28)
MINUTES = 60.0
CALM_SECONDS = 1_800.0
LONG_LIFE = 10_000
"""Messages; what a shorter life says of memory is how a hub starts."""
LOOK_SECONDS = 0.5
PAGE = 500
SHOWN_SECONDS = 10.0
UNKNOWN_TYPE, CHARGE = b"|??|", b"|CG|"
TYPES = '\ntransaction_types = { "??" = "charge" }\n'
_STILL = re.compile(r"lanes? stands? still")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`poison` and `repeated` of a thousand messages; `merges` as `Feed` has it: with 6 one message in seven merges,
    moves or parts, far more than in life. Kills come while the feed does and, `late_kills`, just when people have
    mended something. `watch`: how often the hub looks at itself.
    """

    messages: int
    connections: int = 4
    kills: int = 5
    late_kills: int = 1
    poison: int = 2
    repeated: int = 40
    patients: int = 0
    merges: int = 6
    watch: str = "2s"
    seed: int = 1
    store: str = ""


class Report(msgspec.Struct, kw_only=True):
    """What came of it. `answers` are acknowledgements, repeats with them; seconds by the wall clock, `fed` until
    the last answer, `flowed` until everything was applied.
    """

    messages: int = 0
    answers: int = 0
    deeds: dict[str, int] = {}
    kills: int = 0
    poison: int = 0
    edited: int = 0
    replayed: int = 0
    skipped: int = 0
    stopped_most: int = 0
    blocked_most: int = 0
    fed_seconds: float = 0.0
    flowed_seconds: float = 0.0
    verify_seconds: float = 0.0
    most_mb: float = 0.0
    slope_mb: float = 0.0
    life_messages: int = 0
    stands: dict[str, int] = {}
    cents: dict[str, int] = {}
    alerts: list[str] = []
    wrong: list[str] = []

    def lines(self) -> Iterator[str]:
        """The report for a person."""
        deeds = ", ".join(f"{times} {name}" for name, times in sorted(self.deeds.items()))
        yield f"{self.messages} messages, {self.answers} answered AA (repeats with them); senders: {deeds}"
        rate = self.answers / max(self.fed_seconds, 0.001)
        yield f"{self.kills} kills; fed in {self.fed_seconds:.0f} s: {rate:.0f} acknowledged a second"
        yield f"everything applied {self.flowed_seconds:.0f} s after the first message"
        yield f"{self.poison} poisoned: {self.edited} edited, {self.replayed} replayed, {self.skipped} let go"
        yield f"at most {self.stopped_most} lanes stood still, with {self.blocked_most} messages behind them"
        yield f"memory of the hub: {self.most_mb:.0f} MB at most; verify took {self.verify_seconds:.1f} s"
        if self.life_messages > LONG_LIFE:
            yield f"  {self.slope_mb:+.2f} MB for 10,000 more, in the second half of a life of {self.life_messages}"
        yield f"stands: {self.stands}; cents: {self.cents}; told: {self.alerts}"
        yield from (f"WRONG: {one}" for one in self.wrong)


class FeedDay:
    """One campaign in `folder`; `tell` hears a line of progress now and then."""

    def __init__(self, folder: Path, plan: Plan, tell: Callable[[str], object] = bool) -> None:
        self.plan, self.report, self._tell, self._folder = plan, Report(), tell, folder
        self.random = Random(plan.seed)  # noqa: S311 - no secret
        begin = SystemClock().now().replace(microsecond=0) - DAY
        patients = plan.patients or max(8, plan.messages // 60)
        feed = Feed(
            plan.seed, patients=patients, poison=plan.poison, merges=plan.merges, begin=begin, most_seconds=1
        )
        self.sent: list[Sent] = list(feed.messages(plan.messages))
        self.tally = Tally()
        self.over = threading.Event()
        self.poison = {one.body for one in self.sent if one.poison}
        self.mended: dict[bytes, bytes | None] = {}
        """Poisoned message -> what is applied in its place; None: nothing, it was let go."""

    def run(self) -> Report:
        """Everything, to the proofs."""
        report = self.report
        report.messages = len(self.sent)
        report.poison = sum(one.poison for one in self.sent)
        hub = FeedHub(self._folder, store=self.plan.store, watch=self.plan.watch)
        with hub, opened(hub.config) as app, Memory(hub, lambda: self.tally.total) as memory:
            self._live(hub, app.store)
            report.kills = hub.kills
        report.most_mb, report.slope_mb = memory.most, memory.slope()
        life = memory.longest_life()
        report.life_messages = life[-1][2] - life[0][2] if life else 0
        self._prove(hub)
        return report

    # ------------------------------------------------------------------------------------------- the day
    def _live(self, hub: FeedHub, store: Store) -> None:
        began = time.monotonic()
        bodies = [one.body for one in self.sent]
        parts = dealt(bodies, self.plan.connections, self.plan.repeated, self.random)
        senders = [
            Connection(f"c{n}", mine, hub, self.tally, Random(f"{self.plan.seed}/{n}"))  # noqa: S311 - no secret
            for n, mine in enumerate(parts)
        ]
        for one in senders:
            one.start()
        watcher = threading.Thread(target=self._watch, args=(store, senders, began), daemon=True)
        watcher.start()
        self._strike(hub, store, sum(map(len, parts)))
        watcher.join()
        self.report.fed_seconds = time.monotonic() - began
        self.report.answers, self.report.deeds = self.tally.total, dict(self.tally.deeds)
        self.report.wrong += self.tally.failures
        self._flow(hub, store, began)
        self.report.flowed_seconds = time.monotonic() - began
        self._quiet(store)
        code = hub.stop()
        self.report.wrong += [f"a hub that was told to stop ended with {code}"] * bool(code)

    def _strike(self, hub: FeedHub, store: Store, total: int) -> None:
        """Kill the hub at answers drawn by lot; half way a person mends a little."""
        half = total // 2
        lots = [self.random.randrange(total // 50, total * 9 // 10) for _ in range(self.plan.kills)]
        for at in sorted([*lots, half]):
            if not self.tally.reached(at, self.over):
                break
            if at == half:
                self._mend(hub, store, most=2)
            else:
                hub.kill()
                hub.start()

    def _watch(self, store: Store, senders: Sequence[Connection], began: float) -> None:
        """Tell how it goes, until every sender is done."""
        for one in senders:
            while one.is_alive():
                one.join(SHOWN_SECONDS)
                self._say(store, began)
        self.over.set()
        self.tally.wake()

    def _say(self, store: Store, began: float) -> None:
        stands, _ = self._stands(store)
        self._tell(f"{time.monotonic() - began:>6.0f} s  {self.tally.total} answered; {dict(stands)}")

    def _stands(self, store: Store) -> tuple[Counter[str], Stopped | None]:
        with store.view() as view:
            stands = Counter({state: many for (_, state), many in view.inbox.tally().items()})
            stopped = next(iter(view.held_lanes.standing()), None)
        if stopped:
            self.report.stopped_most = max(self.report.stopped_most, stopped.lanes)
            self.report.blocked_most = max(self.report.blocked_most, stopped.waiting)
        return stands, stopped

    def _flow(self, hub: FeedHub, store: Store, began: float) -> None:
        """Until all is applied: what is poisoned is mended by commands, again and again, for it uncovers more."""
        late, shown, retyped, until = self.plan.late_kills, time.monotonic(), False, 0.0
        until = time.monotonic() + CALM_SECONDS
        while time.monotonic() < until:
            stands, stopped = self._stands(store)
            if time.monotonic() - shown > SHOWN_SECONDS:
                shown = time.monotonic()
                self._say(store, began)
            if stands["received"]:
                time.sleep(LOOK_SECONDS)
            elif stands["set_aside"] or stopped:
                retyped = retyped or self._retype(hub)
                if not self._mend(hub, store, most=0):
                    self.report.wrong.append(f"lanes stand still and nothing is set aside: {dict(stands)}")
                    return
                if late:
                    late -= 1
                    hub.kill()
                    hub.start()
            elif self._gathering(store):
                time.sleep(LOOK_SECONDS)
            else:
                return
        self.report.wrong.append("it did not come to rest in time")

    def _gathering(self, store: Store) -> int:
        with store.view() as view:
            return (
                view.encounters.count(state="gathering")
                + view.appointments.count(state="gathering")
                + len(view.charges.waiting("new", 1, kind=("payment", "copay")))
            )

    def _retype(self, hub: FeedHub) -> bool:
        """A person tells the hub what the unknown type means; from then on reading again is enough."""
        path = hub.config / "hub.toml"
        text = path.read_text()
        path.write_text(text.replace("[connectors.adt.settings]\n", f"[connectors.adt.settings]{TYPES}"))
        hub.reread()
        return True

    # ------------------------------------------------------------------------------------------- mending
    def _mend(self, hub: FeedHub, store: Store, most: int) -> int:
        """What is set aside is mended, read again or let go, by commands; at most so many (0: all)."""
        with store.view() as view:
            items = view.inbox.find(limit=most or 10_000, state="set_aside")
            bodies = {item.id: view.blobs.content(item.blob_id) for item in items}
        for item in items:
            self._mended(hub, item, bodies[item.id], edit=bool(most) or self.random.random() < 0.5)
        return len(items)

    def _mended(self, hub: FeedHub, item: InboxItem, body: bytes, *, edit: bool) -> None:
        if UNKNOWN_TYPE in body and edit:
            changed = ("--set", "FT1[1]-6=CG")
            self._command(hub, "edit", item.id, *changed, "--why", "a type the sender misspelt", "--yes")
            self.mended[body] = body.replace(UNKNOWN_TYPE, CHARGE)
            self.report.edited += 1
        elif UNKNOWN_TYPE in body or body not in self.poison | self.tally.junk:
            if UNKNOWN_TYPE not in body:
                self.report.wrong.append(f"a sound message was set aside: {item.reason}")
            self._command(hub, "replay", item.id)
            self.report.replayed += 1
        else:
            self._command(hub, "skip", item.id, "--why", "the sender sends it anew", "--yes")
            self.mended[body] = None
            self.report.skipped += 1

    def _command(self, hub: FeedHub, *words: str) -> None:
        """`hub messages ...`, in this process: a hundred starts would take minutes."""
        done = CliRunner().invoke(main.app, ["messages", *words, "-c", str(hub.config)])
        if done.exit_code:
            self.report.wrong.append(f"hub messages {words[0]}: {done.output[-300:]} {done.exception!r}")

    def _quiet(self, store: Store) -> None:
        """Until the hub has noticed that nothing stands still."""
        until = time.monotonic() + MINUTES
        while time.monotonic() < until:
            with store.view() as view:
                if not any(one.key.startswith("feed.stopped") for one in view.conditions.open()):
                    return
            time.sleep(LOOK_SECONDS)
        self.report.wrong.append("the hub believes that lanes stand still")

    # -------------------------------------------------------------------------------------------- proofs
    def _prove(self, hub: FeedHub) -> None:
        report = self.report
        began = time.monotonic()
        done = CliRunner().invoke(main.app, ["verify", "-c", str(hub.config)])
        report.verify_seconds = time.monotonic() - began
        report.wrong += [f"hub verify ended with {done.exit_code}:\n{done.output[-3000:]}"] * bool(done.exit_code)
        app = open_app(hub.config)
        try:
            self._prove_store(app)
            self._prove_alerts(app)
            expected, cents = self._undisturbed(hub)
            self._compare(app, expected, cents)
        finally:
            app.close()

    def _prove_store(self, app: App) -> None:
        """What was acknowledged is there once, and nothing else."""
        wrong, there = self.report.wrong, Counter[bytes]()
        with app.store.view() as view:
            edits = {item.id for item in view.inbox.find(limit=100_000, state="replaced")}
            made = {view.held_lanes.links(one)[1] for one in edits}
            after = 0
            while items := view.inbox.find(limit=PAGE, after=after):
                after = items[-1].seq
                for item in items:
                    if item.id not in made:
                        there[view.blobs.content(item.blob_id)] += 1
            acks = view.inbox.acks_without_item()
            stands = view.inbox.tally()
        good = {one.body for one in self.sent}
        lost = (self.tally.answered.keys() | self.tally.junk_answered) - there.keys()
        twice = [body for body, many in there.items() if many != 1]
        strange = there.keys() - good - self.tally.junk
        wrong += [f"{len(lost)} acknowledged messages are not in the store"] * bool(lost)
        wrong += [f"{len(twice)} messages are in the store more than once"] * bool(twice)
        wrong += [f"{len(strange)} messages in the store were never sent so"] * bool(strange)
        wrong += [f"{len(good - self.tally.answered.keys())} messages never acknowledged"] * (
            good != self.tally.answered.keys()
        )
        wrong += [f"{len(acks)} acknowledgements without a message"] * bool(acks)
        self.report.stands = {state: many for (_, state), many in sorted(stands.items())}
        left = {"received", "blocked", "set_aside"} & self.report.stands.keys()
        wrong += [f"messages are left: {self.report.stands}"] * bool(left)

    def _prove_alerts(self, app: App) -> None:
        """One alert when lanes stopped and one when they flow, however often the hub died."""
        with app.store.view() as view:
            standing = view.held_lanes.standing()
            letters = view.notices.list(limit=1000)
        told = Counter(one.kind for one in letters if _STILL.search(f"{one.subject} {one.body}"))
        self.report.alerts = sorted(f"{kind} {many}" for kind, many in told.items())
        self.report.wrong += [f"lanes stand still: {standing}"] * bool(standing)
        if self.report.poison and (told["alert"] != 1 or told["recovered"] > 1):
            subjects = [(one.kind, one.subject) for one in letters]
            self.report.wrong.append(f"of lanes was told {dict(told)}: {subjects}")

    def _undisturbed(self, hub: FeedHub) -> tuple[dict[str, dict[str, str]], dict[str, int]]:
        """What the same messages come to, given once and in order to a fresh hub."""
        folder = self._folder / "undisturbed"
        shutil.copytree(hub.config, folder / "config", ignore=shutil.ignore_patterns("data", "backups"))
        settings = folder / "config" / "hub.toml"
        settings.write_text(settings.read_text().replace(f'store = "{self.plan.store}"', ""))
        arrivals = [
            Arrival(content_type="hl7v2", external=f"LAKESIDE|FAMMED|{one.control}", body=body)
            for one in self.sent
            if (body := self.mended.get(one.body, one.body)) is not None
        ]
        app = open_app(folder / "config")
        try:
            practice = app.settings.practice_of(SOURCE)
            for at in range(0, len(arrivals), PAGE):
                with app.store.begin("ingest.receive") as tx:
                    tx.inbox.put_many(arrivals[at : at + PAGE], practice=practice, source=SOURCE, kind="message")
            settle(app)
            with app.store.view() as view:
                cents = view.book.accounts()
            return state(app.store, SOURCE), cents
        finally:
            app.close()

    def _compare(self, app: App, expected: dict[str, dict[str, str]], cents: dict[str, int]) -> None:
        with app.store.view() as view:
            self.report.cents = {name: many for name, many in view.book.accounts().items() if many}
        found = state(app.store, SOURCE)
        expected_cents = {name: many for name, many in cents.items() if many}
        if self.report.cents != expected_cents:
            self.report.wrong.append(f"money: {self.report.cents}, undisturbed {expected_cents}")
        for kind, some in expected.items():
            self.report.wrong += _differences(kind, found[kind], some)


def settle(app: App) -> None:
    """Let a hub in this process do all that waits, and what is to be tried again."""
    runner = LocalRunner(app.steps(), threads=2)
    app.store.on_commit(runner.told)
    runner.told([read_soon(SOURCE), assemble_soon(SOURCE)])
    while True:
        assert runner.run_until_idle(CALM_SECONDS)
        status = runner.status()
        assert not status.held, status.held
        if not status.backing_off:
            break
        time.sleep(LOOK_SECONDS)
    runner.stop()


def _differences(kind: str, found: dict[str, str], expected: dict[str, str]) -> list[str]:
    """How many differ, and the first of them whole."""
    keys = sorted(key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key))
    if not keys:
        return []
    first = keys[0]
    return [f"{len(keys)} {kind} differ, as {first}:\n  {found.get(first)}\n  undisturbed {expected.get(first)}"]


__all__ = ["FeedDay", "Plan", "Report", "settle"]
