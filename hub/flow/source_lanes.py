"""The two lanes of a source: in one it is asked what is new, in the other what it told is read and put together.

They run side by side, so that a message which was pushed does not wait until a pull of a minute has ended. The lane
in which a source is asked has the name of its connector.
"""

from __future__ import annotations

from hub.store import Nudge

_READING = ".read"
"""No connector's name holds a dot."""


def reading(source: str) -> str:
    """The lane in which what a source told is read."""
    return source + _READING


def subject(lane: str) -> str:
    """The connector (or practice) that a lane is about."""
    return lane.removesuffix(_READING)


def read_soon(source: str) -> Nudge:
    """The inbox of a source may hold something to be read."""
    return Nudge("ingest.read", reading(source))


def assemble_soon(source: str) -> Nudge:
    """Visits of a source may have to be put together anew."""
    return Nudge("ingest.assemble", reading(source))
