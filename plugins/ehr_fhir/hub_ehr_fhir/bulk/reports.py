"""What is remembered of exports for those who look at the connector."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from hub.plugin.api import Step
from hub.plugin.api.ports import State
from hub_ehr_fhir.bulk import turns
from hub_ehr_fhir.bulk.cursors import Cursor
from hub_ehr_fhir.settings_bulk import BulkSettings

STATE = "bulk"
SAID = {
    "idle": "waits for its next turn",
    "intent": "is about to be asked for",
    "waiting": "the server works at it",
    "loading": "its files are fetched",
    "closing": "its files are fetched",
}


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How exports stand: the stage, when that was, what was fetched, what went wrong by code, and what the server
    would not have in a kick-off. `slot`, `asked`, `after` as the cursor has them; `done_files` of `files` were taken
    (0: not known).
    """

    at: datetime
    stage: str
    percent: int = -1
    since: str = ""
    lines: int = 0
    size: int = 0
    faults: dict[str, int] = {}
    refused: tuple[str, ...] = ()
    tries: int = 0
    slot: int = 0
    asked: str = ""
    after: str = ""
    done_files: int = 0
    files: int = 0


def put(state: State, cursor: Cursor, now: datetime, percent: int, files: int = 0) -> None:
    """Keep how exports stand."""
    report = Report(
        at=now,
        stage=cursor.stage,
        percent=percent,
        since=cursor.since,
        lines=cursor.lines,
        size=cursor.size,
        faults=cursor.faults,
        refused=cursor.refused,
        tries=cursor.tries,
        slot=cursor.slot,
        asked=cursor.asked,
        after=cursor.after,
        done_files=cursor.place.file,
        files=files,
    )
    state.put(STATE, msgspec.json.encode(report))


def read(state: State) -> Report | None:
    """What was kept, if it can be read."""
    kept = state.get(STATE)
    try:
        return msgspec.json.decode(kept, type=Report) if kept else None
    except msgspec.MsgspecError:
        return None


def step(report: Report | None, settings: BulkSettings) -> Step:
    """One line of the connector's check."""
    name = f"bulk export ({settings.exported})"
    if report is None:
        return Step(name=name, ok=True, said="none was asked for yet; the first comes with the next pull")
    told = [f"{SAID.get(report.stage, report.stage)} (as of {report.at:%Y-%m-%d %H:%M} UTC)"]
    lasts = _lasts(report)
    told += [f"asked for {lasts / HOUR:.0f} h ago, given up after {settings.give_up_hours} h"] * (lasts >= HOUR)
    told += [f"{report.percent} % done"] * (report.percent >= 0)
    told += [f"{report.lines} resources, {size(report.size)}"] * bool(report.lines)
    told += [f"the server would not have {', '.join(report.refused)}"] * bool(report.refused)
    if report.faults:
        wrong = ", ".join(f"{code} ({count})" for code, count in sorted(report.faults.items()))
        return Step(name=name, ok=False, said="; ".join([*told, f"not whole: {wrong}"]), fix=FIX)
    if report.tries and report.stage != "idle":
        told.append(f"{report.tries} before it came to nothing")
    if report.stage == "waiting" and (report.tries or lasts > timedelta(hours=settings.give_up_hours) / 2):
        return Step(name=name, ok=False, said="; ".join(told), fix=_SLOW_FIX)
    return Step(name=name, ok=True, said="; ".join(told))


def size(count: int) -> str:
    """Bytes for a person."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _lasts(report: Report) -> timedelta:
    """How long the server has been at an export that is under way."""
    asked = turns.read(report.asked)
    return report.at - asked if asked is not None and report.stage in ("waiting", "loading") else timedelta()


HOUR = timedelta(hours=1)
_SLOW_FIX = (
    "ask who runs the server whether the export is under way there: it says that it works, and never ends. "
    "`hub fhir export NAME --cancel` ends it; a smaller Group, fewer `types` or `since` make it shorter"
)
FIX = (
    "nothing is lost: the next export asks for the same time again. If it stays so, ask who runs the server why "
    "these codes come"
)
