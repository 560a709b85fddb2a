"""Lanes in trouble become work, files in doubt wait for a person, and the running hub stops in an orderly way."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.app import App, open_app
from hub.cli import act, serve
from hub.cli.act import Choice
from hub.clock import TurnedClock
from hub.config.template import write_template
from hub.errors import Misconfigured, Refused, RetryLater, Stale
from hub.flow import corrections
from hub.model.encounter import Encounter
from hub.model.work import WorkItem
from hub.runner import LocalRunner, Outcome, SimulatedRunner

NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example practice, whose partners are all away."""
    folder = tmp_path / "config"
    write_template(folder)
    path = folder / "hub.toml"
    path.write_text(path.read_text().replace("env:HUB_MASTER_KEY", "file:master.key"))
    key = folder / "master.key"
    key.touch(mode=0o600)
    key.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    return folder


@pytest.fixture
def clock() -> TurnedClock:
    """A clock that a test turns."""
    return TurnedClock(NOW)


@pytest.fixture
def app(folder: Path, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """That hub, open; commands on its folder have its clock."""
    monkeypatch.setattr("hub.cli.opened.SystemClock", lambda: clock)
    app = open_app(folder, clock=clock)
    yield app
    app.close()


def open_items(app: App) -> list[tuple[str, str, str]]:
    """Reason, connector and step of every open item."""
    with app.store.view() as view:
        return [(one.reason, one.aggregate_id, one.where) for one in view.work.list()]


@pytest.mark.parametrize(
    ("error", "reason"),
    [(RetryLater("away"), "connector.unreachable"), (Misconfigured("wrong password"), "connector.stopped")],
)
def test_trouble_is_one_item_until_the_lane_flows(
    app: App, clock: TurnedClock, error: Exception, reason: str
) -> None:
    """However often a lane fails, one item says so; the first run that goes well resolves it."""
    fails = [True]
    steps = app.steps()
    real = steps["ingest.pull"]

    def pull(lane: str) -> Outcome:
        if fails[0]:
            raise error
        return real(lane)

    runner = SimulatedRunner({"ingest.pull": pull}, clock, on_trouble=app.on_trouble)
    for _ in range(3):
        runner.nudge("ingest.pull", "ehr")
        runner.run_until_idle()
        clock.turn(timedelta(minutes=10))
        runner.release("ehr")
    assert open_items(app) == [(reason, "ehr", "ingest.pull")]
    fails[0] = False
    runner.nudge("ingest.pull", "ehr")
    runner.release("ehr")
    runner.run_until_idle()
    assert open_items(app) == []


def test_two_writers_are_no_trouble(app: App, clock: TurnedClock) -> None:
    """A row that somebody else changed first is tried again, and nobody is told."""

    def lose(lane: str) -> Outcome:
        raise Stale("changed since it was read")

    runner = SimulatedRunner({"ingest.pull": lose}, clock, on_trouble=app.on_trouble)
    runner.nudge("ingest.pull", "ehr")
    runner.run_until_idle()
    assert open_items(app) == []


def test_resolving_the_item_releases_the_lane(app: App, folder: Path) -> None:
    """A lane that was stopped goes on at the next sweep once a person has resolved its item, and not before."""
    tried: list[str] = []

    def pull(lane: str) -> Outcome:
        tried.append(lane)
        if len(tried) == 1:
            raise Misconfigured("wrong password")
        return Outcome()

    steps = {name: (lambda lane: Outcome()) for name in app.steps()} | {"ingest.pull": pull}
    runner = LocalRunner(steps, on_trouble=app.on_trouble)
    runner.nudge("ingest.pull", "ehr")
    runner.run_until_idle(60)
    serve.sweep(app, runner)
    runner.run_until_idle(60)
    assert runner.status().held
    with app.store.view() as view:
        (item,) = view.work.list()
    act.resolve(folder, item.id, Choice(how="new password", by="ada"), dry_run=False)
    serve.sweep(app, runner)
    runner.nudge("ingest.pull", "ehr")
    runner.run_until_idle(60)
    runner.stop()
    assert not runner.status().held
    assert tried == ["ehr", "ehr"]


def _file(app: App, state: str) -> str:
    with app.store.begin("admin") as tx:
        file = tx.files.freeze(b"ISA", practice="lakeside", mailbox="clearinghouse", kind="837P", name="a.x12")
        tx.files.put_state(file, state)
        return tx.work.open(
            WorkItem(reason=f"dispatch.{state}", aggregate="file", aggregate_id=file.id, why="w", fix="f"),
            practice="lakeside",
        )


def test_a_file_in_doubt_goes_again_on_a_persons_word(app: App, folder: Path) -> None:
    """The same bytes are frozen for sending again; the audit trail says who said so. A sent file never is."""
    item = _file(app, "in_doubt")
    act.resolve(folder, item, Choice(how="the partner has no such file", by="ada", resend=True), dry_run=False)
    with app.store.view() as view:
        assert view.files.tally("state") == {("frozen",): 1}
        assert [one.actor for one in view.events.find(kind="file.resend")] == ["ada"]
    with pytest.raises(Refused, match="neither in doubt nor refused"):
        act.resolve(folder, _file(app, "sent"), Choice(how="try", by="ada", resend=True), dry_run=False)


def test_claims_of_a_refused_file_may_go_in_another(app: App) -> None:
    """Only a file that its partner refused gives up its submissions."""
    item = _file(app, "refused")
    with app.store.begin("admin") as tx:
        told = tx.work.get(item)
        assert told is not None
        file = tx.files.get(told.aggregate_id)
        assert file is not None
        assert corrections.rebatch(tx, app.settings, file, "ada", "refused") == 0
        assert told.id not in {one.id for one in tx.work.list()}
        with pytest.raises(Refused):
            corrections.rebatch(tx, app.settings, tx.files.put_state(file, "sent"), "ada", "try")


def test_proposed_codes_are_confirmed_by_a_person(app: App, folder: Path) -> None:
    """--confirm marks the encounter's codes as confirmed and lets it be coded for billing."""
    with app.store.begin("admin") as tx:
        row = tx.encounters.add(
            "enc_1",
            Encounter(source="ehr", key="1", patient_id="pat_1"),
            practice="lakeside",
            state="proposal",
            source="ehr",
            key="1",
            patient_id="pat_1",
        )
        about = {"aggregate": "encounter", "aggregate_id": row.id, "why": "w", "fix": "f"}
        item = tx.work.open(WorkItem(reason="coding.proposal", **about), practice="lakeside")
    act.resolve(folder, item, Choice(how="right", by="ada", confirm=True), dry_run=True)
    with app.store.view() as view:
        assert view.encounters.tally() == {"proposal": 1}
    act.resolve(folder, item, Choice(how="right", by="ada", confirm=True), dry_run=False)
    with app.store.view() as view:
        (after,) = view.encounters.find()
    assert (after.state, after.record.codes_confirmed) == ("ready", True)


@pytest.mark.campaign
def test_sigterm_ends_a_run_in_an_orderly_way(folder: Path) -> None:
    """`hub run` tells what it runs and when, and ends with 0 soon after SIGTERM."""
    command = [sys.executable, "-m", "hub.cli.main", "run", "-c", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(line.strip())
            if line.startswith("running"):
                break
        process.send_signal(signal.SIGTERM)
        told += [line.strip() for line in process.stdout]
        assert process.wait(60) == 0
    assert "connector ehr: ehr_fhir (EhrSource)" in told
    assert any(line.startswith("schedule fetch: fetch.fetch for clearinghouse, next 20") for line in told)
    assert told[-1] == "stopped; nothing was interrupted"
