"""What `hub db upgrade` says, and its rehearsal."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from hub.cli.keeping import FAILED, keeper, watched
from hub.cli.ui import print_json, say, table
from hub.keep import upgrade as upgrades
from hub.keep.upgrade import Rehearsed


def upgrade(folder: Path, *, backup: bool, as_json: bool) -> None:
    """Make or migrate the tables."""
    with keeper(folder) as place, watched() as told:
        made, steps = upgrades.upgrade(place, backup=backup, told=told)
    if as_json:
        print_json({"backup": made.file if made else None, "steps": steps})
        return
    if made is not None:
        say(f"made {made.file} first")
    for one in steps:
        say(f"step {one.step}: {one.seconds:.1f} s")
    say("the database is up to date")


def rehearse(folder: Path, *, as_json: bool) -> None:
    """Migrate a copy and say how it went; ends with 1 when the copy does not prove."""
    with keeper(folder) as place, watched() as told:
        done = upgrades.rehearse(place, told)
    if as_json:
        print_json({"ok": done.verdict.ok, "bytes_needed": done.bytes_needed, **msgspec.to_builtins(done)})
    else:
        _tell(done)
    if not done.verdict.ok:
        sys.exit(FAILED)


def _tell(done: Rehearsed) -> None:
    rows = [
        ("copying", f"{done.copy_seconds:.1f}"),
        *[(f"step {s.step}", f"{s.seconds:.1f}") for s in done.steps],
    ]
    table("Rehearsal on a copy", ("what", "seconds"), rows, right=(1,))
    say(f"from {done.before or 'no tables'} to {done.after}; the copy is gone")
    say(f"disk: have {done.bytes_needed / 1e6:,.0f} MB free for the backup that is made first and for what grows")
    say(f"{'proved' if done.verdict.ok else 'NOT PROVED'}: {done.verdict.checked}")
    for line in done.verdict.wrong:
        say(f"  {line}")
