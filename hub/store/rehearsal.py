"""A transaction that a dry run makes too, and gives up at its end: what it tells cannot differ from the deed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hub.store.store import Store
from hub.store.tx import Tx


class _GivenUp(Exception):
    """A dry run ends: its transaction is rolled back."""


@contextmanager
def rehearsed(store: Store, point: str, *, dry_run: bool) -> Iterator[Tx]:
    """As `Store.begin`; a dry run writes all of it and keeps none."""
    with suppress(_GivenUp), store.begin(point) as tx:
        yield tx
        if dry_run:
            tx.flush()
            raise _GivenUp
