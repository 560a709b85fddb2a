"""`feeds`, `feeds show`: how feeds do, as a table, and one of them hour by hour as a chart of letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hub.cli.opened import Opened, opened
from hub.cli.ui import age, print_json, say, say_folded, table, when
from hub.clock import SystemClock
from hub.config.explain import near
from hub.errors import Misconfigured
from hub.store.feeds import Hour
from hub.store.lanes import HELD
from hub.store.vitals import PAGE, Vitals, look
from hub.watch.checks_feeds import silent_after, zone_of
from hub.watch.feed_habit import WEEKS, learn
from hub.watch.feed_health import Failing, Health, Peer, health
from hub.watch.looking import Place

STYLES = {
    "silent": "red",
    "stopped": "red",
    "away": "red",
    "in part": "yellow",
    "quiet": "yellow",
    "sends": "green",
    "brings": "green",
    "nothing yet": "dim",
}
NOT_WELL = frozenset({"silent", "stopped", "away", "in part", "nothing yet"})
BARS = " ▁▂▃▄▅▆▇█"
COLUMNS = ("feed", "from", "stands", "last", "this hour", "24 h", "repeats", "yes", "error", "reject", "slowest")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@contextmanager
def _looked(folder: Path) -> Iterator[tuple[Opened, Place, Vitals]]:
    with opened(folder) as hub:
        place = Place(settings=hub.settings, folder=folder, clock=SystemClock(), engines=hub.store.engines)
        with look(hub.store.engines) as vitals:
            yield hub, place, vitals


def table_of(folder: Path, *, as_json: bool) -> None:
    """Every feed."""
    with _looked(folder) as (_, place, vitals):
        found, now = health(place, vitals), place.now
    if as_json:
        print_json(found)
        return
    rows = [row for one in found for row in _rows(one, now)]
    styles = [STYLES.get(row[2], "") for row in rows]
    table(f"Feeds: {len(found)}", (*COLUMNS, "unread", "lanes"), rows, right=(*range(4, 11), 11), styles=styles)
    for each in found:
        _tell(each, {one.source: one.stand for one in found}, now)


def _tell(one: Health, stands: Mapping[str, str], now: datetime) -> None:
    """Below the table: what does not work, what to do, and when it is tried again."""
    for failing in one.failing:
        what = "cannot be asked" if failing.asking else f"what came cannot be worked on ({failing.step})"
        past = age(now - failing.since)
        say_folded(f"{one.source}: {what} since {when(failing.since)} ({past}, {_tries(failing)}): {failing.why}")
        say_folded(f"do: {failing.fix}", "    ")
        say_folded(_next(one, failing, now), "    ")
    if one.stand == "in part":
        last = max(each.last for each in one.peers if each.peer)
        say_folded(f"what {one.source} sends by itself still comes, the last {_ago(last, now)}", "    ")
    for other in one.follows:
        if stands.get(other, "nothing yet") in NOT_WELL:
            told = stands.get(other, "nothing yet")
            say_folded(f"{one.source}: fetches what {other} tells of, and {other} stands: {told}")


def _tries(failing: Failing) -> str:
    return "tried once" if failing.tries == 1 else f"tried {failing.tries:,} times"


def _next(one: Health, failing: Failing, now: datetime) -> str:
    if failing.kind == HELD:
        return f"next try: none before a person resolves its item ({one.source} in: hub work list --owner it)"
    if failing.next_try is None:
        return "next try: now, by the running hub"
    if failing.next_try <= now:
        return "next try: due now; it needs a hub that runs (hub run)"
    return f"next try: in {age(failing.next_try - now) or '0m'} ({when(failing.next_try)}), by itself"


def _rows(one: Health, now: datetime) -> Iterator[list[str]]:
    """A row for each peer, which stands alone where the terminal is narrow; the first says how the feed stands."""
    unread = _unread(one, now)
    lanes = f"{one.lanes:,} stopped" if one.lanes else "-"
    stand = "brings" if one.stand == "sends" and not any(peer.peer for peer in one.peers) else one.stand
    if not one.peers:
        last = _ago(one.last, now)
        yield [one.source, "-", stand, last, *["0"] * 2, *["-"] * 5, unread, lanes]
    for number, peer in enumerate(one.peers):
        head = [one.source, peer.peer or "pulled", stand if number == 0 else ""]
        tail = [unread, lanes] if number == 0 else ["", ""]
        yield [*head, _ago(peer.last, now), *_counts(peer), *tail]


def _counts(peer: Peer) -> list[str]:
    told = [peer.hour, peer.day, peer.repeats, peer.accepted, peer.failed, peer.rejected]
    return [*(f"{number:,}" for number in told), f"{peer.slowest_ms:,} ms" if peer.slowest_ms else "-"]


def _unread(one: Health, now: datetime) -> str:
    if one.oldest is None:
        return "-"
    more = " or more" if one.unread >= PAGE else ""
    return f"{one.unread:,}{more} ({age(now - one.oldest)})"


def _ago(instant: datetime | None, now: datetime) -> str:
    return f"{age(now - instant)} ago" if instant else "-"


def one(folder: Path, name: str, *, days: int, as_json: bool) -> None:
    """One feed with its last days by the hour; raises `Misconfigured` where no source is called so."""
    with _looked(folder) as (hub, place, vitals):
        found = {each.source: each for each in health(place, vitals)}
        if name not in found:
            fix = near(name, found) or f"the feeds are: {', '.join(found) or 'none'}"
            raise Misconfigured(f"there is no feed {name}", fix=fix)
        now, zone = place.now, zone_of(hub.settings, name)
        hours = vitals.feed_counts(now - timedelta(days=days + 1), name)
        habit = learn(vitals.feed_hours(name, now - WEEKS), zone)
        limit = silent_after(hub.settings, name)
    if as_json:
        print_json({"feed": found[name], "hours": hours, "usual_hours": sorted(habit.usual)})
        return
    table(f"Feed {name}", (*COLUMNS, "unread", "lanes"), list(_rows(found[name], now)), right=(*range(4, 11), 11))
    _tell(found[name], {each.source: each.stand for each in found.values()}, now)
    for line in (*_habit(found[name], habit, limit), "", *chart(hours, zone, now, days)):
        say(line)


def _habit(one: Health, habit: Any, limit: timedelta | None) -> Iterator[str]:
    """What the silence of this feed is judged by."""
    if limit is not None:
        hours = round(limit.total_seconds() / 3600)
        yield f"Silence: an alarm after {hours} h (silent_after_hours)." if hours else "Silence: never an alarm."
    elif not habit.known:
        yield "Silence: no habit yet; it takes three weeks in which messages come in the same hours."
    else:
        yield (
            f"Silence: messages come in {len(habit.usual)} hours of the week; an alarm when {habit.allowed} of them "
            f"in a row bring none ({one.missed} now, {habit.longest} at most so far)."
        )


def chart(hours: list[Hour], zone: ZoneInfo, now: datetime, days: int) -> Iterator[str]:
    """A line for each day, a letter for each hour by the wall clock: the higher, the more messages."""
    counts: Counter[tuple[date, int]] = Counter()
    for one in hours:
        local = one.hour.astimezone(zone)
        counts[local.date(), local.hour] += one.messages
    today = now.astimezone(zone).date()
    wanted = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    most = max([counts[day, hour] for day in wanted for hour in range(24)], default=0)
    yield f"Messages by the hour ({zone.key}); █ is {most:,}"
    yield f"{'':14} 0     6     12    18    "
    for day in wanted:
        bars = "".join(_bar(counts[day, hour], most) for hour in range(24))
        total = sum(counts[day, hour] for hour in range(24))
        yield f"{WEEKDAYS[day.weekday()]} {day}│{bars}│ {total:,}"


def _bar(count: int, most: int) -> str:
    """None is a blank, and even one message is seen."""
    return BARS[max(round(count * (len(BARS) - 1) / most), 1)] if count else BARS[0]
