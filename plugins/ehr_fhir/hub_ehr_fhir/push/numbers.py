"""The sender's event numbers: where one is missing, an event did not arrive."""

from __future__ import annotations

import hashlib
import threading
from datetime import datetime, timedelta

import msgspec

from hub.plugin.api import Context
from hub_ehr_fhir.push.notices import Notice

KEY = "push.events"
MOST = 100
"""So many subscriptions are remembered."""
PATIENCE = timedelta(minutes=15)
"""A gap asks for a look at everything at most so often: two nodes that share a sender each see gaps."""


class Heard(msgspec.Struct, kw_only=True):
    """Of one subscription: the last number, how often numbers were missing, and when that was last, as ISO."""

    last: int = -1
    gaps: int = 0
    at: str = ""
    looked: str = ""
    status: str = ""


class Numbers:
    """Remembers the last event of each subscription; what is known is saved with the next pull."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._known: dict[str, Heard] | None = None

    def missed(self, notice: Notice) -> bool:
        """Whether an event did not arrive that is now to be looked for. Nothing is noted yet: what is looked for must
        be durable first, or the sender comes again.
        """
        with self._lock:
            heard = self._of(notice)
            if heard is None or not _after(heard, notice).gap:
                return False
            now = self._context.clock.now()
            return not heard.looked or now - datetime.fromisoformat(heard.looked) >= PATIENCE

    def note(self, notice: Notice, *, looked: bool) -> None:
        """The notification is taken; `looked`: what was missed is looked for."""
        with self._lock:
            heard = self._of(notice)
            if heard is None:
                return
            found, now = _after(heard, notice), self._context.clock.now().isoformat()
            if found.gap and not heard.gaps:
                self._context.log.warning("push.gap")
            if found.gap:
                heard.gaps, heard.at = heard.gaps + 1, now
            heard.last, heard.status = found.last, notice.status
            heard.looked = now if looked else heard.looked
            self._context.state.put(KEY, msgspec.json.encode(self._loaded()))

    def heard(self) -> list[Heard]:
        """What is known, for the connector's test."""
        with self._lock:
            return list(self._loaded().values())

    def _of(self, notice: Notice) -> Heard | None:
        """What is known of a subscription; None where there are too many."""
        known = self._loaded()
        key = hashlib.sha256(notice.subscription.encode()).hexdigest()[:16]
        return known.get(key) if len(known) >= MOST else known.setdefault(key, Heard())

    def _loaded(self) -> dict[str, Heard]:
        if self._known is None:
            saved = self._context.state.get(KEY)
            try:
                self._known = msgspec.json.decode(saved or b"{}", type=dict[str, Heard])
            except msgspec.DecodeError:
                self._known = {}
        return self._known


class _After(msgspec.Struct, frozen=True):
    """The last number after a notification, and whether one is missing before it."""

    last: int
    gap: bool


def _after(heard: Heard, notice: Notice) -> _After:
    """A subscription that begins anew counts from its start."""
    if notice.kind == "handshake":
        return _After(max(notice.so_far, 0), gap=False)
    last, numbers, gap = heard.last, sorted(notice.numbers), False
    if numbers and numbers[0] <= 1 and notice.so_far <= numbers[-1]:
        last = 0
    for number in numbers:
        gap |= 0 <= last < number - 1
        last = max(last, number)
    return _After(max(last, notice.so_far), gap=gap or 0 <= last < notice.so_far)
