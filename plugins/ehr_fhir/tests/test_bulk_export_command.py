"""`hub fhir export`: how an export stands, one begun and one ended by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from bulklab import BulkServer, outcome
from bulkruns import Run
from hub_ehr_fhir.bulk import lines, wishes
from hub_ehr_fhir.bulk.part import TRIES
from hub_ehr_fhir.commands import export_command
from hub_ehr_fhir.commands.export_command import Stand, stand
from test_discover_commands import Ran, config, hub  # noqa: F401 - fixtures


@pytest.fixture(name="server")
def _server() -> Iterator[BulkServer]:
    with BulkServer() as made:
        for number in range(6):
            made.put("Patient", *(f"{number}-{n}" for n in range(40)))
        made.put("Encounter", 1)
        yield made


def stands(run: Run) -> Stand:
    """What the command would tell now."""
    assert run.settings.bulk is not None
    return stand("ehr", run.settings.bulk, ZoneInfo("UTC"), run.context.state, run.clock.now())


def wish(run: Run, what: str) -> None:
    """A person asks; the hub saved that."""
    wishes.put(run.context.state, wishes.Wish(what=what, at=run.clock.now()))  # type: ignore[arg-type]


def test_how_it_stands(server: BulkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """From nothing over the server's percent and files of all to what was complete, and when the next one is due."""
    monkeypatch.setattr(lines, "LEAST", 2_000)
    monkeypatch.setattr(lines, "MOST", 4_000)
    run = Run(server, batch=3_000)
    before = stands(run)
    assert (before.stage, before.running) == ("", False)
    assert before.next_at is not None
    assert before.next_at <= run.clock.now()
    seen: list[Stand] = []
    run.export(after=lambda _found: seen.append(stands(run)))
    assert 40 in [one.percent for one in seen]
    assert {one.files for one in seen} == {None, 7}
    assert len({one.done_files for one in seen}) > 2
    ended = seen[-1]
    assert (ended.stage, ended.running, ended.resources) == ("idle", False, 241)
    assert ended.complete_until is not None
    assert ended.next_at is not None
    assert timedelta() < ended.next_at - run.clock.now() <= timedelta(days=1)


def test_what_is_missing_is_told(server: BulkServer) -> None:
    """By codes, with how many."""
    server.files.append(("error", "OperationOutcome", outcome("exception") + b"\n"))
    run = Run(server)
    run.export()
    assert stands(run).not_whole == {"exception": 1}


def test_one_begun_by_hand(server: BulkServer) -> None:
    """It is asked for at once, for what changed since the last; the turns stay as they are."""
    run = Run(server)
    run.export()
    run.turn(timedelta(hours=3))
    wish(run, "begin")
    assert stands(run).wished == "begin"
    run.export()
    assert len(server.asked) == 2
    assert "_since" in server.asked[1]
    assert stands(run).wished == ""
    run.next_day()
    run.export()
    assert len(server.asked) == 3


def test_one_ended_by_hand(server: BulkServer) -> None:
    """The server is told, what was taken stays, `since` does not move, and the next turn asks again."""
    run = Run(server, batch=3_000)
    while run.stand.stage != "loading" or not run.inbox:
        found = run.call()
        if found is not None and not found.more:
            run.turn(timedelta(seconds=60))
    wish(run, "end")
    run.call()
    assert (run.stand.stage, run.stand.since, run.stand.tries) == ("idle", "", 0)
    assert server.deleted == ["/r4/jobs/1"]
    run.turn(timedelta(hours=5))
    run.call()
    assert len(server.asked) == 1
    run.next_day()
    assert run.export().since
    assert sum(run.lines.values()) >= 241


@pytest.mark.parametrize("what", ["begin", "end"])
def test_what_is_asked_at_the_wrong_time_does_nothing(server: BulkServer, what: str) -> None:
    """To begin while one runs, to end where none does, and what a hub that did not run finds after a day."""
    run = Run(server)
    if what == "begin":
        while run.stand.stage != "waiting":
            run.call()
        wish(run, what)
        run.export()
    else:
        run.export()
        wish(run, what)
        run.call()
    assert len(server.asked) == 1
    assert server.deleted == ["/r4/jobs/1"]
    assert wishes.waiting(run.context.state) is None
    wish(run, "begin")
    run.turn(timedelta(days=3))
    assert wishes.take(run.context.state, run.clock.now()) is None


def test_a_cancelled_one_is_not_tried_again(server: BulkServer) -> None:
    """Also where it had failed before and was to be tried again."""
    run = Run(server)
    server.status_faults = [(500, outcome("exception"), {})] * 2
    while not run.stand.tries:
        run.call()
        run.turn(timedelta(seconds=60))
    assert 0 < run.stand.tries <= TRIES
    run.turn(timedelta(minutes=6))
    while run.stand.stage != "waiting":
        run.call()
    wish(run, "end")
    run.call()
    run.turn(timedelta(hours=2))
    run.call()
    assert len(server.asked) == 2


SETTINGS = """server = {{ url = "{url}", auth = "none", requests_per_second = 0 }}
bulk = {{ group = "g1" }}
pull = {{ enabled = false }}"""


@pytest.mark.campaign
def test_the_command(
    hub: Callable[..., Ran],  # noqa: F811 - a fixture
    config: Callable[[str], Path],  # noqa: F811 - a fixture
    server: BulkServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A person sees how it stands, asks, watches in vain while no hub runs, is told so, and asks for the end."""
    monkeypatch.setattr(export_command, "LOOK_SECONDS", 0.0)
    folder = config(SETTINGS.format(url=server.url))

    def told(*words: str) -> Ran:
        return hub("export", "clinic", *words, "--config", folder)

    hub("..", "db", "upgrade", "--config", folder)
    code, out, err = told("--start", "--dry-run")
    assert (code, "Group/g1/$export" in out, err) == (0, True, "")
    code, out, _ = told("--json")
    assert (code, json.loads(out)["exports"], json.loads(out)["wished"] if "wished" in out else "") == (
        0,
        "group",
        "",
    )
    code, out, _ = told("--start")
    assert (code, "asked to begin" in out) == (0, True)
    assert json.loads(told("--json")[1])["wished"] == "begin"
    code, _, err = told("--wait")
    assert (code, "hub run" in err, "hub schedule run" in err) == (2, True, True)
    hub("..", "run", "--once", "--config", folder)
    assert [one["prefer"] for one in server.asked] == ["respond-async"]
    code, out, _ = told("--json")
    assert (code, json.loads(out)["stage"], json.loads(out)["running"]) == (0, "waiting", True)
    assert "runs already" in told("--start")[1]
    assert "asked to end" in told("--cancel")[1]
    hub("..", "run", "--once", "--config", folder)
    assert server.deleted == ["/r4/jobs/1"]
    code, out, _ = told()
    assert (code, "waits for its next turn" in out) == (0, True)
    assert "nothing to end" in told("--cancel")[1]
    assert told("--start", "--cancel")[0] == 2
    assert hub("export", "dropped", "--config", folder)[0] == 2
    assert len(server.asked) == 1
