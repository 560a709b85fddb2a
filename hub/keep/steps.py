"""The steps that keep data safe, by name; the lane of each is the hub."""

from __future__ import annotations

from hub.errors import HubError, StoreAway
from hub.flow.base import Hub, Outcome, Step
from hub.keep.backup import back_up
from hub.keep.drill import ABOUT
from hub.keep.drill import drill as restore_drill
from hub.keep.place import place_of
from hub.keep.rotation import rotate
from hub.keep.tidy import MOVED
from hub.keep.tidy import tidy as tidy_up
from hub.model.work import WorkItem
from hub.store.keeping import SLICE


def backup(hub: Hub, lane: str) -> Outcome:  # noqa: ARG001 - its lane is the hub
    """A backup, then rotation; one that fails is work, and the next slot tries again."""
    place = place_of(hub)
    try:
        back_up(place)
        gone = rotate(place)
    except StoreAway:
        raise
    except HubError as error:
        _failed(hub, "backup.failed", "no backup was made", error)
        return Outcome()
    return Outcome(done=1 + len(gone))


def drill(hub: Hub, lane: str) -> Outcome:  # noqa: ARG001 - its lane is the hub
    """Prove the newest backup; what cannot be tried at all is not proved either."""
    try:
        restore_drill(place_of(hub))
    except StoreAway:
        raise
    except HubError as error:
        _failed(hub, "backup.not_proved", "the restore drill could not try a backup", error)
        return Outcome()
    return Outcome(done=1)


def tidy(hub: Hub, lane: str) -> Outcome:  # noqa: ARG001 - its lane is the hub
    """One slice of nightly order."""
    done = tidy_up(hub)
    return Outcome(done=done.done, more=done.moved >= MOVED or any(n >= SLICE for n in done.pruned.values()))


def _failed(hub: Hub, reason: str, what: str, error: HubError) -> None:
    with hub.store.begin("backup.made") as tx:
        tx.work.open(
            WorkItem(
                reason=reason,
                aggregate="backup",
                aggregate_id=ABOUT,
                why=f"{what}: {error}",
                fix=error.fix or "run it by hand: hub backup, hub drill",
                owner="it",
            ),
            practice="",
        )
        tx.event(reason, "backup", ABOUT, practice="", error=type(error).__name__)


STEPS: dict[str, Step] = {"keep.backup": backup, "keep.drill": drill, "keep.tidy": tidy}
