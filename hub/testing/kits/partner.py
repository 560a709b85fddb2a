"""What a transfer kit needs of the other side, and the files that it sends there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Protocol

import pytest

from hub.plugin.api import Outgoing


class Partner(Protocol):
    """The other side, as a test sees it.

    Optional, each enabling tests that are skipped without it:
    `cut_after(size)` lets that many more bytes pass (0: none) and then fails every call, `heal()` ends that
    (a class attribute `cuts_midway = False` says that only 0 can be acted out);
    `withdraw(name)` takes an offered file away;
    `offer_growing(name, body)` lays out a file that is still being written.
    """

    def visible(self) -> dict[str, bytes]:
        """What we published, by name: the files that the partner would take, and no others."""
        ...

    def offer(self, name: str, body: bytes) -> None:
        """Lay a whole file out for us."""
        ...


def outgoing(
    body: bytes, *, name: str = "HUB0001.837", kind: str = "837P", file_id: str = "fil_kit1"
) -> Outgoing:
    """A frozen file of `body`."""
    digest = hashlib.sha256(body).hexdigest()
    return Outgoing(file_id=file_id, name=name, kind=kind, size=len(body), digest=digest)


def pieces(body: bytes, size: int = 1024) -> Iterator[bytes]:
    """`body` as it is streamed."""
    return (body[start : start + size] for start in range(0, len(body), size))


def able(partner: object, *methods: str) -> None:
    """Skip the test where the partner cannot act this out."""
    missing = [name for name in methods if not callable(getattr(partner, name, None))]
    if missing:
        pytest.skip(f"this partner has no {' and '.join(missing)}")


def cuts_midway(partner: object) -> None:
    """Skip the test where the partner cannot go away in the middle of a file."""
    able(partner, "cut_after", "heal")
    if not getattr(partner, "cuts_midway", True):
        pytest.skip("this partner cannot go away in the middle of a file")
