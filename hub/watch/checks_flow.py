"""Checks of what flows: files and messages that wait, answers that do not come, schedules, lanes, notices."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from hub.flow.source_lanes import subject
from hub.schedule import Schedule, configured, latest
from hub.schedule.plan import house
from hub.store.vitals import Vitals, Waiting
from hub.watch.catalogue import bad, good
from hub.watch.checks_store import connections
from hub.watch.finding import Finding, Level
from hub.watch.looking import Findings, Place, living
from hub.watch.words import at, counted, span, waiting

RUN_LONG = timedelta(hours=4)
LOOKS, LOOK_AT_LAST = 3, timedelta(minutes=50)
"""So many looks may be missed. A run that is open for an hour is called lost, and is seen no more."""
PAUSED_LONG = timedelta(days=1)
REFUSED = timedelta(days=1)
OF_FILES = frozenset({"acknowledgement", "print_result"})
ANSWERS = {
    "acknowledgement": ("file without acknowledgement", "files without acknowledgement"),
    "print_result": ("print run without result", "print runs without result"),
    "claim_ack": ("claim without acknowledgement", "claims without acknowledgement"),
    "adjudication": ("claim without adjudication", "claims without adjudication"),
}
HELD_WHY = "it has not begun: its lane is held, and waits for a person"
HELD_FIX = (
    "see what lane.held says of this lane; resolve its item in hub work list --owner it, and the run goes on"
)


def outbox(place: Place, vitals: Vitals) -> Findings:
    """Frozen files that wait to be sent."""
    yield from _old(place, "outbox.waiting", vitals.unsent(), place.mailbox_age, ("to be sent", "file"))


def partners(place: Place, vitals: Vitals) -> Findings:
    """Files that partners have for us, and that are not wholly ours."""
    found = vitals.unfetched(tuple(place.settings.connectors))
    yield from _old(place, "partner.waiting", found, place.mailbox_age, ("to be fetched", "file"))


def inbox(place: Place, vitals: Vitals) -> Findings:
    """What arrived and was not read yet."""
    yield from _old(place, "inbox.waiting", vitals.unread(), place.lag, ("to be read", "message"))


def stopped(place: Place, vitals: Vitals) -> Findings:  # noqa: ARG001 - checks share one signature
    """Lanes of feeds that stand still: one finding for each source, however many lanes there are."""
    found = vitals.stopped_feeds()
    for one in found:
        lanes = counted(one.lanes, "lane stands", "lanes stand")
        behind = counted(one.waiting, "message waits", "messages wait")
        what = f"{one.source}: {lanes} still since {at(one.since)}, {behind} behind"
        yield bad("feed.stopped", one.source, what, name=one.source)
    if not found:
        yield good("feed.stopped", "", "feeds: no lane stands still")


def undone(place: Place, vitals: Vitals) -> Findings:
    """Encounters, claims and remittances that wait for nobody but the hub."""
    late = [] if _just_began(place, vitals, "worker") else vitals.undone(place.now - place.lag)
    level: Level | None = "warning" if vitals.lane_troubles() else None
    for one in late:
        oldest = span(place.now - one.since)
        what = f"{one.place} {one.kind}: {counted(one.count, 'waits', 'wait')}, the oldest for {oldest}"
        yield bad("flow.late", f"{one.place}.{one.kind}", what, level=level)
    if not late:
        yield good("flow.late", "", f"steps: nothing waits for one for longer than {span(place.lag)}")


def _old(
    place: Place, code: str, found: Iterable[Waiting], longest: timedelta, words: tuple[str, str]
) -> Findings:
    """A finding for each place where something has waited too long, or one that says that there is none."""
    doing, thing = words
    late = [one for one in found if place.now - one.since > longest]
    for one in late:
        what = f"{one.place}: {waiting(one, place.now, thing)} {doing}"
        yield bad(code, one.place, what, name=one.place)
    if not late:
        yield good(code, "", f"{thing}s {doing}: none for longer than {span(longest)}")


def answers(place: Place, vitals: Vitals) -> Findings:
    """What partners and payers should have answered by now."""
    late = vitals.overdue(place.now)
    for one in late:
        code = "answer.overdue" if one.kind in OF_FILES else "claim.unanswered"
        what = counted(one.count, *ANSWERS.get(one.kind, (f"overdue {one.kind}",)))
        where = f"{one.place}: " if one.place else ""
        which = f"{one.kind}:{one.place}" if one.place else one.kind
        yield bad(code, which, f"{where}{what}, due since {at(one.since)}")
    for code, words in (("answer.overdue", "files"), ("claim.unanswered", "claims")):
        if not any((one.kind in OF_FILES) == (code == "answer.overdue") for one in late):
            yield good(code, "", f"answers about {words}: none is overdue")


def schedules(place: Place, vitals: Vitals) -> Findings:
    """The last slot of each schedule that should have begun by now; those that are paused are told apart."""
    paused = {row.schedule: row for row in vitals.pauses() if row.until is None or row.until > place.now}
    known = [one for one in known_schedules(place) if one.name not in paused]
    late = [] if _just_began(place, vitals, "scheduler") else list(_late(place, vitals, known))
    yield from late
    for name, row in paused.items():
        if row.until is None and place.now - row.since > PAUSED_LONG:
            what = f"schedule {name}: paused by {row.by} since {at(row.since)}"
            yield bad("schedule.paused", name, what, name=name)
    if not late:
        aside = f", {counted(len(paused), 'is', 'are')} paused" if paused else ""
        yield good("schedule.late", "", f"schedules: {len(known)}, none is late{aside}")


def _late(place: Place, vitals: Vitals, known: list[Schedule]) -> Findings:
    """A schedule that never ran owes nothing: it was not there yet."""
    for schedule in known:
        last = vitals.last_slot(schedule.name, place.now)
        owed = latest(schedule, place.now - place.lag) if last is not None else None
        if last is not None and owed is not None and owed.name > last[0]:
            what = f"schedule {schedule.name}: {owed.name} was not begun, the last was {last[0]}"
            yield bad("schedule.late", schedule.name, what)


def known_schedules(place: Place) -> list[Schedule]:
    """The schedules of the settings and those of the house."""
    steps = {one.step for one in house(place.settings, _no_lanes)}
    return configured(place.settings, _no_lanes, steps)


def _no_lanes(_step: str) -> tuple[str, ...]:
    return ()


def _just_began(place: Place, vitals: Vitals, role: str) -> bool:
    """Whether every node of that role began so lately that it may still be catching up."""
    began = [one.started_at for one in living(place, vitals) if role in one.roles]
    return bool(began) and place.now - min(began) < place.lag


def runs(place: Place, vitals: Vitals) -> Findings:
    """Runs of schedules that do not end."""
    late = vitals.open_runs(place.now - RUN_LONG)
    held = {row.lane for row in vitals.lane_troubles() if row.kind == "held"} if late else set[str]()
    for row in late:
        what = f"run of {row.schedule}: {row.step} for {subject(row.lane) or 'the hub'} since {at(row.started)}"
        which = f"{row.schedule}:{row.lane}" if row.lane else row.schedule
        if row.lane in held:
            yield bad("run.long", which, f"{what}, held with its lane", why=HELD_WHY, fix=HELD_FIX)
        else:
            yield bad("run.long", which, what)
    if not late:
        yield good("run.long", "", f"runs: none has lasted longer than {span(RUN_LONG)}")
    yield _looked(place, vitals)


def _looked(place: Place, vitals: Vitals) -> Finding:
    """Whether the hub looks at itself: a look that was asked for and has not ended is still owed."""
    allowed = min(max(LOOKS * place.settings.watch.every, timedelta(minutes=LOOKS)), LOOK_AT_LAST)
    owed = [row.started for row in vitals.open_runs(place.now - allowed) if row.step == "watch.look"]
    if owed:
        return bad("watch.late", "", f"the hub has not looked at itself since {at(min(owed))}")
    return good("watch.late", "", f"watch: no look is owed for longer than {span(allowed)}")


def lanes(place: Place, vitals: Vitals) -> Findings:
    """Lanes that are held or back off, and connections whose item is open."""
    found: dict[tuple[str, str], Finding] = {}
    for (lane, step), row in connections(vitals.broken_connections(tuple(place.settings.practices))).items():
        code = _lane_code(row.reason == "connector.stopped", place, place.now - row.opened_at)
        what = f"{lane}: {step} since {at(row.opened_at)}"
        found[lane, step] = bad(code, f"{lane}:{step}", what, why=row.why, fix=row.fix)
    for row in vitals.lane_troubles():
        code, about = _lane_code(row.kind == "held", place, place.now - row.since), subject(row.lane)
        what = f"{about}: {row.step} failed {counted(row.attempts, 'time')} since {at(row.since)}"
        why = row.said or f"{row.error} at {row.place}"
        fix = row.fix or f"run: hub connector test {about}"
        found[about, row.step] = bad(code, f"{about}:{row.step}", what, why=why, fix=fix)
    yield from found.values()
    if not found:
        yield good("lane.held", "", "lanes: none is held or backs off")


def _lane_code(held: bool, place: Place, lasting: timedelta) -> str:
    if held:
        return "lane.held"
    return "lane.down" if lasting > place.lag else "lane.failing"


def notices(place: Place, vitals: Vitals) -> Findings:
    """Notices that do not go out, and whether anybody is told at all."""
    stuck = vitals.stuck_notices(place.now - place.lag, place.now - REFUSED)
    for one in stuck:
        verb = "refused" if one.kind == "refused" else "waiting"
        what = f"{one.place}: {waiting(one, place.now, 'notice')} {verb}"
        yield bad("notice.stuck", one.place, what, name=one.place)
    if not stuck:
        yield good("notice.stuck", "", "notices: none waits")


def told(place: Place) -> Findings:
    """Whether anybody is told of alarms."""
    to = sorted({name for names in place.settings.notifications.to.values() for name in names})
    if to:
        yield good("notice.nobody", "", f"alarms are told by {', '.join(to)}")
    else:
        yield bad("notice.nobody", "", "alarms: nobody is told")
