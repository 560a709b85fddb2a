"""The simulated partner in a process of its own, so that the hub is measured alone on its interpreter."""

from __future__ import annotations

import multiprocessing
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

from hub.clock import TurnedClock
from hub.sandbox.mailbox import Endpoint
from hub.sandbox.options import SandboxOptions
from hub.sandbox.sandbox import Sandbox


def _serve(pipe: Connection, root: Path, start: datetime) -> None:
    clock = TurnedClock(start)
    with Sandbox.start(root, clock, 1, SandboxOptions(plain=True, check=False)) as sandbox:
        pipe.send((_plain(sandbox.clearinghouse), _plain(sandbox.printer)))
        while (told := pipe.recv()) is not None:
            clock.turn_to(told)
            sandbox.advance()
            pipe.send(sandbox.next_due())


def _plain(endpoint: Endpoint) -> dict[str, str | int]:
    return {name: getattr(endpoint, name) for name in endpoint.__struct_fields__}


class Partner:
    """Starts the partner's process; `advance` turns its clock, lets it answer and says when more is due."""

    def __init__(self, root: Path, start: datetime) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, root, start), daemon=True)
        self._process.start()
        clearinghouse, printer = self._pipe.recv()
        self.sandbox = SimpleNamespace(
            clearinghouse=Endpoint(**clearinghouse), printer=Endpoint(**printer), root=root
        )

    def advance(self, instant: datetime) -> datetime | None:
        """Turn to `instant` and answer what is due by then."""
        self._pipe.send(instant)
        due: datetime | None = self._pipe.recv()
        return due

    def stop(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join(10)
