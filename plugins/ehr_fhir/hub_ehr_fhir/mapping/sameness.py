"""Which resources R4 must judge alike: two that differ only in values which no rule of R4 tells apart.

What the narrow records (`narrow.py`) leave undecided is odd, but a sender is odd in the same way all day. So the
verdict *valid* is remembered by what is left of a resource when such values are masked: a calendar date becomes
any date, a plain identifier any identifier, a plain text any text. What is not masked (codes, systems, element
names, nesting, and every value out of the ordinary) stays and must be equal. Only JSON that was decoded before
may be asked about: a quote without a backslash before it is then always the edge of a string. A mask holds a
zero byte, which JSON cannot, so that it equals no value.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict

_LIMIT = 20_000

_MOST = rb"(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
_ENDS = rb"(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31"
_DAY = rb"(?:19|20)\d\d-(?:" + _MOST + rb"|" + _ENDS + rb")"
_TIME = rb"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)"
_PLAIN = rb"[A-Za-z0-9](?:[A-Za-z0-9 .,'#/()-]{0,98}[A-Za-z0-9.)])?"
_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ID = rb"[A-Za-z0-9.-]{1,64}"

Mask = tuple[re.Pattern[bytes], bytes]


def _masks(key: bytes, *values: tuple[bytes, bytes]) -> tuple[bytes, tuple[Mask, ...]]:
    """An element's name as it stands in JSON, and what is put for each ordinary value of it. The pattern begins
    with the name itself, which makes the search several times as fast.
    """
    name = b'"' + key + b'"'
    found = (
        (re.compile(name + rb"(?<!\\" + name + rb")\s*:\s*" + value), name + b":\x00" + mask)
        for value, mask in values
    )
    return name, tuple(found)


_EVERYWHERE: tuple[Mask, ...] = (
    (re.compile(rb':\s*"' + _DAY + rb'"'), b":\x00D"),
    (re.compile(rb':\s*"' + _DAY + _TIME + rb'"'), b":\x00T"),
)
_TEXT = ((b'"' + _PLAIN + b'"', b"X"),)
_TEXTS = ((rb'\[\s*"' + _PLAIN + rb'"\s*\]', b"L"),)
_BY_NAME = (
    _masks(b"id", (b'"' + _ID + b'"', b"I")),
    _masks(
        b"value",
        (rb'"[0-9]{1,40}"', b"9"),
        (rb'"[A-Za-z](?:[A-Za-z0-9 .,#/-]{0,98}[A-Za-z0-9])?"', b"S"),
        (rb"-?(?:0|[1-9]\d{0,8})(?:\.\d{1,6})?(?=\s*[,}])", b"N"),
    ),
    _masks(b"reference", (rb'"([A-Za-z]+/)' + _ID + rb'"', rb"\1I"), (rb'"urn:uuid:' + _UUID + rb'"', b"U")),
    *(_masks(key, *_TEXT) for key in (b"family", b"city", b"text", b"display", b"postalCode", b"state")),
    _masks(b"subscriberId", *_TEXT),
    *(_masks(key, *_TEXTS) for key in (b"given", b"line")),
)


class Verdicts:
    """The shapes that were found valid, as digests: nothing of a resource is kept. When there are too many, the one
    that was asked for longest ago goes; safe in several threads, which share what each learned.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._valid: OrderedDict[bytes, None] = OrderedDict()
        self._limit = limit
        self._using = threading.Lock()

    def known(self, shape: bytes) -> bool:
        """Whether a resource of this shape was valid before."""
        with self._using:
            if shape not in self._valid:
                return False
            self._valid.move_to_end(shape)
            return True

    def remember(self, shape: bytes) -> None:
        """Keep that resources of this shape are valid."""
        with self._using:
            self._valid[shape] = None
            self._valid.move_to_end(shape)
            if len(self._valid) > self._limit:
                self._valid.popitem(last=False)


def shape_of(kind: str, raw: bytes) -> bytes:
    """The digest of a decoded resource with its ordinary values masked."""
    for pattern, mask in _EVERYWHERE:
        raw = pattern.sub(mask, raw)
    for name, masks in _BY_NAME:
        if name in raw:
            for pattern, mask in masks:
                raw = pattern.sub(mask, raw)
    return hashlib.blake2b(kind.encode() + b"\0" + raw, digest_size=16).digest()
