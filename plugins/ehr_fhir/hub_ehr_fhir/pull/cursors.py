"""Where a pull stands: everything that is needed to go on, whatever happened in between."""

from __future__ import annotations

import msgspec

from hub.plugin.api import Misconfigured
from hub_ehr_fhir.pull.walking import Place


class Window(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One look at what changed since `lower` (server's time). It began when the server's clock said `until`, and was
     `skew` seconds ahead of ours. `walks` are the types still to be looked through (`Type`, or `Type/_history` for
    deletions), the first of them at `place`; `again` those that are looked through twice. `usual`: it reaches back
    further than the usual look, which would have begun there.
    """

    lower: str
    usual: str = ""
    until: str = ""
    skew: float = 0.0
    walks: list[str]
    place: Place = Place()
    again: list[str] = []


class Late(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Something that could not be fetched though the server was there: asked for again from `at` on."""

    unit: str
    tries: int = 0
    at: str


class Visiting(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A unit that lists one patient's encounters, and where that list stands."""

    unit: str
    place: Place = Place()


class Round(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One round through the patients: since when it goes, the next of the list (`nth`), or the search's `place`."""

    began: str
    since: str
    nth: int = 0
    place: Place = Place()
    done: bool = False


class Waiting(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A visit or patient that another connector told of: numbers to search by, asked for from `at` until `until`."""

    kind: str
    visit: str = ""
    account: str = ""
    identifiers: tuple[tuple[str, str], ...] = ()
    day: str = ""
    tries: int = 0
    at: str
    until: str

    def __repr__(self) -> str:
        return f"Waiting({self.kind!r}, tries={self.tries})"


class PullCursor(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`since`: all that the server had by then (its own time) is taken. `skew`: how far its clock was ahead of ours
    then, in seconds. `began`: our time when the last look began. `first`: from when on the very first look went.
    `far`: our time when a look reached far back. `reach`: how far back the next usual look can go: newer versions
    that were taken are remembered. `todo`: what is still to be fetched, in order (`Encounter/1`, `Patient/1`,
    `Visits/PATIENT`, ...), `pace` of them side by side.
    `server`: a digest of the address of whom all this is known. `watched`: what the last look went through; `behind`:
    what of it can be looked through no more, and since when that is so. `visiting`: the list that is
    being read. `doubted`: the unit for which a search was refused last, and which search.
    """

    server: str = ""
    since: str = ""
    skew: float = 0.0
    began: str = ""
    first: str = ""
    reach: str = ""
    far: str = ""
    pace: int = 4
    window: Window | None = None
    todo: list[str] = []
    late: list[Late] = []
    round: Round | None = None
    positions: dict[str, str] = {}
    waiting: list[Waiting] = []
    watched: list[str] = []
    behind: dict[str, str] = {}
    visiting: Visiting | None = None
    doubted: tuple[str, str] = ("", "")

    def add(self, *units: str) -> None:
        """Units to fetch, each once."""
        have = set(self.todo)
        for unit in units:
            if unit not in have:
                have.add(unit)
                self.todo.append(unit)


def encoded(cursor: PullCursor) -> str:
    """As it is kept; the empty cursor is the empty text."""
    text = msgspec.json.encode(cursor).decode()
    return "" if text == "{}" else text


def decoded(text: str) -> PullCursor:
    """Raises `Misconfigured` for a text that this part never wrote."""
    if not text:
        return PullCursor()
    try:
        return msgspec.json.decode(text, type=PullCursor)
    except msgspec.MsgspecError:
        raise Misconfigured(
            "the cursor is not one of this source", fix="run: hub connector restart NAME"
        ) from None
