"""Messages of resources without a version: what a server tells again after it told otherwise is news once more."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable

from hub.plugin.api import RawMessage
from hub.plugin.api.ports import State
from hub_ehr_fhir.pull.bundling import JSON, collection, message
from hub_ehr_fhir.pull.resources import Found

_SHARDS = 16
KEYS = tuple(f"sent.{nth:02}" for nth in range(_SHARDS))
_ROW = struct.Struct(">8s8s8s")
_MOST = 4_000
"""Units of a shard that are remembered; one that fell out is known by its bytes alone again."""
_FIRST = bytes(8)


class Sent:
    """What was sent last of each unit whose resources tell neither version nor time: a digest of it, and one of all
    that was sent before it. The hub knows a message again by its id; the id of such a message is made of both, so
    that finished, reopened, finished are three messages, and the same told twice in a row is one.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._shards: dict[int, dict[bytes, tuple[bytes, bytes]]] = {}
        self._changed: set[int] = set()

    def message(self, unit: str, resources: Iterable[Found]) -> RawMessage:
        """The message of a unit (`Encounter/1`) with these resources."""
        told = list(resources)
        body = collection(told)
        if all(one.version or one.updated for one in told):
            return message(unit, body)
        return RawMessage(external_id=self._id(unit, body), content_type=JSON, body=body)

    def deleted(self, unit: str) -> None:
        """It was told that the unit is deleted: should it come back as it was, that is news."""
        name = _digest(unit.encode())
        shard = self._shard(name[0] % _SHARDS)
        if name in shard:
            last, before = shard.pop(name)
            shard[name] = (_FIRST, _digest(before + last))
            self._changed.add(name[0] % _SHARDS)

    def save(self) -> None:
        """Put what changed into the state."""
        for nth in sorted(self._changed):
            rows = list(self._shards[nth].items())[-_MOST:]
            self._state.put(KEYS[nth], b"".join(_ROW.pack(key, mark, before) for key, (mark, before) in rows))
        self._changed.clear()

    def _id(self, unit: str, body: bytes) -> str:
        name, mark = _digest(unit.encode()), _digest(body)
        nth = name[0] % _SHARDS
        shard = self._shard(nth)
        last, before = shard.pop(name, (b"", _FIRST))
        if last and last != mark:
            before = _digest(before + last)
        shard[name] = (mark, before)
        self._changed.add(nth)
        key = unit if before == _FIRST else f"{unit}\0{before.hex()}"
        return message(key, body).external_id

    def _shard(self, nth: int) -> dict[bytes, tuple[bytes, bytes]]:
        if nth not in self._shards:
            kept = self._state.get(KEYS[nth]) or b""
            whole = kept[: len(kept) - len(kept) % _ROW.size]
            self._shards[nth] = {key: (mark, before) for key, mark, before in _ROW.iter_unpack(whole)}
        return self._shards[nth]


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=8).digest()
