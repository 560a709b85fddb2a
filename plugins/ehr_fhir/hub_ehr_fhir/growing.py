"""How much a process takes on in one call: little at first, then more and more.

What a call takes is kept when it ends. A hub that is killed every few seconds (no memory, an impatient supervisor)
would begin the same call for ever, were its first one as long as the others; and it cannot know of its deaths: what
it would note at the beginning is kept no sooner than what it takes. So each life begins small.
"""

from __future__ import annotations

FIRST_BYTES = 1 << 20
_FIRST_SECONDS = 1.0


class Growing:
    """The length of the next call, up to `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._most = seconds
        self._times = 1

    @property
    def first(self) -> bool:
        """Whether nothing that this process took was kept yet."""
        return self._times == 1

    @property
    def seconds(self) -> float:
        """After so long a call begins nothing new."""
        return min(self._most, _FIRST_SECONDS * self._times)

    def room(self, most: int) -> int:
        """Bytes that a call takes, where it may take `most`."""
        return min(most, FIRST_BYTES * self._times)

    def ended(self) -> None:
        """A call came to its end: the next one may be twice as long."""
        self._times = min(2 * self._times, 1 << 20)
