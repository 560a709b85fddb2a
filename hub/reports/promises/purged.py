"""Part of promise 10: what is gone was purged: each tombstone belongs to a purge, and each purge is in the trail."""

from __future__ import annotations

from collections import Counter

import msgspec

from hub.reports.promises.room import Room
from hub.store.purges import STONES

EDITED = "find out who wrote to the database; restore the rows from a backup of the time before"


def purges_told(room: Room) -> None:
    """The tombstones of each kind against what the purges recorded, and that against the audit trail."""
    recorded = room.view.purges.sums()
    _trail(room, recorded)
    found: Counter[tuple[str, str]] = Counter()
    for kind in STONES:
        for one, purge in room.view.purges.stones(kind):
            found[purge, kind] += 1
            if not purge:
                room.breach(f"{kind} {one}", "it is marked as purged, and no purge has sealed it", EDITED)
    room.count("tombstones", found.total())
    standing = {at: number for at, number in recorded.items() if at[1] in STONES}
    for at in sorted(standing.keys() | {at for at in found if at[0]}):
        if standing.get(at, 0) != found[at]:
            why = f"it recorded {standing.get(at, 0)} {at[1]}, and {found[at]} tombstones of it stand"
            room.breach(f"purge {at[0]}", why, EDITED)


def _trail(room: Room, recorded: dict[tuple[str, str], int]) -> None:
    """Every transaction of a purge said what it removed."""
    told: Counter[tuple[str, str]] = Counter()
    columns = ("aggregate_id", "detail")
    for page in room.scan.rows("events", *columns, by=("seq",), kind="retention.purged"):
        for event in page:
            for kind, rows in msgspec.json.decode(event.detail, type=dict[str, int]).items():
                told[event.aggregate_id, kind] += rows
    room.count("purges", len({purge for purge, _ in recorded}))
    for at in sorted(recorded.keys() | told.keys()):
        if recorded.get(at, 0) != told[at]:
            why = f"it removed {recorded.get(at, 0)} of {at[1]}, and the audit trail says {told[at]}"
            room.breach(f"purge {at[0]}", why, EDITED)
