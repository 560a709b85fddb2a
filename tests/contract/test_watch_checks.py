"""What the watch finds: each trouble is made, is seen under its name, and is gone once it is mended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Float, Table, Text, delete, event, update

from hub.cli import reference
from hub.clock import Clock, SystemClock, TurnedClock
from hub.config import Settings, load
from hub.config.template import write_template
from hub.flow.base import Hub
from hub.flow.trouble import Watch
from hub.schedule import latest
from hub.store import Keyring, Store, Tx, open_store
from hub.store.feeds import Hour
from hub.store.schema import METADATA, Instant
from hub.testing.notices import made_certificate
from hub.watch import checks, checks_flow
from hub.watch.catalogue import KINDS
from hub.watch.checks import standing
from hub.watch.finding import Finding
from hub.watch.looking import Check, Place

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CANARY = "Nightingale-Canary"
TOLD = r"(?:run: |see |in |: )hub ((?:connector|files|work|db|notices|schedule|messages|feeds) [a-z]+|[a-z]+)"
EXAMPLE = Path(__file__).resolve().parents[2] / "config"


@cache
def example() -> Settings:
    """The settings of the example practice; nobody can alter them, so one reading serves all."""
    return load(EXAMPLE).settings


class Lab:
    """A hub that is looked at: its settings, store and clock, and ways to make trouble."""

    def __init__(self, store: Store, clock: TurnedClock, folder: Path) -> None:
        self.store, self.clock, self.folder = store, clock, folder
        self.settings: Settings = example()
        self.host: Any = SimpleNamespace(instances=tuple)

    @property
    def hub(self) -> Hub:
        """What the watch is given."""
        return self.at(self.clock)

    def at(self, clock: Clock) -> Hub:
        """The same with another clock."""
        return Hub(settings=self.settings, store=self.store, host=self.host, clock=clock, folder=self.folder)

    def change(self, part: str, **values: object) -> None:
        """Alter one table of the settings."""
        table = getattr(self.settings, part).model_copy(update=values)
        self.settings = self.settings.model_copy(update={part: table})

    def wrong(self) -> dict[str, Finding]:
        """What is not well, by key."""
        return {one.key: one for one in standing(self.hub) if not one.ok}

    def write(self, act: Callable[[Tx], object]) -> None:
        """Do something in a transaction."""
        with self.store.begin("admin") as tx:
            act(tx)

    def add(self, name: str, **values: object) -> None:
        """A row of a table; what is not given is empty."""
        table = METADATA.tables[name]
        self.write(lambda tx: tx.session.conn.execute(table.insert().values({**self._blank(table), **values})))

    def _blank(self, table: Table) -> dict[str, object]:
        names = [
            c for c in table.columns if not c.nullable and c.computed is None and c.autoincrement is not True
        ]
        return {
            c.name: self.clock.now() if isinstance(c.type, Instant) else "" if isinstance(c.type, Text) else 0
            for c in names
            if not isinstance(c.type, Float)
        } | {c.name: 0.0 for c in names if isinstance(c.type, Float)}

    def alter(self, name: str, **values: object) -> None:
        """Change every row of a table."""
        self.write(lambda tx: tx.session.conn.execute(update(METADATA.tables[name]).values(**values)))

    def empty(self, name: str) -> None:
        """Remove every row of a table."""
        self.write(lambda tx: tx.session.conn.execute(delete(METADATA.tables[name])))


@pytest.fixture
def lab(store: Store, clock: TurnedClock, tmp_path: Path) -> Lab:
    """A hub in which nothing has happened, with its settings on disk."""
    folder = tmp_path / "config"
    write_template(folder)
    path = folder / "hub.toml"
    path.write_text(path.read_text().replace("env:HUB_MASTER_KEY", "file:master.key"))
    (folder / "master.key").touch(mode=0o600)
    (folder / "master.key").write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    _ = store.keys
    return Lab(store, clock, folder)


Scene = Iterator[None]
SCENES: dict[str, Callable[[Lab], Scene]] = {}


def scene(code: str) -> Callable[[Callable[[Lab], Scene]], Callable[[Lab], Scene]]:
    """Registers how a trouble is made (before the yield) and mended (after it)."""

    def register(play: Callable[[Lab], Scene]) -> Callable[[Lab], Scene]:
        SCENES[code] = play
        return play

    return register


@scene("disk.low")
def _disk(lab: Lab) -> Scene:
    lab.change("watch", free_megabytes=10**9)
    yield
    lab.change("watch", free_megabytes=100)


@scene("store.tables")
def _tables(lab: Lab) -> Scene:
    lab.write(
        lambda tx: tx.session.conn.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    )
    lab.write(lambda tx: tx.session.conn.exec_driver_sql("INSERT INTO alembic_version VALUES ('9999')"))
    yield
    lab.write(lambda tx: tx.session.conn.exec_driver_sql("DROP TABLE alembic_version"))


@scene("key.old")
def _key(lab: Lab) -> Scene:
    lab.clock.turn(731 * DAY)
    yield
    lab.store.rotate_keys()


@scene("audit.open")
def _audit(lab: Lab) -> Scene:
    lab.write(lambda tx: tx.event("claim.new", "claim", "clm_1", practice="lakeside"))
    lab.clock.turn(20 * MINUTE)
    yield
    lab.store.seal()


@scene("backup.old")
def _backup(lab: Lab) -> Scene:
    lab.clock.turn(40 * HOUR)
    yield
    lab.add("backups", id="bak_1", state="made", ended_at=lab.clock.now())


@scene("backup.unproved")
def _drill(lab: Lab) -> Scene:
    lab.add("backups", id="bak_1", state="made", ended_at=lab.clock.now())
    lab.clock.turn(36 * DAY)
    yield
    lab.alter("backups", proved_at=lab.clock.now())


@scene("node.dead")
def _node(lab: Lab) -> Scene:
    lab.add("nodes", id="node_1", node="north", roles="worker", load="{}")
    lab.clock.turn(3 * MINUTE)
    yield
    lab.add("nodes", id="node_2", node="north", roles="worker", load="{}")


def _take(lab: Lab) -> str:
    """Begin the last slot of the schedule by which the hub looks at itself; returns its name."""
    schedule = next(one for one in checks_flow.known_schedules(Place.of(lab.hub)) if one.step == "watch.look")
    slot = latest(schedule, lab.clock.now())
    assert slot is not None
    lab.write(lambda tx: tx.slots.take(slot.schedule, slot.name))
    return schedule.name


@scene("schedule.late")
def _schedule(lab: Lab) -> Scene:
    _take(lab)
    lab.clock.turn(30 * MINUTE)
    yield
    _take(lab)


@scene("schedule.paused")
def _paused(lab: Lab) -> Scene:
    lab.add("pauses", schedule="fetch", by="anna")
    lab.clock.turn(2 * DAY)
    yield
    lab.empty("pauses")


@scene("run.long")
def _run(lab: Lab) -> Scene:
    lab.add("schedule_runs", id="run_1", schedule="fetch", step="fetch.fetch", lane="clearinghouse")
    lab.clock.turn(5 * HOUR)
    yield
    lab.alter("schedule_runs", ended=lab.clock.now())


@scene("watch.late")
def _no_look(lab: Lab) -> Scene:
    slot = "2026-03-02T14:00:00Z"
    lab.write(lambda tx: tx.runs.start("house.watch", slot, step="watch.look", lane="hub.watch"))
    lab.clock.turn(4 * MINUTE)
    yield
    lab.empty("schedule_runs")


@scene("lane.held")
def _held(lab: Lab) -> Scene:
    lab.add("lane_troubles", lane="clearinghouse", step="dispatch.send", kind="held", said="the key is refused")
    yield
    lab.empty("lane_troubles")


def _backs_off(lab: Lab) -> None:
    soon = lab.clock.now() + MINUTE
    lab.add("lane_troubles", lane="printer", step="dispatch.send", kind="retry", attempts=3, retry_at=soon)


@scene("lane.failing")
def _failing(lab: Lab) -> Scene:
    _backs_off(lab)
    yield
    lab.empty("lane_troubles")


@scene("lane.down")
def _down(lab: Lab) -> Scene:
    _backs_off(lab)
    lab.clock.turn(16 * MINUTE)
    yield
    lab.empty("lane_troubles")


def _freeze(tx: Tx, name: str = "batch") -> str:
    return tx.files.freeze(b"ISA", practice="lakeside", mailbox="clearinghouse", kind="837P", name=name).id


@scene("outbox.waiting")
def _outbox(lab: Lab) -> Scene:
    lab.write(_freeze)
    lab.clock.turn(25 * HOUR)
    yield
    lab.write(lambda tx: tx.files.put_state(tx.files.waiting("frozen")[0], "sent"))


@scene("feed.stopped")
def _lane_of_a_feed(lab: Lab) -> Scene:
    for role, seq in (("stop", 7), ("wait", 9)):
        lab.add("held_lanes", source="adt", lane="a", seq=seq, role=role)
    yield
    lab.empty("held_lanes")


@scene("inbox.waiting")
def _inbox(lab: Lab) -> Scene:
    lab.write(lambda tx: tx.inbox.put(practice="lakeside", source="adt", kind="message", body=b"MSH"))
    lab.clock.turn(16 * MINUTE)
    yield
    lab.write(lambda tx: tx.inbox.put_state(tx.inbox.waiting("received")[0], "read"))


def _came(lab: Lab, *hours: datetime) -> None:
    """Messages of the folder of an EHR came in these hours."""
    about = {"practice": "lakeside", "source": "ehr", "peer": "10.0.0.7", "messages": 5}
    made = [Hour(**about, hour=one, began_at=one, ended_at=one + MINUTE) for one in hours]
    lab.write(lambda tx: tx.feeds.add(made))


@scene("feed.silent")
def _silent(lab: Lab) -> Scene:
    now = lab.clock.now()
    _came(lab, *(now - number * HOUR for number in range(24 * 7 * 4)))
    lab.clock.turn(5 * HOUR)
    yield
    _came(lab, lab.clock.now())


@scene("partner.waiting")
def _partner(lab: Lab) -> Scene:
    at = lab.clock.now()
    about = {"practice": "lakeside", "connector": "clearinghouse", "size": 3, "modified_at": at}
    lab.write(lambda tx: tx.fetched.listed(token="t", name=CANARY, **about))
    lab.clock.turn(25 * HOUR)
    yield
    lab.alter("fetched", state="done")


@scene("flow.late")
def _undone(lab: Lab) -> Scene:
    about = {"practice": "lakeside", "state": "balanced", "content_key": "c", "trace": "t"}
    lab.add("remits", id="rmt_1", body=b"", **about)
    lab.clock.turn(16 * MINUTE)
    yield
    lab.alter("remits", state="posted")


@scene("answer.overdue")
def _answer(lab: Lab) -> Scene:
    due = lab.clock.now() + HOUR
    lab.write(lambda tx: tx.expect("acknowledgement", _freeze(tx), due, "lakeside"))
    lab.clock.turn(2 * HOUR)
    yield
    lab.write(lambda tx: tx.met("acknowledgement", tx.expectations.open()[0].about, "in_1"))


@scene("claim.unanswered")
def _claim(lab: Lab) -> Scene:
    due = lab.clock.now() + HOUR
    lab.write(lambda tx: tx.expect("claim_ack", "sub_1", due, "lakeside"))
    lab.clock.turn(2 * HOUR)
    yield
    lab.write(lambda tx: tx.met("claim_ack", "sub_1", "in_1"))


@scene("notice.stuck")
def _notice(lab: Lab) -> Scene:
    lab.add("notices", id="ntc_1", notifier="mail", kind="alert", state="waiting")
    lab.clock.turn(20 * MINUTE)
    yield
    lab.alter("notices", state="sent")


@scene("notice.nobody")
def _nobody(lab: Lab) -> Scene:
    yield
    lab.change("notifications", to={"all": ("mail",)})


@scene("settings.fault")
def _fault(lab: Lab) -> Scene:
    path = lab.folder / "hub.toml"
    before = path.read_text()
    path.write_text(before + "\n[nowhere]\nx = 1\n")
    yield
    path.write_text(before)


@scene("settings.doubt")
def _doubt(lab: Lab) -> Scene:
    (lab.folder / "payer.toml").touch()
    yield
    (lab.folder / "payer.toml").unlink()


@scene("secret.fault")
def _secret(lab: Lab) -> Scene:
    key = lab.folder / "master.key"
    path = lab.folder / "hub.toml"
    path.write_text(path.read_text().replace("env:HUB_SFTP_KEY", "file:master.key"))
    key.chmod(0o644)
    yield
    key.chmod(0o600)


@scene("enrolment.ending")
def _enrolment(lab: Lab) -> Scene:
    known = lab.settings.enrolments
    ends = lab.clock.now().date() + 10 * DAY
    active = next(one for one in known if one.status == "active")
    ending = active.model_copy(update={"valid_to": ends, "valid_from": None})
    lab.settings = lab.settings.model_copy(update={"enrolments": (ending,)})
    yield
    lab.settings = lab.settings.model_copy(update={"enrolments": known})


@scene("plugin.hung")
def _hung(lab: Lab) -> Scene:
    one = SimpleNamespace(name="clearinghouse", plugin="clearinghouse_sftp", held=True)
    lab.host = SimpleNamespace(instances=lambda: (one,))
    yield
    one.held = False


@scene("web.certificate")
def _certificate(lab: Lab) -> Scene:
    lab.change("run", public_listen="0.0.0.0:8443", public_certificate="none.pem")
    yield
    lab.change("run", public_certificate=str(made_certificate(lab.folder / "web.pem", days=3650)))


ELSEWHERE = {
    "clock.off": "needs the machine's clock: below",
    "store.away": "needs a database that goes away: below",
    "check.failed": "needs a check with a bug: below",
    **dict.fromkeys(("store.readonly", "store.damaged", "key.master"), "only hub doctor tries: test_doctor.py"),
    **dict.fromkeys(
        ("node.none", "connector.fault", "plugin.fault", "web.reach"),
        "only hub doctor tells: test_doctor.py, test_web_door.py",
    ),
    **dict.fromkeys(("notice.lost", "notice.silent"), "told by the step watch.look: test_watch_conditions"),
}


def test_every_finding_has_a_scene() -> None:
    """There is no finding that no test has made and mended."""
    assert set(SCENES) | set(ELSEWHERE) == set(KINDS)


@pytest.mark.parametrize("code", SCENES)
def test_trouble_is_seen_and_gone_once_mended(lab: Lab, code: str) -> None:
    """Trouble is one finding of its code, as grave as the catalogue says, with what to do; mended, it is none."""
    play = SCENES[code](lab)
    next(play)
    seen = [one for one in lab.wrong().values() if one.code == code]
    assert seen, lab.wrong()
    for one in seen:
        assert one.level in {KINDS[code].level, "warning"}
        assert one.what
        assert one.why
        assert one.fix
        assert "{" not in one.fix
        assert CANARY not in f"{one.key}{one.what}{one.why}{one.fix}"
    assert next(play, "mended") == "mended"
    assert [key for key, one in lab.wrong().items() if one.code == code] == []


def test_what_is_well_is_told_too(lab: Lab) -> None:
    """A hub in which nothing happened has no alarm, and of each thing it says that it was looked at."""
    lab.change("notifications", to={"all": ("mail",)})
    found = standing(lab.hub)
    assert [one for one in found if one.level == "alarm"] == []
    looked_at = {one.code for one in found if one.ok}
    assert looked_at >= {
        "store.away",
        "backup.old",
        "schedule.late",
        "lane.held",
        "outbox.waiting",
        "notice.stuck",
    }
    assert all(not one.why and not one.fix for one in found if one.ok)


def test_a_backup_dated_ahead_says_nothing_of_its_age(lab: Lab) -> None:
    """What a clock that was ahead made does not keep the alarm about missing backups and drills silent."""
    later = lab.clock.now() + 400 * DAY
    lab.add("backups", id="bak_1", state="made", ended_at=later, proved_at=later)
    lab.clock.turn(36 * DAY)
    assert {"backup.old", "backup.unproved"} <= set(lab.wrong())


def test_a_tail_of_a_minute_is_a_warning(lab: Lab) -> None:
    """The audit trail unsealed for more than a minute is a warning before it is an alarm."""
    lab.write(lambda tx: tx.event("claim.new", "claim", "clm_1", practice="lakeside"))
    lab.clock.turn(2 * MINUTE)
    assert lab.wrong()["audit.open"].level == "warning"
    lab.clock.turn(20 * MINUTE)
    assert lab.wrong()["audit.open"].level == "alarm"


def test_a_schedule_that_never_ran_owes_nothing(lab: Lab) -> None:
    """Of a schedule that was never taken nothing is late: it was not there when its slots went by."""
    lab.clock.turn(40 * DAY)
    assert "schedule.late" not in {one.code for one in lab.wrong().values()}


def test_a_hub_that_just_began_may_catch_up(lab: Lab) -> None:
    """While the only scheduler has run for less than the lag, nothing is called late."""
    _take(lab)
    lab.clock.turn(3 * HOUR)
    lab.add("nodes", id="node_1", node="north", roles="scheduler,worker", load="{}")
    assert "schedule.late" not in {one.code for one in lab.wrong().values()}


def test_a_paused_schedule_is_not_late(lab: Lab) -> None:
    """A schedule that a person paused owes no slot."""
    lab.add("pauses", schedule=_take(lab), by="anna", until=lab.clock.now() + DAY)
    lab.clock.turn(HOUR)
    assert [key for key in lab.wrong() if key.startswith("schedule.")] == []


def test_late_answers_are_told_by_mailbox(lab: Lab) -> None:
    """Overdue answers are counted by kind and by the mailbox of their file, also where a submission names it."""
    due = lab.clock.now() + HOUR

    def expect(tx: Tx) -> None:
        for number in range(3):
            tx.expect("acknowledgement", _freeze(tx, f"b{number}"), due, "lakeside")

    lab.write(expect)
    lab.clock.turn(2 * HOUR)
    found = lab.wrong()["answer.overdue:acknowledgement:clearinghouse"]
    assert "3 files" in found.what


def test_open_items_of_connections_are_lanes(lab: Lab) -> None:
    """A connection whose item is open is a lane in trouble, in the words of its item, also without the runner."""
    watch = Watch(lab.settings, lab.store)
    watch.open("dispatch.send", "clearinghouse", "held", "Misconfigured", said="no key", place="", fix="pin it")
    found = lab.wrong()["lane.held:clearinghouse:dispatch.send"]
    assert found.why.endswith("no key")
    assert found.fix.startswith("pin it; then resolve")
    watch.flows("dispatch.send", "clearinghouse")
    assert "lane.held:clearinghouse:dispatch.send" not in lab.wrong()


def test_of_several_nodes_each_tells_its_own_disk(lab: Lab) -> None:
    """Where several nodes run, a full disk is that of the node that told so, whichever node looks."""
    full, roomy = '{"free_bytes": 5000000}', '{"free_bytes": 900000000000}'
    lab.add("nodes", id="node_1", node="north", roles="worker", load=roomy)
    lab.add("nodes", id="node_2", node="south", roles="worker", load=full)
    lab.change("watch", free_megabytes=100)
    assert [key for key in lab.wrong() if key.startswith("disk.low")] == ["disk.low:node.south"]
    assert "disk.low:data" not in {one.key for one in standing(lab.hub)}


def test_a_node_that_stopped_in_order_is_not_dead(lab: Lab) -> None:
    """A node that left is no trouble, however long ago."""
    lab.add("nodes", id="node_1", node="north", roles="worker", load="{}", stopped_at=lab.clock.now())
    lab.clock.turn(HOUR)
    assert "node.dead:north" not in lab.wrong()


class _Off(SystemClock):
    """The machine's clock, set wrong."""

    def __init__(self, by: timedelta) -> None:
        self.by = by

    def now(self) -> datetime:
        return super().now() + self.by


def test_a_clock_that_went_back_is_seen(made_url: str, keyring: Keyring, tmp_path: Path) -> None:
    """A clock that is behind what was recorded, or apart from the database's, is an alarm; a right one is none."""
    store = open_store(made_url, keyring, SystemClock())
    lab = Lab(store, TurnedClock(datetime(2026, 3, 2, tzinfo=UTC)), tmp_path)
    with store.begin("admin") as tx:
        tx.event("claim.new", "claim", "clm_1", practice="lakeside")
    off = {one.key for one in standing(lab.at(_Off(-HOUR))) if one.code == "clock.off" and not one.ok}
    right = {one.key for one in standing(lab.at(SystemClock())) if one.code == "clock.off" and not one.ok}
    store.close()
    assert off == {"clock.off:store", *(["clock.off:database"] if "postgresql" in made_url else [])}
    assert right == set()


def test_a_nodes_clock_is_told_by_the_node(made_url: str, keyring: Keyring, tmp_path: Path) -> None:
    """A node whose clock is a minute off the database's is an alarm that names it."""
    store = open_store(made_url, keyring, SystemClock())
    lab = Lab(store, TurnedClock(SystemClock().now()), tmp_path)
    lab.add("nodes", id="node_1", node="north", roles="worker", load='{"clock_off_ms": -60000}')
    wrong = {one.key for one in standing(lab.at(SystemClock())) if one.code == "clock.off" and not one.ok}
    store.close()
    assert wrong == {"clock.off:node.north"}


def test_a_database_that_is_gone_hides_nothing_else(tmp_path: Path, keyring: Keyring, clock: TurnedClock) -> None:
    """Without its database the hub still tells of its disk and its settings, and that everything waits."""
    path = tmp_path / "hub.db"
    store = open_store(f"sqlite:///{path}", keyring, clock)
    store.create_all()
    store.engines.dispose()
    aside = path.rename(tmp_path / "aside.db")
    lab = Lab(store, clock, tmp_path)
    found = {one.code: one for one in standing(lab.hub)}
    assert found["store.away"].level == "alarm"
    assert {"disk.low", "enrolment.ending", "notice.nobody"} <= set(found)
    aside.rename(path)
    assert "store.away" not in lab.wrong()
    store.close()


def test_a_check_with_a_bug_hides_no_other(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that fails is a finding without values; the others are made."""

    def broken(_place: Place, _vitals: object) -> Iterator[Finding]:
        raise KeyError(CANARY)
        yield

    monkeypatch.setattr(checks, "CHECKS", (Check(part="flow", asks=broken, codes=()), *checks.CHECKS))
    found = lab.wrong()
    assert found["check.failed:flow.broken"].what == "the check flow.broken failed with KeyError"
    assert any(one.code == "outbox.waiting" for one in standing(lab.hub))


def test_a_question_the_database_refuses_hides_no_other(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check whose question is wrong fails alone: the database goes on answering the others."""

    def wrong(_place: Place, vitals: Any) -> Iterator[Finding]:
        vitals._conn.exec_driver_sql("SELECT nothing FROM nowhere")
        yield from ()

    monkeypatch.setattr(checks, "CHECKS", (Check(part="flow", asks=wrong, codes=()), *checks.CHECKS))
    assert [key for key in lab.wrong() if key.startswith(("check", "store"))] == ["check.failed:flow.wrong"]
    assert any(one.code == "notice.stuck" for one in standing(lab.hub))


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.name)
def test_a_check_says_what_it_sees(lab: Lab, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a check finds is of the codes that it names: those are unseen when it fails, and no other."""
    monkeypatch.setattr(checks, "CHECKS", (check,))
    found = standing(lab.hub)
    assert {one.code for one in found} <= set(check.codes)
    failed = Finding(key=f"check.failed:{check.name}", ok=False, level="warning", what="it failed")
    assert checks.unseen([*found, failed]) == set(check.codes)


def test_every_code_is_seen_by_a_check() -> None:
    """Each finding that a look makes is among the codes of a check."""
    named = {code for check in checks.CHECKS for code in check.codes}
    assert set(SCENES) <= named
    assert named <= set(KINDS)


def test_every_command_that_is_told_exists() -> None:
    """What a finding tells a person to type is a command of the hub."""
    known = set(re.findall(r"^## hub ([a-z0-9 ]+)$", reference.render(), re.MULTILINE))
    told = {tuple(words.split()) for kind in KINDS.values() for words in re.findall(TOLD, kind.fix)}
    assert ("doctor",) not in told
    known |= {name.split()[0] for name in known}
    assert [words for words in told if " ".join(words) not in known] == []


def test_a_long_run_of_a_held_lane_is_said_to_wait(lab: Lab) -> None:
    """A run that is open since its lane is held does not work on very much: a person is waited for."""
    lab.add(
        "schedule_runs", id="run_1", schedule="fetch", step="fetch.fetch", lane="clearinghouse", outcome="running"
    )
    lab.clock.turn(5 * HOUR)
    assert "held" not in lab.wrong()["run.long:fetch:clearinghouse"].what
    lab.add("lane_troubles", lane="clearinghouse", step="dispatch.send", kind="held", said="the key is refused")
    found = lab.wrong()["run.long:fetch:clearinghouse"]
    assert "held with its lane" in found.what
    assert "waits for a person" in found.why
    assert "lane.held" in found.fix


def test_the_dates_of_enrolments_are_days(lab: Lab) -> None:
    """An enrolment that ended, or is planned, is not in use and so ends for nobody."""
    active = next(one for one in lab.settings.enrolments if one.status == "active")
    day = lab.clock.now().date()
    over = active.model_copy(update={"valid_to": day - DAY, "valid_from": date(2020, 1, 1)})
    planned = active.model_copy(update={"valid_to": day + DAY, "status": "planned"})
    lab.settings = lab.settings.model_copy(update={"enrolments": (over, planned)})
    assert [key for key in lab.wrong() if key.startswith("enrolment")] == []


SMALL = {"held_lanes", "lane_troubles", "backups", "pauses", "data_keys", "nodes"}
"""Tables that do not grow with the practice."""
OPEN_ONLY = "SCAN schedule_runs USING INDEX ix_schedule_runs_open"
"""An index of nothing but runs that have not ended."""


def test_every_look_is_an_index_search(made_sqlite_url: str, keyring: Keyring, tmp_path: Path) -> None:
    """No question of the watch scans or sorts a table that grows: it costs the same among a million claims."""
    store = open_store(made_sqlite_url, keyring, SystemClock())
    lab = Lab(store, TurnedClock(SystemClock().now()), tmp_path)
    for play in ("outbox.waiting", "inbox.waiting", "answer.overdue", "schedule.late", "audit.open"):
        next(SCENES[play](lab))
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, sql: str, values: Any, *_rest: object) -> None:
        asked.append((sql, values))

    event.listen(store.engines.reader, "before_cursor_execute", note)
    standing(lab.hub)
    event.remove(store.engines.reader, "before_cursor_execute", note)
    with store.engines.reader.connect() as connection:
        plans = {
            (sql, row[3])
            for sql, values in asked
            if sql.startswith("SELECT")
            for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, values)
        }
    store.close()
    small = (*(f"SCAN {name}" for name in SMALL), OPEN_ONLY)
    scans = [(sql, step) for sql, step in plans if step.startswith("SCAN") and not step.startswith(small)]
    sorts = [(sql, step) for sql, step in plans if "TEMP B-TREE" in step and not any(n in sql for n in SMALL)]
    assert len(plans) > 15
    assert scans == []
    assert sorts == []
