"""The file of a backup: a plain header, then members in encrypted chunks, each bound to its file and place."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.errors import HubError, Misconfigured, Refused
from hub.store import Damaged, Keyring

MAGIC = b"BILLING-HUB-BACKUP\n"
FORMAT = 1
CHUNK = 1 << 20
MEMBERS = ("settings", "database", "manifest")
"""In this order: what is small comes first, and what tells of the others last."""
_SAMPLE = 1 << 14
_FRAME = struct.Struct(">BBI")
_LARGEST_HEADER = 1 << 16
_LARGEST_CHUNK = CHUNK + (CHUNK >> 4) + 64
_WRAPPED_AS = "backup"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in clear before the members: enough to know which key and which hub are needed."""

    format: int
    id: str
    made_at: datetime
    hub: str
    schema: str
    kind: str
    master: str
    wrapped: bytes


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One member as it was written: bytes and SHA-256 of its content, and how many chunks."""

    size: int
    digest: str
    chunks: int


class Hash(Protocol):
    """What a running SHA-256 can do."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class Writer:
    """Writes a backup to an open file under a key of its own, which the master key wraps; memory stays flat."""

    def __init__(self, file: IO[bytes], keyring: Keyring, **about: str | datetime) -> None:
        made_at = about["made_at"]
        if not isinstance(made_at, datetime):
            raise TypeError("made_at is an instant")
        key = os.urandom(32)
        wrapped = keyring.wrap(_WRAPPED_AS, made_at, key)
        fields = {
            "format": FORMAT,
            "master": keyring.mark,
            "wrapped": base64.b64encode(wrapped).decode(),
            **about,
        }
        body = msgspec.json.encode(msgspec.convert(fields, Header))
        self._file, self._aead = file, AESGCM(key)
        self._bound = hashlib.sha256(body).digest()
        self.digest = hashlib.sha256()
        self.size = 0
        self._put(MAGIC + struct.pack(">I", len(body)) + body)

    def member(self, name: str, pieces: Iterable[bytes]) -> Member:
        """Write one member from a stream of pieces of any size."""
        number, running, size, count = MEMBERS.index(name), hashlib.sha256(), 0, 0
        for chunk, last in _cut(pieces):
            running.update(chunk)
            nonce = _nonce(number, count)
            sealed = self._aead.encrypt(nonce, _packed(chunk), _aad(self._bound, number, count, last))
            self._put(_FRAME.pack(number, last, len(sealed)))
            self._put(sealed)
            size, count = size + len(chunk), count + 1
        return Member(size=size, digest=running.hexdigest(), chunks=count)

    def _put(self, body: bytes) -> None:
        self._file.write(body)
        self.digest.update(body)
        self.size += len(body)


class Reader:
    """Reads a backup from an open file; what is not as it was written is named by member and chunk."""

    def __init__(self, file: IO[bytes], keyring: Keyring) -> None:
        self.header, self._bound = _head(file)
        self._file = file
        self._aead = AESGCM(_opened(self.header, keyring))
        self.members: dict[str, Member] = {}

    def member(self, name: str) -> Iterator[bytes]:
        """The content of the next member, which must be `name`; `members` has its digest when it ended."""
        number, running, size, count, last = MEMBERS.index(name), hashlib.sha256(), 0, 0, False
        while not last:
            chunk, last = self._chunk(name, number, count)
            running.update(chunk)
            size, count = size + len(chunk), count + 1
            yield chunk
        self.members[name] = Member(size=size, digest=running.hexdigest(), chunks=count)

    def end(self) -> None:
        """Nothing may follow the last member."""
        if self._file.read(1):
            raise Damaged("something follows the end of the backup", fix=_FIX)

    def _chunk(self, name: str, number: int, index: int) -> tuple[bytes, bool]:
        place = f"chunk {index} of member {name}"
        frame = self._file.read(_FRAME.size)
        if len(frame) < _FRAME.size:
            raise Damaged(f"the backup ends before {place}: it was cut short", fix=_FIX)
        found, last, length = _FRAME.unpack(frame)
        if found != number or last > 1 or length > _LARGEST_CHUNK:
            raise Damaged(f"{place} does not begin as it was written", fix=_FIX)
        sealed = self._file.read(length)
        if len(sealed) < length:
            raise Damaged(f"the backup ends within {place}: it was cut short", fix=_FIX)
        try:
            plain = self._aead.decrypt(
                _nonce(number, index), sealed, _aad(self._bound, number, index, bool(last))
            )
        except InvalidTag:
            raise Damaged(f"{place} is not as it was written", fix=_FIX) from None
        return zlib.decompress(plain), bool(last)


_FIX = "use the backup before this one, and look at the disk that this one is on"


def header_of(file: IO[bytes]) -> Header:
    """The header alone, without any key. `Refused` where the file is no backup, or a newer hub's."""
    return _head(file)[0]


def _head(file: IO[bytes]) -> tuple[Header, bytes]:
    if file.read(len(MAGIC)) != MAGIC:
        raise Refused("this is no backup of Billing Hub, or its very beginning is damaged", fix=_FIX)
    length = struct.unpack(">I", file.read(4).rjust(4, b"\0"))[0]
    body = file.read(length) if 0 < length <= _LARGEST_HEADER else b""
    try:
        header = msgspec.json.decode(body, type=Header)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Damaged("the header of the backup is damaged", fix=_FIX) from None
    if header.format > FORMAT:
        raise Misconfigured(f"the backup was made by a newer hub ({header.hub})", fix="restore it with that hub")
    return header, hashlib.sha256(body).digest()


def _opened(header: Header, keyring: Keyring) -> bytes:
    try:
        return keyring.unwrap(_WRAPPED_AS, header.made_at, header.wrapped)
    except HubError:
        if header.master == keyring.mark:
            raise Damaged("the header of the backup is damaged: its key does not open", fix=_FIX) from None
        raise Misconfigured(
            f"this master key ({keyring.mark}) does not open the backup, which needs the key {header.master}",
            fix="give the key whose paper carries that mark: it was in use when the backup was made",
        ) from None


def _aad(bound: bytes, member: int, index: int, last: bool) -> bytes:
    return bound + struct.pack(">BQ?", member, index, last)


def _nonce(member: int, index: int) -> bytes:
    """Never the same twice in a file, and each file has a key of its own."""
    return struct.pack(">IQ", member, index)


def _packed(chunk: bytes) -> bytes:
    """Compressed where a sample of the chunk gets smaller: documents and blobs are encrypted already and do not."""
    sample = chunk[len(chunk) // 2 : len(chunk) // 2 + _SAMPLE]
    return zlib.compress(chunk, 1 if len(zlib.compress(sample, 1)) * 10 <= len(sample) * 9 else 0)


def _cut(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Chunks of 1 MiB and a last one, which may be empty."""
    kept = bytearray()
    for piece in pieces:
        kept += piece
        while len(kept) > CHUNK:
            yield bytes(kept[:CHUNK]), False
            del kept[:CHUNK]
    yield bytes(kept), True
