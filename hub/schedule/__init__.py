"""Says when: schedules become slots, each slot is recorded once, and its step is nudged.

Of APScheduler only the reading of cron lines is used. Its own loop would fire a cron line twice on the night the
clock goes back, give each process intervals of its own, and forget what a killed process missed. Here a slot has
a name (its local wall time, `2026-11-01T01:30`; for a span its UTC time) and belongs to whoever writes that name
down first, so that any number of schedulers may run.
"""

from __future__ import annotations

from hub.schedule.calendars import Calendar
from hub.schedule.history import History, prune
from hub.schedule.plan import EPOCH, HOUSE, Schedule, Slot, check, configured
from hub.schedule.scheduler import Scheduler
from hub.schedule.times import due, latest, never, upcoming
from hub.schedule.wall import instant

__all__ = [
    "EPOCH",
    "HOUSE",
    "Calendar",
    "History",
    "Schedule",
    "Scheduler",
    "Slot",
    "check",
    "configured",
    "due",
    "instant",
    "latest",
    "never",
    "prune",
    "upcoming",
]
