"""The world around a hub that may be killed: the partners, the EHRs' folders and the time, in this process."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, time
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, Self

import msgspec

from faultlab import extras
from faultlab.visits import OUTCOMES, START, Drop
from hub.cli.demo.settings import write_settings
from hub.clock import TurnedClock
from hub.sandbox.options import SandboxOptions
from hub.sandbox.sandbox import Sandbox

QUIET = SandboxOptions(plain=True, outcomes=OUTCOMES)
"""Everything is paid but what the practice steers: the same claims give the same money in every run."""
PLAIN = SandboxOptions(plain=True)
"""Everything is paid."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a hub finds its settings and the world: all that a killed hub and its successor share."""

    work: str
    address: tuple[str, int]
    secret: bytes
    in_doubt_asks: bool = True
    furnished: bool = False


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """What the world says when it is asked: the time, when more will come, and files still to come from EHRs."""

    at: datetime
    due: datetime | None = None
    drops: int = 0


class World:
    """Goes on while hubs come and go. A hub speaks to it over a socket; a test looks at `sandbox` and `work`."""

    def __init__(
        self,
        work: Path,
        drops: Iterable[Drop],
        *,
        store: str = "",
        options: SandboxOptions = QUIET,
        furnished: bool = False,
    ) -> None:
        """`furnished`: with all that a practice does besides the path (`faultlab.extras`)."""
        self.work = work
        self.clock = TurnedClock(datetime.combine(START, time(6), UTC))
        self._coming = sorted(drops, key=lambda one: one.on)
        self._lock = threading.Lock()
        self._over = False
        folders = ("config", "ehr/fhir", "ehr/hl7", "partner/clearinghouse/taken", "partner/printer/taken")
        for part in folders:
            (work / part).mkdir(parents=True, exist_ok=True)
        self.sandbox = Sandbox.start(work / "partner", self.clock, 1, options)
        self.config = write_settings(work / "config", work, self.sandbox, store=store)
        if furnished:
            extras.furnish(work, self.config, work / "partner" / "clearinghouse")
        secret = secrets.token_bytes(16)
        self._listener = Listener(("127.0.0.1", 0), authkey=secret)
        address: tuple[str, int] = self._listener.address
        self.place = Place(work=str(work), address=address, secret=secret, furnished=furnished)
        self._thread = threading.Thread(target=self._serve, name="world")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        with contextlib.suppress(OSError), Client(self.place.address, authkey=self.place.secret):
            pass
        self._thread.join(20)
        self._listener.close()
        self.sandbox.stop()

    def configure(self, old: str, new: str) -> None:
        """Change the hub's settings between two of its lives."""
        path = self.config / "hub.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def restart_partners(self) -> None:
        """The partners are started again on the journal of what came and went."""
        options = self.sandbox.options
        self.sandbox.stop()
        self.sandbox = Sandbox.start(self.work / "partner", self.clock, 1, options)

    def arrived(self, mailbox: str = "clearinghouse") -> list[str]:
        """The names of the files that a partner has taken, in order, from its journal."""
        journal = self.work / "partner" / "private" / mailbox / "arrivals"
        lines = journal.read_text().splitlines() if journal.exists() else []
        return [msgspec.json.decode(line)["name"] for line in lines]

    def turn(self, instant: datetime) -> Now:
        """Time goes on to `instant`, never back: EHRs drop what is due, partners answer what is due."""
        with self._lock:
            if instant > self.clock.now():
                self.clock.turn_to(instant)
            while self._coming and self._coming[0].at <= self.clock.now():
                one = self._coming.pop(0)
                (self.work / "ehr" / one.folder / one.name).write_bytes(one.body)
            self.sandbox.advance()
            return Now(at=self.clock.now(), due=self.sandbox.next_due(), drops=len(self._coming))

    def ask(self, asked: datetime | str) -> Now | bool:
        """An instant: turn to it. A file's name: whether a partner has taken it."""
        if isinstance(asked, datetime):
            return self.turn(asked)
        return asked in {*self.arrived("clearinghouse"), *self.arrived("printer")}

    def add(self, *drops: Drop) -> None:
        """EHRs will leave these files, too."""
        with self._lock:
            self._coming = sorted([*self._coming, *drops], key=lambda one: one.on)

    def _serve(self) -> None:
        """Each hub has a thread of its own here: one that sleeps keeps no other waiting."""
        while not self._over:
            try:
                line = self._listener.accept()
            except (OSError, EOFError):
                continue
            threading.Thread(target=self._answer, args=(line,), name="world-line", daemon=True).start()

    def _answer(self, line: Connection[Any, Any]) -> None:
        """Answer one hub until it goes or dies."""
        with contextlib.suppress(EOFError, OSError), line:
            while not self._over:
                line.send(self.ask(line.recv()))
