"""What a plugin instance is given: its name, the clock, secrets, an allow-listed log, its state, and `stop`."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Protocol

import msgspec

from hub.clock import Clock
from hub.errors import Misconfigured
from hub.log import get_log
from hub.plugin.api.ports import Errand, Log, Secrets, Told
from hub.plugin.host.guard import Memory

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
Load = Callable[[str, str], bytes | None]
Follow = Callable[[str, str, str, int], Told]
"""(instance that asks, source, position, limit) to what that source told."""
MOST_MENTIONS = 1_000


class Saved(Protocol):
    """Where the store keeps one instance's state within a transaction (`tx.plugin_state(instance)`)."""

    def put(self, key: str, value: bytes) -> None: ...


class SavesState(Protocol):
    """A transaction of the store, as far as plugins' state goes."""

    def plugin_state(self, instance: str, /) -> Saved: ...


class BufferedState(Memory):
    """An instance's encrypted memory: puts wait here until flow commits them with what they led to.

    What a call puts is kept only if the call goes well. `load` reads what is durable.
    """

    def __init__(self, instance: str, load: Load) -> None:
        self._instance = instance
        self._load = load
        self._lock = threading.Lock()
        self._pending: dict[str, bytes] = {}
        self._before: dict[str, bytes] = {}
        self._closed = False

    def get(self, key: str) -> bytes | None:
        """What was last put under `key`, also when it is not yet saved."""
        with self._lock:
            if key in self._pending:
                return self._pending[key]
        return self._load(self._instance, key)

    def put(self, key: str, value: bytes) -> None:
        """Remember `value` (bytes) under `key` once the hub commits. Keys stand in clear in the store, so a key is
        a short word of the plugin's own, never data.
        """
        if not isinstance(value, bytes) or _KEY.fullmatch(key) is None:
            raise TypeError("state holds bytes under short plain words")
        with self._lock:
            if not self._closed:
                self._pending[key] = value

    def pending(self) -> dict[str, bytes]:
        """What is put and not yet handed to a transaction."""
        with self._lock:
            return dict(self._pending)

    def commit(self, tx: SavesState) -> None:
        """Hand what is pending to `tx`; if `tx` rolls back, it is forgotten with all else that `tx` did."""
        with self._lock:
            pending, self._pending = self._pending, {}
        for key, value in pending.items():
            tx.plugin_state(self._instance).put(key, value)

    def discard(self) -> None:
        """Forget what is pending: what it led to will not be stored."""
        with self._lock:
            self._pending = {}

    def begin(self) -> None:
        with self._lock:
            self._before = dict(self._pending)

    def end(self, *, keep: bool) -> None:
        if not keep:
            with self._lock:
                self._pending = self._before

    def close(self) -> None:
        with self._lock:
            self._closed, self._pending = True, {}


class Following(msgspec.Struct, frozen=True):
    """Whom an instance may hear of, and how the hub is asked."""

    names: tuple[str, ...] = ()
    ask: Follow | None = None


class Errands:
    """What the listener of an instance left for its next pull: flow lays it ready, and asks whether it was taken."""

    def __init__(self) -> None:
        self._ready: tuple[Errand, ...] = ()
        self._taken = False

    def lay(self, errands: tuple[Errand, ...]) -> None:
        """For the call of `changes` that follows."""
        self._ready, self._taken = errands, False

    def take(self) -> tuple[Errand, ...]:
        """What lies ready."""
        self._taken = True
        return self._ready

    def taken(self) -> bool:
        """Whether the plugin asked; nothing lies ready afterwards."""
        taken, self._ready, self._taken = self._taken, (), False
        return taken


class HostContext:
    """One instance's context (`plugin.api.Context`)."""

    def __init__(
        self,
        *,
        instance: str,
        clock: Clock,
        secrets: Secrets,
        state: BufferedState,
        stop: threading.Event,
        log: Log | None = None,
        following: Following | None = None,
    ) -> None:
        self.instance = instance
        self.clock = clock
        self.secrets = secrets
        self.state = state
        self.stop = stop
        self.log: Log = log or get_log(instance=instance)
        self.laid = Errands()
        self._following = following or Following()

    @property
    def follows(self) -> tuple[str, ...]:
        """The sources whose mentions may be asked for."""
        return self._following.names

    def told_by(self, source: str, after: str = "", limit: int = 500) -> Told:
        """What that source told since `after`, as the port says."""
        ask = self._following.ask
        if source not in self.follows or ask is None:
            raise Misconfigured(
                f"{self.instance} does not follow the source that it asks for",
                fix=f'write follows = ["NAME"] into [connectors.{self.instance}]',
            )
        return ask(self.instance, source, after, min(max(limit, 1), MOST_MENTIONS))

    def errands(self) -> tuple[Errand, ...]:
        """What the listener left, as the port says."""
        return self.laid.take()


def contexts(
    *,
    clock: Clock,
    secrets: Secrets,
    load: Load,
    stop: threading.Event | None = None,
    following: Callable[[str], Following] | None = None,
) -> Callable[[str], HostContext]:
    """A maker of contexts for `PluginHost.load`; `load(instance, key)` reads saved state from the store, and
    `following(instance)` says whom an instance may hear of (nobody).
    """
    ending = stop or threading.Event()

    def make(instance: str) -> HostContext:
        state = BufferedState(instance, load)
        heard = following(instance) if following else None
        return HostContext(
            instance=instance, clock=clock, secrets=secrets, state=state, stop=ending, following=heard
        )

    return make
