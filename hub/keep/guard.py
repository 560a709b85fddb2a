"""A restored hub waits for a person's word: until then it does not run, and then it goes on without guessing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hub.errors import HubError, Misconfigured, Problem
from hub.keep.place import Place
from hub.model.work import WorkItem
from hub.store import Store, Tx, marks
from hub.store.ids import new_id
from hub.store.keeping import Restore, jump
from hub.store.outbox import File
from hub.store.rehearsal import rehearsed

MARGIN = 100_000
"""Numbers left out of every counter: more than any practice hands out between two backups."""
ASKED_DAYS = 30
"""Claims made so long after the word are asked about: what the EHR tells again comes in within days."""
UNSENT = ("frozen", "staged", "published")


def must_not_run(store: Store) -> Problem | None:
    """Why the hub may not run on this database, or None. Reads one table that is there only after a restore."""
    mark = marks.of(store.engines)
    if mark is None:
        return None
    if mark.state == marks.RESTORING:
        return Problem(
            code="restore.unfinished",
            where="the database",
            why="a restore into this database began and did not end: it is not whole",
            fix="say the same hub restore again; it goes on with this database",
        )
    return Problem(
        code="restore.not_accepted",
        where="the database",
        why=f"it was restored from a backup of {mark.made_at:%Y-%m-%d %H:%M} UTC, and nobody has accepted that yet",
        fix='stop the old hub for good, then: hub restore accept --by YOU --why "what happened"',
    )


def refuse(store: Store) -> None:
    """Raise `Misconfigured` where the hub may not run."""
    if problem := must_not_run(store):
        raise Misconfigured(problem.why, fix=problem.fix)


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What accepting a restore did: the lines for a person."""

    restore: Restore
    lines: tuple[str, ...]


def accept(place: Place, *, by: str, why: str, margin: int = MARGIN, dry_run: bool = False) -> Accepted:
    """Let the hub run on what was restored. In one transaction: numbers that may be in use are left out, files that
    were under way are in doubt, and for each partner there is work: to ask for what came and went since the backup.
    """
    mark = marks.of(place.store.engines)
    if mark is None:
        raise HubError("nothing was restored here, or it was accepted already")
    if mark.state == marks.RESTORING:
        raise HubError("the restore did not end: there is nothing whole to accept", fix="say hub restore again")
    if not by.strip() or not why.strip():
        raise Misconfigured("accepting a restore needs who and why", fix='--by NAME --why "what happened"')
    with rehearsed(place.store, "restore.accept", dry_run=dry_run) as tx:
        return _accept(tx, place, mark, (by, why, margin))


def _accept(tx: Tx, place: Place, mark: marks.Mark, word: tuple[str, str, int]) -> Accepted:
    by, why, margin = word
    restore = Restore(
        id=new_id("rst", place.clock),
        backup=mark.backup,
        made_at=mark.made_at,
        restored_at=mark.restored_at,
        accepted_at=tx.now,
        accepted_by=by,
        why=why,
        margin=margin,
        until=tx.now + timedelta(days=ASKED_DAYS),
    )
    counters = jump(tx.session, margin)
    _begin_above(tx, place, margin, set(counters))
    files = [file for state in UNSENT for file in tx.files.waiting(state, limit=100_000)]
    for file in files:
        _in_doubt(tx, file, mark)
    told = {name for names in place.settings.notifications.to.values() for name in names}
    partners = [n for n, one in sorted(place.settings.connectors.items()) if one.enabled and n not in told]
    for name in partners:
        tx.work.open(_gap(name, mark, restore), practice=place.settings.practice_of(name))
    tx.restores.record(restore)
    marks.clear(tx.session.conn)
    tx.event(
        "restore.accepted",
        "restore",
        restore.id,
        practice="",
        actor=by,
        cause=mark.backup,
        why=why[:200],
        margin=margin,
        files=len(files),
    )
    return Accepted(restore=restore, lines=_lines(restore, len(counters), len(files), partners))


def _begin_above(tx: Tx, place: Place, margin: int, known: set[str]) -> None:
    """Counters that the backup did not know yet may have begun since then."""
    first = dict.fromkeys(("pcn", "line", "statement"), 1)
    for name, box in place.settings.mailboxes.items():
        first |= {f"isa13:{name}": box.first_control_number, f"gs06:{name}": box.first_control_number}
        first[f"st02:{name}"] = 1
    if vendor := place.settings.print.vendor:
        first[f"print:{vendor}"] = 1
    for scope, number in first.items():
        if scope not in known:
            tx.registry.at_least(scope, number + margin)


def _in_doubt(tx: Tx, file: File, mark: marks.Mark) -> None:
    """It was not sent when the backup was made; whether it was later, only the partner knows."""
    at = f"{mark.made_at:%Y-%m-%d %H:%M} UTC"
    tx.files.put_state(file, "in_doubt")
    tx.work.open(
        WorkItem(
            reason="dispatch.in_doubt",
            aggregate="file",
            aggregate_id=file.id,
            why=f"it was {file.state} when the backup was made ({at}): it may have gone out since",
            fix="ask the partner whether it has this file; if not: hub work resolve ITEM --how WHAT-IT-SAID --resend",
            where="restore",
            owner="it",
        ),
        practice=file.practice,
    )
    tx.event("file.in_doubt", "file", file.id, practice=file.practice, cause=mark.backup)


def _gap(name: str, mark: marks.Mark, restore: Restore) -> WorkItem:
    since = f"{mark.made_at:%Y-%m-%d %H:%M} UTC"
    return WorkItem(
        reason="restore.gap",
        aggregate="connector",
        aggregate_id=name,
        why=f"what this partner brought or took after {since} is not in the backup that was restored",
        fix=(
            f"ask it to make everything since {since} available again: messages, answers (TA1, 999, 277CA), "
            "remittances (835), reports; what is known already does no harm"
        ),
        where=restore.id,
        owner="it",
    )


def _lines(restore: Restore, counters: int, files: int, partners: list[str]) -> tuple[str, ...]:
    since = f"{restore.made_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"{counters} counters of control numbers go on {restore.margin:,} higher: none is used twice",
        f"{files} files that were under way are in doubt: nothing of them goes out again by itself",
        f"claims for services until today that were not sent by {since} wait for a person before they go out",
        f"{len(partners)} partners are to be asked for everything since {since}: hub work list --reason restore.",
    )
