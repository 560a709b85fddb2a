"""The HL7 v2 source: files dropped into a folder, cut into messages, read into facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from pydantic import BaseModel

from hub.errors import Problem
from hub.model.facts import Reading
from hub.plugin.api import Changes, Context, Step
from hub.plugin.api.folder import FolderDrop
from hub_hl7_adt.reading import read
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.wire import split


class Hl7Source:
    """ADT, DFT and BAR messages of one sender (implements `hub.plugin.api.EhrSource`)."""

    Settings: ClassVar[type[BaseModel]] = Hl7Settings

    def __init__(self, settings: Hl7Settings, context: Context) -> None:
        self._settings = settings
        self._drop = FolderDrop(settings, lambda _name, _body: "hl7v2", context.stop, messages_of)

    def changes(self, cursor: str) -> Changes:
        """What was dropped since `cursor`, one raw message for each HL7 message."""
        return self._drop.changes(cursor)

    def read(self, raw: bytes, content_type: str) -> Reading:
        """Facts and problems of one message, or of several when `raw` holds them."""
        if content_type != "hl7v2":
            return Reading(problems=(_wrong_type(),))
        return read(raw, self._settings)

    def check(self) -> Iterator[Step]:
        """Look at the folder."""
        yield from self._drop.check()

    def close(self) -> None:
        """Nothing is held open."""


def messages_of(_name: str, body: bytes) -> Iterable[bytes]:
    """The messages of a file; whole when it holds none, something beside messages, or a batch whose counts
    disagree: `read` then says so beside the facts.
    """
    parts = split(body)
    if not parts.messages or parts.strays or not parts.counts_agree:
        return (body,)
    return parts.messages


def _wrong_type() -> Problem:
    return Problem(
        code="hl7.content_type",
        where="content type",
        why="this source reads HL7 v2 (hl7v2) and was given something else",
        fix="send this content to the source that reads it",
    )
