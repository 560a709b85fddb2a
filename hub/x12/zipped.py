"""Opens what partners pack: a ZIP around X12 files, member by member, within limits."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from hub.errors import Problem

MOST_MEMBERS = 1000
LARGEST_MEMBER_BYTES = 4 << 30
LARGEST_RATIO = 200
_BLOCK_BYTES = 1 << 18
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# what zipfile raises on bytes that are no archive, beside BadZipFile
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def members(file: BinaryIO) -> Iterator[BinaryIO | Problem]:
    """Yields each file inside a ZIP, unpacked as it is read; yields `file` itself when it is no ZIP.

    `file` must be seekable. A member that is damaged (each is unpacked once before it is given), encrypted,
    or unpacks to more than it honestly could (4 GiB, or 200 times its size), is a Problem in its place, and
    so is an archive that cannot be read.
    """
    head = file.read(4)
    file.seek(0)
    if head != b"PK\x03\x04":
        yield file
        return
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGE:
        yield _refused("the archive", "is damaged")
        return
    with archive:
        yield from _opened(archive)


def _opened(archive: zipfile.ZipFile) -> Iterator[BinaryIO | Problem]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    for number, info in enumerate(infos[:MOST_MEMBERS], 1):
        why = _why_refused(info) or _damage(archive, info)
        if why:
            yield _refused(f"member {number}", why)
            continue
        with archive.open(info) as member:
            yield cast("BinaryIO", member)
    if len(infos) > MOST_MEMBERS:
        yield _refused(f"members after {MOST_MEMBERS}", "are more than one archive may hold")


def _damage(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    """Unpacks a member to its end and keeps nothing: its checksum stands behind what is given afterwards."""
    try:
        with archive.open(info) as member:
            while member.read(_BLOCK_BYTES):
                pass
    except _DAMAGE:
        return "is damaged"
    return ""


def _why_refused(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 1:
        return "is encrypted"
    if info.compress_type not in _PACKINGS:
        return "is packed in another way than by deflation"
    largest = min(LARGEST_MEMBER_BYTES, max(info.compress_size, 1 << 16) * LARGEST_RATIO)
    return "unpacks to more than it honestly could" if info.file_size > largest else ""


def _refused(where: str, why: str) -> Problem:
    return Problem(code="x12.zip", where=where, why=why, fix="ask the sender for the plain file")
