"""What a practice does besides the path, so that every commit point is passed: a listener, a schedule, a file too
long for one piece, new keys, a person at work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date, timedelta
from pathlib import Path

from faultlab.visits import START
from hub.app import STEPS, App
from hub.cli.act import Choice, _resolve
from hub.cli.detail import _looked
from hub.testing.installed import on_path

LISTENER = """
import os
from pathlib import Path

from hub.plugin.api import hookimpl

HUB_API = 0


@hookimpl
def hub_event(event):
    with (Path(os.environ["HUB_FAULT_HEARD"])).open("a") as heard:
        heard.write(event.id + chr(10))
"""
SCHEDULES = """
[schedules.seal]
step = "audit.seal"
cron = "0 12 * * 1"
zone = "UTC"

[schedules.overdue]
step = "sweep.expect"
every = "7d"
"""
LONG = b"This is a report of the partner.\n" * 40_000
EVENING_OF_EXTRAS = START + timedelta(days=2)
HOUSEKEEPING = tuple(name for name in STEPS if name.split(".")[0] in {"watch", "notices", "keep"})
"""What the hub does for itself, once in a life: how often changes nothing that the books hold."""


def furnish(work: Path, config: Path, mailbox: Path) -> None:
    """Give a world's hub a listener and schedules, and lay out a long file at its partner."""
    about = work / "site" / "listening-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: listening\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[hub]\nlistening = listening\n")
    (about.parent / "listening.py").write_text(LISTENER)
    text = (config / "hub.toml").read_text().replace('usage = "P"', 'usage = "P"\nplugins = ["listening"]')
    (config / "hub.toml").write_text(text + SCHEDULES)
    (mailbox / "outbound").mkdir(parents=True, exist_ok=True)
    (mailbox / "outbound" / "report.txt").write_bytes(LONG)


@contextmanager
def installed(work: Path) -> Iterator[None]:
    """Let this process find the listener, if the world has one."""
    with on_path(work / "site") if (work / "site").exists() else nullcontext():
        yield


def evening(app: App, work: Path, on: date) -> list[str]:
    """What a person does in the evening; the steps of housekeeping that the hub should do now."""
    with app.store.view() as view:
        denials = [item for item in view.work.list(limit=1_000) if item.reason.startswith("denial.")]
    for item in denials:
        choice = Choice(how="the provider writes it off", by="biller")
        with app.store.begin("work.resolve") as tx:
            _resolve(tx, app.settings, item.id, choice)
    if on != EVENING_OF_EXTRAS:
        return []
    _looked(app.store, "claim.viewed", "hub", "hub", next(iter(app.settings.practices)), "biller")
    mark = work / "rotated"
    if not mark.exists():
        app.store.rotate_keys()
        mark.touch()
    while app.store.reencrypt():
        continue
    return list(HOUSEKEEPING)


def heard(work: Path) -> list[str]:
    """The ids of the events that the listener heard, in order."""
    path = work / "heard"
    return path.read_text().split() if path.exists() else []
