"""Resources as they came: the server's own bytes, and what a pull must know of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec


class _Meta(msgspec.Struct, frozen=True, rename="camel", gc=False):
    version_id: str = ""
    last_updated: str = ""


class _Head(msgspec.Struct, frozen=True, rename="camel", gc=False):
    resource_type: str = ""
    id: str = ""
    meta: _Meta = _Meta()


_HEAD = msgspec.json.Decoder(_Head)
_TREE = msgspec.json.Decoder()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A resource that a server gave: `raw` are its bytes, unaltered; `updated` is meta.lastUpdated as it stands."""

    kind: str
    id: str
    raw: bytes
    version: str = ""
    updated: str = ""

    @property
    def key(self) -> str:
        """`Type/id`."""
        return f"{self.kind}/{self.id}"

    def tree(self) -> dict[str, Any]:
        """The whole resource, decoded."""
        found = _TREE.decode(self.raw)
        return found if isinstance(found, dict) else {}

    def mark(self) -> bytes:
        """Eight bytes that stand for this version: its number and time, else the bytes themselves."""
        said = f"{self.version}\0{self.updated}".encode() if self.version or self.updated else self.raw
        return hashlib.blake2b(said, digest_size=8).digest()

    def __repr__(self) -> str:
        return f"Found({self.kind}, {len(self.raw)} bytes)"


def found(raw: bytes) -> Found | None:
    """The resource that bytes are; None where they are none, or have no id to know them by."""
    try:
        head = _HEAD.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not head.resource_type or not head.id:
        return None
    return Found(
        kind=head.resource_type,
        id=head.id,
        raw=raw,
        version=head.meta.version_id,
        updated=head.meta.last_updated,
    )


def at_path(tree: Any, path: str) -> Iterator[dict[str, Any]]:
    """Every object at a path of element names (`participant.individual`), through lists."""
    if isinstance(tree, list):
        for each in tree:
            yield from at_path(each, path)
    elif isinstance(tree, dict):
        if not path:
            yield tree
            return
        name, _, rest = path.partition(".")
        if name in tree:
            yield from at_path(tree[name], rest)


def key_of(reference: str, base: str) -> str:
    """`Type/id` of a reference to a resource of this server: relative, or absolute below `base`; else empty.

    `#contained`, `urn:...`, `Type?identifier=...` and other servers' addresses name nothing that can be read here.
    """
    text = reference.partition("/_history/")[0]
    if text.startswith(("http://", "https://")):
        root = base.rstrip("/").partition("://")[2].lower() + "/"
        rest = text.partition("://")[2]
        if not rest.lower().startswith(root):
            return ""
        text = rest[len(root) :]
    kind, _, name = text.partition("/")
    plain = kind.isalpha() and kind[:1].isupper() and name.strip(".") and set(name) <= _ID
    return text if plain else ""


_ID = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:")


def keys_at(tree: Any, path: str, base: str) -> Iterator[str]:
    """The keys of what the references at a path point to."""
    for reference in at_path(tree, path):
        text = reference.get("reference")
        if isinstance(text, str) and (key := key_of(text, base)):
            yield key
