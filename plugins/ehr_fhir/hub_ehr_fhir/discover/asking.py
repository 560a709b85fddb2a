"""Asks a server during a trial: counts, stops in time, and makes every failure an answer like another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Event as ThreadEvent
from typing import Any, Protocol

from hub.clock import Clock
from hub.errors import HubError, Misconfigured, RetryLater
from hub_ehr_fhir.connect.addresses import leads_to
from hub_ehr_fhir.discover.answers import Told, told

Params = Sequence[tuple[str, str]]
MOST_REQUESTS = 400
IN_A_ROW = 3
_BROKEN, _TRIES = 500, 3
# What an answer may be here without being tried again by the client; 401, 429, 502, 503 and 504 stay its business.
EXPECTED = (200, 203, 304, 400, 402, 403, 404, 405, 406, 409, 410, 412, 414, 415, 422, 424, 451, 500, 501)


class Answering(Protocol):
    """What the HTTP client answers."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Server(Protocol):
    """The part of the HTTP client (`connect.http.Server`) that a trial uses. It only reads."""

    base: str

    def get(self, path_or_url: str, params: Any = None, *, etag: str = "", expect: Any = (200,)) -> Answering: ...


class Enough(Exception):
    """The time or the requests of this call are used up; nothing is wrong."""


class Away(Enough):
    """Several answers in a row did not come: what is asked for is left for later."""


class Asker:
    """One slice of a trial. `so_far`: requests that were made before. After a few failures in a row where nothing was
    answered, the failure itself is raised: then the address or the sign-in is wrong, or the server is away. `missed`
    counts answers that did not come and may come later; `known`: whether earlier calls had answers.
    """

    def __init__(
        self,
        server: Server,
        clock: Clock,
        stop: ThreadEvent,
        seconds: float,
        so_far: int = 0,
        *,
        known: bool = False,
    ) -> None:
        self._server, self._clock, self._stop = server, clock, stop
        self._began, self._seconds = clock.now(), seconds
        self.requests, self._answered, self._failed = so_far, 0, 0
        self.missed, self._known = 0, known

    def ask(self, type_: str, path: str, params: Params = (), etag: str = "") -> Told:
        """An answer about resources of a type; `Enough` where this call has no more time."""
        self._still()
        self.requests += 1
        try:
            answer = self._told(type_, path, params, etag)
        except HubError as error:
            return self._missed(error)
        self._answered, self._failed = self._answered + 1, 0
        self.missed += answer.away
        return answer

    def _told(self, type_: str, path: str, params: Params, etag: str) -> Told:
        """What is broken may pass: it counts when it comes again and again. So does what the client takes for a wrong
        sign-in (401), once others were answered.
        """
        for _ in range(_TRIES - 1):
            try:
                answer = self._get(type_, path, params, etag)
            except Misconfigured:
                if not self._answered:
                    raise
                continue
            if answer.status != _BROKEN and not answer.away:
                return answer
        return self._get(type_, path, params, etag)

    def follow(self, type_: str, link: str) -> Told:
        """The page that a link leads to, asked of the server itself: some do not know their own name."""
        return self.ask(type_, at_home(self._server.base, type_, link))

    def _get(self, type_: str, path: str, params: Params, etag: str) -> Told:
        answer = self._server.get(path, list(params) or None, etag=etag, expect=EXPECTED)
        return told(answer.status, answer.body, type_, answer.headers.get("etag", ""))

    def _still(self) -> None:
        past = (self._clock.now() - self._began).total_seconds() > self._seconds and self._answered
        if past or self._stop.is_set() or self.requests >= MOST_REQUESTS:
            raise Enough

    def _missed(self, error: HubError) -> Told:
        self._failed += 1
        away = isinstance(error, RetryLater)
        self.missed += away
        if self._failed >= IN_A_ROW:
            self._failed = 0
            if not self._answered and not (away and self._known):
                raise error
            if away:
                raise Away
        return Told(status=0, words="no answer" if away else "not allowed", away=away)


def at_home(base: str, type_: str, link: str) -> str:
    """A link of a Bundle as an address of the server that is asked; a link that cannot be read stays as it is."""
    try:
        return leads_to(link, f"{base}/{type_}", base, given=False)
    except ValueError:
        return link
