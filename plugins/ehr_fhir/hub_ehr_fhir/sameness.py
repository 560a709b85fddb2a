"""Which resources R4 must judge alike: two that differ only in values which no rule of R4 tells apart.

fhir.resources needs about half a millisecond for a resource, and a feed sends the same shapes all day. So the
verdict *valid* is remembered by what is left of a resource when such values are masked: a calendar date becomes
any date, a plain identifier any identifier, a plain text any text. What is not masked (codes, systems, element
names, nesting, and every value out of the ordinary) stays and must be equal. Only JSON that was decoded before
may be asked about: a quote without a backslash before it is then always the edge of a string. A mask holds a
zero byte, which JSON cannot, so that it equals no value.
"""

from __future__ import annotations

import hashlib
import re

_LIMIT = 20_000

_MOST = rb"(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
_ENDS = rb"(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31"
_DAY = rb"(?:19|20)\d\d-(?:" + _MOST + rb"|" + _ENDS + rb")"
_TIME = rb"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)"
_PLAIN = rb"[A-Za-z0-9](?:[A-Za-z0-9 .,'#/()-]{0,98}[A-Za-z0-9.)])?"
_KEY = rb'(?<!\\)("(?:%s)"\s*:\s*)'
_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TEXTS = b"family|city|text|display|postalCode|state|subscriberId"

_MASKS: tuple[tuple[re.Pattern[bytes], bytes], ...] = tuple(
    (re.compile(pattern), mask)
    for pattern, mask in (
        (rb'(:\s*")' + _DAY + rb'"', b'\\1\x00D"'),
        (rb'(:\s*")' + _DAY + _TIME + rb'"', b'\\1\x00T"'),
        (_KEY % b"id" + rb'"[A-Za-z0-9.-]{1,64}"', b'\\1"\x00I"'),
        (_KEY % b"value" + rb'"(?:[0-9]{1,40})"', b'\\1"\x009"'),
        (_KEY % b"value" + rb'"(?:[A-Za-z](?:[A-Za-z0-9 .,#/-]{0,98}[A-Za-z0-9])?)"', b'\\1"\x00S"'),
        (_KEY % b"value" + rb"-?(?:0|[1-9]\d{0,8})(?:\.\d{1,6})?(?=\s*[,}])", b"\\1\x00N"),
        (_KEY % _TEXTS + rb'"' + _PLAIN + rb'"', b'\\1"\x00X"'),
        (_KEY % b"given|line" + rb'\[\s*"' + _PLAIN + rb'"\s*\]', b'\\1["\x00X"]'),
        (_KEY % b"reference" + rb'"([A-Za-z]+/)[A-Za-z0-9.-]{1,64}"', b'\\1"\\2\x00I"'),
        (_KEY % b"reference" + rb'"urn:uuid:' + _UUID + rb'"', b'\\1"\x00U"'),
    )
)


class Verdicts:
    """The shapes that were found valid, as digests: nothing of a resource is kept."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._valid: set[bytes] = set()
        self._limit = limit

    def known(self, shape: bytes) -> bool:
        """Whether a resource of this shape was valid before."""
        return shape in self._valid

    def remember(self, shape: bytes) -> None:
        """Keep that resources of this shape are valid; begins anew when there are too many."""
        if len(self._valid) >= self._limit:
            self._valid.clear()
        self._valid.add(shape)


def shape_of(kind: str, raw: bytes) -> bytes:
    """The digest of a decoded resource with its ordinary values masked."""
    for pattern, mask in _MASKS:
        raw = pattern.sub(mask, raw)
    return hashlib.blake2b(kind.encode() + b"\0" + raw, digest_size=16).digest()
