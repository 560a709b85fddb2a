"""`hub backup`: one encrypted file that a restore is whole from, made while the hub runs, or nothing at all."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO

import msgspec

from hub.errors import HubError, Misconfigured, RetryLater
from hub.keep import note
from hub.keep.archive import Header, Reader, Writer, header_of
from hub.keep.manifest import Manifest, Told, unheard
from hub.keep.place import Place
from hub.keep.settings_member import pack
from hub.store import pg_tools
from hub.store.copies import Copy, alone, copying, kind_of, size_of, sweep
from hub.store.ids import new_id
from hub.store.keeping import Backup

SUFFIX = ".hubbackup"
NAME = re.compile(r"hub-\d{8}T\d{6}Z-[0-9a-z]{6}\.hubbackup")
PART = re.compile(r"\.hub-\d{8}T\d{6}Z-[0-9a-z]{6}\.hubbackup\.part")
SEAL_PAGES = 200


def back_up(place: Place, to: Path | None = None, told: Told = unheard) -> Backup:
    """Make a backup in `to` (the configured folder unless told), record it, and return its row.

    Raises `RetryLater` when the disk is full or another process is at it, `Misconfigured` when a tool is missing;
    then there is no file that looks like a backup, and the earlier ones stay.
    """
    folder = (to or place.backups).resolve()
    with _in_words(folder), alone("the backup", folder, place.data):
        _swept(place, folder)
        adopt(place, folder)
        _sealed(place)
        made = make(place, folder, told)
    record(place, made, folder)
    return made


def make(place: Place, folder: Path, told: Told = unheard) -> Backup:
    """The file alone, also of a database whose tables an older hub made; the caller is alone in `folder`."""
    began = place.clock.now()
    backup_id = new_id("bak", place.clock)
    name = f"hub-{began:%Y%m%dT%H%M%SZ}-{backup_id[-6:].lower()}{SUFFIX}"
    _room(place, folder)
    part = folder / f".{name}.part"
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            writer = _write(place, file, backup_id, began, told)
            file.flush()
            os.fsync(file.fileno())
        part.rename(folder / name)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _durable(folder)
    note.write(folder, place.store.keyring.mark, kind_of(place.url))
    return Backup(
        id=backup_id,
        file=name,
        kind=kind_of(place.url),
        began_at=began,
        ended_at=place.clock.now(),
        size=writer.size,
        digest=writer.digest.hexdigest(),
        state="made",
    )


def _write(place: Place, file: IO[bytes], backup_id: str, began: datetime, told: Told) -> Writer:
    packed = pack(place)

    def copied(done: int, total: int) -> None:
        told("copying the database", done, total)

    with copying(place.url, place.data, place.tools, copied) as copy:
        writer = Writer(
            file,
            place.store.keyring,
            id=backup_id,
            made_at=began,
            hub=version("billing-hub"),
            schema=copy.held.schema,
            kind=copy.held.kind,
        )
        settings = writer.member("settings", [packed.body])
        database = writer.member("database", _told(copy, told))
        manifest = Manifest(
            id=backup_id,
            made_at=began,
            hub=version("billing-hub"),
            held=copy.held,
            settings=settings,
            database=database,
            left_out=packed.left_out,
            secrets=packed.secrets,
            master_key=place.settings.hub.master_key,
        )
        writer.member("manifest", [msgspec.json.encode(manifest)])
    return writer


def _told(copy: Copy, told: Told) -> Iterator[bytes]:
    done = 0
    for piece in copy.pieces:
        done += len(piece)
        told("encrypting", min(done, copy.held.size), copy.held.size)
        yield piece


def record(place: Place, made: Backup, folder: Path) -> None:
    """A row and an event; a backup outside the configured folder is named by its whole path."""
    row = made if folder == place.backups else msgspec.structs.replace(made, file=str(folder / made.file))
    with place.store.begin("backup.made") as tx:
        tx.backups.record(row)
        tx.event("backup.made", "backup", made.id, practice="", bytes=made.size, digest=made.digest)
        tx.work.resolve_for("backup", "backup.failed", "a backup was made", by="hub")


def adopt(place: Place, folder: Path) -> list[Backup]:
    """Record backups that are whole and that no row knows: their process was killed between the two, or the
    tables were too old to say so. One that does not open to its end is left alone.
    """
    with place.store.view() as view:
        known = {Path(one.file).name for one in view.backups.list()}
    found = []
    for path in sorted(folder.glob(f"hub-*{SUFFIX}")):
        if path.name not in known and NAME.fullmatch(path.name) and (row := _whole(place, path)):
            record(place, row, folder)
            found.append(row)
    return found


def _whole(place: Place, path: Path) -> Backup | None:
    try:
        header, size, digest = read_through(path, place)
    except (HubError, OSError):
        return None
    return Backup(
        id=header.id,
        file=path.name,
        kind=header.kind,
        began_at=header.made_at,
        ended_at=header.made_at,
        size=size,
        digest=digest,
        state="made",
    )


def read_through(path: Path, place: Place) -> tuple[Header, int, str]:
    """Open every chunk of a backup, keep nothing; its header, size and SHA-256."""
    with path.open("rb") as file:
        hashed = Hashing(file)
        reader = Reader(hashed, place.store.keyring)  # type: ignore[arg-type]
        for name in ("settings", "database", "manifest"):
            for _ in reader.member(name):
                pass
        reader.end()
    return reader.header, hashed.size, hashed.digest.hexdigest()


class Hashing:
    """A file that is read once, with the SHA-256 of what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest, self.size = hashlib.sha256(), 0

    def read(self, size: int) -> bytes:
        """The next bytes."""
        body = self._file.read(size)
        self.digest.update(body)
        self.size += len(body)
        return body


def _sealed(place: Place) -> None:
    """Chain what the audit log has gathered, so that the backup's head speaks for nearly all of it."""
    for _ in range(SEAL_PAGES):
        if place.store.seal() == 0:
            return


def _swept(place: Place, folder: Path) -> None:
    """Remove what a killed backup left; nobody else is at it."""
    for path in folder.glob(".hub-*.part"):
        if PART.fullmatch(path.name):
            path.unlink(missing_ok=True)
    sweep(place.data)
    if folder == place.backups and kind_of(place.url) == "postgresql":
        pg_tools.sweep(place.url, "drill")  # drills hold the lock of this folder, so none is at it


def _room(place: Place, folder: Path) -> None:
    """Say before the work that the disk cannot take it; what is encrypted hardly gets smaller."""
    size = size_of(place.url)
    needs = {folder: size}
    if kind_of(place.url) == "sqlite":
        same = folder.stat().st_dev == place.data.stat().st_dev
        needs = {folder: 2 * size} if same else {folder: size, place.data: size}
    for where, wanted in needs.items():
        free = shutil.disk_usage(where).free
        if free < wanted:
            raise RetryLater(
                f"not enough disk for a backup: {wanted >> 20} MB are needed and {free >> 20} MB are free",
                fix=f"make room on the disk of {where}; the backups that are there stay",
            )


@contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise _full(folder) from None
        why = error.strerror or "unknown reason"
        raise Misconfigured(
            f"the backup cannot be written ({why})", fix=f"the hub's user must be able to write to {folder}"
        ) from None
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise _full(folder) from None
        raise RetryLater("the database could not be copied", after_seconds=60) from None


def _full(folder: Path) -> RetryLater:
    return RetryLater(
        "the disk is full: no backup was made, the earlier ones stay", fix=f"make room for {folder}"
    )


def _durable(folder: Path) -> None:
    """The folder's entry is on disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


__all__ = ["NAME", "SUFFIX", "Hashing", "adopt", "back_up", "header_of", "make", "read_through", "record"]
