"""Every call of a plugin: in its own thread, one at a time, timed, with a deadline, and its answer checked.

The deadline is silence: each piece of a body that the plugin asks for and each item of an iterator begins a
new wait, so that a slow gigabyte is not a hung call. After a hung call the instance is *held*: its thread is
given up and every further call is refused until it is made anew (`PluginHost.mend`).
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from hub.errors import HubError, InDoubt, Misconfigured, Refused, RetryLater
from hub.plugin.host import trace
from hub.plugin.host.answers import WrongAnswer, anything
from hub.plugin.host.faults import HELD, HUNG, LATE, PluginFault, place_of
from hub.plugin.host.worker import Ferry, Hung, Worker
from hub.store.holding import assure

T = TypeVar("T")
Check = Callable[[Any], T]
_LAST = object()
_OF_NONE = re.compile(r"\b(hub (?:[a-z]+ )+)NAME\b")
"""A command in what a plugin says to do, for an instance of which it does not know the name."""


class CallCount(msgspec.Struct, kw_only=True):
    """Calls of one method of one instance: how many, how many ended in a fault, how long in all."""

    instance: str
    method: str
    calls: int = 0
    faults: int = 0
    seconds: float = 0.0


class Memory:
    """What a guard asks of an instance's state: what a failed call put is forgotten."""

    def begin(self) -> None:
        """A call begins."""

    def end(self, *, keep: bool) -> None:
        """The call ended; `keep` is False where it failed."""

    def close(self) -> None:
        """The instance is given up: what a call that still runs puts is ignored."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How one call is to be judged: `total` makes even the four errors faults; `first` is False for a further
    step of an iterator, which is timed but not counted again.
    """

    silence_seconds: float | None = None
    total: bool = False
    first: bool = True


USUAL = Limits()
_FURTHER = Limits(first=False)


class _Fault(NamedTuple):
    cause: str
    place: str = ""


class Guard:
    """Calls one plugin object; `package` is its top-level import name, `deadline_seconds` the longest silence."""

    def __init__(
        self,
        *,
        instance: str,
        plugin: str,
        package: str,
        deadline_seconds: float = 120.0,
        memory: Memory | None = None,
        on_fault: Callable[[PluginFault], None] | None = None,
    ) -> None:
        self.instance = instance
        self.plugin = plugin
        self.package = package
        self.deadline_seconds = deadline_seconds
        self.held = False
        self._memory = memory or Memory()
        self._on_fault = on_fault
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._given_up: Worker | None = None
        self._counts: dict[str, CallCount] = {}

    @property
    def hangs(self) -> bool:
        """Whether a call that was given up runs still."""
        return self._given_up is not None and self._given_up.runs

    def counts(self) -> tuple[CallCount, ...]:
        """What was called so far."""
        return tuple(self._counts.values())

    def call(self, method: str, function: Callable[[], Any], check: Check[T], limits: Limits = USUAL) -> T:
        """Run `function` and give back what `check` makes of its answer.

        Raises `PluginFault`, or one of the four errors without what caused it.
        """
        return self._carry(method, Ferry(()), lambda: check(function()), limits)

    def send(
        self, method: str, function: Callable[[Iterator[bytes]], Any], check: Check[T], body: Iterable[bytes]
    ) -> T:
        """As `call`, for a method that sends `body`, which is read in the caller's thread."""
        ferry = Ferry(body)
        return self._carry(method, ferry, lambda: check(function(ferry.pieces())), USUAL)

    def iterate(self, method: str, function: Callable[[], Iterable[Any]], check: Check[T]) -> Iterator[T]:
        """As `call`, for a method that yields: each step is a call of its own, in the same thread."""
        source: Iterator[Any] = self.call(method, lambda: iter(function()), anything)
        try:
            while True:
                item = self._carry(method, Ferry(()), lambda: _next(source, check), _FURTHER)
                if item is _LAST:
                    return
                yield item
        finally:
            close = getattr(source, "close", None)
            if close is not None and not self.held:
                self.call(method, close, anything, _FURTHER)

    def each(
        self, method: str, functions: Sequence[Callable[[], Any]], check: Check[T], limits: Limits = USUAL
    ) -> list[T | PluginFault | HubError]:
        """As many calls as `functions`, one behind the other in one turn of the thread: what each answered, or how it
        failed. A hung one raises `PluginFault` for all.
        """
        if not functions:
            return []
        total = limits.total
        found = self._carry(
            method,
            Ferry(()),
            lambda: [self._answer(lambda one=one: check(one()), total=total) for one in functions],  # type: ignore[misc]
            limits,
        )
        failed = [isinstance(one, _Fault) for one in found]
        self._counts[method].calls += len(found) - 1
        self._counts[method].faults += sum(failed)
        return [self.fault(method, *one) if isinstance(one, _Fault) else one for one in found]

    async def watch(self, method: str, begin: Callable[[], Awaitable[T]]) -> T:
        """Await what runs in the caller's loop, beside other calls: isolated, without lock and deadline."""
        try:
            return await begin()
        except asyncio.CancelledError:
            raise
        except (Misconfigured, RetryLater, Refused, InDoubt) as error:
            failed: HubError | _Fault = bare(error)
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything; none of it ends the hub
            failed = _Fault(*self._bug(error))
        raise failed if isinstance(failed, HubError) else self.fault(method, *failed)

    async def within(
        self, method: str, begin: Callable[[], Awaitable[Any]], check: Check[T], seconds: float
    ) -> T:
        """As `watch`, counted, with a bound to its time and its answer checked. What does not end is cancelled, and
        left where it does not heed that: the instance is not held, for other calls do not wait for it.
        """
        began, fault = time.perf_counter(), True
        task = asyncio.ensure_future(self.watch(method, begin))
        try:
            await asyncio.wait((task,), timeout=seconds)
            if not task.done():
                raise self.fault(method, LATE)
            answer = check(task.result())
        except WrongAnswer as wrong:
            raise self.fault(method, wrong.said) from None
        except HubError as error:
            fault = isinstance(error, PluginFault)
            raise
        else:
            fault = False
            return answer
        finally:
            task.cancel()
            self._note(method, time.perf_counter() - began, USUAL, fault=fault)

    def close(self) -> None:
        """Let the thread go; a later call would start another."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None

    def fault(self, method: str, cause: str, place: str = "") -> PluginFault:
        """A fault of this instance, told to whoever listens for faults."""
        fault = PluginFault(plugin=self.plugin, instance=self.instance, method=method, cause=cause, place=place)
        if self._on_fault is not None:
            self._on_fault(fault)
        return fault

    def _carry(self, method: str, ferry: Ferry, function: Callable[[], T], limits: Limits) -> T:
        with self._lock:
            answer = self._held_or(method, ferry, function, limits)
        if isinstance(answer, _Fault):
            raise self.fault(method, *answer)
        if isinstance(answer, HubError):
            answer.fix = _OF_NONE.sub(rf"\g<1>{self.instance}", answer.fix)
            raise answer
        return answer

    def _held_or(
        self, method: str, ferry: Ferry, function: Callable[[], T], limits: Limits
    ) -> T | _Fault | HubError:
        """One call under the lock: what it answered, or why it did not."""
        if self.held:
            return _Fault(HELD)
        assure()
        began, good, fault = time.perf_counter(), False, False
        self._memory.begin()
        try:
            self._thread().submit(lambda: ferry.answer(self._answer(function, total=limits.total)))
            answer: T | _Fault | HubError = self._wait(ferry, limits.silence_seconds or self.deadline_seconds)
            fault = isinstance(answer, _Fault)
            good = not isinstance(answer, (_Fault, HubError))
            return answer
        finally:
            self._memory.end(keep=good)
            self._note(method, time.perf_counter() - began, limits, fault=fault)

    def _wait(self, ferry: Ferry, silence_seconds: float) -> Any:
        try:
            return ferry.wait(silence_seconds)
        except Hung:
            self.held = True
            self._memory.close()
            self._given_up = self._worker
            self.close()
            return _Fault(HUNG)

    def _answer(self, function: Callable[[], T], *, total: bool) -> T | _Fault | HubError:
        """In the worker: run, and turn whatever is raised into something that holds no values."""
        try:
            return function()
        except WrongAnswer as wrong:
            return _Fault(wrong.said)
        except (Misconfigured, RetryLater, Refused, InDoubt) as error:
            return _Fault(*self._bug(error)) if total else bare(error)
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything; none of it ends the hub
            return _Fault(*self._bug(error))

    def _bug(self, error: BaseException) -> tuple[str, str]:
        return type(error).__name__, place_of(error.__traceback__, self.package)

    def _thread(self) -> Worker:
        if self._worker is None:
            self._worker = Worker(self.instance)
        return self._worker

    def _note(self, method: str, seconds: float, limits: Limits, *, fault: bool) -> None:
        count = self._counts.setdefault(method, CallCount(instance=self.instance, method=method))
        count.calls += limits.first
        count.faults += fault
        count.seconds += seconds
        trace.called(f"{self.plugin} {self.instance}.{method}", seconds, fault=fault)


def bare(error: HubError) -> HubError:
    """The same door error without its cause, notes, frames and extra attributes: those may hold values."""
    said, fix = str(error.args[0])[:500] if error.args else type(error).__name__, str(error.fix)[:500]
    if isinstance(error, RetryLater):
        after = error.after_seconds
        return RetryLater(said, after_seconds=after if isinstance(after, (int, float)) else None, fix=fix)
    for kind in (Misconfigured, Refused, InDoubt):
        if isinstance(error, kind):
            return kind(said, fix=fix)
    raise TypeError("only the four errors of the door cross it")


def _next(source: Iterator[Any], check: Check[T]) -> Any:
    item = next(source, _LAST)
    return item if item is _LAST else check(item)
