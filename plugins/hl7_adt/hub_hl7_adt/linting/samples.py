"""Takes messages out of what a vendor sends as samples: files, folders, batches, captures of a connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from hub.errors import Refused
from hub_hl7_adt.wire import split

_LARGEST = 256 << 20


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One message: the file it stood in, and its place among the messages of that file, counted from 1."""

    file: str
    nth: int
    body: bytes

    def __repr__(self) -> str:
        return f"Sample({self.nth}, {len(self.body)} bytes)"


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """The messages, how many files held them, the names of files that hold none, how many files hold something
    beside messages, and how many batches count otherwise than they hold.
    """

    samples: tuple[Sample, ...]
    files: int
    empty: tuple[str, ...]
    strays: int
    miscounted: int


def gathered(paths: Iterable[Path]) -> Gathered:
    """The messages of files and folders in the order of their names; raises `Refused` where a path is none."""
    samples: list[Sample] = []
    empty: list[str] = []
    files = strays = miscounted = 0
    for path in paths:
        for file in _files(path):
            parts = split(_bytes(file))
            found = [Sample(file=file.name, nth=n, body=body) for n, body in enumerate(parts.messages, 1)]
            samples += found
            files += bool(found)
            strays += bool(found and parts.strays)
            miscounted += not parts.counts_agree
            empty += [] if found else [file.name]
    return Gathered(samples=tuple(samples), files=files, empty=tuple(empty), strays=strays, miscounted=miscounted)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
    elif path.exists():
        yield path
    else:
        raise Refused(
            f"there is no file or folder {path}", fix="check the name; a folder is read with all its files"
        )


def _bytes(file: Path) -> bytes:
    try:
        if file.stat().st_size > _LARGEST:
            raise Refused(f"{file.name} is larger than 256 MB", fix="cut out some hundred messages as samples")
        return file.read_bytes()
    except OSError as error:
        raise Refused(f"{file.name} cannot be read: {error.strerror}", fix="check who may read it") from None


def spread(samples: tuple[Sample, ...], most: int) -> tuple[Sample, ...]:
    """At most so many of them, taken evenly from the whole."""
    if len(samples) <= most:
        return samples
    return tuple(samples[len(samples) * n // most] for n in range(most))
