"""The contract of a `WebSource`, beside that of every `EhrSource`.

W1  The class has `answer` with the port's arguments, as a coroutine; `serves` is True where it is to be reached.
W2  What a sender who may sends is answered 2xx only after the put returned, and is put whole; it reads into facts.
W3  Where a put raises `RetryLater`, the answer is no 2xx (or `RetryLater` comes out); the same request, sent again,
    is put.
W4  The same request sent twice is put under the same `external_id` both times.
W5  Who does not show what the settings ask for is answered 401 or 403; nothing is put.
W6  Bytes that are no message, unknown paths and methods are answered 4xx, or are put whole; nothing else is raised.
W7  No answer repeats what was sent: neither the body, nor the query, nor a header.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec
import pytest

from hub.plugin.api import RetryLater, WebAnswer, WebRequest, WebSource
from hub.plugin.host import answers
from hub.plugin.host.offers import misfits
from hub.testing.kits.listening import HeldInbox, ReceivingKit
from hub.testing.kits.source import NOISE, Sample

CANARY = "ZZWEBCANARY"


class WebSourceKit(ReceivingKit):
    """Give `make_port`, `samples`, and `sent`: `sent(raw)` is how a sender who may sends a message."""

    PORT: ClassVar[type] = WebSource

    @pytest.fixture
    def sent(self) -> Callable[[bytes], WebRequest]:
        """Yours to give."""
        raise NotImplementedError("give the fixture `sent`")

    def test_class_fits_the_port(self, port: Any) -> None:
        """W1: the class has what the host will use."""
        assert misfits(type(port), self.PORT) == []
        assert inspect.iscoroutinefunction(type(port).answer)
        assert getattr(port, "serves", True) is True

    def test_yes_is_said_after_the_put(
        self, port: Any, inbox: HeldInbox, sent: Callable[[bytes], WebRequest], samples: tuple[Sample, ...]
    ) -> None:
        """W2: while the put has not returned there is no answer; afterwards the message is there, whole."""

        async def ask() -> WebAnswer:
            inbox.hold()
            asked = asyncio.ensure_future(port.answer(sent(samples[0].raw), inbox))
            await asyncio.to_thread(inbox.begun.acquire, timeout=60)
            assert not asked.done()
            inbox.let()
            answer: WebAnswer = answers.web(await asked)
            return answer

        assert asyncio.run(ask()).status // 100 == 2
        put = [(one.content_type, one.body) for one in inbox.put_so_far]
        assert put == [(samples[0].content_type, samples[0].raw)]
        assert port.read(put[0][1], put[0][0]).facts

    def test_no_is_said_when_the_store_is_busy(
        self, port: Any, inbox: HeldInbox, sent: Callable[[bytes], WebRequest], samples: tuple[Sample, ...]
    ) -> None:
        """W3: nobody is told yes for what is not stored."""
        request = sent(samples[0].raw)
        inbox.busy = True
        assert _asked(port, inbox, request) >= 400
        inbox.busy = False
        assert _asked(port, inbox, request) < 300
        assert [one.body for one in inbox.put_so_far] == [samples[0].raw]

    def test_a_repeat_has_the_same_name(
        self, port: Any, inbox: HeldInbox, sent: Callable[[bytes], WebRequest], samples: tuple[Sample, ...]
    ) -> None:
        """W4: a message that is sent again is known by its id."""
        for _ in range(2):
            assert _asked(port, inbox, sent(samples[0].raw)) < 300
        first, again = inbox.put_so_far
        assert first == again

    def test_strangers_are_turned_away(
        self, port: Any, inbox: HeldInbox, sent: Callable[[bytes], WebRequest], samples: tuple[Sample, ...]
    ) -> None:
        """W5: without its headers a request is nobody's, and a wrong secret opens nothing."""
        request = sent(samples[0].raw)
        wrong = {name: f"{said[:-1]}~" for name, said in request.headers.items()}
        for headers in ({}, wrong):
            kept = {"content-type": request.headers.get("content-type", ""), **headers}
            turned = msgspec.structs.replace(request, headers=kept, query="")
            assert _asked(port, inbox, turned) in {401, 403}
        assert inbox.put_so_far == []

    def test_noise_is_answered(
        self, port: Any, inbox: HeldInbox, sent: Callable[[bytes], WebRequest], samples: tuple[Sample, ...]
    ) -> None:
        """W6: whatever is sent, where and how, is answered, and the next message is taken."""
        request = sent(samples[0].raw)
        replace = msgspec.structs.replace
        noise = [sent(raw) for raw in NOISE]
        noise += [replace(request, path=path) for path in ("", "..", "a/b/c/d/e", "\x00", "//")]
        noise += [replace(request, method=method) for method in ("GET", "HEAD", "PUT", "DELETE")]
        assert all(_asked(port, inbox, one) < 600 for one in noise)
        assert _asked(port, inbox, request) < 300

    def test_answers_repeat_nothing(
        self, port: Any, inbox: HeldInbox, sent: Callable[[bytes], WebRequest], samples: tuple[Sample, ...]
    ) -> None:
        """W7: what was sent stands in no answer, be it taken or refused."""
        request = sent(samples[0].raw)
        told = f'{{"resourceType": "{CANARY}", "id": "{CANARY}"}}'.encode()
        odd: Mapping[str, str] = {**request.headers, "x-canary": CANARY}
        for one in (
            msgspec.structs.replace(request, query=f"name={CANARY}", headers=odd),
            msgspec.structs.replace(request, body=told),
            msgspec.structs.replace(request, path=f"{request.path}/{CANARY}"),
            msgspec.structs.replace(request, headers={"authorization": f"Bearer {CANARY}"}),
        ):
            answer = asyncio.run(port.answer(one, inbox))
            assert CANARY.encode() not in answer.body
            assert CANARY not in " ".join(answer.headers.values())


def _asked(port: Any, inbox: HeldInbox, request: WebRequest) -> int:
    """The status of the answer; `RetryLater` is a 503."""
    try:
        return answers.web(asyncio.run(port.answer(request, inbox))).status
    except RetryLater:
        return 503
