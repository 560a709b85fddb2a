"""What was posted: enough of its JSON to take it and to answer each entry; the rest is read later."""

from __future__ import annotations

import re

import msgspec
from msgspec.structs import replace

from hub.model.facts import Reading
from hub_ehr_fhir.push.outcomes import Refusal

PUSHED = "fhir+json;pushed"
"""A Bundle whose deletions without a time are followed by a message of their own."""
BOM = b"\xef\xbb\xbf"
NAME = re.compile(r"[A-Z][A-Za-z]{1,63}")
ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]{1,63})/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?$")
_STATUS = {"POST": "201 Created", "PUT": "200 OK", "PATCH": "200 OK", "DELETE": "204 No Content"}


class Request(msgspec.Struct, frozen=True):
    """What a Bundle's entry asks for."""

    method: str = ""
    url: str = ""


class Response(msgspec.Struct, frozen=True, rename="camel"):
    """What a Bundle's entry was answered with."""

    last_modified: str = ""


class Entry(msgspec.Struct, frozen=True, rename="camel"):
    """One entry; `resource` stays as it came."""

    full_url: str = ""
    resource: msgspec.Raw = msgspec.Raw()
    request: Request | None = None
    response: Response | None = None


class Posted(msgspec.Struct, frozen=True, rename="camel"):
    """A resource's beginnings; `entry` and `type` of a Bundle."""

    resource_type: str = ""
    id: str = ""


class Bundle(msgspec.Struct, frozen=True):
    """A Bundle's entries."""

    type: str = ""
    timestamp: str = ""
    entry: tuple[Entry, ...] = ()


_HEAD = msgspec.json.Decoder(Posted)
_BUNDLE = msgspec.json.Decoder(Bundle)


def head(body: bytes) -> Posted:
    """What it is; raises `Refusal` (400) for what is no JSON object that names its type."""
    try:
        found = _HEAD.decode(body.removeprefix(BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = Posted()
    if not NAME.fullmatch(found.resource_type):
        raise Refusal(400, "structure", "this is no FHIR resource as JSON: an object with its resourceType")
    return found


def bundle(body: bytes) -> Bundle:
    """Its entries; one that cannot be told apart into entries has none: it is read later, and a person told."""
    try:
        return _BUNDLE.decode(body.removeprefix(BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Bundle()


def statuses(one: Bundle) -> list[str]:
    """What each entry of a transaction or batch is answered with, once the whole is stored. Nothing is read here."""
    return [
        _STATUS.get(entry.request.method if entry.request else "POST", "405 Method Not Allowed")
        for entry in one.entry
    ]


def deleted(one: Bundle) -> dict[int, tuple[str, str]]:
    """The (type, id) of what a Bundle deletes without saying when, by the number of its entry."""
    return {
        n: named
        for n, entry in enumerate(one.entry)
        if entry.request is not None
        and entry.request.method == "DELETE"
        and not (one.timestamp or (entry.response is not None and entry.response.last_modified))
        and (named := reference(entry.request.url)) is not None
    }


def without_followed(reading: Reading, raw: bytes) -> Reading:
    """What a Bundle says that was pushed: what it deletes without a time is told by a message beside it, as of when
    it came, so that nobody need look after that.
    """
    told = {f"Bundle.entry[{n}]" for n in deleted(bundle(raw))}
    left = tuple(one for one in reading.problems if one.code != "fhir.delete" or one.where not in told)
    return replace(reading, problems=left)


def reference(text: str) -> tuple[str, str] | None:
    """(type, id) that a reference or address ends with; None for one that names no single resource."""
    found = _REFERENCE.search(text)
    return (found[1], found[2]) if found else None
