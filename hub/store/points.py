"""The named commit points of the hub, and the fault that the kill tests inject at one of them."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Mapping

from hub.errors import Misconfigured

POINTS: frozenset[str] = frozenset(
    {
        "ingest.receive",
        "ingest.read",
        "ingest.join",
        "ingest.assemble",
        "coding.code",
        "claims.make",
        "scrub.check",
        "batch.freeze",
        "dispatch.stage",
        "dispatch.publish",
        "dispatch.settle",
        "fetch.list",
        "fetch.store",
        "fetch.done",
        "acks.apply",
        "remit.read",
        "posting.post",
        "secondary.make",
        "statements.make",
        "printing.freeze",
        "printing.results",
        "payments.post",
        "sweep.expect",
        "work.resolve",
        "admin",
        "schedule.slot",
        "schedule.run",
        "node.beat",
        "audit.seal",
        "blob.chunk",
        "plugin.state",
        "keys.reencrypt",
        "watch.look",
        "notices.sent",
        "notices.digest",
        "notices.alive",
        "backup.made",
        "backup.removed",
        "backup.proved",
        "restore.accept",
        "keep.prune",
        "keep.purge",
        "hold",
        "runner.take",
        "runner.end",
        "runner.tend",
    },
)


def declared(name: str) -> str:
    """`name` itself; an undeclared one raises, so that the kill tests can enumerate every commit."""
    if name not in POINTS:
        raise ValueError(f"commit point {name!r} is not declared in hub/store/points.py")
    return name


class CrashPlan:
    """Kills this process at one commit: `name:before:N` or `name:after:N`, N counting its commits from 1."""

    def __init__(self, text: str = "") -> None:
        name, side, count = _parse(text) if text else ("", "", 0)
        self._name, self._side, self._at = name, side, count
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> CrashPlan:
        """The plan in `HUB_CRASH_AT`, or one that never strikes."""
        return cls(environment.get("HUB_CRASH_AT", ""))

    @property
    def seen(self) -> dict[str, int]:
        """How often each name was about to commit in this process."""
        with self._lock:
            return dict(self._seen)

    def before(self, name: str) -> int:
        """Count one commit of `name`, die here if the plan says so, and return its number."""
        with self._lock:
            self._seen[name] += 1
            number = self._seen[name]
        self._strike(name, "before", number)
        return number

    def after(self, name: str, number: int) -> None:
        """Die here if the plan says so: the commit is durable, nobody was told yet."""
        self._strike(name, "after", number)

    def _strike(self, name: str, side: str, number: int) -> None:
        if (name, side, number) == (self._name, self._side, self._at):
            os.kill(os.getpid(), signal.SIGKILL)


def _parse(text: str) -> tuple[str, str, int]:
    name, _, rest = text.partition(":")
    side, _, count = rest.partition(":")
    if name not in POINTS or side not in {"before", "after"} or not count.isdigit() or int(count) < 1:
        raise Misconfigured("HUB_CRASH_AT must read NAME:before|after:N with a declared commit point")
    return name, side, int(count)
