"""The steps that keep data safe, by name; they share a lane of their own, so that they never meet each other."""

from __future__ import annotations

from datetime import timedelta

from hub.errors import HubError, RetryLater, StoreAway
from hub.flow.base import Hub, Outcome, Step
from hub.keep.backup import back_up
from hub.keep.drill import ABOUT
from hub.keep.drill import drill as restore_drill
from hub.keep.place import place_of
from hub.keep.purge import purge as purge_old
from hub.keep.rotation import rotate
from hub.keep.tidy import tidy as tidy_up
from hub.model.work import WorkItem

PURGES_FOR = timedelta(minutes=10)


def backup(hub: Hub, lane: str) -> Outcome:  # noqa: ARG001 - one lane for all
    """A backup, then rotation. One that fails is work; what passes by itself (a full disk, another backup at work) is
    tried again soon, and what does not with the next slot.
    """
    place = place_of(hub)
    try:
        back_up(place)
        gone = rotate(place)
    except StoreAway:
        raise
    except HubError as error:
        _tell(hub, _no_backup(error))
        if isinstance(error, RetryLater):
            raise
        return Outcome()
    return Outcome(done=1 + len(gone))


def drill(hub: Hub, lane: str) -> Outcome:  # noqa: ARG001 - one lane for all
    """Prove the newest backup; what cannot be tried at all is not proved either."""
    try:
        restore_drill(place_of(hub))
    except StoreAway:
        raise
    except HubError as error:
        _tell(hub, _no_drill(error))
        return Outcome()
    return Outcome(done=1)


def tidy(hub: Hub, lane: str) -> Outcome:  # noqa: ARG001 - one lane for all
    """One slice of nightly order."""
    done = tidy_up(hub)
    return Outcome(done=done.done, more=done.more)


def purge(hub: Hub, lane: str) -> Outcome:  # noqa: ARG001 - one lane for all
    """What is old enough goes, where the settings allow it; other keepers get their turn every few minutes."""
    if not hub.settings.retention.purge:
        return Outcome()
    until = hub.clock.now() + PURGES_FOR
    done = purge_old(
        hub.store, hub.settings.retention, hub.clock, by="keep.purge", stop=lambda: hub.clock.now() > until
    )
    return Outcome(done=sum(done.rows.values()), more=done.more)


def _no_backup(error: HubError) -> WorkItem:
    return WorkItem(
        reason="backup.failed",
        aggregate="backup",
        aggregate_id=ABOUT,
        why=f"no backup was made: {error}",
        fix=error.fix or "run it by hand: hub backup",
        owner="it",
    )


def _no_drill(error: HubError) -> WorkItem:
    return WorkItem(
        reason="backup.not_proved",
        aggregate="backup",
        aggregate_id=ABOUT,
        why=f"the restore drill could not try a backup: {error}",
        fix=error.fix or "run it by hand: hub backup drill",
        owner="it",
    )


def _tell(hub: Hub, item: WorkItem) -> None:
    with hub.store.begin("backup.made") as tx:
        tx.work.open(item, practice="")
        tx.event(item.reason, "backup", ABOUT, practice="")


STEPS: dict[str, Step] = {
    "keep.backup": backup,
    "keep.drill": drill,
    "keep.tidy": tidy,
    "keep.purge": purge,
}
