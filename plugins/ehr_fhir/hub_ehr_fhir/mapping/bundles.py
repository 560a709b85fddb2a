"""A message as its resources: of a Bundle its deletions too, and what a server says beside its result."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.deletions import SEEN
from hub_ehr_fhir.mapping.notes import Notes
from hub_ehr_fhir.mapping.pairing import HALF, paired
from hub_ehr_fhir.mapping.parts import HEAD, Bad, Part, decoded_at_once, part_of

_DEPTH = 3
_BUNDLE = msgspec.json.Decoder(shapes.Bundle)
_ENTRY = msgspec.json.Decoder(shapes.Entry)
_OUTCOME = msgspec.json.Decoder(shapes.OperationOutcome)
_GRAVE = frozenset(("fatal", "error"))


def parts_of(raw: bytes, ndjson: bool, notes: Notes) -> Iterator[Part]:
    """Every resource of a message; what is not one is a problem and the rest goes on."""
    found = _parts(raw.removeprefix(b"\xef\xbb\xbf"), ndjson, notes)
    return _marked(found) if HALF in raw else found


def _marked(parts: Iterator[Part]) -> Iterator[Part]:
    for part in parts:
        part.spoilt = HALF in part.raw
        yield part


def _parts(raw: bytes, ndjson: bool, notes: Notes) -> Iterator[Part]:
    if not ndjson:
        yield from _resources(raw, "", "", "", notes, 0)
        return
    n = start = end = 0
    while end < len(raw):
        n, end = n + 1, raw.find(b"\n", start)
        end = end if end >= 0 else len(raw)
        line = raw[start:end]
        if (part := decoded_at_once(line, n, "", "")) is not None:
            part.stands = (raw, start, end)
            yield part
        elif line.strip():
            yield from _resources(line, f"line[{n}]", "", "", notes, 0)
        start = end + 1


def _resources(raw: bytes, place: str, full_url: str, version: str, notes: Notes, depth: int) -> Iterator[Part]:
    """A resource, or those of a Bundle; `version` is what it has where it tells none."""
    if (part := decoded_at_once(raw, place, full_url, version)) is not None:
        yield part
        return
    try:
        head = HEAD.decode(raw)
    except Bad:
        if (whole := paired(raw)) == raw:
            why = "this is not a JSON object with the beginnings of a resource"
            notes.error("fhir.json", place or "body", why)
            return
        yield from _marked(_resources(whole, place, full_url, version, notes, depth))
        return
    if head.resource_type == "Bundle":
        yield from _entries(raw, place, version, notes, depth)
    elif not head.resource_type:
        notes.error("fhir.type", place or "body", "this JSON does not name its resourceType")
    else:
        yield part_of(raw, head, place, full_url, codes.version(head.meta, version))


def _entries(raw: bytes, place: str, version: str, notes: Notes, depth: int) -> Iterator[Part]:
    """Each entry's resource, and a part that is `gone` for each deletion. A history comes with its newest first: it
    is read from its end, so that of two versions the newer is met last.
    """
    prefix = f"{place} Bundle".strip()
    if depth >= _DEPTH:
        why = "Bundles within Bundles are read three deep, and this one is deeper"
        notes.error("fhir.bundle", prefix, why, "send its resources in a Bundle of their own")
        return
    try:
        bundle = _BUNDLE.decode(raw)
    except Bad:
        notes.error("fhir.bundle", prefix, "the Bundle is not of the shape that R4 gives it")
        return
    meta = shapes.Meta(last_updated=bundle.meta.last_updated)
    sent = codes.version(meta, "") or _stamp(bundle.timestamp) or version
    numbered = list(enumerate(bundle.entry))
    for n, body in reversed(numbered) if bundle.type == "history" else numbered:
        where = f"{prefix}.entry[{n}]"
        try:
            entry = _ENTRY.decode(body)
        except Bad:
            notes.error("fhir.entry", where, "the entry is not of the shape that R4 gives it")
            continue
        yield from _entry(entry, where, sent, notes, depth)


def _entry(entry: shapes.Entry, where: str, sent: str, notes: Notes, depth: int) -> Iterator[Part]:
    if entry.request.method == "DELETE":
        yield from _deleted(entry, where, sent, notes)
        return
    resource = bytes(entry.resource)
    if entry.search.mode == "outcome" or not resource or resource == b"null":
        _told_beside(resource, where, notes)
        return
    version = _stamp(entry.response.last_modified) or sent
    for part in _resources(resource, where, entry.full_url, version, notes, depth + 1):
        if part.place == where:
            part.stands = entry.resource
        yield part


def _deleted(entry: shapes.Entry, where: str, sent: str, notes: Notes) -> Iterator[Part]:
    """A deletion, at the time that the server says, else that of the Bundle. Without any it could be older than what
    is known: a person is told.
    """
    version = _ended(_stamp(entry.response.last_modified) or sent, entry.response.etag)
    kind, _, name = entry.request.url.partition("?")[0].partition("/_history")[0].rstrip("/").rpartition("/")
    kind = kind.rpartition("/")[2]
    if "?" in entry.request.url or not kind or not name:
        why = "this deletion names no single resource and was not followed"
        notes.notice("fhir.delete", where, why, "send a DELETE of Type/id for each resource")
        return
    if not version:
        why = "this deletion tells no time and may be older than what is known: only a pushed one is followed"
        fix = "give the Bundle a timestamp, or send the resource with status entered-in-error"
        notes.notice("fhir.delete", where, why, fix)
        return
    part = part_of(b"", shapes.Beginning(resource_type=kind, id=name), where, entry.full_url, version)
    part.gone, part.seen = True, entry.response.status.startswith(SEEN)
    yield part


def _told_beside(resource: bytes, where: str, notes: Notes) -> None:
    """An OperationOutcome beside the result: of grave ones a person is told, since the result may not be whole."""
    if not resource or resource == b"null":
        return
    try:
        outcome = _OUTCOME.decode(resource)
    except Bad:
        return
    if any(issue.severity in _GRAVE for issue in outcome.issue):
        why = "the server told of an error beside its result, which may not be whole"
        notes.notice("fhir.outcome", where, why, "look into the server's log, and let it be read again")


def _ended(version: str, etag: str) -> str:
    """When a deletion was, where its time has no fraction: at the place of its own version in that second, else at
    its end, behind all that it may have deleted.
    """
    if not version.endswith(".000000Z"):
        return version
    number = etag.removeprefix("W/").strip('"')
    within = codes.within(version, number)
    return within if number.isdigit() else f"{version[:20]}999999Z"


def _stamp(timestamp: str) -> str:
    return codes.version(shapes.Meta(last_updated=timestamp), "") if timestamp else ""
