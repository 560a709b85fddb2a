"""What the runner does about an error that a step raised, and what may be said of it."""

from __future__ import annotations

import msgspec

from hub.errors import HubError, InDoubt, Misconfigured, RetryLater, Stale, StoreAway
from hub.plugin.host.faults import PluginFault, place_of
from hub.runner.port import Retry, Trouble
from hub.store.nudge import Nudge

STORE_SECONDS = 30.0


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` as in `Trouble`."""

    kind: str
    error: str
    place: str
    said: str = ""
    fix: str = ""
    after_seconds: float | None = None

    def wait_seconds(self, retry: Retry, attempts: int) -> float:
        """How long the lane waits after the `attempts`-th failure in a row. For the hub's own store not longer and
        longer: everything waits for it, and is to go on soon after it is back.
        """
        wait = retry.wait_seconds(attempts, self.after_seconds)
        return min(wait, STORE_SECONDS) if self.error == StoreAway.__name__ else wait

    def trouble(self, nudge: Nudge, kind: str, attempts: int, wait_seconds: float) -> Trouble:
        """What is told of one run with this verdict."""
        return Trouble(
            step=nudge.step,
            lane=nudge.lane,
            kind=kind,
            error=self.error,
            place=self.place,
            said=self.said,
            fix=self.fix,
            attempts=attempts,
            wait_seconds=wait_seconds,
        )


def judge(error: BaseException) -> Verdict:
    """`RetryLater` and `Stale` back off; `Misconfigured`, `InDoubt` and a hung plugin hold the lane; all else
    is a bug. Only our own errors' messages are said: they hold no values.
    """
    ours = isinstance(error, HubError)
    return Verdict(
        kind=_kind(error),
        error=type(error).__name__,
        place=place_of(error.__traceback__, "hub"),
        said=str(error) if ours else "",
        fix=error.fix if isinstance(error, HubError) else "report it: it is a bug in the hub",
        after_seconds=error.after_seconds if isinstance(error, RetryLater) else None,
    )


def _kind(error: BaseException) -> str:
    if isinstance(error, (RetryLater, Stale)):
        return "retry"
    hung = isinstance(error, PluginFault) and error.hung
    return "held" if hung or isinstance(error, (Misconfigured, InDoubt)) else "bug"
