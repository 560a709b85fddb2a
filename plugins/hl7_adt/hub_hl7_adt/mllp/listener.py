"""The MLLP listener: many connections, pipelined messages, yes only after the commit, answers in order.

Each read of a connection becomes one batch: all its messages are put together (`Inbox.put_many`), and its answers
are written together. Several batches of a connection may be on their way; their answers leave in the order of
arrival. Where too much waits to be stored nothing more is read, so that TCP slows the sender down.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any

from hub.plugin.api import Context, Inbox, Misconfigured
from hub_hl7_adt.mllp.answers import Answers
from hub_hl7_adt.mllp.connection import Connection
from hub_hl7_adt.mllp.tls import server_side
from hub_hl7_adt.settings_mllp import MllpSettings, address

SWEEP_SECONDS = 0.1
"""How often connections are looked at: who is slow or idle, and what was answered."""
NOTED_SECONDS = 10.0
MOST_NOTED = 1_000
STORING = 5_000
STORING_BYTES = 48 << 20
"""More than this of all connections is never on its way to the store at once."""


class Listener:
    """Listens at one address while `serve` runs."""

    def __init__(self, settings: MllpSettings, context: Context, *, once: bool = False) -> None:
        self.settings = settings
        self.once = once
        self.log = context.log
        self.answers = Answers(context.clock, settings.acks)
        self.tls: ssl.SSLContext | None = None
        self.port = 0
        """The port that is listened on while `ready` is set."""
        self.ready = threading.Event()
        self.storing = 0
        self.storing_bytes = 0
        self.ended = False
        self.connections: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}
        self._context = context
        self._allowed = tuple(ipaddress.ip_network(one, strict=False) for one in settings.allow)
        self._told: dict[str, Counter[str]] = {}
        self._slowest: dict[str, float] = {}
        self._noted: dict[tuple[str, str, str], list[float]] = {}

    async def serve(self, inbox: Inbox, stop: threading.Event) -> None:
        """Listen until `stop`; then take nothing more, answer what was read, and close."""
        loop = asyncio.get_running_loop()
        self.tls = server_side(self.settings, self._context.secrets)
        self.ended = False
        self.storing = self.storing_bytes = 0
        loop.set_exception_handler(self._fault)
        server = await self._bind(loop, inbox)
        self.port = server.sockets[0].getsockname()[1]
        self.log.info("mllp.listening", port=str(self.port))
        self.ready.set()
        try:
            while not stop.is_set():
                await asyncio.sleep(SWEEP_SECONDS)
                self._sweep(inbox)
        finally:
            self.ready.clear()
            await self._drain(server, inbox)

    async def _bind(self, loop: asyncio.AbstractEventLoop, inbox: Inbox) -> asyncio.Server:
        host, port = address(self.settings.listen)
        try:
            return await loop.create_server(
                lambda: Connection(self, inbox), host or None, port, backlog=256, reuse_address=True
            )
        except (OSError, OverflowError) as error:
            raise Misconfigured(
                f"the address in `mllp.listen` cannot be listened on ({type(error).__name__})",
                fix="check the address, that no other program listens on the port, and that the hub may use it",
            ) from None

    def welcome(self, transport: asyncio.Transport) -> str | None:
        """What the other side of a new connection is called; None where it is not heard."""
        peer = transport.get_extra_info("peername")
        host = str(peer[0]) if peer else "unknown"
        plain = host.removeprefix("::ffff:")
        if self.ended or len(self.connections) >= self.settings.connections:
            self.note("mllp.full", plain)
            return None
        if self._allowed and not self._is_allowed(host):
            self.note("mllp.refused", plain)
            return None
        _keep_alive(transport)
        return self.settings.peers.get(plain, plain)

    def _is_allowed(self, host: str) -> bool:
        try:
            ip = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
        return any((mapped or ip) in network for network in self._allowed)

    def room(self, count: int, size: int) -> bool:
        """Whether so much more may be on its way to the store; what is alone always may."""
        if not self.storing:
            return True
        return self.storing + count <= STORING and self.storing_bytes + size <= STORING_BYTES

    def wait_for_room(self, connection: Connection) -> None:
        """That connection is called when there is room again."""
        self._waiting[connection] = None

    def stored(self, count: int, size: int) -> None:
        """So much is no longer on its way: who waited longest goes first."""
        self.storing -= count
        self.storing_bytes -= size
        while self._waiting:
            first = next(iter(self._waiting))
            del self._waiting[first]
            first.submit()
            if first in self._waiting:
                return

    def note(self, event: str, place: str, exception: str = "", **values: float) -> None:
        """Log what went wrong; the same again within `NOTED_SECONDS` is counted, so that no sender floods the log."""
        key = (event, place, exception)
        if key in self._noted:
            self._noted[key][1] += 1
        elif len(self._noted) < MOST_NOTED:
            self._noted[key] = [time.monotonic(), 0]
            self.log.warning(event, place=place, exception=exception, **values)

    def _note_repeats(self, now: float) -> None:
        for key, (since, repeats) in tuple(self._noted.items()):
            if now - since > NOTED_SECONDS:
                del self._noted[key]
                if repeats:
                    event, place, exception = key
                    self.log.warning(event, place=place, exception=exception, count=repeats)

    def tell(self, peer: str, codes: Counter[str], seconds: float) -> None:
        """Keep what was answered, to be counted with the next sweep."""
        self._told.setdefault(peer, Counter()).update(codes)
        self._slowest[peer] = max(self._slowest.get(peer, 0.0), seconds)

    def _sweep(self, inbox: Inbox) -> None:
        self.answers.tick()
        now = time.monotonic()
        for connection in tuple(self.connections):
            connection.look(now)
        self._note_repeats(now)
        self._count(inbox)

    def _count(self, inbox: Inbox) -> None:
        told, self._told = self._told, {}
        slowest, self._slowest = self._slowest, {}
        for peer, codes in told.items():
            inbox.answered(peer, codes, round(slowest[peer] * 1000, 1))

    async def _drain(self, server: asyncio.Server, inbox: Inbox) -> None:
        self.ended = True
        server.close()
        for connection in tuple(self.connections):
            connection.drain()
        until = time.monotonic() + self.settings.drain_seconds
        while self.connections and time.monotonic() < until:  # noqa: ASYNC110 - many connections end it
            await asyncio.sleep(0.005)
        for connection in tuple(self.connections):
            connection.cut()
        self._waiting.clear()
        self._count(inbox)
        with suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 1.0)

    def _fault(self, _loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        """What asyncio would log with its text: only the kind of fault is kept."""
        error = told.get("exception")
        self.note("mllp.fault", "", type(error).__name__ if error else "none")


_PROBES = tuple(
    (option, value)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
    if hasattr(socket, option)
)
"""After a minute of silence the other machine is asked whether it is still there; two minutes later it is not."""


def _keep_alive(transport: asyncio.Transport) -> None:
    """A sender whose machine died is noticed; answers leave at once."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option, value in _PROBES:
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
