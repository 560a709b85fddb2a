"""Findings become conditions: each opens once, stays, clears when it is gone, and is told once to the right people.

A condition that is gone for two looks is over. Of one condition at most one alarm and one recovery go out in an
hour: one that comes and goes is said to do so. What opens or ends in one look is one notice for each notifier, and
more than three alarms within ten minutes wait, so that a storm becomes a few notices and not fifty.
"""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from hub.config.unattended import OWNERS
from hub.errors import HubError
from hub.flow.base import Hub, Outcome
from hub.log import get_log
from hub.store import Nudge, Tx
from hub.store.notices import SILENT, Condition, Letter, Standing, Trouble
from hub.watch import checks_feeds, wording
from hub.watch.catalogue import KINDS, bad
from hub.watch.finding import Finding

MISSES = 2
"""So many looks in a row must not see a condition before it is over."""
HOUR = timedelta(hours=1)
"""The least time between two alarms, and between two recoveries, of one condition; what comes back sooner flaps."""
BURST, BURST_SPAN = 3, timedelta(minutes=10)
"""So many notices of alarms go to one notifier within that time; then they wait and go as one."""
KEPT = timedelta(days=3)
"""A notice that could not be sent for so long is dropped."""
LOST = timedelta(days=1)
"""So long it is an alarm that notices were dropped."""
PINGS = 3
"""So many signs of life in a row must fail before that is an alarm."""
ROLES, REST = OWNERS[:-1], OWNERS[-1]
NO_LONGER = "its notifier is no longer configured"
TOO_OLD = "it could not be sent for three days"
_PASSING = "connector.unreachable"
QUOTING = {
    "lane.held": "then resolve its item in hub work list --owner it",
    "lane.down": "then hub connector test",
    "lane.failing": "then hub connector test",
    "check.failed": "tell the hub's authors",
    "store.away": "the hub goes on by itself when the database is back",
}
"""Findings that may quote a plugin, a partner or a database, and what to do instead of what those say."""


def look(hub: Hub, lane: str) -> Outcome:  # noqa: ARG001 - every step is given its lane
    """The step `watch.look`: note how everything stands, and queue what people must hear of."""
    from hub.watch.checks import standing

    found = [in_house(one) for one in standing(hub) if one.code != "watch.late"]  # this look is the proof of it
    with hub.store.view() as view:
        found += [worded(one, hub, view.now) for one in view.conditions.troubles() if not covered(one, found)]
        known = view.conditions.known(view.now - 2 * HOUR)
        found = [lasting(one, known, view.now) for one in found]
        stuck = view.notices.standing(view.now - LOST)
        found += unheard(stuck, view.notices.list(kind="alive", state=SILENT), notifiers(hub))
    if not known and not stuck and all(one.ok for one in found):
        return Outcome()
    takes = taken(hub)
    with hub.store.begin("watch.look") as tx:
        changed = note(tx, found)
        checks_feeds.keep_work(tx, hub, changed, [key for key, one in known.items() if one.open])
        told = queue(tx, hub, changed, takes)
        tx.notices.drop_old(tx.now - KEPT, TOO_OLD)
        tx.notices.drop_old(tx.now, NO_LONGER, keep=notifiers(hub))
    say(changed, known, nobody=not takes)
    return Outcome(done=told)


def notifiers(hub: Hub) -> tuple[str, ...]:
    """Every connector that the settings name as one to tell, in their order."""
    return tuple(dict.fromkeys(name for names in hub.settings.notifications.to.values() for name in names))


def taken(hub: Hub) -> dict[str, frozenset[str]]:
    """What each working notifier takes; one that hangs or fails is thought to take alarms and their end."""
    found: dict[str, frozenset[str]] = {}
    working = hub.host.names("Notifier")
    for name in notifiers(hub):
        if name in working:
            try:
                found[name] = hub.host.notifier(name).takes
            except HubError:
                found[name] = frozenset({"alert", "recovered"})
    return found


def recipients(
    key: str, owner: str, kind: str, to: Mapping[str, Sequence[str]], takes: Mapping[str, frozenset[str]]
) -> tuple[str, ...]:
    """Who hears of a condition: those of its owner's role, else those for all. That a notifier does not work is
    told through the others of any role, never through itself.
    """
    able = [name for name in takes if kind in takes[name]]
    named = [name for name in to.get(owner) or to.get(REST) or () if name in able]
    code, _, broken = key.partition(":")
    itself = code.startswith("notice.") or (code == "plugin.hung" and broken in takes)
    if not itself or kind != "alert":
        return tuple(dict.fromkeys(named))
    others = [name for name in named if name != broken] or [name for name in able if name != broken]
    return tuple(dict.fromkeys(others))


def advance(before: Condition | None, finding: Finding | None, now: datetime) -> Condition | None:
    """A condition after one look; None where there is nothing to keep."""
    if finding is not None and not finding.ok:
        return _seen(before, finding, now)
    if before is None or not before.open:
        return before
    misses = before.misses + 1
    if misses < MISSES:
        return replace(before, misses=misses)
    what = finding.what if finding is not None else before.what
    return replace(before, misses=misses, cleared_at=now, what=what)


def _seen(before: Condition | None, finding: Finding, now: datetime) -> Condition:
    told = {name: getattr(finding, name) for name in ("owner", "level", "what", "why", "fix")}
    if before is None:
        return Condition(key=finding.key, since=now, seen_at=now, **told)
    again = replace(before, seen_at=now, misses=0, **told)
    if before.cleared_at is None:
        return again
    soon = now - before.cleared_at < HOUR
    began = (before.flapping_at or before.since) if soon else None
    return replace(again, since=now, cleared_at=None, flaps=before.flaps + 1 if soon else 0, flapping_at=began)


def due(one: Condition, now: datetime) -> str:
    """`alert` or `recovered` where people believe what is no longer so and may be told; else empty."""
    if one.open and one.level == "alarm" and one.heard != "open" and _quiet(one.told_at, now):
        return "alert"
    if not one.open and one.heard == "open" and _quiet(one.recovered_at, now):
        return "recovered"
    return ""


def _quiet(last: datetime | None, now: datetime) -> bool:
    """Whether the last word is an hour old; one of the future was said before the clock was set back."""
    return last is None or last > now or now - last >= HOUR


def note(tx: Tx, found: Iterable[Finding]) -> list[Condition]:
    """Keep how everything stands; returns what is or was lately open, as it now stands."""
    from hub.watch.checks import unseen

    known = tx.conditions.known(tx.now - 2 * HOUR)
    seen = {one.key: one for one in found}
    blind = unseen(seen.values())
    stands: list[Condition] = []
    for key in dict.fromkeys((*known, *(key for key, one in seen.items() if not one.ok))):
        if key not in seen and known[key].code in blind:
            stands.append(known[key])  # what could not be looked at is not gone
            continue
        after = advance(known.get(key), seen.get(key), tx.now)
        if after is not None:
            stands.append(after)
            if after != known.get(key):
                tx.conditions.put(after)
    return stands


def queue(tx: Tx, hub: Hub, stands: Iterable[Condition], takes: Mapping[str, frozenset[str]]) -> int:
    """Queue what is due, one notice for each notifier and kind; returns how many conditions were told."""
    told = 0
    letters: dict[tuple[str, str], list[Condition]] = {}
    stands = list(stands)
    down = {one.key.partition(":")[2] for one in stands if one.open and one.code.startswith("lane.")}
    for one in stands:
        kind = due(one, tx.now)
        if kind == "recovered" and goes_on(one, down):
            continue
        names = recipients(one.key, one.owner, kind, hub.settings.notifications.to, takes) if kind else ()
        if not kind or (not names and kind == "alert") or any(_storm(tx, kind, name) for name in names):
            continue
        heard = (
            {"heard": "open", "told_at": tx.now}
            if kind == "alert"
            else {"heard": "clear", "recovered_at": tx.now}
        )
        tx.conditions.put(replace(one, **heard))
        told += 1
        for name in names:
            letters.setdefault((name, kind), []).append(one)
    for (name, kind), same in letters.items():
        tx.notices.queue(letter(tx, hub, name, kind, same))
        tx.then(Nudge("notices.send", name))
    return told


def _storm(tx: Tx, kind: str, name: str) -> bool:
    return tx.notices.made_since(kind, name, tx.now - BURST_SPAN) >= BURST


def letter(tx: Tx, hub: Hub, name: str, kind: str, found: Sequence[Condition]) -> Letter:
    """The notice to one notifier about some conditions."""
    node = platform.node()
    if kind == "alert":
        said = wording.alert(found, hub.settings, tx.now, node)
    else:
        said = wording.recovered(found, hub.settings, node)
    return Letter(
        id=tx.new_id("ntc"),
        kind=kind,
        notifier=name,
        about=found[0].key if len(found) == 1 else "several",
        level="alarm" if kind == "alert" else "ok",
        subject=said.subject,
        body="\n".join(said.lines),
        since=min(one.since for one in found),
        made_at=tx.now,
        next_at=tx.now,
    )


def covered(trouble: Trouble, found: Iterable[Finding]) -> bool:
    """Whether a finding about the same lane says it already, or opened the item itself."""
    if trouble.aggregate != "connector" or trouble.reason == checks_feeds.CODE:
        return trouble.reason == checks_feeds.CODE
    lanes = (one.key for one in found if one.code.startswith("lane.") and not one.ok)
    return any(trouble.about in key.split(":") for key in lanes)


def goes_on(one: Condition, down: Collection[str]) -> bool:
    """Whether what ended goes on under another code: `down` are lanes and steps (`clearinghouse:fetch.fetch`) that
    fail, back off or are held now. That one of these ends is told when none of them is left, never before.
    """
    about = one.key.partition(":")[2]
    if one.code.startswith("work."):
        return any(about in lane.split(":") for lane in down)
    return one.code.startswith("lane.") and about in down


def lasting(finding: Finding, known: Mapping[str, Condition], now: datetime) -> Finding:
    """A check that has failed for an hour is an alarm: what it would see stays unseen."""
    before = known.get(finding.key)
    if finding.ok or finding.code != "check.failed" or before is None or not before.open:
        return finding
    return replace(finding, level="alarm") if now - before.since >= HOUR else finding


def in_house(finding: Finding) -> Finding:
    """A finding as it may leave the house: what a plugin or partner said of it stays in `hub doctor`."""
    if finding.ok or finding.code not in QUOTING:
        return finding
    kind = KINDS[finding.code]
    return replace(finding, why=kind.why, fix=f"run: hub doctor; {QUOTING[finding.code]}")


def unheard(stuck: Iterable[Standing], silent: Iterable[Letter], names: Collection[str]) -> Iterator[Finding]:
    """That notices were dropped, and that signs of life do not get through: nobody else notices that."""
    for one in stuck:
        if one.dropped and one.notifier in names:
            lost = wording.counted(one.dropped, "notice")
            what = f"{one.notifier}: {lost} could not be sent for three days, dropped"
            yield bad("notice.lost", one.notifier, what, name=one.notifier)
    for ping in silent:
        if ping.attempts >= PINGS and ping.notifier in names:
            what = f"{ping.notifier}: {ping.attempts} signs of life in a row did not get through"
            yield bad("notice.silent", ping.notifier, what, name=ping.notifier)


def worded(trouble: Trouble, hub: Hub, now: datetime) -> Finding:
    """Open work items for IT as a finding: by reason, count and age; what an item says stays in the house."""
    about = f" of {trouble.about}" if trouble.about else ""
    since = wording.at(trouble.since, hub.settings)
    young = now - trouble.since < timedelta(minutes=hub.settings.watch.lag_minutes)
    return Finding(
        key=f"work.{trouble.reason}:{trouble.about or trouble.aggregate}",
        ok=False,
        level="warning" if trouble.reason == _PASSING and young else "alarm",
        what=f"{trouble.reason}: {wording.counted(trouble.count, 'work item')} for IT{about}, since {since}",
        why="the hub could not go on with it by itself",
        fix=f"hub work list --owner it --reason {trouble.reason}",
    )


def say(stands: Iterable[Condition], before: Mapping[str, Condition], *, nobody: bool) -> None:
    """The log's lines about what opened and ended, and that nobody is told where that is so."""
    log, opened = get_log(), 0
    for one in stands:
        was = before.get(one.key)
        if one.open and (was is None or not was.open):
            opened += one.level == "alarm"
            log.warning("condition.opened", code=one.key, kind=one.level)
        elif not one.open and was is not None and was.open:
            log.info(
                "condition.cleared",
                code=one.key,
                seconds=(one.cleared_at or one.seen_at).timestamp() - one.since.timestamp(),
            )
    if opened and nobody:
        log.warning("notices.nobody", count=opened)
