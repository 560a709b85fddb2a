"""The second object of a source, which only reads: what was pushed is read while the first is asked what is new."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from hub.plugin.host import answers
from hub.plugin.host.faults import PluginFault
from hub.plugin.host.guard import CallCount, Guard, Limits

Made = tuple[Any, Guard]
"""A plugin's object and the guard of its calls."""
_CLOSING = Limits(silence_seconds=5.0, total=True)


class Reader:
    """Makes the object when it is first needed. Each object has a thread of its own, in which it is called one call
    at a time: a plugin need not know that there are two. What hangs here holds up reading, and nothing else.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Made | None = None
        self._gone: list[Guard] = []

    def one(self) -> Made:
        """The object and its guard; raises what making it does."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    @property
    def held(self) -> bool:
        """True since a call hung."""
        made = self._made
        return made is not None and made[1].held

    def counts(self) -> tuple[CallCount, ...]:
        """What was called so far."""
        made = self._made
        return () if made is None else made[1].counts()

    def mend(self, most_hanging: int) -> bool:
        """Let another object be made where a call hung; False where none did, or where as many hang still."""
        with self._lock:
            self._gone = [guard for guard in self._gone if guard.hangs]
            if self._made is None or not self._made[1].held or len(self._gone) >= most_hanging:
                return False
            if self._made[1].hangs:
                self._gone.append(self._made[1])
            self._made = None
            return True

    def close(self) -> None:
        """Close the object, if it was made, and let its thread go; one that hangs is left where it is."""
        with self._lock:
            made, self._made = self._made, None
        if made is None or made[1].held:
            return
        inner, guard = made
        try:
            guard.call("close", inner.close, answers.nothing, _CLOSING)
        except PluginFault:
            return  # the guard has told of it
        guard.close()
