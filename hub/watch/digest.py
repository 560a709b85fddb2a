"""The daily digest: what stands open, what waits for whom and what it is worth, and what was done yesterday.

It holds counts, codes, amounts and our own names; a quiet day is one line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from hub.config.settings import Settings
from hub.flow.base import Hub, Outcome
from hub.ledger import AccountKind
from hub.store import Nudge, View
from hub.store.notices import Condition, Letter
from hub.store.work import Group
from hub.watch import wording
from hub.watch.conditions import REST, ROLES, taken

SHOWN = 20
"""Reasons and conditions that are listed; the rest is counted."""
_FROM_PAYERS = (AccountKind.CASH_CLEARING, AccountKind.BANK)


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """One notifier and the roles of which it hears, each once."""

    notifier: str
    roles: frozenset[str]


def digest(hub: Hub, lane: str) -> Outcome:  # noqa: ARG001 - every step is given its lane
    """The step `notices.digest`: one digest for each notifier that takes it and each local day."""
    takes = taken(hub)
    readers = [one for one in readers_of(hub.settings) if "digest" in takes.get(one.notifier, ())]
    if not readers:
        return Outcome()
    with hub.store.view() as view:
        day = view.now.astimezone(ZoneInfo(hub.settings.hub.zone)).date()
        new = [one for one in readers if view.notices.get(_id(one, day)) is None]
        done = list(_yesterday(view, hub.settings, day - timedelta(days=1))) if new else []
        letters = [letter(view, hub.settings, one, day, done) for one in new]
    if letters:
        with hub.store.begin("notices.digest") as tx:
            for made in letters:
                if tx.notices.queue(made):
                    tx.then(Nudge("notices.send", made.notifier))
    return Outcome(done=len(letters))


def _id(reader: Reader, day: date) -> str:
    """The same for everyone who makes this digest: whoever is second finds it made."""
    return f"ntc_digest_{day:%Y%m%d}_{reader.notifier}"


def readers_of(settings: Settings) -> list[Reader]:
    """Who reads of what: a role that no line names is read by those of `all`."""
    to = settings.notifications.to
    heard: dict[str, set[str]] = {}
    for role in dict.fromkeys((*ROLES, *to)):
        for name in (to.get(role) or to.get(REST) or ()) if role != REST else ():
            heard.setdefault(name, set()).add(role)
    return [Reader(notifier=name, roles=frozenset(roles)) for name, roles in heard.items()]


def letter(view: View, settings: Settings, reader: Reader, day: date, done: Sequence[str]) -> Letter:
    """The digest of the morning of `day`; `done` is what was done the day before, the same for every reader."""
    subject, lines, level = composed(view, settings, reader.roles, day, done)
    return Letter(
        id=_id(reader, day),
        kind="digest",
        notifier=reader.notifier,
        about=day.isoformat(),
        level=level,
        subject=subject,
        body="\n".join(lines),
        since=_midnight(day - timedelta(days=1), settings),
        made_at=view.now,
        next_at=view.now,
    )


def composed(
    view: View, settings: Settings, roles: Collection[str], day: date, yesterday: Sequence[str]
) -> tuple[str, tuple[str, ...], str]:
    """Subject, lines and level of the digest for these roles."""
    open_now = [one for one in view.conditions.open() if one.owner in roles]
    groups = [one for one in view.work.groups() if one.owner in roles]
    title = f"[{wording.called(settings)}] {day.isoformat()}: "
    if not open_now and not groups:
        return f"{title}all quiet", (f"Nothing waits for you. {' '.join(yesterday)}".strip(),), "ok"
    level = "alarm" if any(one.level == "alarm" for one in open_now) else "warning"
    lines = [*_conditions(open_now, view.now, settings), *_work(groups, view.now)]
    lines += [*_overdue(groups), *_section("Yesterday", yesterday), *_section("Backup", _backup(view, settings))]
    return (title + _short(open_now, groups))[: wording.SUBJECT], tuple(lines), level


def _short(open_now: Sequence[Condition], groups: Sequence[Group]) -> str:
    said = []
    if open_now:
        said.append(wording.counted(len(open_now), "thing is wrong", "things are wrong"))
    if groups:
        cents = sum(one.cents for one in groups)
        said.append(f"{wording.counted(sum(one.count for one in groups), 'work item')}")
        said += [f"{wording.dollars(cents)} at stake"] if cents else []
    return ", ".join(said)


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"{title}:"
        yield from (f"  {line}" for line in lines)
        yield ""


def _conditions(found: Sequence[Condition], now: datetime, settings: Settings) -> Iterator[str]:
    lines = []
    for one in found[:SHOWN]:
        told = wording.flapping(one, settings)
        lines.append(
            f"{one.level}, for {wording.span(now - one.since)}: {one.what}" + (f" ({told})" if told else "")
        )
        lines += [f"    do: {one.fix}"] if one.fix else []
    if len(found) > SHOWN:
        lines.append(f"and {len(found) - SHOWN} more: hub doctor")
    yield from _section("What is wrong", lines)


def _work(groups: Sequence[Group], now: datetime) -> Iterator[str]:
    """By role, those worth most first, as the work list has them."""
    for owner in sorted({one.owner for one in groups}):
        mine = [one for one in groups if one.owner == owner]
        lines = [_group(one, now) for one in mine[:SHOWN]]
        if len(mine) > SHOWN:
            rest = mine[SHOWN:]
            lines.append(f"and {len(rest)} more reasons, {sum(one.count for one in rest)} items")
        lines.append(f"see: hub work list --owner {owner}")
        yield from _section(f"Work for {owner}", lines)


def _group(one: Group, now: datetime) -> str:
    money = f", {wording.dollars(one.cents)}" if one.cents else ""
    return f"{one.reason}: {one.count:,}{money}, the oldest for {wording.span(now - one.since)}"


def _overdue(groups: Sequence[Group]) -> Iterator[str]:
    late = {one.reason.partition(".")[2]: one.count for one in groups if one.reason.startswith("overdue.")}
    said = ", ".join(f"{kind} {count:,}" for kind, count in sorted(late.items()))
    yield from _section("Answers overdue", [said] if said else [])


def _yesterday(view: View, settings: Settings, day: date) -> Iterator[str]:
    """A line for each practice that did something."""
    out = view.days.claims_out(_midnight(day, settings), _midnight(day + timedelta(days=1), settings))
    posted = view.book.sum(("practice", "account"), posted=(day, day))
    printed = view.days.statements(day)
    for practice in settings.practices:
        payers = sum(posted.get((practice, account), 0) for account in _FROM_PAYERS)
        patients = posted.get((practice, AccountKind.PATIENT_CASH), 0)
        count, cents = printed.get(practice, (0, 0))
        said = [
            f"{wording.counted(out.get((practice, 'P'), 0), 'claim')} went out",
            *([f"{out[practice, 'T']:,} as a test"] if out.get((practice, "T")) else []),
            f"{wording.dollars(payers)} posted from payers",
            f"{wording.dollars(patients)} from patients",
            f"{wording.counted(count, 'statement')} for {wording.dollars(cents)}",
        ]
        yield f"{practice} on {day.isoformat()}: {', '.join(said)}."


def _backup(view: View, settings: Settings) -> list[str]:
    last = view.backups.newest(state="made")
    if last is None:
        return ["there is none"]
    proof = f", proved by a restore {wording.at(last.proved_at, settings)}" if last.proved_at else ""
    return [f"the last is of {wording.at(last.ended_at or last.began_at, settings)}{proof}"]


def _midnight(day: date, settings: Settings) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(settings.hub.zone)).astimezone(UTC)
