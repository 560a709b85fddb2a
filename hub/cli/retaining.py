"""What `hub retention` and `hub hold` say."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hub.cli.opened import opened
from hub.cli.ui import print_json, say, table, when
from hub.clock import SystemClock
from hub.config.settings import Settings
from hub.errors import Refused
from hub.keep.purge import purge as purge_now
from hub.keep.retention_plan import Plan
from hub.keep.retention_plan import plan as plan_now
from hub.store import View

CALLED = {
    "account": "accounts (patients with all that hangs on them)",
    "facts of nobody": "facts of people without an account",
    "inbox": "messages and files that came in",
    "outbound": "files that went out",
}


def plan(folder: Path, *, as_json: bool) -> None:
    """What would go, and what is kept back."""
    with opened(folder) as hub:
        found = plan_now(hub.store, hub.settings.retention)
    if as_json:
        print_json({**msgspec.to_builtins(found), "count": found.count})
        return
    _tell(found)


def _tell(found: Plan) -> None:
    say(f"accounts at rest since before {when(found.before)}; bytes from before {when(found.raw_before)}")
    rows = [(CALLED.get(one.kind, one.kind), f"{one.count:,}", when(one.oldest)) for one in found.shares]
    table("Would be purged", ("what", "how many", "oldest"), rows, right=(1,))
    kept = [
        (CALLED.get(one.kind, one.kind), why, f"{n:,}") for one in found.shares for why, n in one.kept.items()
    ]
    if kept:
        table("Old enough, and kept back", ("what", "why", "how many"), kept, right=(2,))
    say(f"{found.holds} holds are in force")
    if found.count:
        said = "goes by itself on Sundays" if found.purge else "stays: [retention] purge is off"
        say(f"It {said}; to do it now: hub retention purge --yes")


def purge(folder: Path, *, by: str, as_json: bool) -> None:
    """Do it, and say what was done."""
    with opened(folder) as hub:
        told = (lambda _what, _done: None) if as_json else _progress
        done = purge_now(hub.store, hub.settings.retention, SystemClock(), by=by, told=told)
    if as_json:
        print_json(done)
        return
    table(
        "Purged", ("what", "rows"), [(kind, f"{rows:,}") for kind, rows in sorted(done.rows.items())], right=(1,)
    )
    say(f"recorded as {done.id}; backups keep what they hold until they are rotated")


def _progress(what: str, done: int) -> None:
    if done % 1_000 < 50:
        say(f"{done:,} {what}")


def history(folder: Path, *, limit: int, as_json: bool) -> None:
    """The purges that were."""
    with opened(folder) as hub, hub.store.view() as view:
        found = view.purges.list(limit)
    if as_json:
        print_json(found)
        return
    rows = [(one.id, when(one.at), one.by, one.kind, f"{one.rows:,}", when(one.before)) for one in found]
    table("Purges", ("purge", "when", "by", "what", "rows", "older than"), rows, right=(4,))


def place(folder: Path, kind: str, about: str, *, why: str, by: str, dry_run: bool, as_json: bool) -> None:
    """A new hold on something that is there."""
    with opened(folder) as hub:
        if dry_run:
            with hub.store.view() as view:
                _known(view, hub.settings, kind, about)
            say(f"would hold {kind} {about}")
            return
        with hub.store.begin("hold") as tx:
            practice = _known(tx, hub.settings, kind, about)
            made = tx.holds.place(kind, about, why=why.strip(), by=by)
            tx.event("hold.placed", kind, about, practice=practice, actor=by, cause=made.id)
    if as_json:
        print_json(made)
        return
    say(f"{made.id}: nothing that hangs on {kind} {about} is purged until hub hold lift {made.id}")


def _known(view: View, settings: Settings, kind: str, about: str) -> str:
    """The practice of what is to be held; `Refused` where it is not there."""
    if kind == "practice" and about in settings.practices:
        return about
    if kind == "patient":
        same = {about, view.resolve("patient", about)}
        if rows := view.patients.heads_of(same):
            return next(iter(rows.values())).practice
    if kind == "claim" and (row := view.claims.heads_of([about]).get(about)):
        return row.practice
    raise Refused(f"there is no {kind} of that id", fix="practice, patient or claim, and its id: hub claims show")


def lift(folder: Path, hold_id: str, *, by: str, as_json: bool) -> None:
    """The end of a hold."""
    with opened(folder) as hub, hub.store.begin("hold") as tx:
        lifted = tx.holds.lift(hold_id, by=by)
        if lifted is None:
            raise Refused("no hold of that id is in force", fix="see: hub hold list")
        tx.event("hold.lifted", lifted.kind, lifted.aggregate_id, practice="", actor=by, cause=hold_id)
    if as_json:
        print_json(lifted)
        return
    say(f"lifted: what {lifted.kind} {lifted.aggregate_id} kept may be purged when its time is over")


def holds(folder: Path, *, lifted: bool, as_json: bool) -> None:
    """The holds that are, or were."""
    with opened(folder) as hub, hub.store.view() as view:
        found = view.holds.list() if lifted else view.holds.in_force()
    if as_json:
        print_json(found)
        return
    rows = [
        (one.id, one.kind, one.aggregate_id, when(one.placed_at), one.placed_by, when(one.lifted_at), one.why)
        for one in found
    ]
    table("Holds", ("hold", "kind", "what", "since", "by", "lifted", "why"), rows)
