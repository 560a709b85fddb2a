"""One resource of a message: its bytes, its place, its key and its version, and what it says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import msgspec

from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.notes import Notes

HEAD = msgspec.json.Decoder(shapes.Beginning)
_DECODERS = {name: msgspec.json.Decoder(shape) for name, shape in shapes.SHAPES.items()}
_BY_NAME = {name.encode(): (name, decoder) for name, decoder in _DECODERS.items()}
_KIND = re.compile(rb'\s*\{\s*"resourceType"\s*:\s*"([A-Za-z]+)"')
_INNER = re.compile(rb'(?<!\\)("reference"\s*:\s*")#')

Bad = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Part(msgspec.Struct, eq=False, gc=False):
    """One resource of a message. `record` is its shape, None until it was decoded or when it could not be. `base` is
    the address of the server it is of, empty where that is not told; `gone`: it was deleted, and `raw` is empty;
    `seen`: nobody told when it was; `spoilt`: a text of it has half a character.
    `spot` is its place, or the number of its line. The bytes are `held` while they are looked at, and stay then where
    they are in their message, which may be large (`stands`): what is met next finds room in the processor's cache.
    `links` are the keys of what it needs, once somebody asked.
    """

    kind: str
    key: str
    version: str
    held: bytes | None
    spot: str | int
    record: shapes.Head | None = None
    full_url: str = ""
    base: str = ""
    gone: bool = False
    seen: bool = False
    spoilt: bool = False
    stands: tuple[bytes, int, int] | msgspec.Raw | None = None
    links: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return f"Part({self.kind})"

    @property
    def raw(self) -> bytes:
        """The bytes of the resource, copied where they are not held."""
        if self.held is not None:
            return self.held
        if isinstance(self.stands, tuple):
            whole, start, end = self.stands
            return whole[start:end]
        return bytes(self.stands or b"")

    @property
    def place(self) -> str:
        """The place in the message: `line[7]`, `Bundle.entry[3]`."""
        return self.spot if isinstance(self.spot, str) else f"line[{self.spot}]"

    def at(self, element: str = "") -> str:
        """The place as people write it: `Bundle.entry[3] Encounter.period`."""
        where = f"{self.place} {self.kind}".strip()
        return f"{where}.{element}" if element else where


def part_of(raw: bytes, head: shapes.Beginning, spot: str | int, full_url: str, version: str) -> Part:
    """A resource that was not decoded yet."""
    kind = head.resource_type
    key = f"{kind}/{head.id}" if head.id else _key(raw, kind, full_url)
    return Part(kind, key, version, raw, spot, None, full_url, _base(full_url, key))


def _key(raw: bytes, kind: str, full_url: str) -> str:
    """The key of a resource that tells no id."""
    if full_url:
        return f"{kind}/{full_url.rpartition('/')[2].rpartition(':')[2]}"
    return f"{kind}/sha256-{hashlib.sha256(raw).hexdigest()[:32]}"


def _base(full_url: str, key: str) -> str:
    """What stands before `Type/id` in a web address."""
    if full_url.startswith("http") and full_url.endswith("/" + key):
        return full_url[: -len(key) - 1]
    return ""


def decoded_at_once(raw: bytes, spot: str | int, full_url: str, version: str) -> Part | None:
    """A resource with its record, where it says first what it is, as most do, and points to none that it contains;
    None where it takes a second look to read it, or to say what is wrong with it. `version` is what it has where it
    tells none.
    """
    named = _KIND.match(raw)
    known = _BY_NAME.get(named[1]) if named else None
    if known is None or (b"#" in raw and b'"contained"' in raw):
        return None
    kind, decoder = known
    try:
        record = decoder.decode(raw)
    except Bad:
        return None
    key = f"{kind}/{record.id}" if record.id else _key(raw, kind, full_url)
    part = Part(kind, key, codes.version(record.meta, version), raw, spot, record)
    if full_url:
        part.full_url, part.base = full_url, _base(full_url, key)
    return part


def decode(part: Part, notes: Notes) -> bool:
    """Give the part its record; False, and a problem that names the element, when it has another shape."""
    if part.record is not None:
        return True
    decoder = _DECODERS.get(part.kind)
    if decoder is None:
        return True
    try:
        part.record = decoder.decode(_told(part))
    except Bad as error:
        notes.error("fhir.shape", part.at(_element(error)), "this element is not of the shape that R4 gives it")
        return False
    return True


def _told(part: Part) -> bytes:
    """The bytes; references to what the resource contains name the resource, so that they mean something outside."""
    raw = part.raw
    if b'"contained"' not in raw:
        return raw
    name = part.key.encode().replace(b"\\", b"")
    return _INNER.sub(lambda found: found[1] + name + b"#", raw)


def inner_parts(part: Part) -> Iterator[Part]:
    """What a resource contains, under the keys `Type/id#name`; what cannot be read there is not found."""
    raws: tuple[msgspec.Raw, ...] = getattr(part.record, "contained", ())
    for raw in raws:
        try:
            head = HEAD.decode(raw)
            decoder = _DECODERS.get(head.resource_type)
            if decoder is None or not head.id:
                continue
            key, record = f"{part.key}#{head.id}", decoder.decode(raw)
            inner = Part(head.resource_type, key, part.version, bytes(raw), part.spot, record)
        except Bad:
            continue
        yield inner


def _element(error: Exception) -> str:
    """`period.start` from msgspec's ``... - at `$.period.start` ``; its path holds element names alone."""
    _, _, path = str(error).partition("at `$.")
    return path.rstrip("`") if all(c.isalnum() or c in ".[]_`" for c in path) else ""
