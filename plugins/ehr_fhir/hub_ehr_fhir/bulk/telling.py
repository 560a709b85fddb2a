"""What an export brought, and what went wrong with it, as messages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from hub.plugin.api import RawMessage
from hub_ehr_fhir.bulk.lines import Piece
from hub_ehr_fhir.mapping.deletions import deletion_bundle

JSON, NDJSON = "fhir+json", "fhir+ndjson"
_PER_MESSAGE = 1_000
DELETED, ERROR = "deleted", "error"


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    last_updated: str = ""


class _Request(msgspec.Struct, frozen=True):
    method: str = ""
    url: str = ""


class _Response(msgspec.Struct, frozen=True, rename="camel"):
    last_modified: str = ""


class _Entry(msgspec.Struct, frozen=True):
    request: _Request = _Request()
    response: _Response = _Response()


class _Bundle(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str = ""
    meta: _Meta = _Meta()
    timestamp: str = ""
    entry: list[_Entry] = []


_BUNDLE = msgspec.json.Decoder(_Bundle)


def messages(piece: Piece, time: datetime) -> Iterator[RawMessage]:
    """The messages of a piece of an export as of `time`: resources as they are, deletions and outcomes as those that
    the mapping reads. A line of them that cannot be read goes on as it is, and is set aside.
    """
    if piece.kind == ERROR:
        yield from told(piece.body.splitlines())
        return
    if piece.kind != DELETED:
        yield RawMessage(external_id=piece.external_id, content_type=NDJSON, body=piece.body)
        return
    keys, rest = list[tuple[str, str, datetime]](), list[bytes]()
    for line in piece.body.splitlines():
        found = _deleted(line, time)
        keys += found
        rest += [line] * (not found)
    for start in range(0, len(keys), _PER_MESSAGE):
        yield _message(JSON, deletion_bundle(keys[start : start + _PER_MESSAGE]))
    if rest:
        yield _message(NDJSON, b"\n".join(rest) + b"\n")


def outcome(codes: Iterable[str], said: str) -> RawMessage:
    """What went wrong with an export, as an OperationOutcome of our own: issue codes, and a plain sentence."""
    issues = [{"severity": "error", "code": one, "diagnostics": said} for one in codes]
    return _beside([{"resourceType": "OperationOutcome", "issue": issues}])


def told(lines: Iterable[bytes]) -> Iterator[RawMessage]:
    """OperationOutcomes, each as it is: a person is told of grave ones."""
    found, rest = list[Any](), list[bytes]()
    for line in lines:
        try:
            msgspec.json.decode(line, type=dict)
            found.append(msgspec.Raw(line))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            rest.append(line)
    if found:
        yield _beside(found)
    if rest:
        yield _message(NDJSON, b"\n".join(rest) + b"\n")


def _beside(outcomes: list[Any]) -> RawMessage:
    """Outcomes as they stand beside the result of a search."""
    entries = [{"search": {"mode": "outcome"}, "resource": one} for one in outcomes]
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    return _message(JSON, msgspec.json.encode(bundle))


def _message(kind: str, body: bytes) -> RawMessage:
    return RawMessage(external_id=hashlib.sha256(body).hexdigest()[:40], content_type=kind, body=body)


def _deleted(line: bytes, time: datetime) -> list[tuple[str, str, datetime]]:
    """The type, id and instant of each deletion of a Bundle; none where one cannot be read."""
    try:
        bundle = _BUNDLE.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    entries = [one for one in bundle.entry if one.request.method == "DELETE"]
    keys = [(*_key(one.request.url), _instant(one, bundle, time)) for one in entries]
    return keys if all(kind and name for kind, name, _ in keys) else []


def _key(url: str) -> tuple[str, str]:
    """`Type/id`, relative or absolute; a search (`Type?...`) names nothing for sure."""
    kind, _, name = url.rpartition("/")
    return ("", "") if "?" in url else (kind.rpartition("/")[2], name)


def _instant(entry: _Entry, bundle: _Bundle, time: datetime) -> datetime:
    for text in (entry.response.last_modified, bundle.meta.last_updated, bundle.timestamp):
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            continue
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return time
