"""What became of each slot, pauses and runs that a person asks for: the same on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from sqlalchemy import text

from hub.clock import TurnedClock
from hub.errors import Misconfigured, RetryLater, Stale, StoreAway
from hub.model.work import WorkItem
from hub.schedule import History, Schedule, Scheduler, prune
from hub.store import Nudge, Store
from hub.store.lanes import LaneTrouble
from hub.store.nudge import Outcome
from hub.store.slots import RUNS, Run

HOURLY = Schedule(name="hourly", step="fetch.fetch", lanes=("acme", "apex"), every=timedelta(hours=1))
QUICK = Schedule(name="house.watch", step="watch.look", lanes=("hub",), every=timedelta(minutes=1), built_in=True)
HOUR = timedelta(hours=1)


@pytest.fixture
def nudged(store: Store) -> list[Nudge]:
    """What the store told the runner."""
    found: list[Nudge] = []
    store.on_commit(found.extend)
    return found


def started(store: Store, clock: TurnedClock, *schedules: Schedule) -> Scheduler:
    """A scheduler that has caught up, an hour and a second after: every schedule is due."""
    scheduler = Scheduler(schedules, store, clock)
    scheduler.catch_up()
    clock.turn(HOUR + timedelta(seconds=1))
    return scheduler


def runs(store: Store, **equals: object) -> list[Run]:
    """The runs, the first first."""
    with store.view() as view:
        return view.runs.list(**equals)[::-1]  # type: ignore[arg-type]


def outcomes(store: Store, **equals: object) -> list[str]:
    """How they stand."""
    return [run.outcome for run in runs(store, **equals)]


def noted(store: Store, step: Callable[[str], Outcome], name: str = "fetch.fetch") -> Callable[[str], Outcome]:
    """`step` with its history."""
    return History(store, {name}).noted(name, step)


def test_slots_of_a_held_lane_are_told_as_held(store: Store, clock: TurnedClock) -> None:
    """While a lane waits for a person its slots are told as held, not as running, and after an hour end as that, not
    as lost; when it is released the open one is running again.
    """
    scheduler = started(store, clock, HOURLY)
    scheduler.tick()
    with store.begin("admin") as tx:
        tx.lanes.put(LaneTrouble(lane="acme", step="dispatch.send", kind="held"))
    assert outcomes(store, lane="acme") == ["held"]
    assert outcomes(store, lane="apex") == ["running"]
    assert [run.lane for run in runs(store, outcome="held")] == ["acme"]
    assert [run.lane for run in runs(store, outcome="running")] == ["apex"]
    clock.turn(HOUR + timedelta(seconds=1))
    scheduler.tick()
    assert [(run.outcome, run.ended is None) for run in runs(store, lane="acme")] == [
        ("held", False),
        ("held", True),
    ]
    assert outcomes(store, lane="apex") == ["lost", "running"]
    with store.begin("admin") as tx:
        tx.lanes.release("acme")
    assert outcomes(store, lane="acme") == ["held", "running"]
    noted(store, lambda _lane: Outcome())("acme")
    assert outcomes(store, lane="acme") == ["held", "ok"]


def test_a_slot_opens_a_run_for_each_lane(store: Store, clock: TurnedClock, nudged: list[Nudge]) -> None:
    """A slot's runs stand before its step runs; each lane's ends with the step's run for that lane."""
    scheduler = started(store, clock, HOURLY)
    assert len(scheduler.tick()) == 1
    assert nudged == [Nudge("fetch.fetch", "acme"), Nudge("fetch.fetch", "apex")]
    assert outcomes(store) == ["running", "running"]
    clock.turn(timedelta(minutes=2))
    noted(store, lambda _lane: Outcome(done=3))("acme")
    (run,) = runs(store, lane="acme")
    assert (run.outcome, run.counts, run.cause, run.by) == ("ok", {"done": 3}, "schedule", "hub")
    assert run.ended is not None
    assert run.ended - run.started == timedelta(minutes=2)
    assert outcomes(store, lane="apex") == ["running"]


def test_parts_of_a_run_are_added_up(store: Store, clock: TurnedClock) -> None:
    """A step that has more to do is run again: its run ends with the last part, with the sum of all."""
    started(store, clock, HOURLY).tick()
    parts = iter((Outcome(done=5, more=True), Outcome(done=2)))
    step = noted(store, lambda _lane: next(parts))
    step("acme")
    assert outcomes(store, lane="acme") == ["running"]
    step("acme")
    (run,) = runs(store, lane="acme")
    assert (run.outcome, run.counts) == ("ok", {"done": 7})


def test_a_run_that_sets_aside_is_partial(store: Store, clock: TurnedClock) -> None:
    """Items that a step could not finish are counted, also those of an earlier part."""
    started(store, clock, HOURLY).tick()
    item = WorkItem(reason="fetch.file", aggregate="file", aggregate_id="f1", why="w", fix="f", owner="it")
    parts = iter((True, False))

    def step(_lane: str) -> Outcome:
        if more := next(parts):
            with store.begin("work.resolve") as tx:
                tx.work.open(item, practice="east")
        return Outcome(done=1, more=more)

    both = noted(store, step)
    both("acme")
    both("acme")
    (run,) = runs(store, lane="acme")
    assert (run.outcome, run.counts) == ("partial", {"done": 2, "set_aside": 1})


@pytest.mark.parametrize(
    ("error", "then"),
    [
        (ValueError("Canary Bird"), "failed"),
        (Misconfigured("the key is wrong"), "failed"),
        (RetryLater("away"), "running"),
        (Stale("overtaken"), "running"),
        (StoreAway("full"), "running"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else one,
)
def test_a_step_that_raises(store: Store, clock: TurnedClock, error: Exception, then: str) -> None:
    """What a person must mend ends the run as failed, with class and place and no word of the message; what passes
    leaves it open for the next try, which ends it.
    """
    started(store, clock, HOURLY).tick()

    def step(_lane: str) -> Outcome:
        raise error

    with pytest.raises(type(error)):
        noted(store, step)("acme")
    (run,) = runs(store, lane="acme")
    assert run.outcome == then
    assert "Canary" not in run.error
    assert run.error.startswith(type(error).__name__) or (run.error == "" and then == "running")
    noted(store, lambda _lane: Outcome(done=1))("acme")
    assert outcomes(store, lane="acme") == ["failed" if then == "failed" else "ok"]


def test_a_run_that_began_before_the_slot_is_not_its_run(store: Store, clock: TurnedClock) -> None:
    """A run of the step that was on its way when the slot began does not end the slot's; the one after it does."""
    scheduler = started(store, clock, HOURLY)
    history = History(store, {"fetch.fetch"})
    scheduler.tick()
    clock.turn(timedelta(seconds=30))
    assert history.note("fetch.fetch", "acme", Outcome(done=9), seconds=60) == 0
    assert history.note("fetch.fetch", "acme", Outcome(done=1), seconds=10) == 1
    assert outcomes(store, lane="acme") == ["ok"]


def test_a_clock_that_is_set_back_leaves_no_run_open(store: Store, clock: TurnedClock) -> None:
    """A run that began an hour ahead of the clock as it now is ends with the step's next run."""
    started(store, clock, HOURLY).tick()
    clock.turn(-HOUR)
    noted(store, lambda _lane: Outcome(done=1))("acme")
    assert outcomes(store, lane="acme") == ["ok"]


def test_steps_that_no_schedule_names_are_left_alone(store: Store) -> None:
    """Only steps of schedules are noted: the others run as they were given."""

    def step(_lane: str) -> Outcome:
        return Outcome()

    assert History(store, {"fetch.fetch"}).noted("posting.post", step) is step


def test_a_run_that_never_ended_is_lost(store: Store, clock: TurnedClock) -> None:
    """A node died with it and nobody took it over: the next slot, an hour or more later, says that it is lost; one
    whose last try failed has failed.
    """
    scheduler = started(store, clock, HOURLY)
    scheduler.tick()

    def away(_lane: str) -> Outcome:
        raise RetryLater("away")

    with pytest.raises(RetryLater):
        noted(store, away)("apex")
    clock.turn(HOUR + timedelta(seconds=5))
    scheduler.tick()
    assert outcomes(store, lane="acme") == ["lost", "running"]
    assert outcomes(store, lane="apex") == ["failed", "running"]


def test_a_paused_schedule_nudges_nobody(store: Store, clock: TurnedClock, nudged: list[Nudge]) -> None:
    """Slots of a pause are taken and recorded as paused; when it goes on nothing is made up for, and the next slot
    is begun. Every scheduler sees the pause.
    """
    schedulers = [started(store, clock, HOURLY), Scheduler([HOURLY], store, clock)]
    schedulers[0].tick()
    for lane in HOURLY.lanes:
        noted(store, lambda _lane: Outcome(done=1))(lane)
    nudged.clear()
    with store.begin("admin") as tx:
        tx.pauses.begin("hourly", until=None, by="anna", why="the partner moves")
    for _ in range(3):
        clock.turn(HOUR)
        for scheduler in schedulers:
            scheduler.tick()
    assert nudged == []
    assert outcomes(store)[2:] == ["paused"] * 3
    with store.begin("admin") as tx:
        assert tx.pauses.end("hourly")
        assert not tx.pauses.end("hourly")
    for scheduler in schedulers:
        scheduler.tick()
    assert Scheduler([HOURLY], store, clock).catch_up() == []
    assert nudged == []
    clock.turn(HOUR)
    schedulers[1].tick()
    assert len(nudged) == 2


def test_a_pause_ends_by_itself(store: Store, clock: TurnedClock, nudged: list[Nudge]) -> None:
    """With an end, the first slot at or after it is begun; a hub that was down through the pause makes up for
    nothing of it.
    """
    started(store, clock, HOURLY)
    with store.begin("admin") as tx:
        tx.pauses.begin("hourly", until=clock.now() + timedelta(hours=3), by="anna", why="")
        assert tx.pauses.all()["hourly"].by == "anna"
    clock.turn(timedelta(hours=3, seconds=-30))
    later = Scheduler([HOURLY], store, clock)
    later.catch_up()
    assert nudged == []
    clock.turn(timedelta(minutes=1))
    with store.view() as view:
        assert view.pauses.all() == {}
    later.tick()
    clock.turn(HOUR)
    assert [slot.name for slot in later.tick()] == ["2026-03-02T19:00:00Z"]
    assert len(nudged) == 2


def _ask(store: Store, schedule: Schedule) -> str:
    with store.begin("admin") as tx:
        slot = "2026-03-02T15:00:01Z"
        return tx.runs.start(schedule.name, slot, step=schedule.step, lane="acme", cause="hand", outcome="asked")


def test_a_run_that_is_asked_for_begins_once(store: Store, clock: TurnedClock, nudged: list[Nudge]) -> None:
    """Whoever ticks first begins it, though the schedule is paused; it takes no slot, and ends as every run does.
    A scheduler that does not know the schedule leaves it to one that does.
    """
    schedulers = [started(store, clock, HOURLY), Scheduler([HOURLY], store, clock)]
    schedulers[0].tick()
    nudged.clear()
    with store.begin("admin") as tx:
        tx.pauses.begin("hourly", until=None, by="anna", why="")
    with store.view() as view:
        last = view.slots.last("hourly")
    run_id = _ask(store, HOURLY)
    Scheduler([QUICK], store, clock).tick()
    assert nudged == []
    for scheduler in schedulers:
        scheduler.tick()
    assert nudged == [Nudge("fetch.fetch", "acme")]
    noted(store, lambda _lane: Outcome(done=4))("acme")
    with store.view() as view:
        run = view.runs.get(run_id)
        assert view.slots.last("hourly") == last
    assert run is not None
    assert (run.outcome, run.cause, run.counts) == ("ok", "hand", {"done": 4})


def test_a_run_that_was_asked_for_while_nobody_ran_waits(
    store: Store, clock: TurnedClock, nudged: list[Nudge]
) -> None:
    """The next start begins it, and so does `hub run --once`, which leaves the house's own schedules alone."""
    started(store, clock, HOURLY, QUICK)
    nudged.clear()
    clock.turn(timedelta(days=2))
    _ask(store, HOURLY)
    caught = Scheduler([HOURLY, QUICK], store, clock).catch_up(built_in=False)
    assert [slot.schedule for slot in caught] == ["hourly"]
    assert {nudge.step for nudge in nudged} == {"fetch.fetch"}
    assert sorted(run.cause for run in runs(store)) == ["catch-up", "catch-up", "hand"]
    assert {run.counts["missed"] for run in runs(store, cause="catch-up")} == {48}


def test_a_run_whose_process_died_is_nudged_again(store: Store, clock: TurnedClock, nudged: list[Nudge]) -> None:
    """Its slot is taken, and its nudge was in the memory of a process that was killed: the next start nudges it, for
    the lanes that did not end; `hub run --once` leaves the house's own alone; what no schedule names stays.
    """
    started(store, clock, HOURLY, QUICK).tick()
    noted(store, lambda _lane: Outcome(done=1))("acme")
    nudged.clear()
    Scheduler([HOURLY, QUICK], store, clock).catch_up(built_in=False)
    assert nudged == [Nudge("fetch.fetch", "apex")]
    nudged.clear()
    Scheduler([HOURLY, QUICK], store, clock).catch_up()
    assert set(nudged) == {Nudge("fetch.fetch", "apex"), Nudge("watch.look", "hub")}
    nudged.clear()
    Scheduler([], store, clock).catch_up()
    assert nudged == []


def test_nobody_to_run_for(store: Store, clock: TurnedClock, nudged: list[Nudge]) -> None:
    """A schedule without a lane is skipped, and says so."""
    nobody = Schedule(name="nobody", step="fetch.fetch", lanes=(), every=HOUR)
    started(store, clock, nobody).tick()
    assert (outcomes(store), nudged) == (["skipped"], [])


def test_quick_schedules_leave_one_row(store: Store, clock: TurnedClock) -> None:
    """A schedule of a few minutes keeps its newest slot, and of its runs those that did something or failed."""
    scheduler = started(store, clock, QUICK)
    done = iter([0] * 5 + [7] + [0] * 5)
    step = noted(store, lambda _lane: Outcome(done=next(done)), "watch.look")
    for _ in range(10):
        clock.turn(timedelta(minutes=1))
        assert len(scheduler.tick()) == 1
        step("hub")
    with store.view() as view:
        slots = view.session.conn.execute(text("SELECT slot FROM slots")).scalars().all()
    assert slots == [f"{clock.now():%Y-%m-%dT%H:%M:00Z}"]
    assert [run.counts["done"] for run in runs(store)] == [7, 0]


def test_quick_slots_are_taken_once_by_any_number(store: Store, clock: TurnedClock) -> None:
    """Though old slots go, an hour back begins nothing twice; a clock that was a year ahead stops nothing."""
    schedulers = [started(store, clock, QUICK), Scheduler([QUICK], store, clock)]
    begun = [slot.name for scheduler in schedulers for slot in scheduler.tick()]
    clock.turn(-HOUR)
    for _ in range(14):
        clock.turn(timedelta(minutes=5))
        begun += [slot.name for scheduler in schedulers for slot in scheduler.tick()]
    assert len(begun) == len(set(begun)) == 3
    clock.turn(timedelta(days=365))
    assert [len(scheduler.tick()) for scheduler in schedulers] == [1, 0]
    clock.turn(-timedelta(days=365))
    assert [len(scheduler.tick()) for scheduler in schedulers] == [0, 0]
    clock.turn(timedelta(minutes=1))
    assert [len(scheduler.tick()) for scheduler in schedulers] == [1, 0]


def test_history_is_pruned_but_for_the_last_slot(store: Store, clock: TurnedClock) -> None:
    """Runs go with age, those that did nothing sooner, open ones never; the newest slot of each schedule stays, so
    that a hub that slept for a year catches up once, and does not take its schedules for new.
    """
    nightly = Schedule(name="nightly", step="keep.backup", lanes=("hub",), cron="30 2 * * *")
    scheduler = started(store, clock, HOURLY, nightly)
    step = noted(store, lambda lane: Outcome(done=lane == "acme"))
    for day in range(20):
        clock.turn(timedelta(days=1))
        scheduler.tick()
        if day < 19:
            step("acme")
            step("apex")
    assert prune(store, timedelta(days=15)) > 0
    kept = runs(store, schedule="hourly")
    assert {lane: sum(run.lane == lane for run in kept) for lane in HOURLY.lanes} == {"acme": 16, "apex": 8}
    assert {run.outcome for run in runs(store, schedule="nightly")} == {"lost", "running"}
    clock.turn(timedelta(days=365))
    assert prune(store, timedelta(days=15)) > 0
    again = Scheduler([HOURLY, nightly], store, clock)
    assert [slot.schedule for slot in again.catch_up()] == ["hourly", "nightly"]


def test_looking_for_waiting_runs_reads_no_history(store: Store, clock: TurnedClock) -> None:
    """However long the history, a step's run and a tick read only the runs that are open: by the partial index."""
    now = clock.now()
    ended = {"cause": "schedule", "by": "hub", "started": now, "ended": now, "outcome": "ok", "seconds": 0.1}
    about = {"schedule": "s", "slot": "x", "step": "fetch.fetch", "lane": "acme", "counts": "{}", "error": ""}
    rows = [{"id": f"run_{number:05}", **about, **ended} for number in range(5_000)]
    with store.begin("admin") as tx:
        tx.session.conn.execute(RUNS.insert(), rows)
    open_runs = "SELECT * FROM schedule_runs WHERE ended IS NULL AND "
    for rest in ("step = 'fetch.fetch' AND lane = 'acme' AND outcome = 'running'",
                 "outcome = 'asked' ORDER BY step, lane"):  # fmt: skip
        with store.begin("admin") as tx:
            if store.dialect == "postgresql":
                tx.session.conn.execute(text("ANALYZE schedule_runs"))
            explain = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN "
            plan = str(tx.session.conn.execute(text(explain + open_runs + rest)).all())
        assert "ix_schedule_runs_open" in plan, plan


def test_a_slot_of_another_hub_is_told_from_one_that_never_was(store: Store, clock: TurnedClock) -> None:
    """A schedule that never ran is only marked at the start; what it has taken once it catches up on."""
    assert Scheduler([HOURLY], store, clock).catch_up() == []
    assert runs(store) == []
    with store.view() as view:
        assert view.slots.last("hourly") == "2026-03-02T14:00:00Z"
        assert view.slots.last_at("hourly") == datetime(2026, 3, 2, 14, tzinfo=UTC)
        assert view.slots.last_at("other") is None


def test_a_schedule_that_cannot_begin_is_said_once(
    store: Store, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store can be read and not written (a full disk) a schedule that stays due is tried at each nap, and
    the log has one line of it; it begins when there is room, and a later fault is said again.
    """
    lines: list[str] = []

    class Log:
        def warning(self, event: str, **values: str) -> None:
            lines.append(f"{event} {values['schedule']}")

    def full(_slot: object) -> bool:
        raise StoreAway("full")

    monkeypatch.setattr(import_module("hub.schedule.scheduler"), "get_log", Log)
    scheduler = started(store, clock, HOURLY)
    for times in (1, 2):
        with monkeypatch.context() as while_full:
            while_full.setattr(scheduler, "begin", full)
            for _ in range(3):
                assert scheduler.tick() == []
                clock.turn(timedelta(seconds=6))
        assert lines == ["schedule.fault hourly"] * times
        assert len(scheduler.tick()) == 1
        clock.turn(HOUR)
