"""The steps with which the hub watches itself, by name; each has a lane of its own, or one for each notifier."""

from __future__ import annotations

from hub.flow.base import Step
from hub.watch import conditions, digest, notices

STEPS: dict[str, Step] = {
    "watch.look": conditions.look,
    "notices.send": notices.send,
    "notices.digest": digest.digest,
    "notices.alive": notices.alive,
}
