"""The contract of a `Clearinghouse`: all of `transfer` (T1 to T27), and what follows.

C1  `ask` of a kind that `capabilities.realtime` does not name raises `Refused`.
C2  `ask` of a kind that it names gives bytes back (give `question`).
C3  With the partner away `ask` raises `RetryLater`, or `InDoubt` where the question may have had an effect.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest

from hub.plugin.api import Clearinghouse, InDoubt, Listing, Refused, RetryLater
from hub.testing.fakes import FakeContext
from hub.testing.kits.partner import able
from hub.testing.kits.transfer import TransferKit

SOON = timedelta(seconds=20)


class ClearinghouseKit(TransferKit):
    """Give `partner` and `make_port`, and `question` where your port answers in real time."""

    PORT: ClassVar[type] = Clearinghouse
    kind = "837P"
    question: tuple[str, bytes] | None = None

    def look(self, port: Any, cursor: str) -> Listing:
        """One listing."""
        listing: Listing = port.list(cursor)
        return listing

    def test_ask_what_is_not_answered(self, port: Any, context: FakeContext) -> None:
        """C1: a question that this partner does not answer is refused."""
        with pytest.raises(Refused):
            port.ask("no-such-kind", b"ISA~", context.clock.now() + SOON)

    def test_ask(self, port: Any, context: FakeContext) -> None:
        """C2: a question that it names is answered."""
        kind, body = self._asked(port)
        answer = port.ask(kind, body, context.clock.now() + SOON)
        assert isinstance(answer, bytes)
        assert answer

    def test_ask_while_cut(self, partner: Any, port: Any, context: FakeContext) -> None:
        """C3: no answer is a door error."""
        kind, body = self._asked(port)
        able(partner, "cut_after", "heal")
        partner.cut_after(0)
        with pytest.raises((RetryLater, InDoubt)):
            port.ask(kind, body, context.clock.now() + SOON)
        partner.heal()

    def _asked(self, port: Any) -> tuple[str, bytes]:
        if not port.capabilities.realtime:
            pytest.skip("this port answers nothing in real time")
        assert self.question is not None, "the port answers in real time: give `question`"
        return self.question
