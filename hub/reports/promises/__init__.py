"""The eleven promises, proved on the live database: `prove` names every exception, and changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from hub.config.settings import Settings
from hub.reports.promises.arrival import durable
from hub.reports.promises.balanced import balanced
from hub.reports.promises.disposition import somewhere
from hub.reports.promises.frozen import frozen
from hub.reports.promises.once import once
from hub.reports.promises.room import Breach, Profile, Proof, Room, told
from hub.reports.promises.secrecy import nothing_told
from hub.reports.promises.sent import sent
from hub.reports.promises.silence import awaited
from hub.reports.promises.statements import owed
from hub.reports.promises.submitted import one_open
from hub.reports.promises.trail import told as trail
from hub.store import Store

__all__ = ["PROMISES", "Breach", "Profile", "Proof", "prove"]

PROMISES: tuple[tuple[str, Callable[[Room], None]], ...] = (
    ("Raw bytes are durable before their sender is told", durable),
    ("A frozen file never changes, and no number is used twice", frozen),
    ("At most one open production submission for each claim and rank", one_open),
    ("A file is sent on evidence, or it is in doubt", sent),
    ("The books balance, and cash is what BPR02 says", balanced),
    ("No payment is posted twice, and none is dropped for its trace number", once),
    ("A statement asks for exactly what is owed", owed),
    ("Every answer is expected, and silence is an alarm", awaited),
    ("No patient data in logs, names, events or work items", nothing_told),
    ("The audit trail is whole and its chain verifies", trail),
    ("Everything has one disposition: nothing is nowhere", somewhere),
)


def prove(
    store: Store,
    settings: Settings,
    *,
    log_files: Iterable[Path] = (),
    sealed: bool = True,
    profiles: Mapping[str, Profile] | None = None,
    only: Collection[int] = (),
    begun: Callable[[int, str], None] = lambda _number, _title: None,
) -> tuple[Proof, ...]:
    """Prove each promise of the architecture, 1 to 11, each on one consistent look of its own.

    `log_files` are searched for patient data too. With `sealed` False, events may wait for their sealer as long as
    they like. `profiles` are what the plugins of mailboxes say of evidence; without, what is usual counts. `only`
    proves some, by their numbers; `begun` hears of each before it is proved. A promise that cannot be checked at all
    is broken: nothing raises. Memory stays flat and each claim costs the same, however many there are.
    """
    files, known = tuple(log_files), dict(profiles or {})
    proofs = []
    for number, (title, check) in enumerate(PROMISES, 1):
        if only and number not in only:
            continue
        begun(number, title)
        at = time.perf_counter()
        with store.view() as view:
            room = Room(
                view=view, settings=settings, now=view.now, log_files=files, sealed=sealed, profiles=known
            )
            with room.guarded(title):
                check(room)
        proofs.append(_proof(number, title, room, time.perf_counter() - at))
    return tuple(proofs)


def _proof(number: int, title: str, room: Room, seconds: float) -> Proof:
    return Proof(
        number=number,
        title=title,
        checked=sum(room.counts.values()),
        what=told(room.counts),
        exceptions=tuple(room.breaches),
        more=room.more,
        seconds=round(seconds, 3),
    )
