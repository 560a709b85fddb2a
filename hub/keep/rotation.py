"""Which backups stay: all of some days, then the first of each month, and always the last proved one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from hub.config.unattended import Backup as Rules
from hub.keep.place import Place
from hub.store.keeping import Backup


def too_old(backups: Sequence[Backup], now: datetime, rules: Rules) -> list[Backup]:
    """The backups that may go, oldest first. Never among them: the newest, and the newest that a drill proved."""
    made = sorted((one for one in backups if one.state == "made"), key=lambda one: (one.began_at, one.id))
    proved = [one for one in made if one.proved_at is not None]
    firsts: dict[tuple[int, int], str] = {}
    for one in made:
        firsts.setdefault((one.began_at.year, one.began_at.month), one.id)
    kept = {one.id for one in (*made[-1:], *proved[-1:])}
    kept |= {one.id for one in made if now - one.began_at <= timedelta(days=rules.keep_days)}
    oldest = _months_back(now, rules.keep_months)
    kept |= {id_ for month, id_ in firsts.items() if month >= oldest and rules.keep_months}
    return [one for one in made if one.id not in kept]


def _months_back(now: datetime, months: int) -> tuple[int, int]:
    count = now.year * 12 + now.month - 1 - months
    return count // 12, count % 12 + 1


def rotate(place: Place, *, dry_run: bool = False) -> list[Backup]:
    """Remove what may go from the configured folder; returns what went (or, in a dry run, would go)."""
    with place.store.view() as view:
        rows = [one for one in view.backups.list(state="made") if "/" not in one.file]
    here = [one for one in rows if (place.backups / one.file).is_file()]
    old = too_old(here, place.clock.now(), place.settings.backup)
    for one in () if dry_run else old:
        (place.backups / one.file).unlink(missing_ok=True)
        with place.store.begin("backup.removed") as tx:
            tx.backups.remove(one.id)
            tx.event("backup.removed", "backup", one.id, practice="", proved=one.proved_at is not None)
    return old
