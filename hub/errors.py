"""What can go wrong, by what the hub does next.

    Problem                 bad data, as a value: set aside, shown, fixable
    HubError                the outside world or the set-up said no
      Misconfigured         stop this connector and tell a person
      RetryLater            back off and try again
        StoreAway           the hub's own store is the cause: everything waits for it
      Refused               this item, never again; the rest goes on
      InDoubt               it may have happened: never again by itself
      Stale                 somebody else changed the row first: read again and redo
      FellSilent            a transaction that held a lane said nothing for seconds: tried again like a bug, then held

Anything else that is raised is a bug: it is caught at the door, isolated, and reported without values.
"""

from __future__ import annotations

import msgspec


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with data that arrived, said so that a person can mend it.

    `code` is stable and short (`coding.unmapped`), `where` a place and never a value
    (`FT1[2]-7`, `Encounter.diagnosis`, `2010AA N403`), `why` and `fix` are sentences without patient values.
    `severity`: "error" (something could not be made), "notice" (all was made, and money, a deletion or whole messages
    may be missing), "warning" (all was made; a habit of the sender, told once for each source, code and place).
    """

    code: str
    where: str
    why: str
    fix: str = ""
    severity: str = "error"


class HubError(Exception):
    """Base of the errors that cross the door; messages are written for a person and hold no values."""

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


class Misconfigured(HubError):
    """Settings, a password, a host key or a folder are wrong: nothing is tried again until a person acts."""


class RetryLater(HubError):
    """The outside is busy or away; `after_seconds` is the least wait it asked for, if any."""

    def __init__(self, message: str, *, after_seconds: float | None = None, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.after_seconds = after_seconds


class StoreAway(RetryLater):
    """The hub's own store is away, full or locked: every step waits for it, and no partner is to blame."""


class Refused(HubError):
    """The other side will not have this item, now or later."""


class InDoubt(HubError):
    """The effect may or may not have happened; only an answer, a person or a safe profile may repeat it."""


class Stale(HubError):
    """A row changed between reading and writing; the caller reads again."""


class FellSilent(HubError):
    """The database ended a transaction that said nothing for so long that it could have been a stopped node's. The
    same may happen at every try, so it counts like a bug.
    """
