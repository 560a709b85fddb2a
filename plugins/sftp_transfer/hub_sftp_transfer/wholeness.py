"""Tells whether bytes that look like X12 came whole: from ISA to IEA."""

from __future__ import annotations

from collections.abc import Iterator

TAIL_BYTES = 512
ISA_LENGTH = 106
SEPARATORS = (3, 6, 17, 20, 31, 34, 50, 53, 69, 76, 81, 83, 89, 99, 101, 103)


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
    """Whether an interchange that begins with `head` (at least its ISA) ends in `tail` without its IEA."""
    head = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    if not _is_interchange(head):
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


def _is_interchange(head: bytes) -> bool:
    """ISA is the one segment of fixed width: its separators stand where they must, as far as it goes."""
    if not head.startswith(b"ISA") or len(head) == len(b"ISA"):
        return head == b"ISA"
    if head[3:4].isalnum() or head[3:4].isspace():
        return False
    return all(head[at : at + 1] in (head[3:4], b"") for at in SEPARATORS)
