"""Checks of what is kept: tables, keys, the audit trail, backups and their proof."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from hub.store.vitals import Row, Vitals
from hub.watch.catalogue import bad, good
from hub.watch.finding import Finding
from hub.watch.looking import Findings, Place
from hub.watch.words import at, span

KEY_AGE = timedelta(days=730)
"""How long one key may seal new data: NIST SP 800-57 part 1 rev. 5, table 1, symmetric data encryption key."""
SEAL = timedelta(minutes=1)
AHEAD = timedelta(hours=1)
"""What is dated later than so far ahead was dated by a wrong clock, and says nothing of when it was done."""


def tables(_place: Place, vitals: Vitals) -> Findings:
    """Whether the tables are those of this hub; raises what the store says where they are not."""
    vitals.check_tables()
    yield good("store.away", "", f"database: answers ({vitals.dialect})")
    yield good("store.tables", "", "tables: those of this hub")


def data_keys(place: Place, vitals: Vitals) -> Findings:
    """The age of the key that seals new data."""
    for key in vitals.data_keys():
        if key.purpose == "data":
            age = place.now - key.created_at
            what = f"data key {key.key_id}: in use for {span(age)}"
            yield bad("key.old", "data", what) if age > KEY_AGE else good("key.old", "data", what)


def audit(place: Place, vitals: Vitals) -> Findings:
    """The tail of the audit trail that is not sealed yet."""
    since = vitals.unsealed()
    open_for = timedelta(0) if since is None else place.now - since
    if open_for <= SEAL:
        yield good("audit.open", "", "audit trail: sealed")
        return
    level: Any = "alarm" if open_for > place.lag else "warning"
    yield bad("audit.open", "", f"audit trail: not sealed for {span(open_for)}", level=level)


def backups(place: Place, vitals: Vitals) -> Findings:
    """The last whole backup, and the last restore drill that proved one."""
    rows = [row for row in vitals.backups() if row.state in {"made", "removed"}]
    born = vitals.born() or place.now
    made = _latest(place, (row.ended_at for row in rows if row.state == "made"))
    proved = _latest(place, (row.proved_at for row in rows))
    keep = place.settings.backup
    yield _age(place, "backup.old", ("last whole backup", made, born), timedelta(hours=keep.overdue_hours))
    if made is not None or place.now - born > timedelta(hours=keep.overdue_hours):
        first = min(_true(place, (row.ended_at for row in rows)), default=born)
        drill = ("last proved restore", proved, first)
        yield _age(place, "backup.unproved", drill, timedelta(days=keep.drill_days))


def _latest(place: Place, told: Iterable[datetime | None]) -> datetime | None:
    return max(_true(place, told), default=None)


def _true(place: Place, told: Iterable[datetime | None]) -> list[datetime]:
    return [one for one in told if one and one <= place.now + AHEAD]


def _age(place: Place, code: str, told: tuple[str, datetime | None, datetime], longest: timedelta) -> Finding:
    """How long ago something was last done; what was never done is late once that long has gone by since it could
    have been.
    """
    words, done, since = told
    what = f"{words}: {at(done)}, {span(place.now - done)} ago" if done else f"{words}: none yet"
    late = place.now - (done or since) > longest
    return bad(code, "", what) if late else good(code, "", what)


def connections(rows: list[Row]) -> dict[tuple[str, str], Row]:
    """Open items about connections, by lane and step."""
    return {(row.aggregate_id, row.place): row for row in rows}
