"""Lanes of messages (an account, a patient) that stand still behind one that cannot be applied, and what was mended.

Rows stand here only while a lane stands still: `stop` for the message that stopped it, `wait` for those behind it.
"""

from __future__ import annotations

from sqlalchemy import Index, Table, Text

from hub.store.schema import METADATA, Id, Instant, clear, keyed
from hub.store.schema import Sequence as Number
from hub.store.session import Session

HELD_LANES = Table(
    "held_lanes",
    METADATA,
    clear("source", Text, primary_key=True, why="the connector in our own configuration"),
    keyed("lane", primary_key=True, why="the source's key of an account or patient: only equality is needed"),
    clear("seq", Number, primary_key=True, autoincrement=False, why="the message, by its order of arrival"),
    clear("practice", Text, why="whose row it is"),
    clear("role", Text, why="stop or wait"),
    clear("since", Instant, why="how long it stands still"),
    Index("ix_held_lanes_seq", "seq"),
)
INBOX_EDITS = Table(
    "inbox_edits",
    METADATA,
    clear("edited_id", Id, primary_key=True, why="the message as a person mended it"),
    clear("original_id", Id, why="the message as it came, which is kept"),
    clear("actor", Text, why="who mended it"),
    clear("at", Instant, why="when"),
    Index("ix_inbox_edits_original_id", "original_id"),
)


class HeldLanes:
    """The lanes that stand still, inside one transaction or view."""

    def __init__(self, session: Session) -> None:
        self._session = session
