"""What an export offers: its files, in the order in which they are fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal
from urllib.parse import urljoin

import msgspec

from hub.plugin.api import Refused
from hub_ehr_fhir.mapping.order import TYPES

_RANKS = {name: number for number, name in enumerate(TYPES)}
_MIXED = _RANKS["Encounter"] - 0.5
"""Files of several types come right before the encounters."""
PAGES = 1_000
_FIX = "ask who runs the server: its answer to the export is not as the Bulk Data Access guide says"

What = Literal["output", "deleted", "error"]


class _Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Servers add to a manifest what they like: the rest is passed over."""


class Output(_Shape, frozen=True, kw_only=True):
    """One file as the manifest names it; `count` lines where it says how many."""

    url: str = ""
    type: str | None = None
    count: int | float | str | None = None


class Link(_Shape, frozen=True, kw_only=True):
    """Where the manifest goes on."""

    relation: str = ""
    url: str = ""


class Manifest(_Shape, frozen=True, kw_only=True):
    """A page of a manifest, or all of them together."""

    transaction_time: str = ""
    requires_access_token: bool | str | None = None
    output: list[Output] | None = None
    deleted: list[Output] | None = None
    error: list[Output] | None = None
    link: list[Link] | None = None

    @property
    def following(self) -> str:
        """The address of the next page, if there is one."""
        return next((one.url for one in self.link or () if one.relation == "next"), "")

    @property
    def time(self) -> datetime | None:
        """As of when the server exported, aware; None where it does not say."""
        try:
            found = datetime.fromisoformat(self.transaction_time)
        except ValueError:
            return None
        return found if found.tzinfo else None


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file to fetch: `kind` its type (empty: several), `count` its lines (-1: not told; with errors, servers count
    what failed), `signed` whether it takes our token.
    """

    what: What
    kind: str
    url: str
    count: int = -1
    signed: bool = True


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """All files of an export in order: what was exported, then what was deleted, then what went wrong. `shape` is the
    same as long as the same files stand in the same order, whatever their addresses are; `left` counts those of
    types that nobody reads.
    """

    files: tuple[File, ...]
    shape: str
    time: datetime | None
    left: int = 0

    def __repr__(self) -> str:
        return f"Files({len(self.files)})"


_DECODER = msgspec.json.Decoder(Manifest, strict=False)


def page(body: bytes) -> Manifest:
    """A page of a manifest. Raises `Refused` for what is none."""
    try:
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Refused("the list of the export's files cannot be read", fix=_FIX) from None


def files(pages: Iterable[tuple[str, Manifest]]) -> Files:
    """The files of all pages, each given with its own address: what others refer to first, encounters last."""
    found, first, left = list[File](), None, 0
    for address, one in pages:
        first = first or one
        for file in _of(address, one):
            wanted = file.what != "output" or not file.kind or file.kind in _RANKS
            found += [file] * wanted
            left += not wanted
    found.sort(key=_rank)
    said = "\n".join(f"{file.what} {file.kind} {file.count}" for file in found)
    shape = hashlib.sha256(said.encode()).hexdigest()[:16]
    return Files(files=tuple(found), shape=shape, time=first.time if first else None, left=left)


def _of(address: str, one: Manifest) -> Iterator[File]:
    signed = str(one.requires_access_token).lower() not in ("false", "0")
    for what, outputs in (("output", one.output), ("deleted", one.deleted), ("error", one.error)):
        for file in outputs or ():
            if file.url:
                outcome = what == "output" and file.type == "OperationOutcome"
                yield File(
                    what="error" if outcome else what,  # type: ignore[arg-type]
                    kind=file.type or "",
                    url=urljoin(address, file.url),
                    count=_count(file.count) if what == "output" else -1,
                    signed=signed,
                )


def _count(told: float | str | None) -> int:
    try:
        return int(told) if told is not None else -1
    except (ValueError, OverflowError):
        return -1


def _rank(file: File) -> tuple[int, float]:
    """Sorting is stable: files of one type keep the manifest's order."""
    part = ("output", "deleted", "error").index(file.what)
    return part, _RANKS.get(file.kind, _MIXED) if file.what == "output" else 0.0
