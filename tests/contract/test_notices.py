"""From a finding to a notice that was taken: conditions, the queue of notices, the digest, the sign of life."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from hub import app, log
from hub.clock import TurnedClock
from hub.config import Settings, load
from hub.errors import RetryLater, StoreAway
from hub.flow.base import Hub
from hub.ledger import AccountKind, entry, transaction
from hub.model.work import WorkItem
from hub.plugin.host import ConnectorSpec, PluginHost, contexts
from hub.store import Store
from hub.store.keeping import Backup
from hub.store.notices import Days, Letter
from hub.testing import fakes
from hub.testing.fakes import FakeSecrets, MemoryBoard
from hub.watch import conditions, digest, notices
from hub.watch.finding import Finding, Level
from hub.watch.notices import LastResort
from hub.watch.steps import STEPS

EXAMPLE = Path(__file__).resolve().parents[2] / "config"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DISK = Finding(
    key="disk.low:data", ok=False, level="alarm", what="data folder: 90 MB free", why="it fills", fix="free space"
)
CANARY = ("Quetzalcoatlus", "MRNZQX41", "Quetzalcoatlus owes 120.00")


class Watching:
    """A hub whose findings a test names, with notice boards for notifiers."""

    def __init__(self, store: Store, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.clock = store, clock
        self.findings: list[Finding] = []
        self.boards = {name: MemoryBoard() for name in ("mail", "hook", "beat")}
        self.settings: Settings = load(EXAMPLE).settings
        self.host = self._host()
        self.tell(it=("mail", "beat"), all=("hook",))
        monkeypatch.setattr("hub.watch.checks.standing", lambda _hub: list(self.findings))
        monkeypatch.setattr("platform.node", lambda: "node-1")

    def _host(self) -> PluginHost:
        takes = {"mail": {"alert", "recovered", "digest"}, "hook": {"alert", "digest"}, "beat": {"alive"}}
        specs = {
            name: ConnectorSpec(
                plugin="fake", kind="memory-board", settings={"board": board, "takes": frozenset(takes[name])}
            )
            for name, board in self.boards.items()
        }
        make = contexts(clock=self.clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None)
        host, faults = PluginHost.load(specs, context_for=make, options=_with_fakes())
        assert faults == ()
        return host

    def tell(self, **to: tuple[str, ...]) -> None:
        """Say who is told."""
        told = self.settings.notifications.model_copy(update={"to": to})
        self.settings = self.settings.model_copy(update={"notifications": told})

    @property
    def hub(self) -> Hub:
        """What steps are given."""
        return Hub(settings=self.settings, store=self.store, host=self.host, clock=self.clock)

    def look(self, *findings: Finding, after: timedelta = MINUTE) -> None:
        """Some time passes, and a look finds this."""
        self.clock.turn(after)
        self.findings = list(findings)
        conditions.look(self.hub, "hub")

    def send(self, after: timedelta = timedelta()) -> None:
        """What is due goes to each notifier."""
        self.clock.turn(after)
        for name in conditions.notifiers(self.hub):
            notices.send(self.hub, name)

    def subjects(self, board: str = "mail") -> list[str]:
        """What stands on a board."""
        return [one.subject.partition("] ")[2] for one in self.boards[board].notices]

    def letters(self, **equals: Any) -> list[Letter]:
        """Notices as they are kept, the latest first."""
        with self.store.view() as view:
            return view.notices.list(**equals)

    def open(self) -> list[str]:
        """Keys of what is open."""
        with self.store.view() as view:
            return [one.key for one in view.conditions.open()]


def _with_fakes() -> Any:
    from hub.plugin.host import Options

    return Options(modules={"fake": fakes})


@pytest.fixture
def watching(store: Store, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watching]:
    """A hub with three notifiers: mail and a heart beat for IT, a web hook for everybody else."""
    made = Watching(store, clock, monkeypatch)
    yield made
    made.host.close()


@pytest.fixture
def watch(
    made_sqlite_url: str, keyring: Any, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watching]:
    """The same on SQLite only, where the database makes no difference."""
    from hub.store import open_store

    store = open_store(made_sqlite_url, keyring, clock)
    made = Watching(store, clock, monkeypatch)
    yield made
    made.host.close()
    store.close()


def item(reason: str = "connector.stopped", about: str = "clearinghouse", **more: Any) -> WorkItem:
    """A work item for IT about a connector."""
    words = {"aggregate": "connector", "why": "x", "fix": "y", "owner": "it", **more}
    return WorkItem(reason=reason, aggregate_id=about, **words)


def test_from_trouble_to_its_end(watching: Watching) -> None:
    """A trouble is told once, not again while it lasts, and its end once; each goes to its role's notifiers."""
    for _ in range(3):
        watching.look(DISK)
        watching.send()
    assert watching.subjects() == ["ALARM data folder: 90 MB free"]
    assert watching.open() == ["disk.low:data"]
    for _ in range(3):
        watching.look()
        watching.send()
    assert watching.subjects() == ["ALARM data folder: 90 MB free", "OVER data folder: 90 MB free"]
    assert watching.subjects("hook") == watching.subjects("beat") == []
    assert watching.open() == []
    assert {one.state for one in watching.letters()} == {"sent"}


def test_a_quiet_look_writes_nothing(watch: Watching) -> None:
    """While all is well a look leaves no trace in the store, every minute of months."""
    watch.look(Finding(key="disk.low:data", ok=True, level="ok", what="fine"))
    assert watch.store.commit_points == {}


def bad(key: str, level: Level = "alarm") -> Finding:
    """Something that is wrong."""
    return Finding(key=key, ok=False, level=level, what=f"{key} is wrong")


def test_what_could_not_be_looked_at_is_not_over(watch: Watching) -> None:
    """A look of which a check failed ends nothing that this check would have seen and it did not see to be well."""
    watch.look(DISK, bad("node.dead:b"))
    well = Finding(key="node.dead:b", ok=True, level="ok", what="node b runs")
    for _ in range(4):
        watch.look(bad("check.failed:machine.disks", "warning"), well)
    assert watch.open() == ["disk.low:data", "check.failed:machine.disks"]


def test_without_its_database_a_look_ends_nothing_that_is_asked_of_it(watch: Watching) -> None:
    """What only the database tells of is neither seen nor gone while it is damaged; what needs none of it ends."""
    watch.look(bad("lane.down:clearinghouse:fetch.fetch"), bad("plugin.hung:clearinghouse"))
    for _ in range(4):
        watch.look(bad("store.damaged"))
    assert watch.open() == ["lane.down:clearinghouse:fetch.fetch", "store.damaged"]


def test_a_check_that_fails_for_weeks_hides_no_other_trouble(watching: Watching) -> None:
    """One check with a bug hides nothing that others see: a lane's end is told, and its next outage."""
    failed, down = bad("check.failed:machine.clock", "warning"), bad("lane.down:clearinghouse:fetch.fetch")
    watching.look(failed, down)
    for _ in range(3):
        watching.look(failed)
    watching.send()
    assert watching.subjects() == [f"ALARM {down.what}", f"OVER {down.what}"]
    watching.look(failed, down, after=DAY)
    watching.send()
    assert watching.subjects()[2:] == ["ALARM 2 alarms: check.failed, lane.down"]


def test_a_check_that_fails_for_an_hour_is_an_alarm(watch: Watching) -> None:
    """What a failing check would see stays unseen: for a moment that is a warning, after an hour it is told."""
    failed = bad("check.failed:machine.clock", "warning")
    for _ in range(59):
        watch.look(failed)
    watch.send()
    assert watch.subjects() == []
    watch.look(failed, after=2 * MINUTE)
    watch.send()
    assert watch.subjects() == [f"ALARM {failed.what}"]


def test_no_end_is_told_while_it_got_worse(watching: Watching) -> None:
    """A lane that failed and is held now is no lane that works: the end of the one is told with the end of the other,
    in whatever order their codes change.
    """
    down, held = bad("lane.down:clearinghouse:fetch.fetch"), bad("lane.held:clearinghouse:fetch.fetch")
    failing = bad("lane.failing:clearinghouse:fetch.fetch", "warning")
    for now in (down, held, held, held, held, failing, failing, failing):
        watching.look(now)
        watching.send()
    assert watching.subjects() == [f"ALARM {down.what}", f"ALARM {held.what}"]
    watching.look()
    watching.look()
    watching.send()
    assert watching.subjects()[2:] == ["OVER 2 alarms: lane.down, lane.held"]


def test_another_step_of_the_lane_ends_by_itself(watch: Watching) -> None:
    """The end of one step's trouble does not wait for another's, nor for another lane's."""
    fetch, send = bad("lane.down:clearinghouse:fetch.fetch"), bad("lane.held:clearinghouse:dispatch.send")
    watch.look(fetch, send)
    watch.look(send)
    watch.look(send)
    watch.send()
    assert watch.subjects()[-1] == f"OVER {fetch.what}"


def test_work_of_a_lane_that_broke_is_not_over(watch: Watching) -> None:
    """A work item about a connector of which a lane broke meanwhile is covered by that, and not told as done."""
    with watch.store.begin("admin") as tx:
        tx.work.open(item("dispatch.in_doubt"), practice="lakeside")
    watch.look()
    for _ in range(3):
        watch.look(bad("lane.held:clearinghouse:fetch.fetch"))
    watch.send()
    assert [subject.split()[0] for subject in watch.subjects()] == ["ALARM", "ALARM"]


def test_many_at_once_are_one_notice(watching: Watching) -> None:
    """A database that comes back to fifty mailboxes in trouble tells that once, and so their end."""
    storm = [
        Finding(key=f"lane.down:box{n}:fetch.fetch", ok=False, level="alarm", what=f"box{n}: away")
        for n in range(50)
    ]
    watching.look(*storm)
    watching.send()
    watching.look()
    watching.look()
    watching.send()
    assert watching.subjects() == ["ALARM 50 alarms: lane.down (50)", "OVER 50 alarms: lane.down (50)"]


@pytest.mark.campaign
def test_a_slow_storm_is_a_few_notices(watching: Watching) -> None:
    """Fifty troubles that begin one a minute are told in bundles: three, then what gathered in ten minutes."""
    storm: list[Finding] = []
    for number in range(50):
        storm.append(Finding(key=f"node.dead:n{number}", ok=False, level="alarm", what=f"node {number}"))
        watching.look(*storm)
        watching.send()
    assert len(watching.subjects()) <= 18
    watching.look(*storm, after=11 * MINUTE)
    watching.send()
    with watching.store.view() as view:
        assert {one.heard for one in view.conditions.open()} == {"open"}


def test_work_for_it_is_a_condition(watching: Watching) -> None:
    """Open work of IT is told by reason and connector, once, and over when it is resolved; billers' work is not."""
    with watching.store.begin("admin") as tx:
        first = tx.work.open(item(), practice="lakeside")
        for number in range(3):
            tx.work.open(item("step.file", f"msg_{number}", aggregate="message"), practice="lakeside")
        tx.work.open(item("coding.unmapped", "enc_1", aggregate="encounter", owner="biller"), practice="lakeside")
    watching.look()
    assert watching.open() == ["work.connector.stopped:clearinghouse", "work.step.file:message"]
    watching.look()
    with watching.store.begin("work.resolve") as tx:
        tx.work.resolve(first, "mended", "ann")
    watching.look()
    watching.look()
    watching.send()
    assert watching.open() == ["work.step.file:message"]
    assert len(watching.subjects()) == 2
    assert "step.file: 3 work items for IT" in "\n".join(watching.boards["mail"].notices[0].lines)


def test_a_lane_that_is_told_is_not_told_twice(watch: Watching) -> None:
    """Where a finding speaks of a connector's lane, its work item is no condition of its own."""
    with watch.store.begin("admin") as tx:
        tx.work.open(item(), practice="lakeside")
    watch.look(Finding(key="lane.held:clearinghouse:fetch.fetch", ok=False, level="alarm", what="held"))
    assert watch.open() == ["lane.held:clearinghouse:fetch.fetch"]


def test_a_short_failure_of_a_connection_is_a_warning(watch: Watching) -> None:
    """A partner that is away for a moment alarms nobody; after `watch.lag_minutes` it does."""
    with watch.store.begin("admin") as tx:
        tx.work.open(item("connector.unreachable"), practice="lakeside")
    watch.look()
    watch.send()
    assert watch.subjects() == []
    watch.look(after=16 * MINUTE)
    watch.send()
    assert len(watch.subjects()) == 1


def test_nobody_configured(watch: Watching) -> None:
    """With nobody to tell, what opens is logged with one warning, and it is told once somebody is named."""
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    log.configure(stream=stream)
    try:
        watch.tell()
        for _ in range(3):
            watch.look(DISK)
    finally:
        structlog.reset_defaults()
        root.handlers[:] = before
        root.setLevel(level)
    assert stream.getvalue().count("notices.nobody") == 1
    assert stream.getvalue().count("condition.opened") == 1
    assert watch.letters() == []
    watch.tell(it=("mail",))
    watch.look(DISK)
    watch.send()
    assert len(watch.subjects()) == 1


def test_tried_again_until_it_goes(watching: Watching) -> None:
    """A notifier that is away gets its notices in their order when it is back; the waits grow meanwhile."""
    watching.boards["mail"].cut_after(0)
    watching.look(DISK)
    watching.send()
    watching.look(DISK, Finding(key="node.dead:b", ok=False, level="alarm", what="node b"))
    for _ in range(30):
        watching.send(after=timedelta(seconds=20))
    waiting = watching.letters(state="waiting")
    assert [one.attempts for one in waiting][-1] in range(4, 8)
    assert waiting[-1].said == "RetryLater: the board is away"
    watching.boards["mail"].heal()
    watching.send(after=HOUR)
    assert watching.subjects() == ["ALARM data folder: 90 MB free", "ALARM node b"]


def test_what_is_asked_is_waited(watch: Watching) -> None:
    """A notifier that asks for an hour is left alone for an hour, with all that waits for it."""
    watch.boards["mail"].busy(3600)
    watch.look(DISK)
    watch.send()
    (letter,) = watch.letters()
    assert letter.next_at == watch.clock.now() + HOUR
    watch.boards["mail"].heal()
    watch.send(after=59 * MINUTE)
    assert watch.subjects() == []
    watch.send(after=MINUTE)
    assert len(watch.subjects()) == 1


def test_a_crash_between_sending_and_noting_repeats_the_same(
    watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once: what was sent and not noted is sent again under the same id."""
    watching.look(DISK)
    real = watching.store.begin

    def crash(name: str) -> Any:
        if name == "notices.sent":
            raise StoreAway("the machine stops here")
        return real(name)

    with monkeypatch.context() as patched:
        patched.setattr(watching.store, "begin", crash)
        with pytest.raises(StoreAway):
            watching.send()
    watching.send()
    ids = [mark for mark, _ in watching.boards["mail"].received()]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    watching.send(after=HOUR)
    assert len(watching.boards["mail"].notices) == 2


def test_refused_is_over(watch: Watching) -> None:
    """A notice that the other side will not have is not tried again; those behind it go."""
    watch.boards["mail"].refuse()
    watch.look(DISK)
    watch.send()
    assert [one.state for one in watch.letters()] == ["refused"]
    watch.boards["mail"].heal()
    watch.look(DISK, Finding(key="node.dead:b", ok=False, level="alarm", what="node b"))
    watch.send()
    assert watch.subjects() == ["ALARM node b"]


def test_dropped_after_three_days_is_told_by_the_others(watching: Watching) -> None:
    """What could not be sent for three days is dropped; that is told, but not through the notifier that fails."""
    watching.boards["mail"].cut_after(0)
    watching.look(DISK)
    watching.send()
    watching.look(DISK, after=4 * DAY)
    assert [one.state for one in watching.letters()] == ["dropped"]
    watching.look(DISK)
    watching.send()
    assert watching.open() == ["disk.low:data", "notice.lost:mail"]
    assert watching.subjects("hook") == ["ALARM mail: 1 notice could not be sent for three days, dropped"]
    assert [one.notifier for one in watching.letters(state="waiting")] == []
    watching.boards["mail"].heal()
    watching.look(DISK, after=2 * DAY)
    watching.look(DISK)
    assert "notice.lost:mail" not in watching.open()


def test_a_notifier_that_is_gone_leaves_nothing(watch: Watching) -> None:
    """What waits for a connector that the settings no longer name is dropped, and alarms nobody."""
    watch.boards["mail"].cut_after(0)
    watch.look(DISK)
    watch.send()
    watch.tell(it=("hook",))
    for _ in range(3):
        watch.look(DISK)
    assert [one.state for one in watch.letters()] == ["dropped"]
    assert watch.open() == ["disk.low:data"]


def test_a_hung_or_broken_notifier_stops_nothing(watch: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in a notifier is a failed try like any other: the look and the others go on, its message is not kept."""
    inner: Any = watch.host.notifier("mail")._inner
    monkeypatch.setattr(inner, "send", lambda _notice: 1 / 0)
    watch.look(DISK)
    watch.send()
    (letter,) = watch.letters()
    assert letter.state == "waiting"
    assert letter.said.startswith("fault: plugin fake, mail.send: ZeroDivisionError")


def test_a_notifier_that_hung_once_goes_on_by_itself(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notifier of which a call hung is made anew when the wait is over: its notices go out without a person."""
    port: Any = watching.host.notifier("mail")
    let_go = threading.Event()
    monkeypatch.setattr(port._inner, "send", lambda _notice: let_go.wait(60))
    port._guard.deadline_seconds = 0.02
    watching.look(DISK)
    watching.send()
    assert watching.host.notifier("mail").held
    assert watching.letters()[0].said.startswith("fault: plugin fake, mail.send: the call did not end in time")
    watching.send()
    assert watching.host.notifier("mail").held
    watching.send(after=MINUTE)
    assert watching.subjects() == ["ALARM data folder: 90 MB free"]
    assert not watching.host.notifier("mail").held
    let_go.set()


def backup(watching: Watching) -> Backup:
    """A backup of last night."""
    now = watching.clock.now()
    times = {"began_at": now - HOUR, "ended_at": now - HOUR}
    return Backup(id="bak_1", file="a.hub", kind="sqlite", size=1, digest="d", state="made", **times)


def test_the_digest(watching: Watching) -> None:
    """Once a local day for each notifier: what is open, work by reason and money, yesterday, the backup."""
    yesterday = date(2026, 3, 1)
    with watching.store.begin("admin") as tx:
        tx.work.open(item("step.file", "msg_1", aggregate="message"), practice="lakeside")
        for number in range(2):
            claim = f"clm_{number}"
            late = item("overdue.claim_ack", claim, aggregate="claim", owner="biller", amount_cents=12_050)
            tx.work.open(late, practice="lakeside")
        payer = {"payer": "ppo", "remit_id": "rem_1"}
        paid = [
            entry(AccountKind.CASH_CLEARING, 30_000, **payer),
            entry(AccountKind.UNMATCHED_SUSPENSE, -30_000, **payer),
        ]
        posted = {"practice": "lakeside", "key": "k1", "cause": "rem_1", "posting_date": yesterday}
        tx.book.post(transaction(entries=tuple(paid), **posted))
        tx.backups.record(backup(watching))
    watching.look(DISK, after=HOUR)
    for _ in range(2):
        digest.digest(watching.hub, "hub")
    watching.send()
    text = "\n".join(watching.boards["mail"].notices[-1].lines)
    assert watching.subjects()[-1] == "2026-03-02: 2 things are wrong, 1 work item"
    assert "alarm, for 0 s: data folder: 90 MB free" in text
    assert "step.file: 1, the oldest for 60 min" in text
    assert "lakeside on 2026-03-01: 0 claims went out, 300.00 posted from payers, 0.00 from patients" in text
    assert "the last is of 2026-03-02 08:00 EST" in text
    (hook,) = watching.boards["hook"].notices
    assert hook.subject.endswith("2026-03-02: 2 work items, 241.00 at stake")
    assert "overdue.claim_ack: 2, 241.00, the oldest for 60 min" in hook.lines[1]
    assert "  claim_ack 2" in hook.lines
    assert len(watching.letters(kind="digest")) == 2
    watching.clock.turn(DAY)
    digest.digest(watching.hub, "hub")
    assert len(watching.letters(kind="digest")) == 4


def test_a_quiet_day_is_one_line(watch: Watching) -> None:
    """Where nothing is open the digest says so, and what was done."""
    digest.digest(watch.hub, "hub")
    watch.send()
    (notice,) = watch.boards["mail"].notices
    assert notice.subject.endswith("all quiet")
    assert len(notice.lines) == 1
    assert notice.lines[0].startswith("Nothing waits for you. lakeside on 2026-03-01: 0 claims went out")


def test_who_reads_what(watch: Watching) -> None:
    """A role without a line of its own is read by those of `all`; who reads several roles gets one digest."""
    read = {one.notifier: one.roles for one in digest.readers_of(watch.settings)}
    assert read == {
        "mail": {"it"},
        "beat": {"it"},
        "hook": {"biller", "coder", "front-desk"},
    }
    watch.tell(it=("mail",), biller=("mail",))
    assert [(one.notifier, one.roles) for one in digest.readers_of(watch.settings)] == [
        ("mail", {"it", "biller"})
    ]


def test_a_sign_of_life(watching: Watching) -> None:
    """A ping goes to those that take it while the hub is well, after a write that the database took."""
    for name in conditions.notifiers(watching.hub):
        notices.alive(watching.hub, name)
    assert watching.subjects("beat") == ["the hub lives"]
    assert watching.subjects("mail") == []
    (last,) = watching.letters(kind="alive")
    assert (last.state, last.sent_at) == ("sent", watching.clock.now())


UNKNOWN = "check.failed:flow.schedules"


@pytest.mark.parametrize("code", ["schedule.late:send", "store.readonly", "key.master", "watch.late", UNKNOWN])
def test_silence_is_the_alarm(watch: Watching, code: str) -> None:
    """With a late schedule, a sick store or a watch that does not look no sign of life is given, nor where that is
    not known; with any other alarm it is.
    """
    watch.findings = [Finding(key=code, ok=False, level="alarm", what="x")]
    notices.alive(watch.hub, "beat")
    assert watch.subjects("beat") == []
    watch.findings = [DISK]
    notices.alive(watch.hub, "beat")
    assert watch.subjects("beat") == ["the hub lives"]


def test_no_sign_of_life_from_a_hub_that_cannot_write(watch: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that takes no write ends the sign of life before it is given."""

    def away(_name: str) -> Any:
        raise StoreAway("the disk is full")

    monkeypatch.setattr(watch.store, "begin", away)
    with pytest.raises(StoreAway):
        notices.alive(watch.hub, "beat")
    assert watch.subjects("beat") == []


def test_a_ping_that_fails_is_told(watch: Watching) -> None:
    """Signs of life are not queued; three in a row that fail are an alarm through the others, until one goes."""
    watch.boards["beat"].cut_after(0)
    for _ in range(3):
        notices.alive(watch.hub, "beat")
    watch.look()
    watch.send()
    assert watch.subjects() == ["ALARM beat: 3 signs of life in a row did not get through"]
    watch.boards["beat"].heal()
    notices.alive(watch.hub, "beat")
    watch.look()
    watch.look()
    assert watch.open() == []


def test_the_last_resort(watch: Watching) -> None:
    """A database that is away for five minutes is told once from memory, tried again until taken, and so its end."""
    clock, mail = watch.clock, watch.boards["mail"]
    resort = LastResort(watch.host, watch.settings, clock, node="node-1")
    assert resort.away() == ()
    clock.turn(6 * MINUTE)
    mail.cut_after(0)
    assert [resort.away(), resort.away()] == [(), ()]
    mail.heal()
    clock.turn(MINUTE)
    assert [resort.away(), resort.away()] == [("mail",), ()]
    assert watch.subjects() == ["ALARM the database is away since 2026-03-02 09:00 EST"]
    clock.turn(HOUR)
    assert [resort.back(), resort.back()] == [("mail",), ()]
    assert watch.subjects()[1:] == ["OVER the database is back after 67 min"]
    assert "as node node-1 sees it" in mail.notices[0].lines[0]


def test_a_short_absence_is_told_to_nobody(watch: Watching) -> None:
    """A database that is back within five minutes alarms nobody, however often."""
    resort = LastResort(watch.host, watch.settings, watch.clock)
    for _ in range(5):
        assert resort.away() == ()
        watch.clock.turn(4 * MINUTE)
        assert resort.away() == ()
        assert resort.back() == ()
    assert watch.subjects() == []


def test_nothing_of_a_patient_gets_out(watch: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name, a record number and an amount beside a name, put wherever a plugin, a partner or an item can put
    words: they stand in no notice, alarm, digest, log line or exception.
    """
    stream, root = io.StringIO(), logging.getLogger()
    before, level = root.handlers[:], root.level
    log.configure(stream=stream)
    root.setLevel(logging.INFO)
    said = " ".join(CANARY)
    with watch.store.begin("admin") as tx:
        for owner, reason in (("it", "connector.stopped"), ("it", "step.file"), ("biller", "coding.unmapped")):
            tx.work.open(item(reason, why=said, fix=said, where="FT1-7", owner=owner), practice="lakeside")
    quoting = [
        Finding(key=f"{code}:clearinghouse:x", ok=False, level="alarm", what="a lane", why=said, fix=said)
        for code in conditions.QUOTING
    ]
    inner: Any = watch.host.notifier("hook")._inner

    def careless(_notice: Any) -> Any:
        logging.getLogger("careless").error("sent %s", said)
        raise ValueError(said)

    monkeypatch.setattr(inner, "send", careless)
    try:
        watch.look(*quoting)
        digest.digest(watch.hub, "hub")
        watch.send()
        watch.look()
        watch.look()
        watch.send(after=HOUR)
    finally:
        structlog.reset_defaults()
        root.handlers[:] = before
        root.setLevel(level)
    told = {
        "mail": repr(watch.boards["mail"].notices),
        "kept": repr(watch.letters()),
        "log": stream.getvalue(),
    }
    assert len(watch.boards["mail"].notices) >= 3
    assert "library careless error" in told["log"]
    assert {where for where, text in told.items() for one in CANARY if one.casefold() in text.casefold()} == set()


def test_what_was_done_is_asked_once_for_all_readers(watch: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    """The day's sums go over all claims and entries: they are made once a day, however many read them."""
    asked: list[Any] = []

    def claims_out(_days: Days, *span: Any) -> dict[tuple[str, str], int]:
        asked.append(span)
        return {}

    monkeypatch.setattr(Days, "claims_out", claims_out)
    digest.digest(watch.hub, "hub.digest")
    digest.digest(watch.hub, "hub.digest")
    assert len(watch.letters(kind="digest")) == 2
    assert len(asked) == 1


def test_steps_have_lanes() -> None:
    """Each step that talks to a notifier has that notifier as its lane: a slow one holds up nothing else. The look at
    all lanes, and the digest, share theirs with no step; so do the seal and who listens.
    """
    kinds = {name: kind for name, (_step, kind) in app.STEPS.items()}
    assert {name for name in STEPS if kinds[name] == "notifiers"} == {"notices.send", "notices.alive"}
    for name in ("watch.look", "notices.digest", "audit.seal", "events.tell"):
        assert [other for other, kind in kinds.items() if kind == kinds[name]] == [name]


def test_old_rows_are_pruned(watching: Watching) -> None:
    """What is over and what was sent can be forgotten; what is open, believed to be open, or waits, stays."""
    watching.boards["mail"].cut_after(0)
    watching.look(DISK, Finding(key="node.dead:b", ok=False, level="alarm", what="node b"))
    watching.boards["mail"].heal()
    watching.send(after=MINUTE)
    watching.look(DISK)
    watching.look(DISK)
    watching.clock.turn(HOUR)
    with watching.store.begin("admin") as tx:
        assert tx.conditions.prune(tx.now) == 1
        assert tx.notices.prune(tx.now) == 1
        assert [one.key for one in tx.conditions.open()] == ["disk.low:data"]
        assert [one.state for one in tx.notices.list()] == ["waiting"]


def test_an_unknown_notifier_is_tried_later(watch: Watching) -> None:
    """A connector that cannot be made is no reason to lose what waits for it."""
    trouble = notices._tried(watch.host, "gone", notices.sign_of_life(watch.settings, "gone", watch.clock.now()))
    assert type(trouble).__name__ == "Misconfigured"
    assert not isinstance(trouble, RetryLater)
