"""One page of a search or a history: resources as bytes, deletions, where the next one is, whether it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from hub.plugin.api import RetryLater
from hub_ehr_fhir.connect.judging import ISSUES
from hub_ehr_fhir.mapping.pairing import paired
from hub_ehr_fhir.pull.resources import Found, found


class _Link(msgspec.Struct, frozen=True):
    relation: str = ""
    url: str = ""


class _Issue(msgspec.Struct, frozen=True):
    severity: str = ""
    code: str = ""


class _Outcome(msgspec.Struct, frozen=True):
    issue: tuple[_Issue, ...] = ()


class _Mode(msgspec.Struct, frozen=True):
    mode: str = ""


class _Request(msgspec.Struct, frozen=True):
    method: str = ""
    url: str = ""


class _Response(msgspec.Struct, frozen=True, rename="camel"):
    last_modified: str = ""


class _Named(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str = ""
    id: str = ""


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    full_url: str = ""
    resource: msgspec.Raw = msgspec.Raw()
    search: _Mode = _Mode()
    request: _Request = _Request()
    response: _Response = _Response()


class _Bundle(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str = ""
    total: int | None = None
    link: tuple[_Link, ...] = ()
    entry: tuple[msgspec.Raw, ...] = ()


_BUNDLE = msgspec.json.Decoder(_Bundle)
_ENTRY = msgspec.json.Decoder(_Entry)
_HEAD = msgspec.json.Decoder(_Named)
_HEAD_BYTES = 200
"""Where a resource says its id, mostly: then it is not looked for."""
_OUTCOME = msgspec.json.Decoder(_Outcome)
_BAD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_INCOMPLETE = frozenset(
    ("incomplete", "too-costly", "timeout", "throttled", "transient", "exception", "lock-error")
)
"""FHIR R4 issue-type: what was found is not all there is, however mild the severity."""


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """A deletion that a history tells; `at` as the server wrote it, else empty."""

    kind: str
    id: str
    at: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page: `matches` (and `others`: included resources), `deleted`, the link to the next one (as it came, empty:
    none), `total` of all pages where the server says it, the server's own time `at`, and how many have no id.
    """

    matches: tuple[Found, ...] = ()
    others: tuple[Found, ...] = ()
    deleted: tuple[Deleted, ...] = ()
    next: str = ""
    total: int | None = None
    at: datetime | None = None
    nameless: int = 0

    @property
    def all(self) -> tuple[Found, ...]:
        """Everything on it."""
        return (*self.matches, *self.others)


def page_of(body: bytes, headers: Mapping[str, str], kind: str) -> Page:
    """The page that an answer holds; `kind` is the type that was searched. Raises `RetryLater` where it is none, or
    where the server says that it did not finish: what is not whole must not count as taken.
    """
    try:
        bundle = _decoded(body)
        entries = [_ENTRY.decode(raw) for raw in bundle.entry]
    except _BAD:
        raise RetryLater(f"a page of {kind} is no Bundle of the shape that R4 gives it", fix=_ASK) from None
    if bundle.resource_type != "Bundle":
        raise RetryLater(f"a search of {kind} was answered by something other than a Bundle", fix=_ASK)
    matches, others, deleted, nameless = list[Found](), list[Found](), list[Deleted](), 0
    for entry in entries:
        if entry.request.method == "DELETE":
            deleted += _deleted(entry)
            continue
        resource = _named(bytes(entry.resource), entry.full_url)
        one = found(resource) if resource not in (b"", b"null") else None
        if one is not None and one.kind != "OperationOutcome":
            (matches if one.kind == kind and entry.search.mode != "include" else others).append(one)
        elif _kind(entry) == "OperationOutcome":
            check_outcome(bytes(entry.resource), kind)
        elif resource not in (b"", b"null"):
            nameless += 1
    return Page(
        matches=tuple(matches), others=tuple(others), deleted=tuple(deleted), next=_next(bundle), total=bundle.total,
        at=instant_of(headers), nameless=nameless,
    )  # fmt: skip


def _decoded(body: bytes) -> _Bundle:
    """The Bundle; where a text of one resource holds half a character, that one alone is spoilt, and set aside when
    it is read.
    """
    try:
        return _BUNDLE.decode(body)
    except _BAD:
        return _BUNDLE.decode(paired(body))


def _named(resource: bytes, full_url: str) -> bytes:
    """A resource with the id that its address tells, where it has none itself."""
    kind, name = full_url.rstrip("/").split("/")[-2:] if full_url.count("/") else ("", "")
    if not name or not resource.startswith(b"{") or b'"id"' in resource[:_HEAD_BYTES]:
        return resource
    try:
        head = _HEAD.decode(resource)
    except _BAD:
        return resource
    if head.id or head.resource_type != kind:
        return resource
    return b'{"id":' + msgspec.json.encode(name) + b"," + resource[1:].lstrip()


def check_outcome(raw: bytes, kind: str) -> None:
    """Raises `RetryLater` for an OperationOutcome within a searchset that says: this is not everything."""
    try:
        issues = _OUTCOME.decode(raw).issue
    except _BAD:
        return
    for issue in issues:
        if issue.severity in ("error", "fatal") or issue.code in _INCOMPLETE:
            code = issue.code if issue.code in ISSUES else "unknown"
            raise RetryLater(
                f"the server did not finish a search of {kind} ({code})",
                fix="nothing, if it passes; else lower page_size, or ask who runs the server",
            )


def instant_of(headers: Mapping[str, str]) -> datetime | None:
    """The server's own time (HTTP Date), unless a cache gave the answer."""
    if "date" not in headers or "age" in headers:
        return None
    try:
        told = parsedate_to_datetime(headers["date"])
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)


def _next(bundle: _Bundle) -> str:
    return next((link.url for link in bundle.link if link.relation == "next" and link.url), "")


def _deleted(entry: _Entry) -> list[Deleted]:
    pieces = entry.request.url.partition("/_history/")[0].split("/")
    if len(pieces) < 2 or not pieces[-1] or not pieces[-2].isalpha():
        return []
    return [Deleted(kind=pieces[-2], id=pieces[-1], at=entry.response.last_modified)]


def _kind(entry: _Entry) -> str:
    try:
        return _BUNDLE.decode(bytes(entry.resource)).resource_type
    except _BAD:
        return _OUTCOME_MARK if b'"OperationOutcome"' in bytes(entry.resource) else ""


_OUTCOME_MARK = "OperationOutcome"
_ASK = "nothing, if it passes; else run `hub connector test NAME`, and ask who runs the server"
