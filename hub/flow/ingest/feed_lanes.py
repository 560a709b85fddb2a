"""Lanes of a feed: messages of one account or patient are applied in order, and stop behind one that cannot be.

A message has a place, its number in the inbox (mended: its original's). It may be applied when nothing stands before
that place in any of its lanes. What stands there is a message that cannot be applied (`stop`) or one that waits
behind such a one (`wait`); everything else leaves no trace. Since each waits only for smaller places, lanes cannot
wait for each other in a circle, and a merge simply stands in both of its lanes.

A message on which a plugin fails has not told its lanes: it is set aside alone, and what follows it flows. That ends
in the same state, since facts know their versions, once it is read; a plugin that wants its lane stopped says so by
`Reading(lanes=..., poison=True)`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from hub.flow.source_lanes import read_soon
from hub.store import Tx
from hub.store.held_lanes import STOP, WAIT, Held
from hub.store.inbox import InboxItem

APPLY = "apply"
AGAIN = "message.again"
"""The reason of a message that is to be read anew: what it says now stands against what was read of it before."""
Roles = dict[str, str]
"""Lane -> role."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One message that was read: its keys of lanes (None: it did not tell them), and whether it cannot be applied."""

    item: InboxItem
    lanes: tuple[str, ...] | None
    poison: bool


class Lanes:
    """Some lanes as they stand, in memory: `standing` lane -> places in order, `own` place -> lane -> role."""

    def __init__(self, standing: Mapping[str, Iterable[int]], own: Mapping[int, Mapping[str, str]]) -> None:
        self._standing = {lane: set(places) for lane, places in standing.items()}
        self._own = {place: dict(roles) for place, roles in own.items()}
        self.changed: dict[int, Roles] = {}
        self.freed: set[str] = set()

    def judge(self, place: int, lanes: Collection[str] | None, *, poison: bool) -> str:
        """`apply`, `stop` or `wait` for the message at this place, and how its lanes stand then. One that does not
        tell its lanes has those in which it stands already, where it stops them.
        """
        own = self._own.get(place, {})
        wanted = own.keys() if lanes is None else lanes
        verdict = APPLY
        if any(before < place for lane in wanted for before in self._standing.get(lane, ())):
            verdict = WAIT
        elif poison:
            verdict = STOP
        self._put(place, own, {} if verdict == APPLY else dict.fromkeys(wanted, verdict))
        return verdict

    def _put(self, place: int, before: Mapping[str, str], after: Roles) -> None:
        if before == after:
            return
        for lane in before:
            self._standing[lane].discard(place)
        for lane in after:
            self._standing.setdefault(lane, set()).add(place)
        self.freed |= before.keys() - after.keys()
        self.changed[place] = self._own[place] = after


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What may become of a page: (index, verdict) of each message, in the order in which they are to be applied, and
    the lanes in which something may go on.
    """

    verdicts: list[tuple[int, str]]
    freed: Collection[str] = ()


def judged(tx: Tx, source: str, practice: str, page: Sequence[Asked]) -> Judged:
    """What may become of each message; how the lanes stand then is written. Where no lane of the source stands still
    and none stops, that is one look at an empty table.
    """
    stops = any(one.poison and one.lanes for one in page)
    if not stops and not tx.held_lanes.any(source):
        return Judged(verdicts=[(index, STOP if one.poison else APPLY) for index, one in enumerate(page)])
    guarded(tx, source)
    places = tx.held_lanes.places([one.item for one in page])
    keys = _keys(tx, source, page)
    lanes = _standing(tx, source, set(places.values()), {lane for some in keys for lane in some or ()})
    order = sorted(range(len(page)), key=lambda index: places[page[index].item.seq])
    found = [
        (index, lanes.judge(places[page[index].item.seq], keys[index], poison=page[index].poison))
        for index in order
    ]
    _write(tx, source, practice, lanes)
    return Judged(verdicts=found, freed=lanes.freed)


def _keys(tx: Tx, source: str, page: Sequence[Asked]) -> list[frozenset[str] | None]:
    """Each message's lanes as the table knows them."""
    names = {lane for one in page for lane in one.lanes or ()}
    known = {name: tx.digest("feed-lane", f"{source}\x1f{name}") for name in names}
    return [None if one.lanes is None else frozenset(known[lane] for lane in one.lanes) for one in page]


def _standing(tx: Tx, source: str, places: set[int], wanted: set[str]) -> Lanes:
    """The lanes that a page concerns. Only of those whose first message is in the page more than that is needed."""
    own: dict[int, Roles] = {}
    for one in tx.held_lanes.at(places):
        own.setdefault(one.seq, {})[one.lane] = one.role
    heads = tx.held_lanes.heads(source, wanted | {lane for roles in own.values() for lane in roles})
    standing = {lane: [place] for lane, place in heads.items()}
    here = [lane for lane, place in heads.items() if place in places]
    for held in tx.held_lanes.of_lanes(source, here, max(places)):
        standing[held.lane].append(held.seq)
    return Lanes(standing, own)


def _write(tx: Tx, source: str, practice: str, lanes: Lanes) -> None:
    if lanes.changed:
        tx.held_lanes.drop(lanes.changed)
        rows = [
            Held(lane=lane, seq=place, role=role)
            for place, roles in lanes.changed.items()
            for lane, role in roles.items()
        ]
        tx.held_lanes.put(source, practice, rows)


def released(tx: Tx, source: str, lanes: Collection[str]) -> int:
    """Let be read what waits in lanes that nothing stops any more; returns how many do."""
    moved = tx.held_lanes.release(source, lanes) if lanes else 0
    if moved:
        tx.then(read_soon(source))
    return moved


def guarded(tx: Tx, source: str) -> None:
    """Nobody else changes the lanes of the source until this transaction ends: what is read of them after this call
    stays so, and no message is left waiting for one that was let go at the same moment.
    """
    tx.guard(tx.digest("feed-lanes", source))


def let_go(tx: Tx, item: InboxItem) -> int:
    """Let a message stand in no lane any more, and what waited behind it be read; returns how many do."""
    place = tx.held_lanes.place(item)
    lanes = {one.lane for one in tx.held_lanes.at([place])}
    tx.held_lanes.drop([place])
    return released(tx, item.source, lanes)
