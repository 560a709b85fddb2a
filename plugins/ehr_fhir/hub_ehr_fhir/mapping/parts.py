"""A message as its resources: each with its place, its key and its version, resolvable by reference."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.notes import Notes

S = TypeVar("S", bound=shapes.Head)
_DEPTH = 3
_HEAD = msgspec.json.Decoder(shapes.Head)
_BUNDLE = msgspec.json.Decoder(shapes.Bundle)
_ENTRY = msgspec.json.Decoder(shapes.Entry)
_DECODERS = {name: msgspec.json.Decoder(shape) for name, shape in shapes.SHAPES.items()}

Bad = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Part:
    """One resource of a message. `record` is its shape, None until it was decoded or when it could not be."""

    __slots__ = ("full_url", "key", "kind", "place", "raw", "record", "version")

    def __init__(self, raw: bytes, head: shapes.Head, place: str, full_url: str, version: str) -> None:
        self.raw = raw
        self.kind = head.resource_type
        self.place = place
        self.full_url = full_url
        self.key = _key(raw, head, full_url)
        self.version = version
        self.record: shapes.Head | None = None

    def at(self, element: str = "") -> str:
        """The place as people write it: `Bundle.entry[3] Encounter.period`."""
        where = f"{self.place} {self.kind}".strip()
        return f"{where}.{element}" if element else where


def _key(raw: bytes, head: shapes.Head, full_url: str) -> str:
    if head.id:
        return f"{head.resource_type}/{head.id}"
    if full_url:
        return f"{head.resource_type}/{full_url.rpartition('/')[2].rpartition(':')[2]}"
    return f"{head.resource_type}/sha256-{hashlib.sha256(raw).hexdigest()[:32]}"


def parts_of(raw: bytes, ndjson: bool, notes: Notes) -> list[Part]:
    """Every resource of a message; what is not one is a problem and the rest goes on."""
    if ndjson:
        lines = enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1)
        return [p for n, line in lines if line.strip() for p in _resource(line, f"line[{n}]", "", "", notes, 0)]
    return list(_resource(raw.removeprefix(b"\xef\xbb\xbf"), "", "", "", notes, 0))


def _resource(raw: bytes, place: str, full_url: str, version: str, notes: Notes, depth: int) -> Iterator[Part]:
    try:
        head = _HEAD.decode(raw)
    except Bad:
        notes.error("fhir.json", place or "body", "this is not a JSON object with the beginnings of a resource")
        return
    if head.resource_type == "Bundle" and depth < _DEPTH:
        yield from _entries(raw, place, version, notes, depth)
    elif not head.resource_type:
        notes.error("fhir.type", place or "body", "this JSON does not name its resourceType")
    else:
        yield Part(raw, head, place, full_url, codes.version(head.meta, version))


def _entries(raw: bytes, place: str, version: str, notes: Notes, depth: int) -> Iterator[Part]:
    prefix = f"{place} Bundle".strip()
    try:
        bundle = _BUNDLE.decode(raw)
    except Bad:
        notes.error("fhir.bundle", prefix, "the Bundle is not of the shape that R4 gives it")
        return
    sent = codes.version(msgspec.structs.replace(bundle.meta, version_id=""), "") or _stamp(bundle.timestamp)
    for n, body in enumerate(bundle.entry):
        where = f"{prefix}.entry[{n}]"
        try:
            entry = _ENTRY.decode(body)
        except Bad:
            notes.error("fhir.entry", where, "the entry is not of the shape that R4 gives it")
            continue
        if entry.request.method == "DELETE":
            fix = "withdraw it by sending it with status entered-in-error"
            notes.notice(
                "fhir.delete", where, "a deletion does not say what it deletes and was not followed", fix
            )
        resource = bytes(entry.resource)
        if resource and resource != b"null":
            yield from _resource(resource, where, entry.full_url, sent or version, notes, depth + 1)


def _stamp(timestamp: str) -> str:
    return codes.version(shapes.Meta(last_updated=timestamp), "")


class Resources:
    """The resources of one message, found by what a reference says."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = list(parts)
        self._found: dict[str, Part] = {}
        for part in self.parts:
            self._found[part.key] = part
            if part.full_url:
                self._found[part.full_url] = part

    def of(self, shape: type[S]) -> Iterator[tuple[Part, S]]:
        """Every resource of one type that could be read."""
        for part in self.parts:
            if isinstance(part.record, shape):
                yield part, part.record

    def part(self, reference: shapes.Reference) -> Part | None:
        """The resource of this message that a reference means, if it is here."""
        text = reference.reference
        return self._found.get(text) or self._found.get(_tail(text)) if text else None

    def get(self, reference: shapes.Reference, shape: type[S]) -> S | None:
        """The resource that a reference means, if it is here and of that type."""
        part = self.part(reference)
        return part.record if part is not None and isinstance(part.record, shape) else None

    def key(self, reference: shapes.Reference, kind: str) -> str:
        """The key of what a reference means, the same in whatever message it comes: `Type/id`. A business
        identifier alone gives `Type?system|value`; nothing gives nothing.
        """
        if found := self.part(reference):
            return found.key
        text = reference.reference
        if text.startswith("urn:"):
            return f"{kind}/{text.rpartition(':')[2]}"
        if text and not text.startswith("#"):
            return _tail(text)
        identifier = reference.identifier
        return f"{kind}?{identifier.system}|{identifier.value}" if identifier and identifier.value else ""


def _tail(text: str) -> str:
    """`Type/id` of an absolute or versioned URL; other texts as they are."""
    if "?" in text:
        return text
    pieces = text.partition("/_history/")[0].split("/")
    return "/".join(pieces[-2:])


def decode(part: Part, notes: Notes) -> bool:
    """Give the part its record; False, and a problem that names the element, when it has another shape."""
    decoder = _DECODERS.get(part.kind)
    if decoder is None:
        return True
    try:
        part.record = decoder.decode(part.raw)
    except Bad as error:
        notes.error("fhir.shape", part.at(_element(error)), "this element is not of the shape that R4 gives it")
        return False
    return True


def _element(error: Exception) -> str:
    """`period.start` from msgspec's ``... - at `$.period.start` ``; its path holds element names alone."""
    _, _, path = str(error).partition("at `$.")
    return path.rstrip("`") if all(c.isalnum() or c in ".[]_`" for c in path) else ""


def contained(raws: Iterable[msgspec.Raw], name: str, shape: type[S]) -> S | None:
    """The contained resource that `#name` means, when it is of that type and can be read."""
    for raw in raws:
        try:
            head = _HEAD.decode(raw)
            if head.id == name and head.resource_type == shape.__name__:
                found = _DECODERS[shape.__name__].decode(raw)
                return found if isinstance(found, shape) else None
        except Bad:
            continue
    return None
