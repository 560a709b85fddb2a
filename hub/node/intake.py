"""What listeners put: many messages in one transaction, each told of only after the commit.

While one transaction is being made durable the next messages gather, from every connection of every source; who puts
them waits, and so reads no more from its sender. Only where the store refuses, or has been slower than
`WAIT_SECONDS`, or more than `MOST_BYTES` waits, is a sender told to come again.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from hub.app import App, Current
from hub.errors import HubError, RetryLater, Stale
from hub.flow import room
from hub.flow.ingest.errands import ERRAND
from hub.log import get_log
from hub.node.feed_counts import FeedCounts
from hub.plugin.api import RawMessage
from hub.plugin.host import answers
from hub.store import Nudge
from hub.store.arrivals import Arrival, Prepared, Taken, prepare
from hub.store.feeds import Hour

MOST_WAITING = 50_000
MOST_BYTES = 128 << 20
"""More than this lies nowhere in memory: who puts is told to come again."""
WAIT_SECONDS = 10.0
"""So long a put waits for a store that is slow."""
TOGETHER = 256
TOGETHER_BYTES = 4 << 20
"""So much is stored in one transaction: it holds other writers for about 20 ms."""
FLUSH_SECONDS = 3.0
"""How long counts of feeds wait to be written at most."""
HANDOVER_SECONDS = 0.001
"""How long a thread that computes keeps the interpreter while a listener waits for it: at Python's own 5 ms each of
the dozen turns between a message and its answer could cost so much."""
MESSAGE = "message"
_NEXT = {MESSAGE: "ingest.read", ERRAND: "ingest.pull"}
"""Which step follows what was put."""
SLOW = "the store is too slow now: send it again later"
_message = answers.record(RawMessage)
Told = tuple[str, ...] | Exception


@dataclass(frozen=True, kw_only=True, eq=False)
class _Waiting:
    """Messages of one sender that are stored together, and whoever waits for that."""

    source: str
    peer: str
    kind: str
    messages: Sequence[RawMessage]
    size: int
    loop: asyncio.AbstractEventLoop
    told: asyncio.Future[tuple[str, ...]]


class Intake:
    """Stores what arrives, in the order of arrival; one thread writes for all listeners."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._changed = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._held = [0, 0]
        self._closed = False
        self._counts = FeedCounts()
        self._flushed_at = time.monotonic()
        self._handover = sys.getswitchinterval()
        sys.setswitchinterval(min(self._handover, HANDOVER_SECONDS))
        self._thread = threading.Thread(target=self._serve, name="intake", daemon=True)
        self._thread.start()

    def inbox(self, source: str) -> SourceInbox:
        """Where the listener of this source puts what it receives."""
        return SourceInbox(self, source)

    async def put(
        self, source: str, messages: Sequence[RawMessage], peer: str = "", kind: str = MESSAGE
    ) -> tuple[str, ...]:
        """What became of each, after the commit; raises `RetryLater` when too much waits, the store is slow, has no
        room or is away.
        """
        loop = asyncio.get_running_loop()
        parts = list(_parts((source, peer, kind), [_whole(one) for one in messages], loop))
        self._add(parts)
        timer = loop.call_later(WAIT_SECONDS, _too_late, parts)
        try:
            found = await asyncio.gather(*(one.told for one in parts), return_exceptions=True)
        finally:
            timer.cancel()
        verdicts: list[str] = []
        for told in found:
            if isinstance(told, BaseException):
                raise told
            verdicts += told
        return tuple(verdicts)

    def answered(self, source: str, peer: str, told: Mapping[str, int], slowest_ms: float) -> None:
        """Count what senders were told."""
        app = self._current.app
        practice = app.settings.practice_of(source)
        with self._changed:
            self._counts.told(practice, source, peer, app.clock.now(), told, slowest_ms)
            self._changed.notify()

    def close(self, within_seconds: float = 5.0) -> None:
        """Store what waits and take nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(within_seconds)
        sys.setswitchinterval(self._handover)

    def _add(self, parts: Sequence[_Waiting]) -> None:
        number, size = sum(len(one.messages) for one in parts), sum(one.size for one in parts)
        with self._changed:
            if self._closed:
                raise RetryLater("the hub is stopping: send it again later", after_seconds=30)
            if self._held[0] + number > MOST_WAITING or self._held[1] + size > MOST_BYTES:
                raise RetryLater("too much waits to be stored: send it again later", after_seconds=5)
            self._waiting += parts
            self._held[0] += number
            self._held[1] += size
            self._changed.notify()

    def _serve(self) -> None:
        while not self._ended():
            if batch := self._next():
                self._settle(batch)
            elif self._counts:
                self._flush()
        self._flush()

    def _ended(self) -> bool:
        return self._closed and not self._waiting

    def _next(self) -> list[_Waiting]:
        """The next messages to be stored together; empty where counts are to be written, or at the end."""
        with self._changed:
            while not self._waiting and not self._closed:
                left = self._flushed_at + FLUSH_SECONDS - time.monotonic() if self._counts else None
                if left is not None and left <= 0:
                    return []
                self._changed.wait(left)
            batch: list[_Waiting] = []
            number = size = 0
            while self._waiting:
                number += len(self._waiting[0].messages)
                size += self._waiting[0].size
                if batch and (number > TOGETHER or size > TOGETHER_BYTES):
                    break
                batch.append(self._waiting.popleft())
            return batch

    def _settle(self, batch: Sequence[_Waiting]) -> None:
        """Store them together, but not for whom nobody waits any more; then tell."""
        wanted = [one for one in batch if not one.told.done()]
        told = self._stored(wanted) if wanted else []
        with self._changed:
            self._held[0] -= sum(len(one.messages) for one in batch)
            self._held[1] -= sum(one.size for one in batch)
        for loop in {one.loop for one in wanted}:
            mine = [(one.told, said) for one, said in zip(wanted, told, strict=True) if one.loop is loop]
            with suppress(RuntimeError):  # it may have ended meanwhile
                loop.call_soon_threadsafe(_tell, mine)

    def _stored(self, batch: Sequence[_Waiting]) -> list[Told]:
        """What becomes of each; where all together fail for a reason of one message, each alone."""
        try:
            return [*self._store(batch)]
        except RetryLater as error:
            return [error] * len(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the sender is told that nothing is stored
            if len(batch) > 1:
                return [self._stored([one])[0] for one in batch]
            if len(batch[0].messages) > 1:
                return [self._each(batch[0])]
            if not isinstance(error, HubError):
                get_log().warning("listener.unstored", instance=batch[0].source, exception=type(error).__name__)
            said = "another writer was first" if isinstance(error, Stale) else "the hub could not store it"
            return [RetryLater(f"{said}: send it again", after_seconds=5)]

    def _each(self, one: _Waiting) -> Told:
        """Each message by itself: those that can be are stored, and known when all are sent again."""
        alone = [replace(one, messages=(message,), size=len(message.body)) for message in one.messages]
        told = [said for part in alone for said in self._stored([part])]
        failed = next((said for said in told if isinstance(said, Exception)), None)
        return failed or tuple([verdict for said in told if not isinstance(said, Exception) for verdict in said])

    def _store(self, batch: Sequence[_Waiting]) -> list[tuple[str, ...]]:
        with self._current.use() as app:
            room.make_sure(app.hub)
            hours = self._due()
            try:
                taken = store(app, [(one.source, one.kind, one.messages) for one in batch], hours)
            except BaseException:
                self._counts.put_back(hours)
                raise
            for one, mine in zip(batch, taken, strict=True):
                if one.kind == MESSAGE:
                    self._count(app, one, mine)
            return [tuple([each.verdict for each in mine]) for mine in taken]

    def _count(self, app: App, one: _Waiting, taken: Sequence[Taken]) -> None:
        self._counts.came(
            app.settings.practice_of(one.source),
            one.source,
            one.peer,
            app.clock.now(),
            messages=len(taken),
            repeats=sum(each.verdict == "known" for each in taken),
            size=one.size,
        )

    def _due(self) -> list[Hour]:
        """The counts that are to be written with the next transaction."""
        now = time.monotonic()
        if now - self._flushed_at < FLUSH_SECONDS:
            return []
        self._flushed_at = now
        return self._counts.take()

    def _flush(self) -> None:
        """Write the counts by themselves; while the store is away they wait."""
        self._flushed_at = time.monotonic()
        hours = self._counts.take()
        if not hours:
            return
        try:
            with self._current.use() as app, app.store.begin("ingest.receive") as tx:
                tx.feeds.add(hours)
        except Exception as error:  # noqa: BLE001 - counts are no reason to end
            self._counts.put_back(hours)
            if not isinstance(error, HubError):
                get_log().warning("feeds.uncounted", exception=type(error).__name__)


class SourceInbox:
    """The `Inbox` of one listening source."""

    def __init__(self, intake: Intake, source: str) -> None:
        self._intake = intake
        self._source = source

    async def put(self, message: RawMessage, *, peer: str = "") -> str:
        """As the port says."""
        return (await self._intake.put(self._source, (message,), peer))[0]

    async def put_many(self, messages: Sequence[RawMessage], *, peer: str = "") -> tuple[str, ...]:
        """As the port says."""
        return await self._intake.put(self._source, messages, peer)

    async def errand(self, body: bytes, *, peer: str = "") -> None:
        """As the port says; each has an id of its own, for the same may have to be done twice."""
        one = RawMessage(external_id=f"{ERRAND}:{secrets.token_hex(16)}", content_type=ERRAND, body=body)
        await self._intake.put(self._source, (one,), peer, ERRAND)

    def answered(self, peer: str, answers: Mapping[str, int], slowest_ms: float = 0.0) -> None:
        """As the port says."""
        with suppress(Exception):
            self._intake.answered(self._source, peer, answers, slowest_ms)


def store(
    app: App, parts: Sequence[tuple[str, str, Sequence[RawMessage]]], hours: Sequence[Hour]
) -> list[list[Taken]]:
    """What became of the messages of each part (its source, kind and messages): the bytes, and the journal of what
    their senders are told; neither is there without the other. `hours` are counts that are written with them.
    """
    ready = [((source, kind), _prepared(app, messages)) for source, kind, messages in parts]
    together: dict[tuple[str, str], list[Prepared]] = {}
    for whose, mine in ready:
        together.setdefault(whose, []).extend(mine)
    with app.store.begin("ingest.receive") as tx:
        taken: dict[tuple[str, str], Iterator[Taken]] = {}
        seqs: list[int] = []
        for (source, kind), mine in together.items():
            practice = app.settings.practice_of(source)
            found = tx.inbox.take(mine, practice=practice, source=source, kind=kind)
            seqs += [one.seq for one in found if one.verdict != "refused"]
            if any(one.verdict == "new" for one in found):
                tx.then(Nudge(_NEXT[kind], source))
            taken[source, kind] = iter(found)
        tx.inbox.ack(*seqs)
        tx.feeds.add(hours)
        return [[next(taken[whose]) for _ in mine] for whose, mine in ready]


def _prepared(app: App, messages: Sequence[RawMessage]) -> list[Prepared]:
    arrivals = [
        Arrival(content_type=one.content_type, external=one.external_id, body=one.body, once=one.once)
        for one in messages
    ]
    return prepare(app.store.keys, app.store.clock, arrivals)


def _parts(
    whose: tuple[str, str, str], messages: Sequence[RawMessage], loop: asyncio.AbstractEventLoop
) -> Iterator[_Waiting]:
    """The messages of one source, peer and kind in as few parts as fit into a transaction each."""
    source, peer, kind = whose
    at = 0
    while at < len(messages):
        begin, size = at, 0
        while at < len(messages) and at - begin < TOGETHER:
            if at > begin and size + len(messages[at].body) > TOGETHER_BYTES:
                break
            size += len(messages[at].body)
            at += 1
        mine = messages[begin:at]
        told: asyncio.Future[tuple[str, ...]] = loop.create_future()
        yield _Waiting(source=source, peer=peer, kind=kind, messages=mine, size=size, loop=loop, told=told)


def _whole(message: RawMessage) -> RawMessage:
    """The message, if every field is what the port says; constructors check nothing."""
    sound = (
        type(message) is RawMessage
        and type(message.external_id) is str
        and type(message.content_type) is str
        and type(message.body) is bytes
        and type(message.once) is bool
    )
    return message if sound else _message(message)


def _too_late(parts: Sequence[_Waiting]) -> None:
    for one in parts:
        if not one.told.done():
            one.told.set_exception(RetryLater(SLOW, after_seconds=5))


def _tell(told: Sequence[tuple[asyncio.Future[tuple[str, ...]], Told]]) -> None:
    """Wake who waits, in its own loop."""
    for waiting, said in told:
        if waiting.done():
            continue
        if isinstance(said, Exception):
            waiting.set_exception(said)
        else:
            waiting.set_result(said)
