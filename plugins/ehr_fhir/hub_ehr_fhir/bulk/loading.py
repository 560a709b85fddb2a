"""Takes the files of an export that is done, a slice a call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urljoin

import msgspec
from msgspec.structs import replace

from hub.clock import Clock
from hub.plugin.api import HubError, RawMessage, Refused, RetryLater
from hub_ehr_fhir.bulk import manifest, telling
from hub_ehr_fhir.bulk.cursors import Cursor, Place
from hub_ehr_fhir.bulk.download import OUTCOME, Download, Found
from hub_ehr_fhir.bulk.lines import Piece
from hub_ehr_fhir.bulk.opening import Gone
from hub_ehr_fhir.connect import judging
from hub_ehr_fhir.connect.http import Answer, Server

SLICE_SECONDS = 20.0
"""How long a call goes on; a server that is silent can make it twice as long."""
_RENEWALS = 2
_MANIFEST = "application/json, application/fhir+json"


class Over(Exception):
    """The export is not there any more: it is to be asked for anew."""


class Slice(msgspec.Struct, kw_only=True):
    """What one call took."""

    cursor: Cursor
    messages: list[RawMessage] = []
    outcomes: list[bytes] = []
    size: int = 0
    whole: bool = False


class Loading:
    """The files of one export. What it holds is a short cut: all of it can be had again by the cursor."""

    def __init__(self, server: Server, job: str, clock: Clock, *, holds: bool) -> None:
        self.job, self._server, self._clock, self._holds = job, server, clock, holds
        self._pages: list[tuple[str, manifest.Manifest]] = []
        self._next, self._most = job, 0
        self._files: manifest.Files | None = None
        self._download: Download | None = None

    @property
    def files(self) -> int:
        """How many files there are; 0 while their list is not known."""
        return len(self._files.files) if self._files is not None else 0

    def seed(self, answer: Answer) -> None:
        """The first page of the manifest, as the status address gave it."""
        self._take_page(self.job, answer)

    def slice(self, cursor: Cursor, most: int, stopped: Callable[[], bool], seconds: float) -> Slice:
        """About `most` bytes more, in about so many seconds. Raises `Over` where the export is gone, and the door's
        errors only where nothing at all was taken.
        """
        end = self._clock.now() + timedelta(seconds=seconds)
        taken = Slice(cursor=cursor)
        self._most = most
        try:
            self._listed(end)
            if self._files is not None:
                taken.cursor = self._placed(cursor, self._files)
                self._fill(taken, most, lambda: stopped() or self._clock.now() >= end)
        except Gone as gone:
            self._settle(taken)
            self._gone(taken, gone)
        except HubError:
            self._settle(taken)
            if not taken.messages:
                raise
        else:
            self._settle(taken)
        return taken

    def _settle(self, taken: Slice) -> None:
        """Everything that was read in whole lines goes on, and the cursor stands after it."""
        if self._download is not None:
            if taken.size < self._most and (piece := self._download.flush()) is not None:
                _add(taken, piece)
            at, stale = self._download.at, taken.cursor.stale
            taken.cursor = replace(taken.cursor, place=at, stale=0 if at != taken.cursor.place else stale)
        if taken.outcomes:
            taken.messages += telling.told(taken.outcomes)
        if not self._holds or taken.whole:
            self.close()

    def close(self) -> None:
        """Let go of what is open; harmless twice."""
        if self._download is not None:
            self._download.close()
        self._download = None

    def _listed(self, end: datetime) -> None:
        """The whole manifest, as far as there is time."""
        while self._files is None and self._clock.now() < end:
            if not self._next:
                self._files = manifest.files(self._pages)
                return
            self._take_page(self._next, self._page())

    def _page(self) -> Answer:
        answer = self._server.get(self._next, accept=_MANIFEST, expect=(200, 202))
        if answer.status in (404, 410):
            raise Over
        if answer.status == 202:
            raise RetryLater("the list of the export's files is not ready")
        return answer

    def _take_page(self, address: str, answer: Answer) -> None:
        page = manifest.page(answer.body)
        self._pages.append((address, page))
        following = urljoin(address, page.following) if page.following else ""
        if following in [one for one, _ in self._pages] or len(self._pages) >= manifest.PAGES:
            raise Refused("the list of the export's files does not end", fix="ask who runs the server")
        self._next = following

    def _placed(self, cursor: Cursor, files: manifest.Files) -> Cursor:
        """The cursor, at the first file where other files are listed than before."""
        if cursor.shape != files.shape:
            time = files.time.isoformat() if files.time else cursor.asked
            cursor = replace(cursor, shape=files.shape, time=time, place=Place(), lines=0, size=0)
        if self._download is None or self._download.at != cursor.place:
            self.close()
            self._download = Download(self._server, files.files, cursor.place)
        return cursor

    def _fill(self, taken: Slice, most: int, over: Callable[[], bool]) -> None:
        while self._download is not None and taken.size < most and not over():
            try:
                found = self._download.step()
            except HubError:
                self._download.again()
                raise
            if found is None:
                taken.whole = True
                return
            self._note(taken, found)

    def _note(self, taken: Slice, found: Found) -> None:
        if found.piece is not None:
            _add(taken, found.piece)
        if found.fault:
            codes = judging.codes(found.body) or (found.fault,) if found.fault == OUTCOME else (found.fault,)
            taken.cursor = replace(taken.cursor, faults=_counted(taken.cursor.faults, codes))
            taken.outcomes += [found.body] * bool(found.body)

    def _gone(self, taken: Slice, gone: Gone) -> None:
        """An address that gives nothing any more: the manifest is asked for again, for new ones."""
        at = self._download.at if self._download is not None else taken.cursor.place
        self.close()
        self._pages, self._next, self._files = [], self.job, None
        stale = taken.cursor.stale + 1 if at == taken.cursor.place else 1
        taken.cursor = replace(taken.cursor, place=at, stale=stale)
        if stale > _RENEWALS:
            if isinstance(gone.error, Refused):
                raise Over
            raise gone.error


def _add(taken: Slice, piece: Piece) -> None:
    time = datetime.fromisoformat(taken.cursor.time)
    taken.messages += telling.messages(piece, time)
    taken.size += len(piece.body)
    faults = taken.cursor.faults
    if piece.kind == telling.ERROR:
        faults = _counted(faults, _fatal(piece.body))
    taken.cursor = replace(
        taken.cursor,
        lines=taken.cursor.lines + piece.lines,
        size=taken.cursor.size + len(piece.body),
        faults=faults,
    )


def _fatal(body: bytes) -> list[str]:
    """The codes of outcomes that say that something is missing; of what cannot be read, that."""
    found = list[str]()
    for line in body.splitlines():
        try:
            issues = msgspec.json.decode(line)["issue"]
            grave = any(one.get("severity") in ("error", "fatal") for one in issues)
        except (msgspec.MsgspecError, UnicodeDecodeError, TypeError, KeyError, AttributeError, RecursionError):
            grave = True
        if grave:
            found += judging.codes(line) or ("outcome",)
    return found


def _counted(faults: dict[str, int], codes: list[str] | tuple[str, ...]) -> dict[str, int]:
    more = dict(faults)
    for one in codes:
        more[one] = more.get(one, 0) + 1
    return more
