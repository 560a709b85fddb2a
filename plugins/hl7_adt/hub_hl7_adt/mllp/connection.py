"""One MLLP connection: bytes to batches, batches to the inbox, and answers back in the order of arrival."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter, deque
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from hub.plugin.api import Inbox, RawMessage
from hub_hl7_adt.mllp import answers
from hub_hl7_adt.mllp.answers import Header, Verdict, header_of
from hub_hl7_adt.mllp.framing import Broken, Framer
from hub_hl7_adt.wire import split

if TYPE_CHECKING:
    from hub_hl7_adt.mllp.listener import Listener

REST_SECONDS = 0.2
"""After an FS without CR nothing came for so long: it was the end of the message."""
FLIGHTS = 4
"""So many batches of one connection are on their way to the store at once."""
TOGETHER = 200
TOGETHER_BYTES = 4 << 20
"""So much is put together."""
MOST_GARBAGE = 1 << 16
"""Who sends more than this outside of messages speaks something else."""
CLIENT_HELLO = b"\x16\x03"
"""How a TLS handshake begins. There is a VT in each, so it would look like a message that is cut."""

_Asked = tuple[Header, Verdict | None, int]
"""Whom to answer; the verdict if it stands already; of how many messages the answer tells."""


class Batch:
    """What is put together: the messages, whom to answer, and the answers once they are known."""

    __slots__ = ("asked", "began", "codes", "messages", "said", "size")

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.messages: list[RawMessage] = []
        self.asked: list[_Asked] = []
        self.size = 0
        self.codes: Counter[str] = Counter()
        self.said: bytes | None = None


class Connection(asyncio.Protocol):
    """One sender. All methods run in the listener's loop."""

    def __init__(self, listener: Listener, inbox: Inbox) -> None:
        self._listener = listener
        self._inbox = inbox
        self._peer = ""
        self._plain: asyncio.Transport | None = None
        self._transport: asyncio.Transport | None = None
        """What is read and written; None until a handshake is over, and when the connection is lost."""
        self._early = b""
        self._ended = False
        self._framer = Framer(listener.settings.max_bytes)
        self._waiting: deque[Batch] = deque()
        self._flights: deque[Batch] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unanswered = 0
        self._unanswered_bytes = 0
        self._paused = self._deaf = self._draining = False
        self._new = True
        self._heard = self._begun = time.monotonic()
        self._rest: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hear it, close it at once, or make it secure first."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_server makes no other
        peer = self._listener.welcome(transport)
        if peer is None:
            transport.abort()
            return
        self._peer, self._plain = peer, transport
        self._listener.connections.add(self)
        if self._listener.tls is None:
            self._transport = transport
            return
        transport.pause_reading()
        self._run(self._secure(transport, self._listener.tls))

    async def _secure(self, transport: asyncio.Transport, tls: ssl.SSLContext) -> None:
        """Shake hands; who is not let in is told of in the log, with the kind of fault."""
        loop, patience = asyncio.get_running_loop(), self._listener.settings.message_seconds
        try:
            secured = await loop.start_tls(
                transport, self, tls, server_side=True, ssl_handshake_timeout=patience, ssl_shutdown_timeout=5
            )
        except OSError as error:
            self._listener.note("mllp.tls", self._peer, type(error).__name__)
            secured = None
        if secured is None:
            transport.abort()
            self._listener.connections.discard(self)
            return
        self._transport = secured
        early, self._early = self._early, b""
        if early:
            self.data_received(early)
        if self._ended or self._draining:
            self.drain()

    def connection_lost(self, _error: Exception | None) -> None:
        """What was read is stored all the same; nobody is left to be told."""
        self._transport = self._plain = None
        self._listener.connections.discard(self)
        if self._rest:
            self._rest.cancel()

    def eof_received(self) -> bool:
        """The sender sends no more, and may still read what it is told (not so over TLS)."""
        if self._transport is None:
            self._ended = True
            return False
        self._take(self._framer.end())
        self.drain()
        return self._listener.tls is None

    def data_received(self, data: bytes) -> None:
        """Cut what came into messages and put them."""
        if self._transport is None:  # the last of the handshake brought it
            self._early += data
            return
        if self._new and self._listener.tls is None and data.startswith(CLIENT_HELLO):
            self._listener.note("mllp.tls", self._peer, "NoTlsHere")
            self._transport.abort()
            return
        self._new = False
        was_begun = self._framer.inside or self._framer.garbage
        found = self._framer.feed(data)
        self._heard = time.monotonic()
        if found or not was_begun:
            self._begun = self._heard
        if found:
            self._framer.garbage = 0
            self._take(found)
        if self._framer.undecided:
            self._wait_for_rest()
        if self._framer.garbage > MOST_GARBAGE:
            self._listener.note("mllp.noise", self._peer, bytes=self._framer.garbage)
            self.drain()

    def _wait_for_rest(self) -> None:
        if self._rest:
            self._rest.cancel()
        loop = asyncio.get_running_loop()
        self._rest = loop.call_later(REST_SECONDS, lambda: self._take(self._framer.rest()))

    def _take(self, found: Iterable[bytes | Broken]) -> None:
        """Gather into batches: with what waits already, until one is large enough."""
        for one in found:
            batch = self._open_batch()
            asked, size = len(batch.asked), batch.size
            if isinstance(one, Broken):
                batch.asked.append((header_of(one.head), _BROKEN[one.kind], 0))
            else:
                self._add(batch, one)
            self._unanswered += len(batch.asked) - asked
            self._unanswered_bytes += batch.size - size
        self.submit()

    def _open_batch(self) -> Batch:
        batch = self._waiting[-1] if self._waiting else None
        if batch is None or batch.size >= TOGETHER_BYTES or len(batch.asked) >= TOGETHER:
            batch = Batch()
            self._waiting.append(batch)
        return batch

    def _add(self, batch: Batch, body: bytes) -> None:
        header = header_of(body)
        if header.batch or b"\rMSH" in body or b"\nMSH" in body:
            self._add_parts(batch, header, body)
        elif not header.is_answer:
            batch.asked.append((header, None, 1))
            self._put(batch, header, body)

    def _add_parts(self, batch: Batch, header: Header, body: bytes) -> None:
        """Several messages in one block: each has its own fate; a batch is answered once, others each."""
        parts = split(body)
        if not parts.messages or parts.strays or not parts.counts_agree:
            batch.asked.append((header, None, 1))
            self._put(batch, header, body)
            return
        if header.batch:
            batch.asked.append((header, None, len(parts.messages)))
        for message in parts.messages:
            own = header_of(message)
            if not header.batch:
                batch.asked.append((own, None, 1))
            self._put(batch, own, message)

    def _put(self, batch: Batch, header: Header, body: bytes) -> None:
        batch.size += len(body)
        once = self._listener.once and header.usable
        batch.messages.append(RawMessage(external_id=header.name, content_type="hl7v2", body=body, once=once))

    def submit(self) -> None:
        """Send batches on their way, as many as may be; read no more while too much waits."""
        while self._waiting and len(self._flights) < FLIGHTS:
            batch = self._waiting[0]
            if not self._listener.room(len(batch.messages), batch.size):
                self._listener.wait_for_room(self)
                break
            self._flights.append(self._waiting.popleft())
            self._listener.storing += len(batch.messages)
            self._listener.storing_bytes += batch.size
            self._run(self._store(batch))
        self._breathe()

    def _run(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _store(self, batch: Batch) -> None:
        verdicts: tuple[str, ...] = ()
        try:
            if batch.messages:
                verdicts = await self._inbox.put_many(batch.messages, peer=self._peer)
        except Exception as error:  # noqa: BLE001 - whatever it is, the sender is told that nothing is stored
            self._listener.note("mllp.unstored", self._peer, type(error).__name__)
        self._answer(batch, verdicts)
        self._write()
        self._listener.stored(len(batch.messages), batch.size)
        self.submit()

    def _answer(self, batch: Batch, verdicts: tuple[str, ...]) -> None:
        at, said = 0, []
        make = self._listener.answers.answer
        for header, known, count in batch.asked:
            verdict = known or _verdict(header, verdicts[at : at + count])
            at += count
            text, codes = make(header, verdict)
            said.append(text)
            batch.codes.update(codes)
        batch.said = b"".join(said)

    def _write(self) -> None:
        """Write the answers of every batch before which nothing waits."""
        said: list[bytes] = []
        now = time.monotonic()
        while self._flights and self._flights[0].said is not None:
            batch = self._flights.popleft()
            said.append(batch.said or b"")
            self._unanswered -= len(batch.asked)
            self._unanswered_bytes -= batch.size
            if self._transport is not None:
                self._listener.tell(self._peer, batch.codes, now - batch.began)
        if self._transport is None:
            return
        if text := b"".join(said):
            self._transport.write(text)
        self._heard = now
        if self._draining and not self._flights and not self._waiting:
            self._transport.close()

    def _breathe(self) -> None:
        """Read while there is room, and while the sender takes its answers."""
        most = self._listener.settings.window
        full = self._unanswered >= most or self._unanswered_bytes >= self._listener.settings.max_bytes
        wanted = full or self._deaf or self._draining
        if self._transport is None or wanted == self._paused:
            return
        self._paused = wanted
        if wanted:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """The sender does not read its answers: it is not read either."""
        self._deaf = True
        self._breathe()

    def resume_writing(self) -> None:
        """It reads again."""
        self._deaf = False
        self._breathe()

    def look(self, now: float) -> None:
        """Close who is slow in the midst of a message, takes no answers, or has been silent for too long."""
        settings = self._listener.settings
        if self._flights or self._waiting:
            return
        if self._deaf or self._draining:
            if now - self._heard > settings.message_seconds:
                self.cut()
        elif (self._framer.inside or self._framer.garbage) and now - self._begun > settings.message_seconds:
            self._listener.note("mllp.slow", self._peer, bytes=self._framer.waiting_bytes)
            self._heard = now
            self._take(self._framer.end())
            self.drain()
        elif settings.idle_seconds and now - self._heard > settings.idle_seconds:
            self.drain()

    def drain(self) -> None:
        """Read no more; close when all that was read is answered."""
        self._draining = True
        self._breathe()
        if self._transport is not None and not self._flights and not self._waiting:
            self._transport.close()

    def cut(self) -> None:
        """Close now."""
        if self._plain is not None:
            self._plain.abort()


_BROKEN = {"too_large": answers.TOO_LARGE, "broken_off": answers.BROKEN_OFF}


def _verdict(header: Header, told: tuple[str, ...]) -> Verdict:
    """What the sender is told of messages that the store said this of; nothing was said: nothing is stored."""
    if not told:
        return answers.AWAY
    if "refused" in told:
        return answers.OTHER_BODY
    return answers.STORED if header.usable else answers.NO_MSH
