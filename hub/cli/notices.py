"""`notices list`, `notices test`: what people were told, and one notice that says it is a test."""

from __future__ import annotations

import platform
from pathlib import Path

from hub.app import Faulty, load_plugins
from hub.cli.opened import opened
from hub.cli.ui import age, print_json, say, table, when
from hub.clock import Clock, SystemClock
from hub.config import SecretStore, load
from hub.config.settings import Settings
from hub.errors import Misconfigured
from hub.plugin.api import Notice
from hub.store.ids import new_id
from hub.store.notices import Condition, Letter
from hub.watch import wording


def show(folder: Path, *, state: str, limit: int, as_json: bool) -> None:
    """What stands open, and the latest notices."""
    with opened(folder) as hub, hub.store.view() as view:
        now = view.now
        standing = view.conditions.open()
        letters = view.notices.list(limit=limit, **({"state": state} if state else {}))
    if as_json:
        print_json({"open": standing, "notices": letters})
        return
    names = ("for", "level", "owner", "key", "what", "told")
    table("Open now", names, [_open(one, age(now - one.since)) for one in standing])
    columns = ("made", "kind", "by", "state", "tries", "next", "subject", "last try")
    table("Notices", columns, [_row(one) for one in letters], right=(4,))


def _open(one: Condition, lasting: str) -> list[str]:
    told = when(one.told_at) if one.heard == "open" else "-"
    return [lasting, one.level, one.owner, one.key, one.what, told]


def _row(one: Letter) -> list[str]:
    later = when(one.next_at) if one.state == "waiting" else "-"
    tries = str(one.attempts)
    return [when(one.made_at), one.kind, one.notifier, one.state, tries, later, one.subject, one.said or "-"]


def test(folder: Path, name: str, *, dry_run: bool, as_json: bool) -> None:
    """Send a notice of the first kind that the notifier takes; raises what its sending raises."""
    loaded = load(folder)
    if not loaded.ok:
        raise Faulty(loaded.faults)
    clock = SystemClock()
    host, problems = load_plugins(loaded, SecretStore(folder), clock, lambda _instance, _key: None)
    try:
        if name not in host.names("Notifier"):
            raise _unusable(name, loaded.settings, host.names("Notifier"), [one.why for one in problems])
        port = host.notifier(name)
        notice = trial(loaded.settings, clock, port.takes)
        note = "" if dry_run else port.send(notice).note
    finally:
        host.close()
    _tell(name, notice, note, dry_run=dry_run, as_json=as_json)


def _tell(name: str, notice: Notice, note: str, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({"notifier": name, "sent": not dry_run, "said": note, "notice": notice})
        return
    said = f" ({note})" if note else ""
    say(f"would be sent by {name}:" if dry_run else f"sent by {name}{said}:")
    for line in (notice.subject, *notice.lines):
        say(f"  {line}")


def trial(settings: Settings, clock: Clock, takes: frozenset[str]) -> Notice:
    """A notice that says it is a test."""
    name, now = wording.called(settings), clock.now()
    order = ("alert", "digest", "recovered", "alive")
    return Notice(
        id=new_id("ntc", clock),
        kind=next((kind for kind in order if kind in takes), "alert"),
        key="test",
        level="ok",
        subject=f"[{name}] test: nothing is wrong",
        lines=(
            "A person tries whether notices of the hub arrive. Nothing is wrong, and nothing is to be done.",
            f"sent {wording.at(now, settings)} from {platform.node()} by: hub notices test",
        ),
        since=now,
        hub=name,
    )


def _unusable(name: str, settings: Settings, known: tuple[str, ...], wrongs: list[str]) -> Misconfigured:
    configured = settings.connectors.get(name)
    if configured is not None and not configured.enabled:
        return Misconfigured(f"connector {name} is not enabled", fix="set enabled = true in hub.toml")
    said = f"; {'; '.join(wrongs)}" if wrongs else ""
    add = f"add one: hub connector add {name} --plugin notices --kind email"
    fix = f"the notifiers are: {', '.join(known) or 'none'}; {add}"
    return Misconfigured(f"there is no notifier {name} that works{said}", fix=fix)
