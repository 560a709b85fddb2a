"""The simulated outside world in one handle: a clearinghouse with payers behind it, and a print vendor."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path
from typing import Self

import msgspec

from hub.clock import Clock
from hub.sandbox.claims import fingerprint
from hub.sandbox.clearinghouse import Clearinghouse
from hub.sandbox.mailbox import Endpoint, Mailbox
from hub.sandbox.options import SandboxOptions
from hub.sandbox.printer import PrintShop
from hub.sandbox.report import Report


class Sandbox:
    """Started by `Sandbox.start`; use it as a context manager or call `stop`.

    Files are taken by the servers' threads as they appear; everything else happens in `advance`, in the caller's
    thread: it works through what came and releases what is due by the clock.
    """

    def __init__(self, root: Path, clock: Clock, seed: int, options: SandboxOptions) -> None:
        self._clearinghouse = Clearinghouse(seed, options)
        self._printer = PrintShop(seed, options)
        self._lock = threading.Lock()
        self.clearinghouse_mailbox, self.printer_mailbox = (
            Mailbox(name, Path(root), clock, partner, f"{fingerprint(seed, name):016x}")
            for name, partner in (("clearinghouse", self._clearinghouse), ("printer", self._printer))
        )

    @classmethod
    def start(cls, root: Path, clock: Clock, seed: int = 1, options: SandboxOptions | None = None) -> Sandbox:
        """Serves below `root` (made if need be; an earlier sandbox's root goes on where it stopped)."""
        sandbox = cls(root, clock, seed, options or SandboxOptions())
        try:
            for mailbox in sandbox._mailboxes:
                mailbox.start()
        except BaseException:
            sandbox.stop()
            raise
        sandbox.change(sandbox.options)
        return sandbox

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def options(self) -> SandboxOptions:
        """How the partners behave just now."""
        return self._clearinghouse.options

    @property
    def clearinghouse(self) -> Endpoint:
        """How a connector reaches the clearinghouse."""
        return self.clearinghouse_mailbox.endpoint

    @property
    def printer(self) -> Endpoint:
        """How a connector reaches the print vendor."""
        return self.printer_mailbox.endpoint

    def change(self, options: SandboxOptions) -> None:
        """Behave otherwise from now on."""
        with self._lock:
            self._clearinghouse.change(options)
            self._printer.options = options
            for mailbox in self._mailboxes:
                user = mailbox.user(refused=options.refuse_logins)
                mailbox.server.users = {user.name: user}

    def advance(self) -> list[str]:
        """Look at the clock: take what came, put out what is due. Returns the names of the files put out."""
        with self._lock:
            return [name for mailbox in self._mailboxes for name in mailbox.advance()]

    def next_due(self) -> datetime | None:
        """The next instant at which an answer to what was taken so far will be due; None: nothing is coming."""
        with self._lock:
            dues = [due for mailbox in self._mailboxes if (due := mailbox.partner.next_due()) is not None]
        return min(dues, default=None)

    def report(self) -> Report:
        """The partners' own books so far."""
        with self._lock:
            return msgspec.structs.replace(self._clearinghouse.report, statements=dict(self._printer.verdicts))

    def stop(self) -> None:
        """End both servers and their threads; harmless twice."""
        for mailbox in self._mailboxes:
            mailbox.stop()

    @property
    def _mailboxes(self) -> tuple[Mailbox, Mailbox]:
        return self.clearinghouse_mailbox, self.printer_mailbox
