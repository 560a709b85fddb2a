"""What `hub restore` says: puts a backup back, names what is still missing, and takes a person's word."""

from __future__ import annotations

import getpass
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hub.cli.keeping import FAILED, keeper, watched
from hub.cli.ui import print_json, say
from hub.clock import SystemClock
from hub.errors import Misconfigured
from hub.keep import guard, paper
from hub.keep import restore as restoring
from hub.keep.proving import Verdict
from hub.keep.restore import Restored, Wanted
from hub.store import Keyring
from hub.store.keeping import Restore


@dataclass(frozen=True, kw_only=True)
class How:
    """What stands on the command line."""

    file: Path
    into: Path
    store: str
    key: Path | None
    tools: str
    verify: bool
    migrate: bool


def put_back(how: How, *, as_json: bool) -> None:
    """Restore, verify if asked, and say what comes next; ends with 1 when it does not prove."""
    if not how.file.is_file():
        raise Misconfigured(f"there is no file {how.file}", fix="name a backup: hub-DATE-....hubbackup")
    text = _key_text(how.key)
    keyring = Keyring.from_text(text)
    wanted = Wanted(
        file=how.file, into=how.into, keyring=keyring, key_text=text, store=how.store, tools=how.tools
    )
    clock = SystemClock()
    with watched() as told:
        restored = restoring.restore(wanted, clock, told)
        if how.migrate:
            restoring.migrate(restored, keyring, clock)
        verdict = restoring.verify(restored, keyring) if how.verify else None
    if as_json:
        print_json(_plain(restored, verdict))
    else:
        _tell(restored, verdict)
    if verdict is not None and not verdict.ok:
        sys.exit(FAILED)


def _key_text(file: Path | None) -> str:
    """The key from a file, the environment, a pipe or a person: nothing of it is shown."""
    if file is not None:
        try:
            return paper.read(file.read_text())
        except (OSError, UnicodeDecodeError):
            raise Misconfigured("the file of the master key cannot be read", fix="name another: --key") from None
    if told := os.environ.get("HUB_MASTER_KEY"):
        return paper.read(told)
    if not sys.stdin.isatty():
        return paper.read(sys.stdin.read())
    say("The master key: the four lines of its page (1. to 4.), or the one line of its file. It is not shown.")
    lines = [getpass.getpass("> ")]
    while lines[0].lstrip()[:1] == "1" and len(lines) < 4 and "/" in lines[0]:
        lines.append(getpass.getpass("> "))
    return paper.read("\n".join(lines))


def _plain(restored: Restored, verdict: Verdict | None) -> dict[str, object]:
    manifest = restored.manifest
    return {
        "folder": str(restored.folder),
        "made_at": manifest.made_at,
        "rows": sum(manifest.held.counts.values()),
        "missing_secrets": restored.missing,
        "left_out": manifest.left_out,
        "ok": verdict.ok if verdict else None,
        "checked": verdict.checked if verdict else "",
        "wrong": verdict.wrong if verdict else (),
    }


def _tell(restored: Restored, verdict: Verdict | None) -> None:
    manifest = restored.manifest
    rows = sum(manifest.held.counts.values())
    say(f"restored into {restored.folder}: {rows:,} rows, as of {manifest.made_at:%Y-%m-%d %H:%M} UTC")
    if verdict is not None:
        say(f"{'proved' if verdict.ok else 'NOT PROVED'}: {verdict.checked}")
        for line in verdict.wrong:
            say(f"  {line}")
    if restored.missing:
        say("Still missing, since no backup holds secrets: put these back before the hub starts")
        for reference in restored.missing:
            say(f"  {reference}")
    if manifest.left_out:
        say(f"Files of the settings folder that were left out: {', '.join(manifest.left_out)}")
    say("")
    say("The hub does not run on this yet. Stop the old one for good, then:")
    say(f'  hub restore accept -c {restored.folder} --by YOU --why "what happened"')


def accept(folder: Path, *, by: str, why: str, margin: int, dry_run: bool, as_json: bool) -> None:
    """A person's word; what it led to, line by line."""
    with keeper(folder) as place:
        accepted = guard.accept(place, by=by, why=why, margin=margin, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "lines": accepted.lines, **_row(accepted.restore)})
        return
    for line in accepted.lines:
        say(f"would do: {line}" if dry_run else line)
    if not dry_run:
        say("the hub may run: hub run; what is to be asked: hub work list --reason restore.")


def _row(restore: Restore) -> dict[str, object]:
    found = msgspec.to_builtins(restore)
    return dict(found)
