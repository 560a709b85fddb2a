"""A real SFTP server on loopback in a thread of its own, for the sandbox and the tests, with faults at will.

asyncssh (extra `sandbox`) is imported when a server starts, never before. A partner built on it gets the hook
`on_file(path)`: called on one worker thread, in order, when a file becomes visible under its final name.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import msgspec

if TYPE_CHECKING:
    import asyncssh

Answer = TypeVar("Answer")
FileHook = Callable[[Path], object]
LOOPBACK = "127.0.0.1"
START_SECONDS = 20


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A login: a password, OpenSSH public keys, or both; `folder` is its home below the server's root."""

    name: str
    password: str = ""
    public_keys: tuple[str, ...] = ()
    folder: str = ""

    def __repr__(self) -> str:
        return f"User({self.name!r})"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the server misbehaves; put another on `SftpServer.options` at any time.

    `slow_seconds` passes before each request is served; `full_after_bytes` is all the room there is, as counted
    over all uploads; `hide_sizes` leaves sizes out of every answer; `delete_on_read` removes a file as soon as
    its reader closes it; `lock_after_failures` wrong passwords close the login for good (0: never);
    `drop_at_rename` cuts the line before or after a rename was done, unanswered.
    """

    refuse_posix_rename: bool = False
    refuse_rename: bool = False
    refuse_writes: bool = False
    hide_sizes: bool = False
    delete_on_read: bool = False
    slow_seconds: float = 0.0
    full_after_bytes: int | None = None
    lock_after_failures: int = 0
    drop_at_rename: Literal["", "before", "after"] = ""


def is_temporary(name: str) -> bool:
    """Not yet delivered under such a name: a leading dot, or `.part`, `.tmp`, `.filepart` at the end."""
    return name.startswith(".") or name.lower().endswith((".part", ".tmp", ".filepart"))


class SftpServer:
    """One listening server. `root` holds the users' folders; start it with `start()` or `with`.

    `port` 0 takes any free port. `host_key` is an OpenSSH private key in PEM; without it a new one is made.
    `users` may be replaced at any time. `logins` counts `(user, outcome)` with outcome `ok`, `refused`, `locked`.
    """

    def __init__(
        self,
        root: Path,
        users: Sequence[User],
        *,
        options: Options | None = None,
        on_file: FileHook | None = None,
        host_key: bytes | None = None,
        port: int = 0,
    ) -> None:
        self.root = Path(root)
        self.users = {user.name: user for user in users}
        self.options = options or Options()
        self.on_file = on_file
        self.host = LOOPBACK
        self.port = port
        self.fingerprint = ""
        self.logins: Counter[tuple[str, str]] = Counter()
        self.received_bytes = 0
        self.opened: set[Any] = set()
        self._key_text = host_key
        self._listener: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._hooks: list[Future[object]] = []
        self._worker: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Self:
        """Listen; `host`, `port` and `fingerprint` (`SHA256:...`) are known when this returns."""
        for user in self.users.values():
            self.home(user.name).mkdir(parents=True, exist_ok=True)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="sftp-hook")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sftp-server", daemon=True)
        self._thread.start()
        self._run(self._listen())
        return self

    def close(self) -> None:
        """Cut every connection, wait for hooks under way, end the thread; harmless twice."""
        if self._loop is None or self._thread is None or self._worker is None:
            return
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        self._loop.close()
        self._worker.shutdown(wait=True)
        self._loop = self._thread = self._worker = None

    def restart(self, *, new_host_key: bool = False) -> None:
        """Come back on the same port, with another host key if asked: what a partner's migration looks like."""
        self.close()
        self._key_text = None if new_host_key else self._key_text
        self.start()

    def cut_connections(self) -> None:
        """Drop every client at once, without a word."""
        self._run(self._cut())

    def settle(self, timeout_seconds: float = 60) -> None:
        """Wait until every hook so far has run; raises what the first failed one raised."""
        while self._hooks:
            self._hooks.pop(0).result(timeout_seconds)

    def home(self, user: str) -> Path:
        """The local folder that `user` sees as `/`."""
        return self.root / self.users[user].folder

    def place(self, path: Path | str, body: bytes) -> Path:
        """Make a file visible whole, as a careful partner does; `path` is below the root."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.placing")
        temporary.write_bytes(body)
        return temporary.replace(target)

    def arrived(self, path: Path) -> None:
        """Tell the hook, unless the name is a temporary one. Called by the session when a file appears."""
        if self.on_file is not None and self._worker is not None and not is_temporary(path.name):
            self._hooks.append(self._worker.submit(self.on_file, path))

    def may_write(self, size: int) -> bool:
        """Count `size` bytes against the room there is; False when the disk is full."""
        room = self.options.full_after_bytes
        if room is not None and self.received_bytes + size > room:
            return False
        self.received_bytes += size
        return True

    def connected(self, connection: asyncssh.SSHServerConnection) -> None:
        """Remember a client, so that it can be cut."""
        self._connections.add(connection)

    def disconnected(self, connection: asyncssh.SSHServerConnection) -> None:
        """Forget a client that left."""
        self._connections.discard(connection)

    async def _listen(self) -> None:
        import asyncssh

        from hub.sandbox.sftp_session import server_factory, sftp_factory

        key = (
            asyncssh.import_private_key(self._key_text)
            if self._key_text
            else asyncssh.generate_private_key("ssh-ed25519")
        )
        self._key_text = key.export_private_key()
        self.fingerprint = key.get_fingerprint("sha256")
        self._listener = await asyncssh.listen(
            self.host,
            self.port,
            server_host_keys=[key],
            server_factory=server_factory(self),
            sftp_factory=sftp_factory(self),
            process_factory=None,
            agent_forwarding=False,
            allow_scp=False,
            reuse_address=True,
        )
        self.port = self._listener.get_port()

    async def _cut(self) -> None:
        for connection in tuple(self._connections):
            connection.abort()
        await asyncio.sleep(0)

    async def _end(self) -> None:
        if self._listener is not None:
            self._listener.close()
        await self._cut()
        if self._listener is not None:
            await self._listener.wait_closed()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        while self.opened:
            self.opened.pop().close()

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        if self._loop is None:
            work.close()
            raise RuntimeError("the SFTP server is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)
