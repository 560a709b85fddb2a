"""Notices go out: what is queued until it is taken, the sign of life, and a last word when the store itself is away.

Sending is at least once. A notice is marked as sent after its notifier took it; a crash in between sends it again
under the same id, which an e-mail shows as its Message-ID and a web hook as its Idempotency-Key.
"""

from __future__ import annotations

import hashlib
import threading
from datetime import datetime, timedelta

from hub.clock import Clock
from hub.config.settings import Settings
from hub.errors import HubError, Misconfigured, Refused, RetryLater
from hub.flow.base import Hub, Outcome
from hub.log import get_log
from hub.plugin.api import Notice
from hub.plugin.host import PluginFault, PluginHost
from hub.store.notices import REFUSED, SENT, SILENT, Letter
from hub.watch import wording
from hub.watch.conditions import taken

FIRST, MOST = timedelta(seconds=30), timedelta(minutes=15)
"""The first wait after a notice did not go out, and the longest."""
STOPPED = timedelta(hours=1)
"""The wait where a person must mend something: a wrong password that is tried often locks the account."""
AWAY = timedelta(minutes=5)
"""So long the database must be away before somebody is told past it."""
SAID = 200
PAGE = 50
UNWELL = ("store.", "key.master", "schedule.late", "node.none", "watch.late")
"""Beginnings of findings with which the hub gives no sign of life: then its silence is the alarm."""


def send(hub: Hub, lane: str) -> Outcome:
    """The step `notices.send` for one notifier: try what is due, the oldest first, until one does not go out."""
    done = 0
    with hub.store.view() as view:
        due = view.notices.due(lane, limit=PAGE)
    for letter in due:
        if not _sent(hub, letter):
            break
        done += 1
    return Outcome(done=done, more=done == PAGE)


def _sent(hub: Hub, letter: Letter) -> bool:
    """Try one; False where the next ones need not be tried now."""
    trouble = _tried(hub.host, letter.notifier, as_notice(letter, hub.settings))
    with hub.store.begin("notices.sent") as tx:
        if trouble is None:
            tx.notices.sent(letter.id, "")
        elif isinstance(trouble, Refused):
            tx.notices.lost(letter.id, REFUSED, _words(trouble))
        else:
            tx.notices.again(letter.id, tx.now + wait(letter.attempts + 1, trouble), _words(trouble))
        if letter.notifier in hub.host.names("Notifier"):
            hub.host.state(letter.notifier).commit(tx)
    return trouble is None or isinstance(trouble, Refused)


def _tried(host: PluginHost, name: str, notice: Notice) -> HubError | None:
    """Send it; what hindered that, if anything did. The log says which notifier and what kind of trouble.

    A notifier of which a call hung is made anew first: it is tried again with growing waits, and nobody need act.
    """
    try:
        host.mend(name)
        host.notifier(name).send(notice)
    except HubError as error:
        log = get_log()
        log.warning("notice.unsent", instance=name, kind=notice.kind, exception=type(error).__name__)
        return error
    return None


def as_notice(letter: Letter, settings: Settings) -> Notice:
    """What the notifier is given."""
    return Notice(
        id=letter.id,
        kind=letter.kind,
        key=letter.about,
        level=letter.level,
        subject=letter.subject,
        lines=tuple(letter.body.split("\n")),
        since=letter.since,
        hub=wording.called(settings),
    )


def wait(attempts: int, trouble: HubError) -> timedelta:
    """How long after the so-manieth failure in a row: doubling, and at least as long as was asked, within a day."""
    if isinstance(trouble, Misconfigured):
        return STOPPED
    doubled = min(FIRST * (1 << min(attempts - 1, 10)), MOST)
    asked = trouble.after_seconds if isinstance(trouble, RetryLater) else None
    return max(doubled, min(timedelta(seconds=asked or 0), timedelta(days=1)))


def _words(trouble: HubError) -> str:
    """What a list may say of a failure: the kind of trouble and the plugin's words, or for a bug its place."""
    kind = "fault" if isinstance(trouble, PluginFault) else type(trouble).__name__
    return f"{kind}: {trouble}"[:SAID]


def alive(hub: Hub, lane: str) -> Outcome:
    """The step `notices.alive` for one notifier: a sign of life, only while the hub is truly well enough.

    The database has just been written, no schedule is late, the store has no fault, and the hub has looked at itself
    lately; otherwise nothing is said, and whoever waits for the sign raises the alarm.
    """
    from hub.watch.checks import standing, unseen

    if "alive" not in taken(hub).get(lane, ()):
        return Outcome()
    found = standing(hub)
    unwell = [one.code for one in found if one.level == "alarm" and one.code.startswith(UNWELL)]
    unwell += [code for code in unseen(found) if code.startswith(UNWELL)]
    if unwell:
        get_log().warning("alive.withheld", instance=lane, code=unwell[0], count=len(unwell))
        return Outcome()
    with hub.store.begin("notices.alive") as tx:
        tx.notices.pinged(lane, SILENT, "on its way", tries=1)
        now = tx.now
    trouble = _tried(hub.host, lane, sign_of_life(hub.settings, lane, now))
    with hub.store.begin("notices.alive") as tx:
        tx.notices.pinged(lane, *((SENT, "") if trouble is None else (SILENT, _words(trouble))))
        hub.host.state(lane).commit(tx)
    return Outcome(done=trouble is None)


def sign_of_life(settings: Settings, notifier: str, now: datetime) -> Notice:
    """The notice that says nothing but that the hub lives."""
    name = wording.called(settings)
    return Notice(
        id=f"ntc_alive_{notifier}_{now:%Y%m%dT%H%M%S}",
        kind="alive",
        key="alive",
        level="ok",
        subject=f"[{name}] the hub lives",
        lines=(f"{wording.at(now, settings)}: the schedule runs and the database can be written",),
        since=now,
        hub=name,
    )


class LastResort:
    """Tells IT straight from memory that the database has been away for a while: nothing can be queued then.

    A node calls `away` each time it finds the database away, and `back` when it answers again. The alarm goes once
    to each notifier of the role `it` (or `all`), is tried again with growing waits until it is taken, and then so is
    the word that it is over. Each call may last as long as the notifiers take; both are safe from several threads.
    """

    def __init__(
        self, host: PluginHost, settings: Settings, clock: Clock, *, node: str = "", after: timedelta = AWAY
    ) -> None:
        self._host, self._settings, self._clock = host, settings, clock
        self._node, self._after = node, after
        self._lock = threading.Lock()
        self._since: datetime | None = None
        self._told: set[str] = set()
        self._over: tuple[datetime, datetime, set[str]] | None = None
        self._failures = 0
        self._next: datetime | None = None

    def away(self) -> tuple[str, ...]:
        """The database is away now; gives the notifiers that took the alarm in this call."""
        with self._lock:
            now = self._clock.now()
            self._since = self._since or now
            self._over = None
            if now - self._since < self._after or (self._next is not None and now < self._next):
                return ()
            names = [name for name in self._names("alert") if name not in self._told]
            took = self._send(names, self._notice("alert", self._since, now), now)
            self._told.update(took)
            return took

    def back(self) -> tuple[str, ...]:
        """The database answers; gives the notifiers that took the word that it is over in this call."""
        with self._lock:
            now = self._clock.now()
            if self._since is not None:
                self._over = (self._since, now, set(self._told)) if self._told else None
                self._since, self._told, self._failures, self._next = None, set(), 0, None
            if self._over is None or (self._next is not None and now < self._next):
                return ()
            since, end, names = self._over
            wanting = self._names("recovered")
            took = self._send([n for n in names if n in wanting], self._notice("recovered", since, end), now)
            left = {name for name in names if name in wanting} - set(took)
            self._over = (since, end, left) if left and now - end < timedelta(days=1) else None
            return took

    def _send(self, names: list[str], notice: Notice, now: datetime) -> tuple[str, ...]:
        troubles = {name: _tried(self._host, name, notice) for name in names}
        failed = [
            trouble for trouble in troubles.values() if trouble is not None and not isinstance(trouble, Refused)
        ]
        self._failures = self._failures + 1 if failed else 0
        self._next = now + max(wait(self._failures, one) for one in failed) if failed else None
        return tuple(
            name for name, trouble in troubles.items() if trouble is None or isinstance(trouble, Refused)
        )

    def _names(self, kind: str) -> list[str]:
        to = self._settings.notifications.to
        working = self._host.names("Notifier")
        return [
            name for name in to.get("it") or to.get("all") or () if name in working and self._takes(name, kind)
        ]

    def _takes(self, name: str, kind: str) -> bool:
        try:
            return kind in self._host.notifier(name).takes
        except HubError:
            return False

    def _notice(self, kind: str, since: datetime, now: datetime) -> Notice:
        name = wording.called(self._settings)
        alarm = kind == "alert"
        begun = wording.at(since, self._settings)
        lasted = wording.span(now - since)
        text = f"the database is away since {begun}" if alarm else f"the database is back after {lasted}"
        lines = [
            text + (f", as node {self._node} sees it" if self._node else ""),
            "nothing is taken in or sent meanwhile, and nothing is lost: the hub goes on by itself",
            *(
                ["do: start the database or bring its disk and network back; then run: hub doctor"]
                if alarm
                else []
            ),
        ]
        mark = hashlib.sha256(f"{name}|{self._node}|{since.isoformat()}|{kind}".encode()).hexdigest()[:20]
        return Notice(
            id=f"ntc_away_{mark}",
            kind=kind,
            key="store.away",
            level="alarm" if alarm else "ok",
            subject=f"[{name}] {'ALARM' if alarm else 'OVER'} {text}",
            lines=tuple(lines),
            since=since,
            hub=name,
        )
