"""`hub x12 fix`: repairs that need to know nothing, each told with its place, and what is left for a person."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from typing import BinaryIO, cast

import msgspec

from hub.cli.ui import print_json, say, table
from hub.cli.x12_files import STDIN, Input, Unreadable, beside, fresh, only, telling, unreadable, watched
from hub.cli.x12_look import How, Look
from hub.cli.x12_validate import count_of, faults_told
from hub.x12.tools.repair import Mending

_COLUMNS = ("line", "place", "repair", "finding")
_SHOWN = 200
_CUT = frozenset(
    ("trailer.missing", "group.unclosed", "interchange.unclosed", "se.count", "ge.count", "iea.count")
)


class Mended(msgspec.Struct, kw_only=True):
    """What became of a file: its repairs, the mended bytes at their start, and a look through them."""

    mending: Mending
    file: BinaryIO
    look: Look


def fix(path: str, output: str, *, dry_run: bool, as_json: bool) -> None:
    """Mend one file into another; ends with 0 when no error is left, 1 with errors, 2 where it cannot be read."""
    with only(path) as given, tempfile.SpooledTemporaryFile(max_size=1 << 24) as kept:
        mended = _mend(given, cast("BinaryIO", kept))
        wanted = output or beside(path, ".fixed") if mended.mending.total or output else ""
        target = "" if dry_run else wanted
        if target:
            with fresh(target) as file:
                shutil.copyfileobj(mended.file, file, 1 << 20)
        with telling(target):
            (_print_json if as_json else _print)(given.name, target, mended, dry_run=dry_run)
    sys.exit(int(mended.look.errors > 0))


def _mend(given: Input, kept: BinaryIO) -> Mended:
    source = cast("BinaryIO", given.file)
    with watched(given) as file:
        mending = Mending(file)
        kept.writelines(mending)
    if mending.problem:
        why = f"{given.name} can be read up to line {mending.lines} only: {mending.problem}"
        raise Unreadable(why, fix="ask the sender for the whole file; run: hub x12 validate")
    if not mending.lines:
        raise unreadable(given.name)
    best = kept if mending.total else source
    best.seek(0)
    look = Look(Input(name=given.name, file=best), How(), ())
    for _ in look:
        pass
    best.seek(0)
    return Mended(mending=mending, file=best, look=look)


def _print(name: str, target: str, mended: Mended, *, dry_run: bool) -> None:
    mending, look = mended.mending, mended.look
    rows = [(one.line, one.where, one.words, one.code) for one in mending.repairs[:_SHOWN]]
    if rows:
        table(f"{name}: {'to repair' if dry_run else 'repaired'}", _COLUMNS, rows, right=(0,))
    if mending.total > len(rows):
        say(f"and {mending.total - len(rows):,} more (--json tells up to 10,000)")
    done = count_of(mending.total, "repair") if mending.total else "nothing to repair"
    say(f"{name}: {done}" + (f", written to {target}" if target else ", nothing written"))
    if any(one.code in _CUT for one in mending.repairs):
        say("a count or a trailer was wrong: ask the sender whether anything was lost on the way")
    if look.errors or look.warnings:
        where = name if dry_run or not target or target == STDIN else target
        told = faults_told(look.errors, look.warnings)
        say(f"left for a person: {told}; see them:   hub x12 validate {shlex.quote(where)}")
    if rows and dry_run:
        say(f"do it:   hub x12 fix {shlex.quote(name)}")
    elif rows and target and target != STDIN:
        say(f"what is different now:   hub x12 diff {shlex.quote(name)} {shlex.quote(target)}")


def _print_json(name: str, target: str, mended: Mended, *, dry_run: bool) -> None:
    mending, look = mended.mending, mended.look
    repairs = [{**msgspec.structs.asdict(one), "what": one.words} for one in mending.repairs]
    left = {"errors": look.errors, "warnings": look.warnings}
    print_json(
        {
            "file": name,
            "output": target,
            "dry_run": dry_run,
            "total": mending.total,
            "repairs": repairs,
            "left": left,
        }
    )
