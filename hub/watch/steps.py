"""The steps with which the hub watches itself, by name; the lane of each is the hub, or a notifier."""

from __future__ import annotations

from hub.flow.base import Step
from hub.watch import conditions, digest, notices

STEPS: dict[str, Step] = {
    "watch.look": conditions.look,
    "notices.send": notices.send,
    "notices.digest": digest.digest,
    "notices.alive": notices.alive,
}
#: Steps whose lane is a notifier: one that hangs or is slow holds up nothing but itself.
TO_NOTIFIERS = frozenset({"notices.send", "notices.alive"})
