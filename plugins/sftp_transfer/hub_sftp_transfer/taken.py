"""Remembers, where files are left at the partner, which of them are done: 8 bytes each, in 256 shelves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from hub.plugin.api.ports import State

DIGEST_BYTES = 8


class Taken:
    """A set of tokens kept in the instance's encrypted state; a call touches only the shelves it needs."""

    def __init__(self, state: State) -> None:
        self._state = state

    def reader(self) -> Callable[[str], bool]:
        """Tells of a token whether `add` was called for it, as of now; reads each shelf at most once."""
        shelves: dict[str, set[bytes]] = {}

        def has(token: str) -> bool:
            shelf, digest = _place(token)
            if shelf not in shelves:
                shelves[shelf] = _split(self._state.get(shelf) or b"")
            return digest in shelves[shelf]

        return has

    def add(self, token: str) -> None:
        """Remember; harmless twice."""
        shelf, digest = _place(token)
        held = self._state.get(shelf) or b""
        if digest not in _split(held):
            self._state.put(shelf, held + digest)


def _place(token: str) -> tuple[str, bytes]:
    digest = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
    return f"taken-{digest[:1].hex()}", digest[1 : 1 + DIGEST_BYTES]


def _split(held: bytes) -> set[bytes]:
    return {held[at : at + DIGEST_BYTES] for at in range(0, len(held), DIGEST_BYTES)}
