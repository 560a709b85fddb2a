"""Kick-off, waiting, and exports that come to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from bulklab import BulkServer, outcome
from bulkruns import START, Run
from hub_ehr_fhir.bulk import turns
from hub_ehr_fhir.bulk.cursors import decoded
from hub_ehr_fhir.bulk.part import TRIES
from hub_ehr_fhir.settings_bulk import BulkSettings
from hub_ehr_fhir.source import changes_of
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.errors import Misconfigured
from hub.plugin.api import Changes, RawMessage


@pytest.fixture(name="server")
def _server() -> Iterator[BulkServer]:
    with BulkServer() as made:
        made.put("Encounter", "e1", "e2")
        made.put("Patient", "p1")
        yield made


def test_kick_off_says_what_is_wanted(server: BulkServer) -> None:
    """It is asked for asynchronously, with the types that billing reads, in NDJSON; from no time on, at first."""
    run = Run(server)
    run.export()
    (asked,) = server.asked
    assert asked[""] == "/r4/Group/g1/$export"
    assert asked["prefer"] == "respond-async"
    assert asked["_outputFormat"] == "application/fhir+ndjson"
    assert {"Patient", "Encounter", "ChargeItem"} <= set(asked["_type"].split(","))
    assert "_since" not in asked
    _, _, headers = next(call for call in server.calls if "$export" in call[1])
    assert headers["accept"] == "application/fhir+json"
    assert sum(run.lines.values()) == 3


@pytest.mark.parametrize(
    ("bulk", "path"),
    [
        ({"group": "Group/a.b-1"}, "/r4/Group/a.b-1/$export"),
        ({"group": "", "level": "patient"}, "/r4/Patient/$export"),
        ({"group": ""}, "/r4/Patient/$export"),
        ({"group": "", "level": "system"}, "/r4/$export"),
    ],
)
def test_levels(server: BulkServer, bulk: dict[str, str], path: str) -> None:
    """A group, all patients, or the whole server."""
    Run(server, **bulk).export()
    assert server.asked[0][""] == path


@pytest.mark.parametrize(
    "bulk", [{"level": "group"}, {"group": "a/b"}, {"types": ["encounter"]}, {"types": []}, {"start_at": "25:00"}]
)
def test_settings_that_cannot_be_meant_are_refused(bulk: dict[str, object]) -> None:
    """A group without its id, ids with slashes, types that are none, no types, no time."""
    with pytest.raises(ValidationError):
        BulkSettings.model_validate(bulk)


def test_the_next_export_asks_for_what_changed(server: BulkServer) -> None:
    """From the server's own time of the last whole export, a little earlier; now and then for all again."""
    run = Run(server, overlap_minutes=10, full_every_days=3)
    for _ in range(5):
        run.export()
        server.time = (run.clock.now() - timedelta(hours=1)).isoformat()
        run.next_day()
    asked = [one.get("_since", "") for one in server.asked]
    assert asked[:2] == ["", "2026-03-01T05:50:00.000Z"]
    assert asked.count("") == 2


def test_since_can_be_left_out(server: BulkServer) -> None:
    """A server that exports all each time is asked for all; what is known is known."""
    run = Run(server, since=False)
    run.export()
    messages = len(run.inbox)
    run.next_day()
    run.export()
    assert "_since" not in server.asked[1]
    assert len(run.inbox) == messages
    assert run.known == messages


def test_asked_once_a_turn(server: BulkServer) -> None:
    """However often the hub pulls, and however often it starts anew, one turn is one export."""
    run = Run(server)
    run.export()
    for _ in range(20):
        run.die()
        run.call()
        run.turn(timedelta(minutes=15))
    assert len(server.asked) == 1
    run.turn(timedelta(hours=20))
    run.export()
    assert len(server.asked) == 2


@given(st.integers(0, 60 * 24 * 800), st.sampled_from([1, 2, 6, 24, 168]))
def test_turns_come_once_each(minutes: int, every: int) -> None:
    """Turns are counted by the wall's clock: within a turn's hours the next one comes, over the nights when clocks
    change too, and never two at once.
    """
    told, zone = BulkSettings(every_hours=every), ZoneInfo("America/New_York")
    at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    later = turns.turn(told, zone, at + timedelta(hours=every))
    assert later - turns.turn(told, zone, at) in ((1,) if every > 2 else (0, 1, 2))


def test_turns_begin_at_their_hour() -> None:
    """A daily export at two belongs to the night, in winter and in summer."""
    told, zone = BulkSettings(), ZoneInfo("America/New_York")
    for month in (1, 7):
        at = datetime(2026, month, 5, 2, tzinfo=zone)
        assert turns.turn(told, zone, at - timedelta(seconds=1)) + 1 == turns.turn(told, zone, at)


@pytest.mark.parametrize("name", ["_since", "_type", "_outputFormat", "_typeFilter"])
def test_what_a_server_refuses_is_left_out_and_remembered(server: BulkServer, name: str) -> None:
    """The parameter that the OperationOutcome names is left out, and not offered again the next day."""
    refused: list[dict[str, str]] = []

    def refuse(params: dict[str, str], _prefer: str) -> bytes | None:
        if name in params:
            refused.append(params)
            return outcome("not-supported", text=f"The {name} parameter is not supported")
        return None

    server.refuses = refuse
    run = Run(server, type_filter=("Encounter?status=finished",))
    for _ in range(3):
        run.export()
        run.next_day()
    assert len(refused) == 1
    assert [name in one for one in server.asked] == [False] * 3
    assert sum(run.lines.values()) == 3
    others = {"_type", "_outputFormat", "_typeFilter"} - {name}
    assert all(others <= set(one) for one in server.asked)


def test_what_was_refused_is_offered_again_after_a_month(server: BulkServer) -> None:
    """Servers learn: what one refused is tried again some day."""
    server.refuses = lambda params, _: outcome("invalid", text="_since?") if "_since" in params else None
    run = Run(server, every_hours=24 * 31, full_every_days=0)
    for _ in range(2):
        run.export()
        run.turn(timedelta(days=31))
    server.refuses = lambda _params, _prefer: None
    run.turn(timedelta(days=31))
    run.export()
    assert ["_since" in one for one in server.asked] == [False, False, True]


def test_types_that_a_server_does_not_have_are_left_out(server: BulkServer) -> None:
    """One after the other, as it names them; the others are still asked for."""
    has = {"Patient", "Encounter", "Condition", "Claim", "Procedure"}

    def refuse(params: dict[str, str], _prefer: str) -> bytes | None:
        missing = [one for one in params.get("_type", "").split(",") if one not in has]
        return outcome("processing", text=f'resource type "{missing[0]}" is not available') if missing else None

    server.refuses = refuse
    run = Run(server)
    run.export()
    assert set(server.asked[0]["_type"].split(",")) == has


def test_a_list_of_what_there_is_is_understood(server: BulkServer) -> None:
    """A server that names the types it has, and not the one it misses, is asked for those."""
    has = ["Patient", "Encounter", "Condition"]
    server.refuses = lambda params, _: (
        None
        if set(params.get("_type", "").split(",")) <= set(has)
        else outcome("invalid", text=f"_type: one of {', '.join(has)}")
    )
    run = Run(server)
    run.export()
    assert set(server.asked[0]["_type"].split(",")) == set(has)


def test_a_refusal_without_words(server: BulkServer) -> None:
    """It is asked to be lenient; where it is not, the least needed is left out first, and types last."""
    server.refuses = lambda params, prefer: None if "lenient" in prefer else b"no"
    run = Run(server)
    run.export()
    assert server.asked[0]["prefer"] == "respond-async, handling=lenient"
    assert "_type" in server.asked[0]

    server.asked.clear()
    server.refuses = lambda params, _: outcome("invalid") if "_outputFormat" in params else None
    Run(server).export()
    assert "_type" in server.asked[0]
    assert "_outputFormat" not in server.asked[0]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((404, b"", {}), "knows no such export"),
        ((400, outcome("security"), {}), "refuses the export: HTTP 400 (security)"),
        ((403, outcome("forbidden"), {}), "403"),
        ((202, b"", {}), "does not say where"),
        ((200, b'{"resourceType":"Bundle"}', {}), "at once"),
    ],
)
def test_a_server_without_export_is_told_plainly(
    server: BulkServer, fault: tuple[int, bytes, dict[str, str]], said: str
) -> None:
    """No such group, nothing allowed, no status address, no asynchronous answer: a person is told what to do."""
    server.kickoff_faults = [fault] * 30
    run = Run(server)
    run.call()
    with pytest.raises(Misconfigured, match=r"HTTP|status|once|export") as caught:
        run.call()
    assert said in str(caught.value)
    assert caught.value.fix


def test_too_many_exports_are_waited_for(server: BulkServer) -> None:
    """429, with Retry-After or without, and an outcome that says it passes: the hub comes again and asks."""
    server.kickoff_faults = [(429, b"", {"retry-after": "600"}), (429, b"", {}), (400, outcome("throttled"), {})]
    run = Run(server)
    run.export()
    assert len(server.asked) == 1
    assert run.errors
    assert run.turned >= timedelta(seconds=600)


def test_status_is_asked_when_the_server_says(server: BulkServer) -> None:
    """Between two looks at a job nothing is sent, and Retry-After, in seconds or as a date, is kept to."""
    server.polls, server.retry_after = 3, "120"
    run = Run(server)
    while run.stand.stage != "waiting":
        run.call()
    for _ in range(2):
        run.turn(timedelta(seconds=3))
        run.call()
    looks = len([1 for call in server.calls if "/jobs/" in call[1]])
    assert looks == 1
    run.turn(timedelta(seconds=118))
    run.call()
    assert len([1 for call in server.calls if "/jobs/" in call[1]]) == 2
    server.retry_after = "Sun, 01 Mar 2026 13:00:00 GMT"
    run.turn(timedelta(seconds=121))
    run.call()
    assert run.stand.after.startswith("2026-03-01T13:00:00")
    run.export()


def test_a_clock_that_is_turned_back_does_not_stop_an_export(server: BulkServer) -> None:
    """A time to wait for that lies far ahead is none."""
    run = Run(server)
    while run.stand.stage != "waiting":
        run.call()
    run.turn(timedelta(days=-3))
    run.call()
    assert run.stand.after.startswith("2026-02-26")
    run.export()
    assert sum(run.lines.values()) == 3


def test_answers_of_the_status_that_pass_are_waited_for(server: BulkServer) -> None:
    """429, 503, 500 without words, and an outcome `transient`: the job goes on."""
    server.status_faults = [
        (503, b"", {}),
        (429, b"", {"retry-after": "30"}),
        (500, b"<html>", {}),
        (500, outcome("transient"), {}),
    ]
    run = Run(server)
    run.export()
    assert len(server.asked) == 1
    assert sum(run.lines.values()) == 3


def test_a_job_that_is_gone_is_asked_for_anew(server: BulkServer) -> None:
    """404 of the status: a note, another kick-off at once, and nothing lost."""
    server.lost_jobs = {1}
    run = Run(server)
    run.export()
    assert len(server.asked) == 2
    assert "bulk.came_to_nothing" in run.log
    assert sum(run.lines.values()) == 3


def test_an_export_that_fails_is_asked_for_a_few_times(server: BulkServer) -> None:
    """A failure that the server tells: again later and later, then at the next turn, and a person is told once."""
    server.status_faults = [(500, outcome("exception"), {})] * 9
    run = Run(server, every_hours=24 * 7)
    run.next_day()
    while not run.inbox:
        found = run.call()
        if found is not None and not found.more:
            run.turn(timedelta(seconds=60))
    assert len(server.asked) == 4
    assert timedelta(minutes=105) <= run.turned - timedelta(days=1) <= timedelta(minutes=130)
    ((issue,),) = (one["issue"] for one in run.outcomes)
    assert (issue["severity"], issue["code"]) == ("error", "exception")
    assert server.deleted == [f"/r4/jobs/{n}" for n in (1, 2, 3, 4)]
    (step,) = run.part.check()
    assert not step.ok
    assert "exception" in step.said
    run.turn(timedelta(days=7))
    server.status_faults = []
    run.export()
    assert sum(run.lines.values()) == 3


def test_an_export_without_end_is_given_up(server: BulkServer) -> None:
    """After `give_up_hours` it is deleted, and asked for anew; a person who looks sees before that it is slow."""
    server.polls, server.retry_after = 40, "3600"
    run = Run(server, give_up_hours=5, every_hours=24 * 7)
    slow = []
    while len(server.asked) < 2:
        run.call()
        run.turn(timedelta(minutes=15))
        (step,) = run.part.check()
        slow += [] if step.ok else [step]
    assert "asked for 3 h ago, given up after 5 h" in slow[0].said
    assert "--cancel" in slow[0].fix
    assert "1 before it came to nothing" in slow[-1].said
    assert server.deleted == ["/r4/jobs/1"]
    assert timedelta(hours=5) <= run.turned < timedelta(hours=7)


def test_a_file_that_never_comes_is_given_up(server: BulkServer) -> None:
    """A file that breaks off for ever keeps no export from being asked for again; after some of them a person is
    told."""
    server.cuts = {number: [5] * 100_000 for number in range(2)}
    run = Run(server, give_up_hours=2, every_hours=24 * 7)
    while not run.outcomes:
        run.call()
        run.turn(timedelta(minutes=45))
    assert (len(server.asked), run.stand.stage, set(run.stand.faults)) == (TRIES + 1, "idle", {"timeout"})
    assert [issue["code"] for one in run.outcomes for issue in one["issue"]] == ["timeout"]


def test_the_job_is_deleted_at_the_end(server: BulkServer) -> None:
    """So that a server with few places for exports has one free; not where the settings say so."""
    Run(server).export()
    assert server.deleted == ["/r4/jobs/1"]
    Run(server, delete_job=False).export()
    assert server.deleted == ["/r4/jobs/1"]


def test_other_settings_are_another_export(server: BulkServer) -> None:
    """An export that was asked for otherwise is deleted and not taken; the new one asks for all."""
    run = Run(server)
    run.export()
    run.next_day()
    while run.stand.stage != "waiting":
        run.call()
    assert "_since" in server.asked[-1]
    run.settings = run.settings.model_copy(update={"bulk": BulkSettings(group="g2")})
    run.die()
    run.export()
    assert server.asked[-1][""] == "/r4/Group/g2/$export"
    assert "_since" not in server.asked[-1]
    assert "/r4/jobs/2" in server.deleted


def test_what_was_asked_and_not_saved_is_not_asked_again(server: BulkServer) -> None:
    """A call whose result the hub could not save: the same process knows the job that it was given."""
    run = Run(server)
    run.call()
    assert run.stand.stage == "intent"
    for _ in range(3):
        run.call(save=False)
    run.export()
    assert len(server.asked) == 1


def dies_at_the_kick_off(run: Run) -> None:
    """The server took the export on, and nobody saved that."""
    while run.stand.stage != "intent" or run.stand.by != run.part._me or run.errors:
        run.errors.clear()
        run.call()
    run.turn(timedelta(hours=1))
    run.call(save=False)
    run.die()


def test_a_death_at_the_kick_off_costs_one_job_and_is_told(server: BulkServer) -> None:
    """The intent was saved before: the next process says that an export may have been asked for in vain."""
    run = Run(server)
    run.call()
    run.call(save=False)
    run.die()
    run.export()
    assert len(server.asked) == 2
    assert run.log.count("bulk.asked_perhaps") == 1
    run.die()
    run.next_day()
    run.export()
    assert "bulk.asked_perhaps" not in run.log


def test_deaths_at_the_kick_off_are_bounded(server: BulkServer) -> None:
    """A hub that dies each time it asks leaves few exports behind: later and later, then not before the next turn,
    and a person is told.
    """
    run = Run(server)
    for _ in range(6):
        dies_at_the_kick_off(run)
    run.call()
    assert (run.stand.stage, len(server.asked)) == ("idle", 6)
    assert [one["issue"][0]["code"] for one in run.outcomes] == ["incomplete"]
    run.turn(timedelta(hours=2))
    run.call()
    assert len(server.asked) == 6
    run.next_day()
    assert run.export().since
    assert len(server.asked) == 7


class Telling:
    """A pull that has something each time it is asked."""

    def changes(self, cursor: str) -> Changes:
        """One more message."""
        message = RawMessage(external_id=f"pull/{cursor}", content_type="fhir+json", body=b"{}")
        return Changes(messages=(message,), cursor=str(int(cursor or 0) + 1), more=True)


def test_the_kick_off_follows_its_announcement(server: BulkServer) -> None:
    """A hub whose lives last for two calls asks once, and loses nothing, though the pull always has something."""
    run = Run(server)
    cursor = ""
    for life in range(4):
        for _ in range(2):
            cursor = changes_of({"bulk": run.part, "pull": Telling()}, cursor).cursor
        assert (life, "bulk.asked_perhaps" in run.log) == (life, False)
        run.die()
    assert len(server.asked) == 1


def test_a_kick_off_that_fails_waits_for_its_turn(server: BulkServer) -> None:
    """A server that has no place for it is not asked before each call of the pull."""
    server.kickoff_faults = [(429, b"", {})] * 9
    run = Run(server)
    while run.stand.stage != "intent":
        run.call()
    assert run.part.presses(run.cursor)
    run.call()
    assert (len(run.errors), run.part.presses(run.cursor)) == (1, False)
    assert run.born().presses(run.cursor)
    assert not run.part.presses("not a cursor")


@pytest.mark.parametrize("status", [429, 409])
def test_a_server_with_one_place_for_exports(server: BulkServer, status: int) -> None:
    """The lost export keeps it busy: that is said, with what can be done, and it is asked until that one ended."""
    run = Run(server)
    dies_at_the_kick_off(run)
    server.kickoff_faults = [(status, b"", {})] * 3
    run.export()
    assert len(server.asked) == 2
    assert len(run.errors) == 3
    assert all("just before the hub ended" in str(one) and "delete" in one.fix for one in run.errors)
    assert run.stand.since


def test_an_export_that_was_not_saved_and_is_not_wanted_is_deleted(server: BulkServer) -> None:
    """The same process knows the address of what it was given: where another is wanted, that one is deleted."""
    run = Run(server)
    run.call()
    run.call(save=False)
    run.cursor = ""
    run.turn(timedelta(days=1))
    run.export()
    assert server.deleted[0] == "/r4/jobs/1"
    assert len(server.asked) == 2


def test_a_death_anywhere_else_asks_nothing_twice(server: BulkServer) -> None:
    """A process that dies after every call goes on by its cursor alone."""
    run = Run(server)
    stand = run.export(after=run.dies)
    assert len(server.asked) <= 2
    assert sum(run.lines.values()) == 3
    assert stand.since


def test_the_cursor_stays_small(server: BulkServer) -> None:
    """Whatever the export: places, not lists."""
    for number in range(50):
        server.put("Condition", *(f"{number}-{n}" for n in range(3)))
    sizes: list[int] = []
    run = Run(server)
    run.export(after=lambda found: sizes.append(len(found.cursor)))
    assert max(sizes) < 1_000
    assert sum(run.lines.values()) == 153


def test_a_cursor_that_is_none_is_told(server: BulkServer) -> None:
    """It says what to do, and shows nothing of it."""
    with pytest.raises(Misconfigured, match="cursor"):
        decoded("not a cursor")
    with pytest.raises(Misconfigured, match="cursor"):
        Run(server).part.changes('{"stage": "dancing"}')


def test_relative_addresses(server: BulkServer) -> None:
    """A status address and file addresses that are relative to what named them."""
    server.relative = True
    run = Run(server)
    run.export()
    assert sum(run.lines.values()) == 3


def test_a_stop_is_kept_to(server: BulkServer) -> None:
    """A hub that ends gets what is there, and nothing is lost by it."""
    run = Run(server)

    def stopping(found: Changes) -> None:
        if run.stand.stage == "loading":
            run.context.stop.set()
            run.call()
            run.die()

    for _ in range(6):
        run.call()
        run.turn(timedelta(seconds=60))
        stopping(Changes(messages=()))
    run.export()
    assert sum(run.lines.values()) == 3
    assert run.clock.now() > START
