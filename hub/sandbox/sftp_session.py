"""What the loopback SFTP server does for one client: logins, requests, and the faults asked for.

Imported only when a server starts, because it needs asyncssh (extra `sandbox`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncssh

if TYPE_CHECKING:
    from hub.sandbox.sftp_server import SftpServer

FXF_WRITE = 0x02


def server_factory(owner: SftpServer) -> Callable[[], asyncssh.SSHServer]:
    """Makes the object that answers one client's logins."""
    return lambda: _Logins(owner)


def sftp_factory(owner: SftpServer) -> Callable[[asyncssh.SSHServerChannel[bytes]], asyncssh.SFTPServer]:
    """Makes the object that answers one client's SFTP requests."""
    return lambda channel: _Session(owner, channel)


class _Logins(asyncssh.SSHServer):
    """Checks passwords and keys against the owner's users, and counts."""

    def __init__(self, owner: SftpServer) -> None:
        self._owner = owner
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._owner.connected(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._connection is not None:
            self._owner.disconnected(self._connection)

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002
        return True

    def password_auth_supported(self) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        user = self._owner.users.get(username)
        good = user is not None and bool(user.password) and user.password == password
        return self._count(username, good=good)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        user = self._owner.users.get(username)
        known = [asyncssh.import_public_key(text) for text in user.public_keys] if user else []
        return self._count(username, good=key in known)

    def _count(self, username: str, *, good: bool) -> bool:
        logins, limit = self._owner.logins, self._owner.options.lock_after_failures
        locked = limit > 0 and logins[username, "refused"] >= limit
        logins[username, "locked" if locked else "ok" if good else "refused"] += 1
        return good and not locked


class _Session(asyncssh.SFTPServer):
    """Serves the user's folder as `/`; every request passes `_turn`, where faults are let in."""

    def __init__(self, owner: SftpServer, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        self._owner = owner
        self._files: dict[int, tuple[Path, bool]] = {}
        home = owner.home(channel.get_extra_info("username"))
        super().__init__(channel, chroot=os.fsencode(home))

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        writes = bool(pflags & FXF_WRITE)
        await self._turn(writes=writes)
        opened: Any = super().open(path, pflags, attrs)
        self._owner.opened.add(opened)
        self._files[id(opened)] = (self._local(path), writes)
        return opened

    async def close(self, file_obj: object) -> None:
        path, wrote = self._files.pop(id(file_obj), (Path(), False))
        self._owner.opened.discard(file_obj)
        file_obj.close()  # type: ignore[attr-defined]
        if wrote:
            self._owner.arrived(path)
        elif self._owner.options.delete_on_read and path.name:
            path.unlink(missing_ok=True)

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        await self._turn()
        data: Any = super().read(file_obj, offset, size)
        return bytes(data)

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        await self._turn(writes=True)
        if not self._owner.may_write(len(data)):
            raise asyncssh.SFTPFailure("Failure")
        written: Any = super().write(file_obj, offset, data)
        return int(written)

    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        await self._turn()
        return self._shown(self._local(path).stat())

    async def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        await self._turn()
        return self._shown(self._local(path).lstat())

    async def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        found: Any = super().fstat(file_obj)
        return self._shown(found)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        await self._turn()
        async for name in super().scandir(path):
            if self._owner.options.hide_sizes:
                name.attrs.size = None
            yield name

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        if self._owner.options.refuse_rename:
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        await self._renamed(lambda: super(_Session, self).rename(oldpath, newpath), newpath)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        if self._owner.options.refuse_posix_rename or self._owner.options.refuse_rename:
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        await self._renamed(lambda: super(_Session, self).posix_rename(oldpath, newpath), newpath)

    async def _renamed(self, move: Callable[[], object], newpath: bytes) -> None:
        await self._turn(writes=True)
        drop = self._owner.options.drop_at_rename
        if drop == "before":
            self.connection.abort()
            raise asyncssh.SFTPFailure("Failure")
        move()
        self._owner.arrived(self._local(newpath))
        if drop == "after":
            self.connection.abort()

    async def _turn(self, *, writes: bool = False) -> None:
        options = self._owner.options
        if options.slow_seconds:
            await asyncio.sleep(options.slow_seconds)
        if writes and options.refuse_writes:
            raise asyncssh.SFTPPermissionDenied("Permission denied")

    def _shown(self, found: os.stat_result) -> asyncssh.SFTPAttrs:
        attrs = asyncssh.SFTPAttrs.from_local(found)
        if self._owner.options.hide_sizes:
            attrs.size = None
        return attrs

    def _local(self, path: bytes) -> Path:
        return Path(os.fsdecode(self.map_path(path)))
