"""The client of one FHIR server: every call with its budget, token, redirects, retries and bounds.

    Server.get, post, delete     an `Answer`, or one of the door's errors
    Server.stream                a body as it comes, of any size
    Server.many                  many calls in parallel, answers in order

The token goes to the server's own origin and to `trusted_origins`, nowhere else, whoever points there. Messages hold
the type of what was asked for and a status, never an id, a query, a text of the server, or a token.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from email.utils import parsedate_to_datetime

import msgspec

from hub.clock import Clock
from hub.plugin.api import HubError, Misconfigured, Refused
from hub.plugin.api.ports import Log, Secrets
from hub_ehr_fhir.connect import addresses, judging, streams
from hub_ehr_fhir.connect.addresses import Params
from hub_ehr_fhir.connect.discovery import Discovered, discovered
from hub_ehr_fhir.connect.patience import Moment, Patience, Tick, Wait, retry_after
from hub_ehr_fhir.connect.streams import Stream
from hub_ehr_fhir.connect.token import SignIn, sign_in
from hub_ehr_fhir.connect.wire import Answer, Raw, Request, TooLarge, Wire
from hub_ehr_fhir.settings_server import REFERENCE, ServerSettings, is_here

__all__ = ["JSON", "Answer", "Call", "Server", "Stream", "TooLarge"]

JSON = "application/fhir+json"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOPS = 5
_DRAINED = 1 << 16
_TOO_OFTEN_SECONDS = 2.0


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `expect`: the statuses that are answers; 404 and 410 (and 304 with an `etag`) are returned too, of
    every other one the error is raised. `again`: whether a call that may have had its effect is repeated.
    `max_body_bytes`: instead of the settings'; a larger answer raises `TooLarge`.
    """

    url: str
    params: Params | None = None
    method: str = "GET"
    etag: str = ""
    accept: str = JSON
    authorized: bool = True
    expect: tuple[int, ...] = (200,)
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: bytes | None = None
    again: bool = True
    max_body_bytes: int = 0

    def __repr__(self) -> str:
        return f"Call({self.method!r})"


class Server:
    """One FHIR server; safe in threads. `wait(seconds)` tells whether the hub stops, `tick` counts seconds."""

    def __init__(
        self,
        settings: ServerSettings,
        *,
        secrets: Secrets,
        clock: Clock,
        log: Log,
        stop: threading.Event,
        instance: str,
        wait: Wait | None = None,
        tick: Tick | None = None,
    ) -> None:
        self.base, self.instance = settings.url.rstrip("/"), instance
        self.skew_seconds = 0.0
        self._settings, self._secrets, self._clock, self._log = settings, secrets, clock, log
        more = {} if tick is None else {"tick": tick}
        self._patience = Patience(settings, wait or stop.wait, **more)
        self._wire = Wire(settings, secrets, stop.is_set)
        self._ours = {addresses.origin(one) for one in (settings.url, *settings.trusted_origins)}
        self._here = any(is_here(host) for _, host, _ in (*self._ours, addresses.origin(settings.token_url)))
        self._discovered: Discovered | None = None
        self._metadata: bytes | None = None
        self._discovering, self._describing = threading.Lock(), threading.Lock()
        self.sign_in: SignIn = sign_in(settings, secrets=secrets, clock=clock, log=log, way=self)

    def get(
        self,
        path_or_url: str,
        params: Params | None = None,
        *,
        etag: str = "",
        accept: str = JSON,
        authorized: bool = True,
        expect: tuple[int, ...] = (200,),
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask for something; a path is one under the base. 404, 410, and 304 with `etag`, are returned."""
        return self.call(
            Call(
                url=path_or_url,
                params=params,
                etag=etag,
                accept=accept,
                authorized=authorized,
                expect=expect,
                headers=headers or {},
            )
        )

    def post(
        self,
        path_or_url: str,
        *,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        accept: str = JSON,
        authorized: bool = True,
        expect: tuple[int, ...] = (200, 201, 202),
        again: bool = False,
    ) -> Answer:
        """Send something. After an answer that did not come it is repeated only where `again` says that this is
        harmless (a search)."""
        return self.call(
            Call(
                url=path_or_url,
                method="POST",
                body=body,
                accept=accept,
                authorized=authorized,
                expect=expect,
                headers={**(headers or {}), "content-type": content_type},
                again=again,
            )
        )

    def delete(
        self, path_or_url: str, *, authorized: bool = True, expect: tuple[int, ...] = (200, 202, 204)
    ) -> Answer:
        """Delete something (a finished export, a subscription of ours)."""
        return self.call(Call(url=path_or_url, method="DELETE", authorized=authorized, expect=expect))

    def call(self, call: Call) -> Answer:
        """One call, tried again as long as that helps."""
        end = self._patience.moment()
        return self._patience.run(lambda until: self._once(call, until), end, tries=0 if call.again else 1)

    @contextmanager
    def stream(
        self,
        url: str,
        *,
        authorized: bool = True,
        offset: int = 0,
        etag: str = "",
        accept: str = "application/fhir+ndjson",
        seconds: float | None = None,
        expect: tuple[int, ...] = (200, 206),
    ) -> Iterator[Stream]:
        """A body of any size, from the byte `offset` (decoded) on; with `etag` only if it is still that one.
        `seconds` bounds it in time. A status that `expect` does not name raises; 404 and 410 as `Refused`.
        """
        headers = streams.asked(offset, etag)
        call = Call(url=url, accept=accept, authorized=authorized, expect=expect, headers=headers)
        end, body_end = self._patience.moment(), self._patience.moment(seconds or 86_400.0)
        with ExitStack() as open_while:
            stream = self._patience.run(
                lambda until: self._stream(call, until, body_end, offset, open_while), end
            )
            yield stream

    def many(self, calls: Iterable[Call]) -> Iterator[Answer | HubError]:
        """Many calls at the same time within the budget; answers, or what was raised, in the order of the calls. Only
        a few more calls are taken than answers are given.
        """
        waiting: deque[Future[Answer | HubError]] = deque()
        at_once = self._settings.requests_at_once
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="fhir")
        try:
            for one in calls:
                waiting.append(pool.submit(self._told, one))
                if len(waiting) >= 2 * at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def discovery(self, *, anew: bool = False) -> Discovered:
        """How to sign in there, as the server and the settings say; asked once."""
        with self._discovering:
            if self._discovered is None or anew:
                self._discovered = discovered(self._settings, self)
            return self._discovered

    def metadata(self, *, anew: bool = False) -> bytes:
        """The CapabilityStatement as JSON; asked once, without a token where the server gives it so."""
        with self._describing:
            if self._metadata is None or anew:
                self._metadata = self._asked_metadata()
            return self._metadata

    def is_ours(self, url: str) -> bool:
        """Whether an address may be shown our token."""
        return addresses.origin(url) in self._ours

    def close(self) -> None:
        """Let go of the connections; harmless twice."""
        self._wire.close()

    def plain(self, make: Callable[[], Request]) -> Answer:
        """A call of signing in or discovery, made anew for each try: no token, no judgement but of what passes by
        itself (429, 5xx).
        """
        return self._patience.run(lambda end: self._plain(make(), end), self._patience.moment())

    def _plain(self, request: Request, end: Moment) -> Answer:
        url = self._checked(request.url)
        for _ in range(_HOPS + 1):
            sent = msgspec.structs.replace(request, url=url, headers=self._gateway(url) | dict(request.headers))
            try:
                answer = self._wire.exchange(sent, end)
            except HubError as error:
                raise judging.led(error, request.url, url) from None
            self._note(answer.headers)
            if not (answer.status in _REDIRECTS and request.method == "GET" and answer.headers.get("location")):
                break
            url = addresses.redirected(self.base, url, answer.headers["location"])
        if answer.status in judging.LATER:
            failed = self._failed(request.what, answer.status, answer.headers, answer.body, signed=False)
            raise judging.led(failed, request.url, url)
        return answer

    def _checked(self, url: str) -> str:
        return addresses.checked(url, allow_http=self._settings.allow_http, here=self._here)

    def _asked_metadata(self) -> bytes:
        answer = self.get("metadata", authorized=False, expect=(200, 401, 403))
        if answer.status in (401, 403):
            answer = self.get("metadata")
        if answer.status != 200:
            raise Misconfigured(
                f"GET metadata: HTTP {answer.status}", fix="check `url`: it is not the base of a FHIR server"
            )
        return answer.body

    def _told(self, call: Call) -> Answer | HubError:
        try:
            return self.call(call)
        except HubError as error:
            return error

    def _once(self, call: Call, end: Moment) -> Answer:
        with self._opened(call, end, end) as (raw, what, signed):
            body = raw.whole(call.max_body_bytes or self._settings.max_body_bytes)
            answer = Answer(status=raw.status, headers=raw.headers, body=body, url=raw.url)
        if (answer.status in (404, 410) and call.method != "POST") or (answer.status == 304 and call.etag):
            return answer
        if answer.status not in call.expect:
            failed = self._failed(what, answer.status, raw.headers, body, signed=signed)
            raise judging.led(failed, addresses.joined(self.base, call.url), raw.url)
        wants_json = "json" in call.accept and "ndjson" not in call.accept
        if wants_json and answer.status == 200 and (body or call.method == "GET"):
            wrong = judging.page_instead(what, raw.headers, body)
            if wrong is not None:
                raise wrong
        return answer

    def _stream(self, call: Call, end: Moment, body_end: Moment, offset: int, open_while: ExitStack) -> Stream:
        with ExitStack() as stack:
            raw, what, signed = stack.enter_context(self._opened(call, end, body_end))
            if raw.status not in call.expect and not streams.ends(raw, offset):
                raise self._no_file(raw, what, signed=signed)
            if raw.status == 206 and "range" in call.headers and not streams.begins(raw.headers, offset):
                stack.close()
                whole = msgspec.structs.replace(call, headers={})
                return self._stream(whole, end, body_end, offset, open_while)
            open_while.enter_context(stack.pop_all())
            return Stream(raw, what, offset)

    def _no_file(self, raw: Raw, what: str, *, signed: bool) -> HubError:
        if raw.status in (404, 410):
            return Refused(f"{what}: the file is gone (HTTP {raw.status})", fix="nothing: it is asked for anew")
        body = raw.whole(1 << 20)
        return self._failed(what, raw.status, raw.headers, body, signed=signed)

    @contextmanager
    def _opened(self, call: Call, end: Moment, body_end: Moment) -> Iterator[tuple[Raw, str, bool]]:
        """The last answer of a call: redirects followed, the token renewed once, the body unread."""
        url = addresses.with_params(addresses.joined(self.base, call.url), call.params)
        if call.method == "GET" and addresses.is_search(call.url):
            url = addresses.with_params(url, self._referred(self._settings.search_parameters))
        method, body, renewed = call.method, call.body, False
        with self._patience.slot(end), ExitStack() as stack:
            for _ in range(_HOPS + 2):
                url = self._checked(url)
                request, token = self._request(call, method, url, body)
                try:
                    raw = stack.enter_context(self._wire.open(request, end, body_end))
                except HubError as error:
                    raise judging.led(error, addresses.joined(self.base, call.url), url) from None
                self._note(raw.headers)
                if raw.status == 401 and token and not renewed and self.sign_in.refused(token):
                    renewed = True
                elif raw.status in _REDIRECTS and raw.headers.get("location"):
                    url = addresses.redirected(self.base, url, raw.headers["location"])
                    method, body = ("GET", None) if raw.status == 303 else (method, body)
                    if method not in {"GET", "HEAD"} and not (raw.status in {307, 308} and self.is_ours(url)):
                        yield raw, request.what, bool(token)
                        return
                else:
                    yield raw, request.what, bool(token)
                    return
                _drain(raw)
                stack.close()
        raise Misconfigured(
            f"{request.what}: the server points in circles", fix="check `url`; ask who runs the server"
        )

    def _request(self, call: Call, method: str, url: str, body: bytes | None) -> tuple[Request, str]:
        ours = self.is_ours(url)
        token = self.sign_in.authorization() if call.authorized and ours else ""
        headers = {"accept": call.accept, **{name.lower(): text for name, text in call.headers.items()}}
        if call.etag:
            headers["if-none-match"] = call.etag
        headers |= self._gateway(url)
        if token:
            headers["authorization"] = token
        if body is None:
            headers.pop("content-type", None)
        what = addresses.said(method, url, self.base)
        return Request(method=method, url=url, what=what, headers=headers, body=body), token

    def _gateway(self, url: str) -> dict[str, str]:
        """The headers of the settings, for who may see them."""
        given = self._referred(self._settings.headers) if self.is_ours(url) else {}
        return {name.lower(): value for name, value in given.items()}

    def _referred(self, given: Mapping[str, str]) -> dict[str, str]:
        """The values that settings name or refer to."""
        return {k: self._secrets.get(v) if REFERENCE.fullmatch(v) else v for k, v in given.items()}

    def _note(self, headers: Mapping[str, str]) -> None:
        """How far the server's clock is from ours; an answer from a cache says nothing of it."""
        if "date" not in headers or "age" in headers:
            return
        try:
            theirs = parsedate_to_datetime(headers["date"])
            self.skew_seconds = (theirs - self._clock.now()).total_seconds()
        except (TypeError, ValueError, IndexError, OverflowError):
            return

    def _failed(
        self, what: str, status: int, headers: Mapping[str, str], body: bytes, *, signed: bool
    ) -> HubError:
        """The error for a status. Where we ask too often, every call is held for a moment, also if none is named."""
        after = self._after(headers)
        if status == 429 and after is None:
            self._patience.pause_all(_TOO_OFTEN_SECONDS)
        return judging.failed(what, status, body, after, signed=signed)

    def _after(self, headers: Mapping[str, str]) -> float | None:
        theirs = self._clock.now() + timedelta(seconds=self.skew_seconds)
        return retry_after(headers.get("retry-after", ""), theirs)


def _drain(raw: Raw) -> None:
    """Read a small body that nobody wants, so that its connection can be used again."""
    size, pieces = 0, raw.pieces()
    try:
        while size < _DRAINED:
            size += len(next(pieces))
    except (StopIteration, HubError):
        return
