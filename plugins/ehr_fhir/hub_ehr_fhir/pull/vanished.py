"""Looks whether visits and charges that were told lately are still there, where the server tells no deletions.

Every `reconcile_days` each of the last `look_again_days` is asked for by its id. One that the server answers with 410
was deleted, and that is told on, unless so many are gone at once that something else must be the matter. Of one that
it knows nothing of (404) nobody can say whether it was deleted, moved or hidden from us (a lost scope, a sealed
record, a server restored from a backup): nothing is withdrawn for it, and `check` tells how many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from hub.plugin.api.ports import State
from hub_ehr_fhir.discover.strategy import Search
from hub_ehr_fhir.settings_pull import PullSettings

_DAYS = 32
KEYS = ("gone", *(f"told.{nth:02}" for nth in range(_DAYS)))
KINDS = ("Encounter", "ChargeItem", "Procedure", "Immunization")
_DAY = 86_400
_AT_ONCE = 64
_MOST = 20_000
"""Keys of one day; those beyond are not looked for."""
_FEW, _SHARE = 20, 50
"""So many may be gone in one round, or one of so many that were looked for."""
_MOST_MISSING = 1_000


class Round(msgspec.Struct, array_like=True):
    """When the last round began (seconds), the day that is looked through and where, `checked` and `gone` so far, and
    what the server did not know, with the day on which that was seen first.
    """

    began: int = 0
    day: int = 0
    nth: int = 0
    checked: int = 0
    gone: int = 0
    missing: dict[str, int] = {}


def watched(settings: PullSettings, searches: Mapping[str, Search], *, incremental: bool) -> frozenset[str]:
    """The types that are looked for: of others deletions are heard."""
    if not settings.deletes or not settings.reconcile_days:
        return frozenset()
    return frozenset(kind for kind in KINDS if kind in searches and not (incremental and searches[kind].history))


class Vanished:
    """What was told, by the day of ours on which it was, and the round that looks for it."""

    def __init__(self, state: State, settings: PullSettings) -> None:
        self._state, self._settings = state, settings
        self._told: dict[int, tuple[int, set[str]]] = {}
        self._changed: set[int] = set()
        self._round: Round | None = None
        self._moved = False
        self.kinds: frozenset[str] = frozenset()

    def told(self, keys: Iterable[str], now: datetime) -> None:
        """These were told today."""
        some = [key for key in keys if key.partition("/")[0] in self.kinds]
        if not some:
            return
        day = int(now.timestamp()) // _DAY
        there, have = self._slot(day % _DAYS)
        if there != day:
            have = set()
            self._told[day % _DAYS] = (day, have)
        new = [key for key in some if key not in have][: _MOST - len(have)]
        have.update(new)
        self._changed |= {day % _DAYS} if new else set()

    def due(self, now: datetime) -> bool:
        """Whether something is to be looked for now; a round begins where its time has come."""
        at, round_ = int(now.timestamp()), self.round
        if not self.kinds:
            return False
        if not round_.began:
            self._round, self._moved = Round(began=at), True
        elif not round_.day and not 0 <= at - round_.began < self._settings.reconcile_days * _DAY:
            back = min(self._settings.look_again_days, _DAYS - 1)
            self._round = Round(began=at, day=at // _DAY - back if back else 0, missing=round_.missing)
            self._moved = True
        return self.round.day > 0

    def next(self) -> list[str]:
        """Some keys to look for; nothing: the round is over. Today is left for another time."""
        round_ = self.round
        while round_.day < round_.began // _DAY:
            there, have = self._slot(round_.day % _DAYS)
            keys = (
                sorted(key for key in have if key.partition("/")[0] in self.kinds) if there == round_.day else []
            )
            if found := keys[round_.nth : round_.nth + _AT_ONCE]:
                return found
            round_.day, round_.nth, self._moved = round_.day + 1, 0, True
        round_.day, self._moved = 0, True
        return []

    def looked(self, keys: Iterable[str], gone: Iterable[str], unknown: Iterable[str]) -> list[str]:
        """What came of it; those whose deletion is to be told."""
        asked, round_, missing = list(keys), self.round, list(unknown)
        lost = sorted(gone)
        round_.nth, round_.checked = round_.nth + len(asked), round_.checked + len(asked)
        room = max(_FEW, round_.checked // _SHARE) - round_.gone
        round_.gone += len(lost)
        if len(lost) > room:
            missing, lost = [*missing, *lost], []
        day = round_.began // _DAY
        round_.missing = {
            **{key: seen for key, seen in round_.missing.items() if key not in asked},
            **{key: round_.missing.get(key, day) for key in missing},
        }
        round_.missing = dict(list(round_.missing.items())[-_MOST_MISSING:])
        self._moved = True
        return lost

    @property
    def missing(self) -> int:
        """How many the server did not know in the last two rounds at least, of those still looked for."""
        day = self.round.began // _DAY
        return sum(0 < day - seen <= _DAYS for seen in self.round.missing.values())

    def save(self) -> None:
        """Put what changed into the state."""
        for slot in sorted(self._changed):
            day, have = self._told[slot]
            self._state.put(KEYS[1 + slot], "\n".join([str(day), *sorted(have)]).encode())
        self._changed.clear()
        if self._moved:
            self._state.put(KEYS[0], msgspec.msgpack.encode(self.round))
            self._moved = False

    @property
    def round(self) -> Round:
        """The round that goes on, or the last one."""
        if self._round is None:
            try:
                self._round = msgspec.msgpack.decode(self._state.get(KEYS[0]) or b"\x90", type=Round)
            except msgspec.MsgspecError:
                self._round = Round()
        return self._round

    def _slot(self, slot: int) -> tuple[int, set[str]]:
        if slot not in self._told:
            day, *keys = (self._state.get(KEYS[1 + slot]) or b"0").decode().split("\n")
            self._told[slot] = (int(day), set(keys))
        return self._told[slot]
