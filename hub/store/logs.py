"""The log-like repositories that a view and a transaction share: the book and what stands beside it."""

from __future__ import annotations

from functools import cached_property

from hub.store.book import Book
from hub.store.session import Session


class LogViews:
    """What every look at the store can read of its logs; each repository is made when it is first used."""

    session: Session

    @cached_property
    def book(self) -> Book:
        """The ledger's book."""
        return Book(self.session)
