"""`hub schedule` and `hub runs`: what a person sees of the schedules, and does about them."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flowlab.command_line import Ran

from hub.app import open_app
from hub.cli.opened import opened
from hub.cli.schedules import _all
from hub.config.template import write_template
from hub.errors import Misconfigured
from hub.schedule import History, Schedule, Scheduler
from hub.store import Nudge, Store
from hub.store.lanes import HELD, LaneTrouble
from hub.store.nudge import Outcome


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example practice with a key and tables."""
    write_template(tmp_path)
    path = tmp_path / "hub.toml"
    path.write_text(path.read_text().replace('"env:HUB_MASTER_KEY"', '"file:master.key"'))
    key = tmp_path / "master.key"
    key.write_text(b64encode(os.urandom(32)).decode())
    key.chmod(0o600)
    with opened(tmp_path) as it:
        it.store.create_all()
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """The same database, as the running hub has it."""
    with opened(folder) as it:
        yield it.store


def _json(ran: Ran) -> Any:
    assert ran[0] == 0, ran
    return json.loads(ran[1])


def _schedules(folder: Path) -> list[Schedule]:
    with opened(folder) as it:
        return _all(it.settings)


def _listed(hub: Callable[..., Ran]) -> dict[str, dict[str, Any]]:
    return {one["schedule"]: one for one in _json(hub("schedule", "list", "--json"))}


def test_schedules_are_listed_with_the_built_in_ones(hub: Callable[..., Ran]) -> None:
    """Each with its next three times, its calendar and its last run; a step that the settings schedule is not
    scheduled by the house too.
    """
    before = datetime.now(UTC)
    found = _listed(hub)
    send = found["send"]
    assert (send["calendar"], send["built_in"], send["last"], send["paused"]) == (
        "clearinghouse",
        False,
        None,
        None,
    )
    times = [datetime.fromisoformat(at) for at in send["next"]]
    assert len(times) == 3
    assert before < times[0] < times[1] < times[2]
    assert [one["schedule"] for one in found.values() if one["step"] == "sweep.expect"] == ["overdue"]
    built_in = {name for name, one in found.items() if one["built_in"]}
    assert built_in
    assert all(name.startswith("house.") for name in built_in)
    code, out, _ = hub("schedule", "list")
    assert code == 0
    assert "times of America/New_York" in out
    assert "built in" in out


def test_a_schedule_is_paused_and_goes_on(hub: Callable[..., Ran], store: Store) -> None:
    """A pause says since when, until when, by whom and why, stands in the audit trail, and ends by `resume`."""
    code, out, _ = hub("schedule", "pause", "send", "--until", "2d", "--why", "the partner moves", "--by", "anna")
    assert code == 0
    assert "it goes on at" in out
    send = _listed(hub)["send"]
    told = send["paused"]
    assert (told["by"], told["why"]) == ("anna", "the partner moves")
    until = datetime.fromisoformat(told["until"])
    assert until - datetime.fromisoformat(told["since"]) == timedelta(days=2)
    assert all(datetime.fromisoformat(at) > until for at in send["next"])
    assert "by anna: the partner moves" in hub("schedule", "list")[1]
    assert _json(hub("schedule", "resume", "send", "--by", "berta", "--json"))["passed"] == 0
    assert _listed(hub)["send"]["paused"] is None
    with store.view() as view:
        events = [(one.kind, one.aggregate_id, one.actor) for one in view.events.find(aggregate="schedule")]
    assert events == [("schedule.paused", "send", "anna"), ("schedule.resumed", "send", "berta")]


def test_what_fell_into_a_pause_is_told(hub: Callable[..., Ran], folder: Path, store: Store) -> None:
    """`resume` says how many times fell into the pause, and how to make up for them; it makes up for none."""
    assert hub("schedule", "pause", "house.backup", "--by", "anna")[0] == 0
    (backup,) = (one for one in _schedules(folder) if one.name == "house.backup")
    with store.begin("schedule.slot") as tx:
        tx.runs.start(backup.name, "2026-01-01T02:30", step=backup.step, outcome="paused")
    code, out, _ = hub("schedule", "resume", "house.backup")
    assert code == 0
    assert "1 times fell into the pause; to make up for them: hub schedule run house.backup" in out
    assert _json(hub("runs", "list", "--json", "--outcome", "asked")) == []


def test_a_run_that_is_asked_for_reaches_the_running_hub(
    hub: Callable[..., Ran], folder: Path, store: Store
) -> None:
    """What the command asks for, the scheduler of another process begins at its next tick; its history tells how it
    went.
    """
    scheduler = Scheduler(_schedules(folder), store, store.clock)
    nudged: list[Nudge] = []
    store.on_commit(nudged.extend)
    assert "would run: ingest.pull for ehr, adt" in hub("schedule", "run", "pull", "--dry-run")[1]
    scheduler.tick()
    assert nudged == []
    told = _json(hub("schedule", "run", "pull", "--connector", "adt", "--by", "anna", "--json"))
    assert _json(hub("schedule", "run", "pull", "--connector", "adt", "--json"))["runs"] == told["runs"]
    (waiting,) = _json(hub("runs", "list", "--json", "--outcome", "asked"))
    assert (waiting["schedule"], waiting["lane"], waiting["by"]) == ("pull", "adt", "anna")
    scheduler.tick()
    assert nudged == [Nudge("ingest.pull", "adt")]
    History(store, {"ingest.pull"}).noted("ingest.pull", lambda _lane: Outcome(done=5))("adt")
    shown = _json(hub("runs", "show", told["runs"][0], "--json"))
    assert (shown["outcome"], shown["counts"], shown["cause"], shown["error"]) == ("ok", {"done": 5}, "hand", "")
    assert shown["took_seconds"] >= shown["seconds"] >= 0
    code, out, _ = hub("runs", "show", told["runs"][0])
    assert code == 0
    assert "5 done" in out
    assert _listed(hub)["pull"]["last"]["outcome"] == "ok"
    assert len(_json(hub("runs", "list", "--json", "--schedule", "pull", "--since", "1h"))) == 1
    assert _json(hub("runs", "list", "--json", "--schedule", "send")) == []


def test_what_is_asked_of_a_stopped_connection_says_that_it_waits(hub: Callable[..., Ran], store: Store) -> None:
    """A run for a lane that a person must set going again: the command says so, and so does the run."""
    assert "stopped" not in hub("schedule", "run", "send", "--dry-run")[1]
    with store.begin("admin") as tx:
        tx.lanes.put(LaneTrouble(lane="clearinghouse", step="fetch.fetch", kind=HELD))
        run = tx.runs.start(
            "send", "s", step="batch.freeze", lane="clearinghouse", cause="hand", by="", outcome="held"
        )
    assert "clearinghouse: stopped" in hub("schedule", "run", "send")[1]
    assert "stopped" not in hub("schedule", "run", "pull")[1]
    assert "hub work list --owner it" in hub("runs", "show", run)[1]


def test_the_hub_notes_what_its_steps_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch, hub: Callable[..., Ran]
) -> None:
    """The steps of an opened hub end the runs of their slots; a step that fails says so in the history."""
    monkeypatch.setenv("HUB_SFTP_KEY", "none")
    app = open_app(folder, migrate=False)
    try:
        for name in ("overdue", "fetch"):
            assert hub("schedule", "run", name)[0] == 0
        Scheduler(app.schedules(), app.store, app.clock).tick()
        steps = app.steps()
        steps["sweep.expect"]("lakeside")
        with pytest.raises(Misconfigured):
            steps["fetch.fetch"]("clearinghouse")
    finally:
        app.close()
    found = {one["schedule"]: one for one in _json(hub("runs", "list", "--json"))}
    assert (found["overdue"]["outcome"], found["overdue"]["counts"]) == ("ok", {"done": 0})
    assert found["fetch"]["outcome"] == "failed"
    assert found["fetch"]["error"].startswith("Misconfigured at hub/")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("schedule", "pause", "sned"), 'did you mean "send"'),
        (("schedule", "pause", "send", "--until", "soon"), "2026-11-30T08:00"),
        (("schedule", "pause", "send", "--until", "2020-01-01"), "a time to come"),
        (("schedule", "resume", "send"), "not paused"),
        (("schedule", "run", "pull", "--connector", "printer"), "ehr, adt"),
        (("runs", "list", "--outcome", "fine"), "partial"),
        (("runs", "show", "run_0"), "hub runs list"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else None,
)
def test_what_cannot_be_done_is_said(hub: Callable[..., Ran], words: tuple[str, ...], says: str) -> None:
    """A wrong name, time or id ends with 2 and says what to write."""
    code, _, told = hub(*words)
    assert code == 2
    assert says in told
