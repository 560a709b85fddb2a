"""What `hub backup` says: makes, lists, rotates, tries; and how the master key is to be kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from hub.app import Faulty, open_app, open_hub_store
from hub.cli.ui import print_json, say, table, when
from hub.clock import SystemClock
from hub.config import SecretStore, load
from hub.errors import HubError, Misconfigured
from hub.keep import paper
from hub.keep.backup import back_up as make_backup
from hub.keep.drill import drill
from hub.keep.manifest import Told
from hub.keep.place import Place, place_of
from hub.keep.rotation import rotate
from hub.keep.settings_member import pack
from hub.store.keeping import Backup

FAILED = 1


@contextmanager
def keeper(folder: Path) -> Iterator[Place]:
    """The place of a settings folder, without plugins."""
    loaded = load(folder)
    if not loaded.ok:
        raise Faulty(loaded.faults)
    clock = SystemClock()
    store = open_hub_store(loaded, SecretStore(folder), clock)
    try:
        yield Place(settings=loaded.settings, store=store, folder=folder, clock=clock)
    finally:
        store.close()


@contextmanager
def proving_place(folder: Path) -> Iterator[Place]:
    """The place with what its plugins say of evidence; without, where they cannot be made here."""
    try:
        app = open_app(folder, migrate=False)
    except HubError:
        with keeper(folder) as place:
            yield place
        return
    try:
        yield place_of(app.hub)
    finally:
        app.close()


@contextmanager
def watched() -> Iterator[Told]:
    """A progress bar where somebody watches, else nothing."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        tasks: dict[str, object] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)  # type: ignore[arg-type]

        yield told


def back_up(folder: Path, to: Path | None, *, as_json: bool) -> None:
    """Make a backup and say where it is."""
    with keeper(folder) as place, watched() as told:
        made = make_backup(place, to, told)
        where = (to or place.backups) / made.file
        mark = place.store.keyring.mark
        left_out = pack(place).left_out
    if as_json:
        print_json({"path": str(where), "key": mark, "left_out": left_out, **msgspec.to_builtins(made)})
        return
    say(f"made {where} ({made.size / 1e6:,.2f} MB)")
    say(f"     SHA-256 {made.digest}")
    say(f"     of the settings folder it does not hold: {', '.join(left_out) or 'nothing'}")
    say(f"     it opens with the master key {mark} only, which is not in it: see hub backup key")


def show(folder: Path, *, as_json: bool) -> None:
    """The backups that are there or were."""
    with keeper(folder) as place, place.store.view() as view:
        backups = view.backups.list(limit=200)
    if as_json:
        print_json(backups)
        return
    table(
        "Backups",
        ("made", "file", "MB", "state", "proved", "of which"),
        [
            (when(b.began_at), b.file, f"{b.size / 1e6:,.2f}", b.state, when(b.proved_at), b.proof)
            for b in backups
        ],
        right=(2,),
    )


def turn(folder: Path, *, dry_run: bool, as_json: bool) -> None:
    """Remove what is older than the settings say."""
    with keeper(folder) as place:
        gone = rotate(place, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "removed": [one.file for one in gone]})
        return
    for one in gone:
        say(f"{'would remove' if dry_run else 'removed'} {one.file}")
    say(f"{len(gone)} backups {'would go' if dry_run else 'went'}")


def try_newest(folder: Path, *, as_json: bool) -> None:
    """The restore drill; ends with 1 when the backup is not proved."""
    with proving_place(folder) as place, watched() as told:
        done = drill(place, told)
    if as_json:
        print_json({"ok": done.verdict.ok, "file": done.backup.file, **msgspec.to_builtins(done.verdict)})
    else:
        _tell(done.backup, done.verdict.checked, done.verdict.wrong)
    if not done.verdict.ok:
        sys.exit(FAILED)


def _tell(backup: Backup, checked: str, wrong: tuple[str, ...]) -> None:
    if not wrong:
        say(f"{backup.file} was restored and proved: {checked}")
        return
    say(f"{backup.file} is NOT proved")
    for line in wrong:
        say(f"  {line}")


def key(folder: Path, *, by: str, show_it: bool, to: Path | None, yes: bool) -> None:
    """How the master key is kept apart; the key itself only when asked for, and with a line in the audit trail."""
    with keeper(folder) as place:
        reference = place.settings.hub.master_key
        secret = SecretStore(folder).get(reference)
        if not show_it and to is None:
            _explain_key(place.store.keyring.mark, reference)
            return
        if not yes and not _asked():
            raise Misconfigured("the key was not shown", fix="say yes, or give --yes")
        page = paper.page(secret, reference)
        with place.store.begin("admin") as tx:
            tx.event("key.shown", "key", place.store.keyring.mark, practice="", actor=by, into=bool(to))
    if to is None:
        say(page)
        return
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(page)
    say(f"wrote {to}: print it, put it into a safe, and remove the file")


def _explain_key(mark: str, reference: str) -> None:
    say(f"the master key is read from {reference}; its mark is {mark}")
    say("Every backup needs it, and no backup holds it. Keep it on paper, twice, apart from backups and servers:")
    say("    hub backup key --show           prints the page (nobody looks over your shoulder?)")
    say("    hub backup key --to key.txt     writes it into a file that only you can read")


def _asked() -> bool:
    if not sys.stdin.isatty():
        return False
    say("The master key opens all data. It will stand on this screen, or in that file.")
    return input("Show it? (yes/no) ").strip().lower() == "yes"
