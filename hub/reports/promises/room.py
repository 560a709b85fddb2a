"""What a proof is, and the room in which one is made: a view, the settings, and a list that exceptions go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hub.config.settings import Settings
from hub.errors import HubError
from hub.store import Damaged, View
from hub.store.documents import Collection, Row
from hub.store.scan import Scan

T = TypeVar("T")
MOST = 100
"""Exceptions that are told of one promise; the rest are counted."""
PAGE = 500
RESTORE = "restore the row from the backup, and find out who writes to the database"


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """One exception: where (ids and places, never a value), why it breaks the promise, and what to do."""

    where: str
    why: str
    fix: str = RESTORE


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """One promise: how many things were checked, in words what they were, and every exception (`more`: those
    beyond the first hundred), and how long it took."""

    number: int
    title: str
    checked: int
    what: str
    exceptions: tuple[Breach, ...] = ()
    more: int = 0
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the promise holds."""
        return not self.exceptions


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What a mailbox's plugin says: which evidence makes a file sent, and what may happen to one in doubt."""

    evidence: tuple[str, ...]
    in_doubt: str = "ask"


@dataclass(kw_only=True)
class Room:
    """One promise being proved."""

    view: View
    settings: Settings
    now: datetime
    log_files: tuple[Path, ...] = ()
    sealed: bool = True
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    breaches: list[Breach] = field(default_factory=list)
    more: int = 0

    @property
    def scan(self) -> Scan:
        """Pages over tables."""
        return Scan(self.view.session)

    def count(self, what: str, number: int = 1) -> None:
        """So many of `what` were checked."""
        self.counts[what] = self.counts.get(what, 0) + number

    def breach(self, where: str, why: str, fix: str = RESTORE) -> None:
        """Name an exception; said twice in the same words it is one."""
        found = Breach(where=where, why=why, fix=fix)
        if found in self.breaches:
            return
        if len(self.breaches) < MOST:
            self.breaches.append(found)
        else:
            self.more += 1

    @contextmanager
    def guarded(self, where: str) -> Iterator[None]:
        """What cannot be checked is an exception too: damage in one place never hides what is in another."""
        try:
            yield
        except Damaged as error:
            self.breach(where, f"it cannot be read: {error}")
        except HubError as error:
            self.breach(where, f"it cannot be checked: {error}", error.fix or RESTORE)
        except Exception as error:  # noqa: BLE001 - a proof that falls over proves nothing, and must say so
            self.breach(where, f"it cannot be checked: {type(error).__name__}", "look at the rows of this check")

    def documents(self, of: Collection[T], what: str, **equals: Any) -> Iterator[list[Row[T]]]:
        """Pages of documents; one that does not open is named and left out."""
        for page in heads(of, **equals):
            yield self._open(of, what, [head.id for head in page])

    def _open(self, of: Collection[T], what: str, ids: list[str]) -> list[Row[T]]:
        try:
            return list(of.get_many(ids).values())
        except Damaged:
            return [row for one in ids if (row := self._open_one(of, what, one)) is not None]

    def _open_one(self, of: Collection[T], what: str, one: str) -> Row[T] | None:
        try:
            return of.get(one)
        except Damaged as error:
            self.breach(f"{what} {one}", f"its document cannot be read: {error}")
            return None


def heads(of: Collection[Any], **equals: Any) -> Iterator[list[Row[None]]]:
    """Pages of rows without their documents, in id order."""
    after, walk = "", equals.keys() <= {"state"}
    while page := of.heads(limit=PAGE, after_id=after, walk=walk, **equals):
        yield page
        after = page[-1].id


def told(counts: Mapping[str, int]) -> str:
    """`3 files, 12 claims`."""
    return ", ".join(f"{number:,} {what}" for what, number in counts.items()) or "nothing yet"


def slices(items: Iterable[T], size: int = PAGE) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    part: list[T] = []
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
