"""A TCP proxy that does to a connection what real networks do: delay, cut, swallow, throttle.

    with FaultProxy(server.host, server.port) as proxy:
        proxy.faults = Faults(cut_to_server_after=100_000)
        ... connect to proxy.host, proxy.port ...

Faults may be changed at any time and hold for the connections that are open. It runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Literal, Self

import msgspec

Direction = Literal["to_server", "to_client"]
START_SECONDS = 20
CHUNK_BYTES = 16_384


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with the line. Bytes are counted from when these faults were set, over all connections.

    `latency_seconds` delays every piece in each direction; `cut_..._after` closes the connection hard once so
    many bytes went that way; `blackhole` lets nothing through and answers nothing; `bytes_per_second` is a limit
    for each direction; `refuse` closes every new connection at once.
    """

    latency_seconds: float = 0.0
    cut_to_server_after: int | None = None
    cut_to_client_after: int | None = None
    blackhole: bool = False
    bytes_per_second: int = 0
    refuse: bool = False


class FaultProxy:
    """Listens on loopback and passes every connection on to `target_host:target_port`, as well as it may.

    `connections` counts those taken, `cuts` those cut by a fault, `passed` bytes by direction since the faults
    were set.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.connections = 0
        self.cuts = 0
        self.passed: dict[Direction, int] = {"to_server": 0, "to_client": 0}
        self._target = (target_host, target_port)
        self._faults = Faults()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def faults(self) -> Faults:
        """What is wrong now."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self.passed = {"to_server": 0, "to_client": 0}
        self._faults = faults

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._taken, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        self._abort(*self._writers)
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._faults.refuse:
            self._abort(writer)
            return
        try:
            there, onward = await asyncio.open_connection(*self._target)
        except OSError:
            self._abort(writer)
            return
        self._writers |= {writer, onward}
        try:
            await asyncio.gather(
                self._carry(reader, onward, "to_server", writer), self._carry(there, writer, "to_client", onward)
            )
        finally:
            self._abort(writer, onward)

    async def _carry(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        direction: Direction,
        other: asyncio.StreamWriter,
    ) -> None:
        try:
            while piece := await source.read(CHUNK_BYTES):
                while self._faults.blackhole:  # noqa: ASYNC110  set from another thread at any time
                    await asyncio.sleep(0.02)
                if await self._pass(piece, target, direction):
                    self.cuts += 1
                    break
        except OSError:
            pass
        self._abort(target, other)

    async def _pass(self, piece: bytes, target: asyncio.StreamWriter, direction: Direction) -> bool:
        """Send on as much as the faults allow; True when the line is to be cut now."""
        faults = self._faults
        if faults.latency_seconds:
            await asyncio.sleep(faults.latency_seconds)
        if faults.bytes_per_second:
            await asyncio.sleep(len(piece) / faults.bytes_per_second)
        limit = faults.cut_to_server_after if direction == "to_server" else faults.cut_to_client_after
        if limit is not None and self.passed[direction] + len(piece) >= limit:
            target.write(piece[: max(0, limit - self.passed[direction])])
            await target.drain()
            return True
        target.write(piece)
        await target.drain()
        self.passed[direction] += len(piece)
        return False

    def _abort(self, *writers: asyncio.StreamWriter) -> None:
        for writer in writers:
            self._writers.discard(writer)
            writer.transport.abort()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)
