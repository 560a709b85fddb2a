"""Practitioners, organisations and places, which thousands of encounters share: asked once a look, then by ETag."""

from __future__ import annotations

import hashlib

import msgspec

from hub.plugin.api.ports import State
from hub_ehr_fhir.pull.resources import Found, found

KINDS = frozenset(("Practitioner", "PractitionerRole", "Organization", "Location"))
_SHARDS = 32
_SHARD_BYTES = 128 << 10
KEYS = tuple(f"shared.{nth:02}" for nth in range(_SHARDS))


class _Kept(msgspec.Struct, array_like=True):
    """A resource as it last came, its ETag, and the look in which it was last known to be so."""

    raw: bytes
    etag: str
    look: str


_SHARD = msgspec.msgpack.Decoder(dict[str, _Kept])


class Shared:
    """A bounded store of such resources in the connector's state; `look` names the present look."""

    def __init__(self, state: State, look: str) -> None:
        self._state, self._look = state, look
        self._shards: dict[int, dict[str, _Kept]] = {}
        self._changed: set[int] = set()

    def get(self, key: str) -> Found | None:
        """The resource, where it was asked for in this look already."""
        kept = self._shard(key).get(key)
        return found(kept.raw) if kept is not None and kept.look == self._look else None

    def etag(self, key: str) -> str:
        """The ETag that it had; empty: none is known."""
        kept = self._shard(key).get(key)
        return kept.etag if kept is not None else ""

    def same(self, key: str) -> Found | None:
        """The server says that it has not changed."""
        kept = self._shard(key).get(key)
        if kept is None:
            return None
        self._put(key, _Kept(kept.raw, kept.etag, self._look))
        return found(kept.raw)

    def put(self, one: Found, etag: str) -> None:
        """It came anew."""
        self._put(one.key, _Kept(one.raw, etag, self._look))

    def save(self) -> None:
        """Put what changed into the state."""
        for nth in sorted(self._changed):
            self._state.put(KEYS[nth], msgspec.msgpack.encode(_bounded(self._shards[nth])))
        self._changed.clear()

    def _put(self, key: str, kept: _Kept) -> None:
        shard = self._shard(key)
        shard.pop(key, None)
        shard[key] = kept
        self._changed.add(_nth(key))

    def _shard(self, key: str) -> dict[str, _Kept]:
        nth = _nth(key)
        if nth not in self._shards:
            try:
                self._shards[nth] = _SHARD.decode(self._state.get(KEYS[nth]) or b"\x80")
            except msgspec.MsgspecError:
                self._shards[nth] = {}
        return self._shards[nth]


def _nth(key: str) -> int:
    return hashlib.blake2b(key.encode(), digest_size=1).digest()[0] % _SHARDS


def _bounded(shard: dict[str, _Kept]) -> dict[str, _Kept]:
    """The newest that have room."""
    room, kept = _SHARD_BYTES, list[tuple[str, _Kept]]()
    for key, one in reversed(shard.items()):
        room -= len(one.raw) + len(key)
        if room < 0:
            break
        kept.append((key, one))
    return dict(reversed(kept))
