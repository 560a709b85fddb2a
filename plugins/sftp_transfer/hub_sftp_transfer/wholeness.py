"""Tells whether bytes that look like X12 came whole: from ISA to IEA."""

from __future__ import annotations

from collections.abc import Iterator

TAIL_BYTES = 512
ISA_LENGTH = 106


class Watched:
    """Passes chunks through and remembers enough of them to judge: their count, their head and their tail."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._head = b""
        self._tail = b""
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            if len(self._head) < TAIL_BYTES:
                self._head = (self._head + chunk)[:TAIL_BYTES]
            self._tail = (self._tail + chunk)[-TAIL_BYTES:] if len(chunk) < TAIL_BYTES else chunk[-TAIL_BYTES:]
            yield chunk

    def is_cut(self) -> bool:
        """It begins with an ISA and does not end with an IEA segment. What is not X12 cannot be told."""
        return is_cut(self._head, self._tail)


def is_cut(head: bytes, tail: bytes) -> bool:
    """Whether an interchange that begins with `head` (ISA: 106 characters) ends in `tail` without its IEA."""
    head = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    if not head.startswith(b"ISA"):
        return False
    if len(head) < ISA_LENGTH:
        return True
    element, terminator = head[3:4], head[105:106]
    end = tail.rstrip(b" \r\n\t\x00\x1a")
    if terminator not in b"\r\n":
        if not end.endswith(terminator):
            return True
        end = end[: -len(terminator)]
    return not end.rsplit(terminator, 1)[-1].strip().startswith(b"IEA" + element)
