"""A transaction and a view: the repositories of the store side by side, each made when it is first used."""

from __future__ import annotations

from datetime import datetime

from hub.store.nudge import Nudge
from hub.store.session import Session


class View:
    """A read-only look at one consistent state of the database; writing through it is refused by the database."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def now(self) -> datetime:
        """The instant this transaction began."""
        return self.session.now

    def digest(self, kind: str, value: str) -> str:
        """The keyed digest of `value` for the `key`, `parent`, `trace` and `content_key` columns."""
        return self.session.keys.digest(kind, value)

    # --- book, events, work, expectations, slots, runs, plugin_state: (the second builder's lines) ---


class Tx(View):
    """A named transaction: everything written through it becomes durable together, or not at all."""

    def __init__(self, session: Session, name: str) -> None:
        super().__init__(session)
        self.name = name
        self.nudges: dict[Nudge, None] = {}

    def new_id(self, prefix: str) -> str:
        """A new time-ordered id."""
        return self.session.new_id(prefix)

    def then(self, *nudges: Nudge) -> None:
        """Tell the runner after the commit, once for each distinct nudge."""
        self.nudges.update(dict.fromkeys(nudges))

    # --- event(), expect(), met(): (the second builder's lines) ---
