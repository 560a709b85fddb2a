"""`hub run`: the schedule and every step in one process, until it is told to stop."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType

from hub.app import App, open_app
from hub.cli.ui import say, when
from hub.errors import HubError
from hub.log import get_log
from hub.runner import LocalRunner
from hub.runner.port import Status
from hub.schedule import Schedule, Scheduler, due

DRAIN_SECONDS = 10.0
SEAL_SECONDS = 10.0
SWEEP_SECONDS = 30.0
LOOK_AHEAD = (timedelta(minutes=1), timedelta(hours=6), timedelta(days=8), timedelta(days=40))


def run(folder: Path, *, once: bool) -> None:
    """Run what the settings of `folder` want; with `once` end when nothing is due and nothing waits."""
    app = open_app(folder)
    with ExitStack() as ending:
        ending.callback(app.close)
        runner = LocalRunner(app.steps(), on_trouble=app.on_trouble, stopping=app.stop)
        app.store.on_commit(runner.told)
        scheduler = Scheduler(app.schedules(), app.store, app.clock)
        _told_to_stop(app.stop, ending)
        _introduce(app)
        if once:
            _once(app, runner, scheduler)
        else:
            _serve(app, runner, scheduler)
        left = runner.stop(DRAIN_SECONDS)
    _farewell(left)


def _told_to_stop(stop: threading.Event, ending: ExitStack) -> None:
    """SIGTERM and SIGINT end the run in an orderly way; as before afterwards."""

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            ending.callback(signal.signal, number, signal.signal(number, end))


def _once(app: App, runner: LocalRunner, scheduler: Scheduler) -> None:
    scheduler.catch_up(built_in=False)  # nobody who asks for one run wants a backup in it
    runner.told(app.everything())
    runner.run_until_idle()
    runner.nudge("audit.seal", "hub")
    runner.run_until_idle()
    _tell(runner.status())


def _tell(status: Status) -> None:
    """What could not be done now."""
    for nudge in status.backing_off:
        say(f"{nudge.step} for {nudge.lane} did not work and is to be tried again: see hub work list --owner it")
    for trouble in status.held:
        say(f"{trouble.step} for {trouble.lane} stopped: see hub work list --owner it")


def _serve(app: App, runner: LocalRunner, scheduler: Scheduler) -> None:
    """The schedule in a thread of its own; this one seals, sweeps and lets mended lanes go on."""
    threading.Thread(target=scheduler.serve, args=(app.stop,), name="schedule", daemon=True).start()
    runner.start()
    runner.told(app.everything())
    waited = 0.0
    while not app.stop.wait(SEAL_SECONDS):
        waited += SEAL_SECONDS
        runner.nudge("audit.seal", "hub")
        if waited >= SWEEP_SECONDS:
            waited = 0.0
            sweep(app, runner)


def sweep(app: App, runner: LocalRunner) -> None:
    """Nudge what other processes made true (a nudge of theirs is lost), and release lanes that a person mended:
    who resolves the work item of a held lane says so.
    """
    runner.told(app.everything(outside=False))
    try:
        for trouble in runner.status().held:
            if not app.watch.still_open(trouble.step, trouble.lane):
                runner.release(trouble.lane)
    except (HubError, OSError) as error:
        get_log().warning("sweep.fault", exception=type(error).__name__)


def _introduce(app: App) -> None:
    """What runs, in plain lines."""
    for one in app.host.instances():
        say(f"connector {one.name}: {one.plugin} ({one.port})")
    now = app.clock.now()
    for schedule in app.schedules():
        at = when(_next_time(schedule, now))
        lanes = ", ".join(schedule.lanes) or "nobody"
        say(f"schedule {schedule.name}: {schedule.step} for {lanes}, next {at}")
    if app.settings.hub.usage == "T":
        say("usage is T: every file is a test, and none counts as billed")
    say("running; stop with Ctrl-C or SIGTERM")


def _next_time(schedule: Schedule, now: datetime) -> datetime | None:
    """The next slot, looked for ever further ahead: a ten-second span has thousands in a day."""
    for span in LOOK_AHEAD:
        if found := due(schedule, now, now + span):
            return found[0].at
    return None


def _farewell(left: tuple[str, ...]) -> None:
    if left:
        say(f"stopped; these did not end in time and are taken up at the next start: {', '.join(left)}")
    else:
        say("stopped; nothing was interrupted")
