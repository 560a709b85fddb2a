"""`hub fhir export`: how the bulk export of a connector stands; one is begun or ended by the hub that runs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from hub.errors import Misconfigured
from hub.plugin.api import Commands
from hub.plugin.api.desk import Desk
from hub.plugin.api.ports import State
from hub_ehr_fhir.bulk import kickoff, reports, turns, wishes
from hub_ehr_fhir.settings import FhirSettings
from hub_ehr_fhir.settings_bulk import BulkSettings

LOOK_SECONDS = 2.0
UNHEARD = 15
"""Looks after which a wish that nobody took up is told."""
_NOW = "To have one now: hub schedule run NAME, with the schedule of step ingest.pull."
_TAKEN_UP = f"exports are worked at by the pulls of the hub that runs (hub run); it stays asked for. {_NOW}"
_RUNS = ("intent", "waiting", "loading", "closing")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done beside telling how it stands."""

    name: str
    begin: bool = False
    end: bool = False
    wait: bool = False
    dry_run: bool = False
    as_json: bool = False


class Stand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How exports of a connector stand, for people and scripts; times are aware UTC."""

    connector: str
    exports: str
    stage: str = ""
    running: bool = False
    wished: str = ""
    percent: int | None = None
    done_files: int | None = None
    files: int | None = None
    resources: int = 0
    bytes: int = 0
    not_whole: dict[str, int] = {}
    refused: tuple[str, ...] = ()
    as_of: datetime | None = None
    asked_at: datetime | None = None
    complete_until: datetime | None = None
    asks_again_at: datetime | None = None
    next_at: datetime | None = None


def export(given: Commands, choice: Choice, config: Path | None, by: str) -> bool:
    """Do it, and tell how it stands; False where something is missing in the last one."""
    with given.desk(config, by) as desk:
        settings, bulk = _settings(given, desk, choice.name)
        zone, clock = ZoneInfo(settings.time_zone), desk.context(choice.name).clock
        state = desk.state(choice.name)
        now = stand(choice.name, bulk, zone, state, clock.now())
        if choice.begin or choice.end:
            _wish(given, choice, bulk, state, now, clock.now())
            if choice.dry_run:
                return True
            now = stand(choice.name, bulk, zone, state, clock.now())
        if choice.wait:
            now = _watched(given, desk, choice.name, (bulk, zone), state)
    if choice.as_json:
        given.terminal.document(now)
    else:
        _tell(given, now, bulk)
    return not now.not_whole


def stand(name: str, bulk: BulkSettings, zone: ZoneInfo, state: State, now: datetime) -> Stand:
    """How exports stand by what the hub saved last."""
    told, wish = reports.read(state), wishes.waiting(state)
    found = Stand(connector=name, exports=bulk.exported, wished=wish.what if wish else "")
    if told is None:
        return msgspec.structs.replace(found, next_at=turns.begins(bulk, zone, turns.turn(bulk, zone, now)))
    counted = told.stage in ("loading", "closing")
    return msgspec.structs.replace(
        found,
        stage=told.stage,
        running=told.stage in _RUNS,
        percent=told.percent if told.percent >= 0 else None,
        done_files=told.done_files if counted and told.files else None,
        files=told.files if counted and told.files else None,
        resources=told.lines,
        bytes=told.size,
        not_whole=told.faults,
        refused=told.refused,
        as_of=told.at,
        asked_at=turns.read(told.asked),
        complete_until=turns.read(told.since),
        asks_again_at=turns.read(told.after) if told.stage in ("waiting", "intent") or told.tries else None,
        next_at=turns.begins(bulk, zone, told.slot + 1),
    )


def _settings(given: Commands, desk: Desk, name: str) -> tuple[FhirSettings, BulkSettings]:
    settings = desk.settings(name)
    if not isinstance(settings, FhirSettings) or settings.server is None or settings.bulk is None:
        given.terminal.fail(
            f"connector {name} exports nothing", fix="write the tables server and bulk into its settings"
        )
    if any(one.name == name and not one.enabled for one in desk.instances()):
        raise Misconfigured(f"connector {name} is not enabled", fix="set enabled = true in hub.toml")
    return settings, settings.bulk


def _wish(given: Commands, choice: Choice, bulk: BulkSettings, state: State, now: Stand, at: datetime) -> None:
    """Leave it for the hub that runs, unless there is nothing to begin or to end."""
    say = given.terminal.say if not choice.as_json else (lambda _line: None)
    if choice.end and not (now.running or now.wished == "begin"):
        say("No export runs: nothing to end.")
        return
    if choice.begin and now.running:
        say("An export runs already: another one is not begun.")
        return
    if choice.dry_run:
        _would(given, choice, bulk)
        return
    wishes.put(state, wishes.Wish(what="begin" if choice.begin else "end", at=at))
    say("The hub was asked to begin an export." if choice.begin else "The hub was asked to end the export.")
    say(f"Its next pull does it. {_NOW}")


def _would(given: Commands, choice: Choice, bulk: BulkSettings) -> None:
    asked = kickoff.request(bulk, None, ())
    told = {"path": asked.path, "parameters": dict(asked.params)} if choice.begin else {"ends": True}
    if choice.as_json:
        given.terminal.document({"connector": choice.name, "would": told})
    elif choice.begin:
        given.terminal.say(f"Would ask for {asked.path}: all of {', '.join(bulk.types)}.")
        given.terminal.say("Where an export came whole before, only what changed since is asked for.")
    else:
        given.terminal.say("Would end the export; what was taken of it stays.")


def _watched(given: Commands, desk: Desk, name: str, how: tuple[BulkSettings, ZoneInfo], state: State) -> Stand:
    """Look again and again until no export runs, with a bar for who watches."""
    context, unheard = desk.context(name), 0
    while True:
        now = stand(name, *how, state, context.clock.now())
        unheard = unheard + 1 if now.wished else 0
        if unheard > UNHEARD:
            given.terminal.fail("no pull has taken it up yet", fix=_TAKEN_UP)
        if not now.wished and not now.running:
            return now
        _show(given, now)
        context.stop.wait(LOOK_SECONDS)


def _show(given: Commands, now: Stand) -> None:
    if now.files is not None:
        given.terminal.progress(f"{now.resources:,} resources; files", now.done_files or 0, now.files)
    elif now.percent is not None:
        given.terminal.progress("the server works at it: percent", now.percent, 100)
    else:
        given.terminal.progress(
            f"{reports.SAID.get(now.stage, 'waits to be taken up')}; resources", now.resources
        )


def _tell(given: Commands, now: Stand, bulk: BulkSettings) -> None:
    rows = [(what, said) for what, said in _rows(now, bulk) if said]
    given.terminal.table(f"Bulk export of {now.connector}", ("What", "How it stands"), rows)
    if now.not_whole:
        given.terminal.say(given.terminal.paint(f"Not whole: {reports.FIX}.", "warning"))


def _rows(now: Stand, bulk: BulkSettings) -> list[tuple[str, str]]:
    wished = {"begin": "one is to begin: the hub takes it up with its next pull", "end": "it is to end"}
    wrong = ", ".join(f"{code} ({count})" for code, count in sorted(now.not_whole.items()))
    files = f"{now.done_files:,} of {now.files:,}" if now.files is not None else ""
    return [
        ("asked by hand", wished.get(now.wished, "")),
        ("stage", reports.SAID.get(now.stage, "none was asked for yet")),
        ("as of", _time(now.as_of)),
        ("what", f"{kickoff.path(bulk)}"),
        ("asked for", _time(now.asked_at)),
        ("server's progress", f"{now.percent} %" if now.percent is not None else ""),
        ("looked at again", f"with the first pull after {_time(now.asks_again_at)}" if now.asks_again_at else ""),
        ("files", files),
        ("resources", f"{now.resources:,}" if now.resources else ""),
        ("size", reports.size(now.bytes) if now.bytes else ""),
        ("not whole", wrong),
        ("the server would not have", ", ".join(now.refused)),
        ("complete until", _time(now.complete_until)),
        ("next turn", _time(now.next_at)),
    ]


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""
