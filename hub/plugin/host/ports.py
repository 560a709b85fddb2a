"""The ports as the rest of the hub sees them: the plugin's object behind its guard, each answer checked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from threading import Event as ThreadEvent
from typing import Any

from hub.clock import Clock
from hub.model.facts import Piece, PieceFact, Reading
from hub.plugin.api import (
    Capabilities,
    Changes,
    Evidence,
    Inbox,
    Listing,
    Notice,
    Outgoing,
    PrintResult,
    Ref,
    Refused,
    Step,
    WebAnswer,
    WebRequest,
)
from hub.plugin.api.web import ANSWER_SECONDS
from hub.plugin.host import answers
from hub.plugin.host.answers import WrongAnswer
from hub.plugin.host.faults import HUNG, PluginFault
from hub.plugin.host.guard import Guard, Limits
from hub.plugin.host.reader import Reader

_TOTAL = Limits(total=True)
_CLOSING = Limits(silence_seconds=5.0)
_step = answers.record(Step)
_evidence = answers.record(Evidence, "an Evidence")
_results = answers.record(tuple[PrintResult, ...], "a tuple of PrintResult")
_record = answers.record(Reading)
ANSWER_GRACE_SECONDS = 5.0
STOP_GRACE_SECONDS = 10.0
SLOW_MAIL = 2.5
"""A notice to fifty addresses may take so many times as long as another call: its lane holds up nothing else."""


def _plain_reading(value: Any) -> Reading:
    """A `Reading` without the facts that only the hub makes."""
    reading = _record(value)
    if any(isinstance(fact, PieceFact) for fact in reading.facts):
        raise WrongAnswer("a Reading whose pieces stand in `pieces`", ".facts")
    return reading


def _joined(value: Any) -> Reading:
    """What `read_joined` returns: whole facts, and no pieces."""
    reading = _plain_reading(value)
    if reading.pieces or any(getattr(fact, "partial", False) for fact in reading.facts):
        raise WrongAnswer("a Reading of whole facts without pieces")
    return reading


class Guarded:
    """What all ports share. `inner` is the plugin's object and is never handed out."""

    def __init__(self, inner: Any, guard: Guard, clock: Clock) -> None:
        self._inner = inner
        self._guard = guard
        self._clock = clock

    @property
    def held(self) -> bool:
        """True since a call hung."""
        return self._guard.held

    def check(self) -> Iterator[Step]:
        return self._guard.iterate("check", self._inner.check, _step)

    def close(self) -> None:
        """Close the plugin's object and let its thread go; a held one is left where it hangs."""
        if not self.held:
            self._guard.call("close", self._inner.close, answers.nothing, _CLOSING)
            self._guard.close()


class GuardedTransfer(Guarded):
    """The phases in which a file leaves."""

    @property
    def capabilities(self) -> Capabilities:
        check = answers.record(Capabilities, "a Capabilities")
        return self._guard.call("capabilities", lambda: self._inner.capabilities, check)

    def stage(self, file: Outgoing, body: Iterable[bytes]) -> Evidence:
        return self._guard.send("stage", lambda pieces: self._inner.stage(file, pieces), _evidence, body)

    def publish(self, file: Outgoing) -> Evidence:
        return self._guard.call("publish", lambda: self._inner.publish(file), _evidence)

    def confirm(self, file: Outgoing) -> Evidence | None:
        return self._guard.call("confirm", lambda: self._inner.confirm(file), answers.optional(_evidence))

    def open(self, ref: Ref) -> Iterator[bytes]:
        return self._guard.iterate("open", lambda: self._inner.open(ref), answers.body)

    def done(self, ref: Ref) -> None:
        self._guard.call("done", lambda: self._inner.done(ref), answers.nothing)


class GuardedClearinghouse(GuardedTransfer):
    """A `Clearinghouse` behind its guard."""

    def list(self, cursor: str) -> Listing:
        return self._guard.call("list", lambda: self._inner.list(cursor), answers.listing)

    def ask(self, kind: str, body: bytes, deadline: datetime) -> bytes:
        left = (deadline - self._clock.now()).total_seconds()
        limits = Limits(silence_seconds=max(left, 0.0) + ANSWER_GRACE_SECONDS)
        return self._guard.call("ask", lambda: self._inner.ask(kind, body, deadline), answers.body, limits)


class GuardedPrinter(GuardedTransfer):
    """A `PrintVendor` behind its guard."""

    def results(self, cursor: str) -> Listing:
        return self._guard.call("results", lambda: self._inner.results(cursor), answers.listing)

    def read_results(self, raw: bytes) -> tuple[PrintResult, ...]:
        return self._guard.call("read_results", lambda: self._inner.read_results(raw), _results)


class GuardedNotifier(Guarded):
    """A `Notifier` behind its guard."""

    @property
    def takes(self) -> frozenset[str]:
        return self._guard.call("takes", lambda: self._inner.takes, answers.words)

    def send(self, notice: Notice) -> Evidence:
        limits = Limits(silence_seconds=self._guard.deadline_seconds * SLOW_MAIL)
        return self._guard.call("send", lambda: self._inner.send(notice), _evidence, limits)


class GuardedSource(Guarded):
    """An `EhrSource` behind its guard; `serve` too, where the plugin has it. What reads is another object of the
    plugin, where there is one (`reader`): it does not wait for a call of `changes`.
    """

    def __init__(self, inner: Any, guard: Guard, clock: Clock, reader: Reader | None = None) -> None:
        super().__init__(inner, guard, clock)
        self.reader = reader or Reader(lambda: (inner, guard))

    def close(self) -> None:
        """As for every port; the object that reads first."""
        self.reader.close()
        super().close()

    @property
    def listens(self) -> bool:
        """Whether the plugin waits for messages: it has `serve`, and no attribute `listens` that says otherwise."""
        return (
            callable(getattr(type(self._inner), "serve", None)) and getattr(self._inner, "listens", True) is True
        )

    @property
    def serves(self) -> bool:
        """Whether the plugin answers HTTP requests: it has `answer`, and no attribute `serves` that says not."""
        has = callable(getattr(type(self._inner), "answer", None))
        try:
            return has and getattr(self._inner, "serves", True) is True
        except Exception:  # noqa: BLE001 - a property of a plugin may raise anything: it is asked at each request
            return False

    async def answer(self, request: WebRequest, inbox: Inbox) -> WebAnswer:
        """What the plugin answers, in the caller's loop and beside the other calls; raises `PluginFault` also where
        that is no answer, or takes too long.
        """
        return await self._guard.within(
            "answer", lambda: self._inner.answer(request, inbox), answers.web, ANSWER_SECONDS
        )

    def changes(self, cursor: str) -> Changes:
        return self._guard.call(
            "changes", lambda: self._inner.changes(cursor), answers.record(Changes, "a Changes")
        )

    @property
    def joins(self) -> bool:
        """Whether the plugin reads pieces with what they link to."""
        return callable(getattr(type(self._inner), "read_joined", None))

    def read(self, raw: bytes, content_type: str) -> Reading:
        inner, guard = self.reader.one()
        return guard.call("read", lambda: inner.read(raw, content_type), self._reading, _TOTAL)

    def read_many(self, messages: Sequence[tuple[bytes, str]]) -> list[Reading | PluginFault]:
        """Each (bytes, content type) as `read`, in one turn; a message on which the plugin fails is a fault beside
        the others, one on which it hangs raises.
        """
        inner, guard = self.reader.one()
        calls = [partial(inner.read, raw, content_type) for raw, content_type in messages]
        found = guard.each("read", calls, self._reading, _TOTAL)
        return [one for one in found if isinstance(one, Reading | PluginFault)]

    def read_joined(self, piece: Piece, linked: Sequence[Piece]) -> Reading:
        """A piece with what it links to."""
        inner, guard = self.reader.one()
        return guard.call("read_joined", lambda: inner.read_joined(piece, linked), _joined, _TOTAL)

    def read_joined_many(self, asks: Sequence[tuple[Piece, Sequence[Piece]]]) -> list[Reading | PluginFault]:
        """Each (piece, linked) as `read_joined`, in one turn, as `read_many`."""
        inner, guard = self.reader.one()
        calls = [partial(inner.read_joined, piece, linked) for piece, linked in asks]
        found = guard.each("read_joined", calls, _joined, _TOTAL)
        return [one for one in found if isinstance(one, Reading | PluginFault)]

    def _reading(self, value: Any) -> Reading:
        """What `read` returns: pieces only where there is somebody to read them."""
        reading = _plain_reading(value)
        if reading.pieces and not self.joins:
            raise WrongAnswer("a Reading without pieces, as its plugin has no `read_joined`", ".pieces")
        return reading

    def edited(self, raw: bytes, content_type: str, place: str, value: str) -> bytes:
        """One place of a message changed; raises `Refused` where the plugin cannot do that."""
        change = getattr(self._inner, "edited", None)
        if not callable(change):
            raise Refused("its plugin cannot change one place", fix="mend it whole: --file FILE or --editor")
        return self._guard.call("edited", lambda: change(raw, content_type, place, value), answers.body)

    async def serve(self, inbox: Inbox, stop: ThreadEvent) -> None:
        """Listen until `stop`. It runs beside the other calls, in the caller's loop; a listener that is still
        there well after `stop` is cancelled and counts as hung.
        """
        listening = asyncio.ensure_future(self._guard.watch("serve", lambda: self._inner.serve(inbox, stop)))
        while not listening.done() and not stop.is_set():
            await asyncio.wait((listening,), timeout=0.2)
        await asyncio.wait((listening,), timeout=STOP_GRACE_SECONDS)
        if not listening.done():
            listening.cancel()
            raise self._guard.fault("serve", HUNG)
        listening.result()
