"""What the server sends by itself: each request is judged, stored whole, and only then answered with yes."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from hub.plugin.api import Context, HubError, Inbox, RawMessage, RetryLater, Step, WebAnswer, WebRequest
from hub_ehr_fhir.mapping.deletions import deletion_bundle
from hub_ehr_fhir.push import notices, outcomes, posted
from hub_ehr_fhir.push.errands import Wanted
from hub_ehr_fhir.push.guard import Guard
from hub_ehr_fhir.push.notices import Notice
from hub_ehr_fhir.push.numbers import Numbers
from hub_ehr_fhir.push.outcomes import Refusal
from hub_ehr_fhir.settings import FhirSettings
from hub_ehr_fhir.settings_push import PushSettings

if TYPE_CHECKING:
    from hub_ehr_fhir.connect.http import Server
    from hub_ehr_fhir.connect.keys import Shown

JSON = "fhir+json"
TYPES = frozenset({"application/fhir+json", "application/json", "application/json+fhir", "text/json"})
JWKS = "jwks.json"
DELETED = "x-medplum-deleted-resource"
"""The header by which Medplum tells of a deletion."""
_JWKS_HEADERS = {"content-type": "application/json", "cache-control": "public, max-age=3600"}
_UTF8 = re.compile(r'charset\s*=\s*"?(utf-8|utf8|us-ascii)"?', re.IGNORECASE)


class Push:
    """Answers below `/connectors/NAME/`: `fhir`, `subscription` and `jwks.json`."""

    def __init__(self, settings: FhirSettings, context: Context, server: Server | None = None) -> None:
        self._settings, self._context, self._server = settings, context, server
        self._push = settings.push
        self._guard = Guard(settings.push, context.secrets) if settings.push is not None else None
        self._numbers = Numbers(context)
        self._keys: Shown | None = None

    @property
    def serves(self) -> bool:
        """Whether anything is answered by these settings."""
        return self._guard is not None or self._has_key

    async def answer(self, request: WebRequest, inbox: Inbox) -> WebAnswer:
        """As the port says."""
        if request.path == JWKS:
            return self._jwks(request)
        began, peer = time.monotonic(), ""
        try:
            peer = self._sender(request)
            answer = await self._taken(request, inbox, peer)
        except Refusal as refusal:
            answer = refusal.answer
        except RetryLater as error:
            answer = outcomes.later(error)
        if peer:
            inbox.answered(peer, {str(answer.status): 1}, 1000 * (time.monotonic() - began))
        return answer

    def check(self) -> Iterator[Step]:
        """Whether senders can sign in, and what was missed of what they sent."""
        if self._guard is None or self._push is None:
            return
        name = self._context.instance
        if missing := self._guard.missing():
            fix = "senders are answered with 503 until this is mended"
            yield Step(name="push", ok=False, said="; ".join(missing), fix=fix)
        else:
            yield Step(name="push", ok=True, said=f"received at /connectors/{name}/fhir and .../subscription")
        yield from self._gaps()
        if self._server is not None and self._push.public_url:
            yield from self._subscriptions(self._server, self._push)

    def _subscriptions(self, server: Server, push: PushSettings) -> Iterator[Step]:
        """Whether the server still sends what it was asked for."""
        from hub_ehr_fhir.push import subscriptions

        name = self._context.instance
        try:
            standing = subscriptions.ours(server, subscriptions.endpoint(push, name))
        except HubError as error:
            yield Step(name="subscriptions", ok=False, said=str(error), fix=error.fix)
            return
        plan = subscriptions.plan(push, standing)
        broken = [one.status for one in standing if one.status in subscriptions.BROKEN]
        if broken:
            said = f"{len(broken)} of {len(standing)} are {' and '.join(sorted(set(broken)))}: the server gave up"
        elif plan.created:
            said = f"{len(plan.created)} of {len(push.subscribe_to)} are not there"
        else:
            yield Step(name="subscriptions", ok=True, said=f"{len(plan.kept)} stand at the server")
            return
        fix = f"run: hub fhir subscribe {name}; where it is sent without, set push.subscribe_to = []"
        yield Step(name="subscriptions", ok=False, said=said, fix=fix)

    def _gaps(self) -> Iterator[Step]:
        gaps = [one for one in self._numbers.heard() if one.gaps]
        if gaps:
            last = max(one.at for one in gaps)[:16]
            times = sum(one.gaps for one in gaps)
            said = f"events were missing {times} times, the last {last}Z; they were looked for"
            yield Step(name="push events", ok=True, said=said)

    @property
    def _has_key(self) -> bool:
        server = self._settings.server
        return server is not None and bool(server.private_key)

    def _jwks(self, request: WebRequest) -> WebAnswer:
        """The public keys, for everybody."""
        server = self._settings.server
        if server is None or not self._has_key:
            return outcomes.refused(404, "not-found", "there is nothing at this address")
        if request.method not in {"GET", "HEAD"}:
            return outcomes.refused(405, "not-supported", "keys are only read", {"allow": "GET, HEAD"})
        from hub_ehr_fhir.connect import keys

        self._keys = self._keys or keys.Shown(server, self._context.secrets)
        body = self._keys.body()
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if request.headers.get("if-none-match", "") == tag:
            return WebAnswer(status=304, headers={**_JWKS_HEADERS, "etag": tag})
        return WebAnswer(headers={**_JWKS_HEADERS, "etag": tag}, body=body)

    def _sender(self, request: WebRequest) -> str:
        if self._guard is None:
            raise Refusal(404, "not-found", "there is nothing at this address")
        return self._guard.sender(request)

    async def _taken(self, request: WebRequest, inbox: Inbox, peer: str) -> WebAnswer:
        """What is sent to which address, by which method."""
        where, *rest = request.path.rstrip("/").split("/")
        if (
            where not in {"fhir", "subscription"}
            or len(rest) > 2
            or not all(_is_name(n, t) for n, t in enumerate(rest))
        ):
            raise Refusal(404, "not-found", "there is nothing at this address")
        if request.method == "DELETE" and len(rest) == 2:
            return await self._deleted([(rest[0], rest[1])], inbox, peer)
        if request.method not in {"POST", "PUT"} or (request.method == "PUT" and len(rest) == 1):
            raise Refusal(405, "not-supported", "send POST, PUT of Type/id, or DELETE of Type/id")
        if where == "subscription":
            return await self._notified(request, rest, inbox, peer)
        if request.method == "PUT" and not rest:
            raise Refusal(405, "not-supported", "PUT names Type/id", {"allow": "POST"})
        return await self._posted(request, rest, inbox, peer)

    async def _posted(self, request: WebRequest, rest: Sequence[str], inbox: Inbox, peer: str) -> WebAnswer:
        """A resource, or a Bundle of them."""
        _checked_type(request.headers)
        head = posted.head(request.body)
        _checked_path(head, rest)
        if head.resource_type != "Bundle" or rest:
            told = await inbox.put(_message(request.body), peer=peer)
            return outcomes.taken(201 if request.method == "POST" and told == "new" else 200)
        bundle = posted.bundle(request.body)
        messages = [_message(request.body)]
        if gone := posted.deleted(bundle):
            messages = [_message(request.body, posted.PUSHED), self._deletion(list(gone.values()))]
        await inbox.put_many(messages, peer=peer)
        if bundle.type in {"transaction", "batch"}:
            return outcomes.responses(bundle.type, posted.statuses(bundle))
        return outcomes.taken(200)

    async def _notified(self, request: WebRequest, rest: Sequence[str], inbox: Inbox, peer: str) -> WebAnswer:
        """A notification: a resource, a Bundle about events, a bare address of a resource, or nothing at all."""
        if gone := posted.reference(request.headers.get(DELETED, "")):
            return await self._deleted([gone], inbox, peer)
        if not request.body.strip():
            refs = ((rest[0], rest[1]),) if len(rest) == 2 else ()
            await self._leave(Wanted(refs=refs, anew=not refs, why="empty"), inbox, peer)
            return outcomes.taken(200)
        _checked_type(request.headers)
        head = posted.head(request.body)
        if head.resource_type == "Bundle" and (found := notices.notice(posted.bundle(request.body))) is not None:
            return await self._noticed(found, request.body, inbox, peer)
        return await self._posted(request, rest, inbox, peer)

    async def _noticed(self, found: Notice, body: bytes, inbox: Inbox, peer: str) -> WebAnswer:
        """Store what it carries, and leave for the pull what it only names, or must have missed."""
        if found.carries:
            await inbox.put(_message(body), peer=peer)
        gap = self._numbers.missed(found)
        why = "gap" if gap else "empty" if found.unclear else "named"
        await self._leave(Wanted(refs=found.refs, anew=gap or found.unclear, why=why), inbox, peer)
        self._numbers.note(found, looked=gap)
        return outcomes.taken(200)

    async def _deleted(self, gone: Sequence[tuple[str, str]], inbox: Inbox, peer: str) -> WebAnswer:
        await inbox.put(self._deletion(gone), peer=peer)
        return outcomes.taken(204)

    def _deletion(self, gone: Sequence[tuple[str, str]]) -> RawMessage:
        """Deleted now by the sender's clock, where it is known and ahead of ours: what it changed a moment before
        bears that clock's time.
        """
        ahead = self._server.skew_seconds if self._server is not None else 0.0
        now = self._context.clock.now() + timedelta(seconds=max(ahead, 0.0))
        return _message(deletion_bundle(((kind, name, now) for kind, name in gone), seen=True))

    async def _leave(self, wanted: Wanted, inbox: Inbox, peer: str) -> None:
        """For the next pull; where nobody pulls, what is only named cannot be had."""
        if not wanted:
            return
        if self._settings.server is None or not self._settings.pull.enabled:
            why = "this hub does not fetch: send whole resources (payload application/fhir+json)"
            raise Refusal(422, "not-supported", why)
        await inbox.errand(wanted.encode(), peer=peer)


def _is_name(nth: int, text: str) -> bool:
    return (posted.ID if nth else posted.NAME).fullmatch(text) is not None


def _checked_path(head: posted.Posted, rest: Sequence[str]) -> None:
    """What stands in the body is what stands in the address."""
    if rest and head.resource_type != rest[0]:
        raise Refusal(400, "invariant", "the body's resourceType is not that of the address")
    if len(rest) > 1 and head.id != rest[1]:
        raise Refusal(400, "invariant", "the body's id is not that of the address")


def _checked_type(headers: Mapping[str, str]) -> None:
    kind, _, more = headers.get("content-type", "").partition(";")
    if kind.strip().lower() not in TYPES or ("charset" in more.lower() and not _UTF8.search(more)):
        raise Refusal(415, "not-supported", "send application/fhir+json in UTF-8")
    if headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
        raise Refusal(415, "not-supported", "send it without content-encoding")


def _message(body: bytes, kind: str = JSON) -> RawMessage:
    """Known again by its bytes alone."""
    return RawMessage(external_id=f"push-{hashlib.sha256(body).hexdigest()[:40]}", content_type=kind, body=body)
