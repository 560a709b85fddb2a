"""Puts, publishes, confirms, lists and reads whole files over one SFTP connection."""

from __future__ import annotations

import contextlib
import hashlib
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec
import paramiko

from hub.plugin.api import HubError, InDoubt, Misconfigured, Refused, RetryLater
from hub_sftp_transfer import faults
from hub_sftp_transfer.connection import SftpConnection
from hub_sftp_transfer.pipeline import REQUEST_BYTES, Folder, ReadAhead, WriteAhead

UNKNOWN = -1
OCCUPIED = "a different file stands at the partner under this name"
OTHER_NAME = "look at what stands there; then send this one under another name"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One file in a folder: `size` in bytes or `UNKNOWN` where the server hides it, `mtime` seconds of Unix."""

    folder: str
    name: str
    size: int
    mtime: int

    @property
    def path(self) -> str:
        return joined(self.folder, self.name)


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent: bytes, and their SHA-256 in hex."""

    size: int
    digest: str


class BodyFailed(Exception):
    """The bytes could not be had from the caller; its own error is the cause."""


def joined(folder: str, name: str) -> str:
    """A path at the server; `.` is the folder of the login."""
    return name if folder in ("", ".") else f"{folder.rstrip('/')}/{name}"


def wire(path: str) -> bytes:
    """A path as the server wrote it, also where that was not UTF-8."""
    return path.encode(errors="surrogateescape")


class SftpFiles:
    """Whole files on one connection. No message names a file that the partner named."""

    def __init__(self, connection: SftpConnection) -> None:
        self._connection = connection

    def put_temporary(self, path: str, chunks: Iterable[bytes]) -> Written:
        """Write all of `chunks` to `path`, replacing what is there; requests are pipelined.

        Raises `RetryLater` when the line broke or the server could not take it all; nothing is left open.
        """
        client = self._connection.client()
        try:
            with self._connection.working("writing the temporary file"):
                written = self._write(client, path, _pieces(chunks))
        except BodyFailed as failure:
            raise (failure.__cause__ or failure) from None
        except RetryLater:
            if self._connection.is_open():  # a full disk gets its room back
                with contextlib.suppress(HubError):
                    self.remove(path)
            raise
        size = self.size(path)
        if size not in (written.size, UNKNOWN):
            self.remove(path)
            raise RetryLater(
                "the server kept another size than was sent",
                fix="its disk may be full or its quota used up: ask the partner if it stays so",
            )
        return written

    def publish(self, temporary: str, final: str, size: int, digest: str) -> None:
        """Make `temporary` visible as `final`, never over another file, harmless when it is so already.

        Raises `Refused` when a different file stands there, `RetryLater` when the temporary file is not whole,
        `InDoubt` when the file is under neither name: it may have been published and taken.
        """
        standing = self._standing(final, size, digest)
        if standing == "other":
            raise Refused(OCCUPIED, fix=OTHER_NAME)
        if standing == "same":
            self.remove(temporary)
            return
        held = self.size(temporary)
        if held is None:
            raise InDoubt("neither the temporary nor the final file is there: the partner may have taken it")
        if held not in (size, UNKNOWN):
            raise RetryLater("the temporary file is not whole; it has to be staged again")
        self._rename(temporary, final, size, digest)

    def confirm(self, path: str, size: int, digest: str, by: Literal["size", "hash"]) -> bool:
        """True when `path` holds exactly this file, by its size or by reading it back; only looks."""
        held = self.size(path)
        if held is None or held not in (size, UNKNOWN):
            return False
        if by == "size" and held == size:
            return True
        return self._digest(path, held) == digest

    def size(self, path: str) -> int | None:
        """Bytes of the file at `path`, `UNKNOWN` where the server hides it, None where there is none."""
        client = self._connection.client()
        with self._connection.working("looking at a file"):
            try:
                found = client.stat(wire(path))
            except FileNotFoundError:
                return None
        return UNKNOWN if found.st_size is None else found.st_size

    def look(self, folder: str, name: str) -> Entry | None:
        """The file as it is now, or None."""
        client = self._connection.client()
        with self._connection.working("looking at a file"):
            try:
                return _entry(folder, name, client.stat(wire(joined(folder, name))))
            except FileNotFoundError:
                return None

    def listing(self, folder: str) -> Iterator[Entry]:
        """All plain files of a folder, in the server's order."""
        client = self._connection.client()
        with self._connection.working(f"listing the folder {folder}"):
            for name, found in Folder(client, wire(folder)):
                if not stat.S_ISDIR(found.st_mode or 0):
                    yield _entry(folder, name, found)

    def folder_mode(self, folder: str) -> int | None:
        """The permission bits of a folder, None where the server does not tell; `Misconfigured` if it is none."""
        client = self._connection.client()
        with self._connection.working(f"looking at the folder {folder}"):
            mode: int | None = client.stat(wire(folder)).st_mode
        if mode is not None and not stat.S_ISDIR(mode):
            raise Misconfigured(f"{folder} is no folder", fix="check it against the partner's guide")
        return mode

    def read(self, path: str, size: int) -> Iterator[bytes]:
        """Stream a file of `size` bytes (`UNKNOWN`: to its end); memory stays flat.

        Ends early, without an error, where the file does: the caller counts. `Refused` when it is gone.
        """
        client = self._connection.client()
        with self._connection.working("reading a file"):
            try:
                source = client.open(wire(path), "rb")
            except FileNotFoundError:
                raise Refused("the file is gone at the partner: somebody else took it") from None
            except PermissionError:
                raise Refused("the partner does not let this file be read") from None
            with self._closing(source):
                yield from _to_end(source) if size == UNKNOWN else ReadAhead(client, source, size)

    def remove(self, path: str) -> None:
        """Delete; harmless when it is gone."""
        client = self._connection.client()
        with self._connection.working("removing a file"), contextlib.suppress(FileNotFoundError):
            client.remove(wire(path))

    def move(self, path: str, target: str) -> bool:
        """Rename, never over another file; False when the server would not."""
        client = self._connection.client()
        with self._connection.working("moving a file"):
            return _renamed(client, path, target)

    @contextmanager
    def _closing(self, opened: paramiko.SFTPFile) -> Iterator[paramiko.SFTPFile]:
        """Close the file at the end, but never ask a dead line to: that would wait a second time."""
        try:
            yield opened
        except faults.BROKEN:
            self._connection.close()
            raise
        finally:
            opened.close()

    def _write(self, client: paramiko.SFTPClient, path: str, pieces: Iterator[bytes]) -> Written:
        size, digest = 0, hashlib.sha256()
        with self._closing(client.open(wire(path), "wb")) as target:
            ahead = WriteAhead(client, target)
            for piece in pieces:
                ahead.write(piece)
                size += len(piece)
                digest.update(piece)
            ahead.finish()
        return Written(size=size, digest=digest.hexdigest())

    def _standing(self, path: str, size: int, digest: str) -> Literal["none", "same", "other"]:
        held = self.size(path)
        if held is None:
            return "none"
        if held == UNKNOWN:
            return "same" if self._digest(path, held) == digest else "other"
        return "same" if held == size else "other"

    def _rename(self, temporary: str, final: str, size: int, digest: str) -> None:
        try:
            if self.move(temporary, final):
                return
        except RetryLater:
            self._after_broken_rename(temporary, final, size, digest)
            return
        standing = self._standing(final, size, digest)
        if standing == "same":
            return
        if standing == "other":
            raise Refused(OCCUPIED, fix=OTHER_NAME)
        raise Misconfigured(
            "the server refuses to rename a file that was written",
            fix="ask the partner for the right to rename in this folder",
        )

    def _after_broken_rename(self, temporary: str, final: str, size: int, digest: str) -> None:
        """The line broke while the server renamed: look what it did."""
        try:
            standing = self._standing(final, size, digest)
            waiting = self.size(temporary) is not None
        except HubError:
            raise InDoubt("the connection broke during the rename, and the server cannot be asked") from None
        if standing == "same":
            return
        if waiting and standing == "none":
            raise RetryLater("the connection broke before the rename; the file is still under its temporary name")
        raise InDoubt("the connection broke during the rename, and the file is no longer there to be seen")

    def _digest(self, path: str, size: int) -> str:
        digest = hashlib.sha256()
        try:
            for chunk in self.read(path, size):
                digest.update(chunk)
        except Refused:
            return ""
        return digest.hexdigest()


def _renamed(client: paramiko.SFTPClient, path: str, target: str) -> bool:
    """Plain rename first: by the protocol it never replaces a file. Some servers grant only the other one."""
    if _granted(client.rename, path, target):
        return True
    try:
        client.stat(wire(target))
    except FileNotFoundError:
        return _granted(client.posix_rename, path, target)
    return False


def _granted(rename: Callable[[bytes, bytes], None], path: str, target: str) -> bool:
    try:
        rename(wire(path), wire(target))
    except OSError as error:
        if faults.is_broken(error):
            raise
        return False
    return True


def _entry(folder: str, name: str, found: paramiko.SFTPAttributes) -> Entry:
    size = UNKNOWN if found.st_size is None else found.st_size
    return Entry(folder=folder, name=name, size=size, mtime=found.st_mtime or 0)


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        for chunk in chunks:
            for start in range(0, len(chunk), REQUEST_BYTES):
                yield chunk[start : start + REQUEST_BYTES]
    except Exception as error:
        raise BodyFailed from error


def _to_end(source: paramiko.SFTPFile) -> Iterator[bytes]:
    while data := source.read(REQUEST_BYTES):
        yield data
