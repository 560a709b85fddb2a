"""The HL7 v2 source: messages that are sent over MLLP or dropped as files, read into facts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from threading import Event as ThreadEvent
from typing import ClassVar

import msgspec
from msgspec import structs
from pydantic import BaseModel

from hub.errors import Problem
from hub.model.facts import Reading
from hub.plugin.api import Changes, Context, Inbox, Misconfigured, Refused, RetryLater, Step
from hub.plugin.api.folder import FolderDrop
from hub_hl7_adt.advice import advise, sampled
from hub_hl7_adt.message.editing import NotEditable, edited
from hub_hl7_adt.mllp.listener import Listener
from hub_hl7_adt.mllp.tls import good_from_to, server_side
from hub_hl7_adt.reading import read
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.settings_mllp import MllpSettings
from hub_hl7_adt.sftp_drop import BothCursors, SftpDrop, both
from hub_hl7_adt.wire import messages_of

LOOK_SECONDS = 0.5
_SOON = timedelta(days=14)
_RENEW = (
    "put a new one in its place, with its key and its chain; the listener takes it when it is made anew (restart)"
)
MOST_ADVICE = 10
"""Findings of conformance that are told of one message of the sample."""


class Hl7Source:
    """ADT, DFT, BAR and SIU messages of one sender (implements `hub.plugin.api.ListeningSource`)."""

    Settings: ClassVar[type[BaseModel]] = Hl7Settings

    def __init__(self, settings: Hl7Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._drop = FolderDrop(settings, lambda _name, _body: "hl7v2", context.stop, messages_of)
        self._far: SftpDrop | None = None
        self.listener: Listener | None = None
        """What listens, where `[mllp]` is set; its `ready` and `port` tell where."""
        self.listens = settings.mllp is not None
        if settings.mllp is not None:
            self.listener = Listener(settings.mllp, context, once=settings.same_id == "refuse")

    def changes(self, cursor: str) -> Changes:
        """What was dropped since `cursor`, one raw message for each HL7 message."""
        if self._settings.sftp is None:
            return self._drop.changes(cursor)
        was = both(cursor)
        near = self._drop.changes(was.folder)
        try:
            far = self._account().changes(was.sftp)
        except RetryLater:
            if not near.messages:
                raise
            far = Changes(messages=(), cursor=was.sftp)
        now = msgspec.json.encode(BothCursors(folder=near.cursor, sftp=far.cursor)).decode()
        return Changes(messages=near.messages + far.messages, cursor=now, more=near.more or far.more)

    def _account(self) -> SftpDrop:
        if self._far is None:
            assert self._settings.sftp is not None  # noqa: S101 - the callers have looked
            self._far = SftpDrop(self._settings.sftp, self._context, "hl7v2", messages_of)
        return self._far

    async def serve(self, inbox: Inbox, stop: ThreadEvent) -> None:
        """Listen for MLLP until `stop`; without `[mllp]` there is nothing to do but wait for it."""
        if self.listener is not None:
            await self.listener.serve(inbox, stop)
        while not stop.is_set():  # noqa: ASYNC110 - a thread's event
            await asyncio.sleep(LOOK_SECONDS)

    def read(self, raw: bytes, content_type: str) -> Reading:
        """Facts and problems of one message, or of several when `raw` holds them."""
        if content_type != "hl7v2":
            return Reading(problems=(_wrong_type(),))
        reading = read(raw, self._settings)
        if (
            self._settings.advice_sample
            and not reading.not_billable
            and sampled(raw, self._settings.advice_sample)
        ):
            advice = tuple(advise(raw, self._settings.charset))[:MOST_ADVICE]
            return structs.replace(reading, problems=(*reading.problems, *advice))
        return reading

    def edited(self, raw: bytes, content_type: str, place: str, value: str) -> bytes:
        """One place of a message changed (`FT1[2]-7.1`, `PID-3[2]`); a whole field is given as HL7 writes it
        (`G0438^^HCPCS`), a part of one as it reads.
        """
        if content_type != "hl7v2":
            raise Refused("this source changes HL7 v2 (hl7v2) only", fix="mend it whole: --file or --editor")
        try:
            return edited(raw, place, value, charset=self._settings.charset, literal="." not in place)
        except NotEditable as error:
            raise Refused(str(error), fix="a place is written as problems name it: FT1[2]-7.1") from None

    def check(self) -> Iterator[Step]:
        """Look at the folder, the SFTP account, and the certificates of the listener."""
        if self._settings.folder is not None or not (self._settings.mllp or self._settings.sftp):
            yield from self._drop.check()
        if self._settings.sftp is not None:
            yield from self._account().check()
        if self._settings.mllp is not None:
            yield _listening(self._settings.mllp, self._context)

    def close(self) -> None:
        """Hang up: what listens ends with `serve`."""
        if self._far is not None:
            self._far.close()


def _listening(settings: MllpSettings, context: Context) -> Step:
    try:
        tls = server_side(settings, context.secrets)
        since, until = good_from_to(settings, context.secrets) if tls else (None, None)
    except Misconfigured as error:
        return Step(name="mllp", ok=False, said=str(error), fix=error.fix)
    if since is None or until is None:
        said = f"{settings.listen} hears messages without TLS: the network must be trusted"
        return Step(name="mllp", ok=True, said=said)
    now = context.clock.now()
    if not since <= now < until:
        said = f"the certificate of tls_cert is good from {since:%Y-%m-%d} to {until:%Y-%m-%d}, not today"
        return Step(name="mllp", ok=False, said=said, fix=_RENEW)
    if until - now < _SOON:
        said = f"the certificate of tls_cert ends on {until:%Y-%m-%d}: no sender will connect from then on"
        return Step(name="mllp", ok=False, said=said, fix=_RENEW)
    mutual = " and the senders show certificates" if settings.tls_client_ca else ""
    said = f"{settings.listen} hears messages over TLS{mutual}; its certificate is good until {until:%Y-%m-%d}"
    return Step(name="mllp", ok=True, said=said)


def _wrong_type() -> Problem:
    return Problem(
        code="hl7.content_type",
        where="content type",
        why="this source reads HL7 v2 (hl7v2) and was given something else",
        fix="send this content to the source that reads it",
    )
