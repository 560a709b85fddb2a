"""Where an export stands, small enough to be saved after every call."""

from __future__ import annotations

from typing import Literal

import msgspec

from hub.plugin.api import Misconfigured

Stage = Literal["idle", "intent", "waiting", "loading", "closing"]


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Up to where the files of an export were taken.

    `file` counts in the order in which they are fetched (`manifest.files`); `offset` counts its decoded bytes up to
    the end of a line, `lines` the lines up to there. `tail` bytes before `offset` have the digest `seen`: by it a
    file that changed is recognised.
    """

    file: int = 0
    offset: int = 0
    lines: int = 0
    tail: int = 0
    seen: str = ""


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which export is under way, and what the last one came to.

    `slot` numbers the export by its turn in the schedule; `by` names the process that wrote the intent to ask for
    it. `asked`, `after`, `since`, `full` and `learned` are instants (ISO 8601): when it was asked for, before when
    nothing is asked, from when the next one is asked for, when all was last asked for, and when what the server
    refused was learned. `job` is its status address. `form` is a digest of the settings that it was asked with,
    `shape` one of the order of its files. `refused` names parameters and types that the server will not have.
    `tries` counts what was tried in vain in this slot, `stale` how often addresses were renewed at one place, `lost`
    after how many kick-offs of this slot the process ended before anybody knew what came of them.
    """

    stage: Stage = "idle"
    slot: int = 0
    by: str = ""
    job: str = ""
    asked: str = ""
    after: str = ""
    since: str = ""
    full: str = ""
    all_asked: bool = False
    refused: tuple[str, ...] = ()
    learned: str = ""
    form: str = ""
    shape: str = ""
    time: str = ""
    place: Place = Place()
    tries: int = 0
    stale: int = 0
    lost: int = 0
    lines: int = 0
    size: int = 0
    faults: dict[str, int] = {}


def encoded(cursor: Cursor) -> str:
    """The cursor as text; empty where nothing ever happened."""
    return "" if cursor == Cursor() else msgspec.json.encode(cursor).decode()


def decoded(text: str) -> Cursor:
    """The cursor of that text; raises `Misconfigured` for one that is none of ours."""
    if not text:
        return Cursor()
    try:
        return msgspec.json.decode(text, type=Cursor)
    except msgspec.MsgspecError:
        raise Misconfigured(
            "the cursor is not one of this source", fix="run: hub connector restart NAME"
        ) from None
