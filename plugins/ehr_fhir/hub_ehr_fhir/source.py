"""The FHIR source: files dropped into a folder and what a server tells, side by side, read into facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Protocol

import msgspec
from pydantic import BaseModel

from hub.errors import HubError, Misconfigured, Problem
from hub.model.facts import Piece, Reading
from hub.plugin.api import Changes, Context, Inbox, Step, WebAnswer, WebRequest
from hub.plugin.api.folder import FolderDrop
from hub_ehr_fhir.mapping.check import TALLY
from hub_ehr_fhir.mapping.reading import read, read_joined
from hub_ehr_fhir.push.part import Push
from hub_ehr_fhir.push.posted import PUSHED, without_followed
from hub_ehr_fhir.settings import FhirSettings

if TYPE_CHECKING:
    from hub_ehr_fhir.connect.http import Server

JSON, NDJSON = "fhir+json", "fhir+ndjson"
_PIECE = 1 << 20


class Changing(Protocol):
    """A part of the source that is asked for what is new; `cursor` is its own and nobody else's."""

    def changes(self, cursor: str) -> Changes:
        """As the port's `changes`."""
        ...


class FhirSource:
    """Bundles, resources and NDJSON of one FHIR R4 sender (implements `hub.plugin.api.PiecingSource`)."""

    Settings: ClassVar[type[BaseModel]] = FhirSettings

    def __init__(self, settings: FhirSettings, context: Context) -> None:
        self._settings, self._context = settings, context
        self._drop = FolderDrop(settings, lambda name, _body: kind_of(name), context.stop, pieces_of)
        self._server = _server(settings, context)
        self._put_off: set[str] = set()
        self._parts: dict[str, Changing] = {"drop": self._drop}
        if self._server is not None and settings.bulk is not None:
            from hub_ehr_fhir.bulk.part import BulkPart

            self._parts["bulk"] = BulkPart(settings, settings.bulk, self._server, context)
        if self._server is not None and settings.pull.enabled:
            from hub_ehr_fhir.pull.pulling import Pulling

            self._parts["pull"] = Pulling(settings, context, self._server)
        self._push = Push(settings, context, self._server)

    @property
    def serves(self) -> bool:
        """Whether it answers requests: what is pushed, and for its public keys."""
        return self._push.serves

    async def answer(self, request: WebRequest, inbox: Inbox) -> WebAnswer:
        """What the server sends by itself (implements `hub.plugin.api.WebSource`)."""
        return await self._push.answer(request, inbox)

    def changes(self, cursor: str) -> Changes:
        """What is new since `cursor`: the files that were dropped, and what the server tells, one part a call."""
        return changes_of(self._parts, cursor, self._put_off)

    def read(self, raw: bytes, content_type: str) -> Reading:
        """Facts and problems of a Bundle, a resource, or lines of them."""
        if content_type == PUSHED:
            return without_followed(read(raw, False, self._settings), raw)
        if content_type not in (JSON, NDJSON):
            return Reading(problems=(_wrong_type(),))
        return read(raw, content_type == NDJSON, self._settings)

    def read_joined(self, piece: Piece, linked: Sequence[Piece]) -> Reading:
        """What a resource says beside those that it needs, whichever messages they came in."""
        return read_joined(piece, linked, self._settings)

    def check(self) -> Iterator[Step]:
        """Look at the folder, go the way to the server, and hear what the parts say of themselves."""
        if self._server is None or self._settings.folder is not None:
            yield from self._drop.check()
        if self._server is not None and self._settings.server is not None:
            from hub_ehr_fhir.connect.steps import Steps

            yield from Steps(self._settings, self._settings.server, self._server, self._context).each()
        for name, part in self._parts.items():
            yield from getattr(part, "check", tuple)() if name != "drop" else ()
        yield from self._push.check()

    def close(self) -> None:
        """Let go of what the parts hold open, and of the connections."""
        for part in self._parts.values():
            getattr(part, "close", tuple)()
        if self._server is not None:
            self._server.close()
        if checked := TALLY.logged():
            self._context.log.info("fhir.checked", **checked)


def _server(settings: FhirSettings, context: Context) -> Server | None:
    """The client of the server, where there is one; it is loaded only then."""
    if settings.server is None:
        return None
    from hub_ehr_fhir.connect.http import Server

    return Server(
        settings.server,
        secrets=context.secrets,
        clock=context.clock,
        log=context.log,
        stop=context.stop,
        instance=context.instance,
    )


class _Cursor(msgspec.Struct, forbid_unknown_fields=True):
    """Where each part stands, and which is asked next."""

    parts: dict[str, str]
    turn: str = ""


def changes_of(parts: Mapping[str, Changing], cursor: str, put_off: set[str] | None = None) -> Changes:
    """Ask one part after the other until one has something; `more` while one of them has, or is still to be asked.

    The parts take turns, so that one with much to tell keeps none from being heard, nor does one that raises: the
    others are asked, and its error is raised where they have no message. Where they only moved on (an export that is
    at work now), that is saved first, and the error is put off until the next call: `put_off` remembers whose. One
    that moved on and has more to do (an export was just asked for) is saved before the others are asked, which may
    take a minute: a hub that dies meanwhile would not know of it. One that presses is asked out of turn, and takes
    nobody's turn from them.
    """
    now = _decoded(cursor)
    more, moved, trouble, dues = False, False, list[tuple[str, HubError]](), list[datetime]()
    pressing, order = _order(parts, now)
    for nth, name in enumerate(order):
        try:
            found = parts[name].changes(now.parts.get(name, ""))
        except HubError as error:
            trouble.append((name, error))
            continue
        moves = found.cursor != now.parts.get(name, "")
        moved |= moves
        now.parts[name] = found.cursor
        more |= found.more
        dues += [found.due] if found.due is not None else []
        if found.messages or (moves and found.more and not trouble):
            now.turn = now.turn if name == pressing else _after(name, parts)
            more |= nth + 1 < len(order)
            return Changes(messages=found.messages, cursor=_encoded(now), more=more)
    if trouble:
        _raise(trouble, moved, set() if put_off is None else put_off)
    return Changes(messages=(), cursor=_encoded(now), more=more or bool(trouble), due=min(dues, default=None))


def _order(parts: Mapping[str, Changing], now: _Cursor) -> tuple[str, list[str]]:
    """The part that presses, or none, and the order in which they are asked: it, then all by their turns."""
    names = list(parts)
    first = names.index(now.turn) if now.turn in parts else 0
    turns = names[first:] + names[:first]
    pressing = next((name for name in turns if _presses(parts[name], now.parts.get(name, ""))), "")
    return pressing, sorted(turns, key=lambda name: name != pressing)


def _presses(part: Changing, cursor: str) -> bool:
    """Whether it must not wait for the others: few parts ever say so."""
    return bool(getattr(part, "presses", _never)(cursor))


def _never(_cursor: str) -> bool:
    return False


def _after(name: str, parts: Mapping[str, Changing]) -> str:
    names = list(parts)
    return names[(names.index(name) + 1) % len(names)]


def _raise(trouble: list[tuple[str, HubError]], moved: bool, put_off: set[str]) -> None:
    """Raise the first of these errors, unless something else is to be saved before and it was not put off yet."""
    (name, error), *_ = trouble
    if moved and name not in put_off:
        put_off.add(name)
        return
    put_off.discard(name)
    raise error


def _encoded(cursor: _Cursor) -> str:
    told = {name: one for name, one in cursor.parts.items() if one}
    return msgspec.json.encode(_Cursor(parts=told, turn=cursor.turn)).decode() if told else ""


def _decoded(cursor: str) -> _Cursor:
    """The parts' cursors; before 0.5 there was only the folder's."""
    if not cursor:
        return _Cursor(parts={})
    try:
        return msgspec.json.decode(cursor, type=_Cursor)
    except msgspec.ValidationError:
        return _Cursor(parts={"drop": cursor})
    except msgspec.DecodeError:
        raise Misconfigured(
            "the cursor is not one of this source", fix="run: hub connector restart NAME"
        ) from None


def kind_of(name: str) -> str:
    """The content type that a file's name tells."""
    return NDJSON if name.lower().endswith((".ndjson", ".jsonl")) else JSON


def pieces_of(name: str, body: bytes) -> Iterable[bytes]:
    """A file whole; NDJSON in pieces of about a MiB that end at line ends."""
    if kind_of(name) == JSON or len(body) <= _PIECE:
        return (body,)
    return _cut(body)


def _cut(body: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(body):
        end = body.find(b"\n", min(start + _PIECE, len(body)))
        end = len(body) if end < 0 else end + 1
        yield body[start:end]
        start = end


def _wrong_type() -> Problem:
    return Problem(
        code="fhir.content_type",
        where="content type",
        why="this source reads FHIR R4 (fhir+json, fhir+ndjson) and was given something else",
        fix="send this content to the source that reads it",
    )
