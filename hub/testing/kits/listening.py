"""The contract of a `ListeningSource`, beside that of every `EhrSource`.

L1  The class has `serve` with the port's arguments, and `serve` returns soon after `stop`, more than once.
L2  A message that is sent is put whole, with its content type; its sender is told yes only after the put returned.
L3  Where a put raises `RetryLater`, the sender is told no (or is told nothing), and `serve` goes on: the same
    message, sent again, is put.
L4  The same message sent twice is put under the same `external_id` both times, so that the hub knows it again.
L5  What is put can be read by `read`.
L6  Bytes that are no message never end `serve`.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from hub.plugin.api import ListeningSource, RawMessage, RetryLater
from hub.plugin.host import answers
from hub.plugin.host.offers import misfits
from hub.testing.kits.source import NOISE, Sample

PATIENCE_SECONDS = 60.0


class HeldInbox:
    """An inbox that a test holds: a put returns when the test lets it, or raises `RetryLater`. `told` counts by
    peer what the listener says it answered.
    """

    def __init__(self) -> None:
        self.put_so_far: list[RawMessage] = []
        self.told: dict[str, Counter[str]] = {}
        self.errands: list[bytes] = []
        self.begun = threading.Semaphore(0)
        self._let = threading.Event()
        self._let.set()
        self.busy = False

    def hold(self) -> None:
        """From now on puts wait."""
        self._let.clear()

    def let(self) -> None:
        """Puts return."""
        self._let.set()

    async def put(self, message: RawMessage, *, peer: str = "") -> str:
        """As the port says."""
        return (await self.put_many((message,), peer=peer))[0]

    async def put_many(self, messages: Sequence[RawMessage], *, peer: str = "") -> tuple[str, ...]:
        """As the port says."""
        whole = [answers.record(RawMessage)(message) for message in messages]
        answers.record(str)(peer)
        await self._wait()
        return tuple([self._put(message) for message in whole])

    async def errand(self, body: bytes, *, peer: str = "") -> None:
        """As the port says."""
        answers.record(str)(peer)
        answers.body(body)
        await self._wait()
        self.errands.append(body)

    async def _wait(self) -> None:
        self.begun.release()
        while not self._let.is_set():  # noqa: ASYNC110 - a thread's event
            await asyncio.sleep(0.005)
        if self.busy:
            raise RetryLater("the store is full")

    def _put(self, message: RawMessage) -> str:
        same = [one for one in self.put_so_far if one.external_id == message.external_id]
        self.put_so_far.append(message)
        if any(one.body == message.body for one in same):
            return "known"
        if message.once and same:
            self.put_so_far.pop()
            return "refused"
        return "new"

    def answered(self, peer: str, answers: Mapping[str, int], slowest_ms: float = 0.0) -> None:  # noqa: ARG002
        """As the port says."""
        self.told.setdefault(peer, Counter()).update(answers)


class Running:
    """A source that serves in a thread of its own."""

    def __init__(self, port: Any, inbox: HeldInbox) -> None:
        self.stop = threading.Event()
        self.failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._serve, args=(port, inbox), daemon=True)
        self._thread.start()

    @property
    def serves(self) -> bool:
        """Whether it still does."""
        return self._thread.is_alive()

    def end(self) -> None:
        """Stop it; it must end soon, and well."""
        self.stop.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "serve did not return after stop"
        assert self.failed == []

    def _serve(self, port: Any, inbox: HeldInbox) -> None:
        try:
            asyncio.run(port.serve(inbox, self.stop))
        except BaseException as error:  # noqa: BLE001 - the test shall see it
            self.failed.append(error)


class ReceivingKit:
    """What the kits of ports that receive share: `make_port` and `samples` are given; an inbox, and one object."""

    @pytest.fixture
    def make_port(self) -> Callable[[], Any]:
        """Yours to give: a function that makes a new object, as after a restart."""
        raise NotImplementedError("give the fixture `make_port`")

    @pytest.fixture
    def samples(self) -> tuple[Sample, ...]:
        """Yours to give: at least one message that reads into facts."""
        raise NotImplementedError("give the fixture `samples`")

    @pytest.fixture
    def inbox(self) -> HeldInbox:
        """The hub's side."""
        return HeldInbox()

    @pytest.fixture
    def port(self, make_port: Callable[[], Any]) -> Iterator[Any]:
        """One object, closed at the end."""
        made = make_port()
        yield made
        made.close()


class ListeningSourceKit(ReceivingKit):
    """Give `make_port`, `samples`, and `sender`: `sender(raw)` sends one message as the other side does, waits for
    the answer, and returns whether it was yes. It is called from a thread while the port serves, and may try again
    for a while when nobody listens yet.
    """

    PORT: ClassVar[type] = ListeningSource

    @pytest.fixture
    def sender(self) -> Callable[[bytes], bool]:
        """Yours to give."""
        raise NotImplementedError("give the fixture `sender`")

    @pytest.fixture
    def running(self, port: Any, inbox: HeldInbox) -> Iterator[Running]:
        """That object, serving; it must end well."""
        served = Running(port, inbox)
        yield served
        inbox.let()
        served.end()

    def test_class_fits_the_port(self, port: Any) -> None:
        """L1: the class has what the host will use."""
        assert misfits(type(port), self.PORT) == []

    def test_serve_ends_and_begins_again(
        self, port: Any, inbox: HeldInbox, sender: Callable[[bytes], bool], samples: tuple[Sample, ...]
    ) -> None:
        """L1: after `stop` it returns, and the same object serves again."""
        for _ in range(2):
            served = Running(port, inbox)
            assert sender(samples[0].raw)
            served.end()

    def test_yes_is_said_after_the_put(
        self, running: Running, inbox: HeldInbox, sender: Callable[[bytes], bool], samples: tuple[Sample, ...]
    ) -> None:
        """L2: while the put has not returned the sender has no yes; afterwards the message is there, whole."""
        inbox.hold()
        told: list[bool] = []
        sending = threading.Thread(target=lambda: told.append(sender(samples[0].raw)), daemon=True)
        sending.start()
        assert inbox.begun.acquire(timeout=PATIENCE_SECONDS), "nothing was put"
        assert told == []
        inbox.let()
        sending.join(PATIENCE_SECONDS)
        assert told == [True]
        assert [(m.content_type, m.body) for m in inbox.put_so_far] == [(samples[0].content_type, samples[0].raw)]
        assert running.serves

    def test_no_is_said_when_the_store_is_busy(
        self, running: Running, inbox: HeldInbox, sender: Callable[[bytes], bool], samples: tuple[Sample, ...]
    ) -> None:
        """L3: nobody is told yes for what is not stored, and the listener goes on."""
        inbox.busy = True
        assert not sender(samples[0].raw)
        inbox.busy = False
        assert sender(samples[0].raw)
        assert [m.body for m in inbox.put_so_far] == [samples[0].raw]
        assert running.serves

    def test_a_repeat_has_the_same_name(
        self, running: Running, inbox: HeldInbox, sender: Callable[[bytes], bool], samples: tuple[Sample, ...]
    ) -> None:
        """L4: a message that is sent again is known by its id."""
        assert sender(samples[0].raw)
        assert sender(samples[0].raw)
        first, again = inbox.put_so_far
        assert first == again
        assert running.serves

    def test_what_is_put_can_be_read(
        self,
        port: Any,
        running: Running,
        inbox: HeldInbox,
        sender: Callable[[bytes], bool],
        samples: tuple[Sample, ...],
    ) -> None:
        """L5: every sample arrives and reads into facts."""
        assert all(sender(sample.raw) for sample in samples)
        assert len(inbox.put_so_far) == len(samples)
        assert all(port.read(m.body, m.content_type).facts for m in inbox.put_so_far)
        assert running.serves

    def test_noise_does_not_end_it(
        self, running: Running, inbox: HeldInbox, sender: Callable[[bytes], bool], samples: tuple[Sample, ...]
    ) -> None:
        """L6: whatever somebody sends, the next message is taken."""
        for raw in NOISE[1:5]:
            sender(raw)
        assert sender(samples[0].raw)
        assert inbox.put_so_far[-1].body == samples[0].raw
        assert running.serves
