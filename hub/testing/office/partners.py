"""The clearinghouses of an office, one for each mailbox, in a process of their own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hub.clock import TurnedClock
from hub.sandbox.clearinghouse import Clearinghouse
from hub.sandbox.mailbox import Endpoint, Mailbox
from hub.sandbox.options import SandboxOptions
from hub.sandbox.report import Report

PLAIN = SandboxOptions(plain=True, check=False)
"""Everything is accepted and paid: what the partner does costs little."""


class _Served:
    """The mailboxes inside their process."""

    def __init__(self, root: Path, names: Sequence[str], start: datetime, *, sftp: bool) -> None:
        self.clock = TurnedClock(start)
        self.houses = {name: Clearinghouse(1, PLAIN) for name in names}
        self.boxes = [Mailbox(name, root, self.clock, self.houses[name], "a password") for name in names]
        for box in self.boxes if sftp else ():
            box.start()
        self.endpoints = {box.name: box.endpoint for box in self.boxes} if sftp else {}

    def advance(self, instant: datetime) -> datetime | None:
        """Turn the clock, take what came, put out what is due; when more is due."""
        self.clock.turn_to(instant)
        for box in self.boxes:
            box.advance()
        return min((due for one in self.houses.values() if (due := one.next_due()) is not None), default=None)

    def reports(self) -> dict[str, Report]:
        """The books of each."""
        return {name: house.report for name, house in self.houses.items()}


def _serve(pipe: Connection[Any, Any], root: Path, names: Sequence[str], start: datetime, sftp: bool) -> None:
    served = _Served(root, names, start, sftp=sftp)
    pipe.send({name: _plain(one) for name, one in served.endpoints.items()})
    asked: dict[str, Callable[..., Any]] = {"advance": served.advance, "reports": served.reports}
    while (told := pipe.recv()) is not None:
        pipe.send(asked[told[0]](*told[1:]))
    for box in served.boxes:
        box.stop()


def _plain(endpoint: Endpoint) -> dict[str, str | int]:
    return {name: getattr(endpoint, name) for name in endpoint.__struct_fields__}


class Partners:
    """Starts the partners' process. `endpoints` are those of the mailboxes that are reached by SFTP."""

    def __init__(self, root: Path, names: Sequence[str], start: datetime, *, sftp: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, root, names, start, sftp), daemon=True)
        self._process.start()
        self.endpoints = {name: Endpoint(**one) for name, one in self._pipe.recv().items()}

    def advance(self, instant: datetime) -> datetime | None:
        """Turn to `instant` and answer what is due by then; says when more is due."""
        return self._ask("advance", instant)  # type: ignore[no-any-return]

    def reports(self) -> dict[str, Report]:
        """The partners' own books by mailbox."""
        return self._ask("reports")  # type: ignore[no-any-return]

    def stop(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join(30)
        self._pipe.close()

    def _ask(self, *asked: Any) -> Any:
        self._pipe.send(asked)
        return self._pipe.recv()
