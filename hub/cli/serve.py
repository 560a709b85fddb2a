"""`hub run`: one node of the hub, in the roles that its settings or options name, until it is told to stop."""

from __future__ import annotations

import os
import socket
import sys
from datetime import datetime, timedelta
from pathlib import Path

from hub import garbage, log
from hub.app import App
from hub.cli.ui import explain, say, when
from hub.config import Loaded
from hub.errors import StoreAway
from hub.flow.source_lanes import subject
from hub.node import Node, sweep
from hub.runner.port import Status
from hub.schedule import Schedule, due
from hub.store.alone import Taken

TRY_AGAIN = 75
"""How the process ends where another one runs already, or the store is away: it may be tried again."""
LOOK_AHEAD = (timedelta(minutes=1), timedelta(hours=6), timedelta(days=8), timedelta(days=40))


def run(folder: Path, *, once: bool, roles: str = "", listen: str | None = None) -> None:
    """Run what the settings of `folder` want; with `once` end when nothing is due and nothing waits."""
    node = Node(folder, roles=roles, listen=listen, say=say, on_running=_introduce, on_settings=_log)
    if once:
        _tell(node.once())
        _tell_put_off(node)
        say("stopped; nothing was interrupted")
        return
    try:
        left = node.run()
    except (Taken, StoreAway) as error:
        explain(error)
        sys.exit(TRY_AGAIN)
    _farewell(left)
    if left:
        # a step that still runs would hold up the interpreter's end, or meet a world that is half gone
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _log(loaded: Loaded) -> None:
    """The log as the settings want it, from now on."""
    told = loaded.settings.run
    file = loaded.data_folder / told.log_file if told.log_file else None
    if file is not None:
        loaded.data_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log.configure(
        file=file,
        megabytes=told.log_megabytes,
        keep=told.log_keep,
        level=loaded.settings.hub.log,
        node=socket.gethostname(),
    )


def _tell(status: Status) -> None:
    """What could not be done now."""
    for nudge in status.backing_off:
        what = f"{nudge.step} for {subject(nudge.lane)}"
        say(f"{what} did not work and is to be tried again: see hub work list --owner it")
    for trouble in status.held:
        say(f"{trouble.step} for {subject(trouble.lane)} stopped: see hub work list --owner it")


def _tell_put_off(node: Node) -> None:
    """What was not done, since a partner is left alone for now, and when it is due."""
    for (step, about), until in node.app.put_off.items() if node.app else ():
        if until is not None:
            said = f"it was asked a moment ago, and is left alone until {until:%Y-%m-%d %H:%M:%S}Z"
            say(f"{step} for {about} was not done: {said}")


def _introduce(node: Node) -> None:
    """What runs, in plain lines; and from here on the process stays."""
    garbage.settle()
    app, plan = node.app, node.plan
    if app is None or plan is None:
        return
    for one in app.host.instances():
        say(f"connector {one.name}: {one.plugin} ({one.port})")
    if "scheduler" in plan.roles:
        _timetable(app)
    if node.pages is not None and node.pages.address:
        say(f"health and metrics: http://{node.pages.address}/healthz /readyz /metrics")
    _doors(node)
    if app.settings.hub.usage == "T":
        say("usage is T: every file is a test, and none counts as billed")
    say(f"roles: {', '.join(plan.roles)} ({plan.runner} runner)")
    say("running; stop with Ctrl-C or SIGTERM, read changed settings with SIGHUP")


def _doors(node: Node) -> None:
    """Which connectors answer requests, and where."""
    if node.pages is None or node.doors is None:
        return
    begins = [node.pages.public_url, f"http://{node.pages.address}" if node.pages.address else ""]
    for name in node.doors.names():
        said = " and ".join(f"{begin}/connectors/{name}/" for begin in begins if begin)
        say(f"connector {name} answers requests at {said or 'no address: see run.listen and run.public_listen'}")


def _timetable(app: App) -> None:
    now = app.clock.now()
    for schedule in app.schedules():
        at = when(_next_time(schedule, now))
        lanes = ", ".join(schedule.lanes) or "nobody"
        say(f"schedule {schedule.name}: {schedule.step} for {lanes}, next {at}")


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


__all__ = ["run", "sweep"]
