"""The print vendor port over a pair of SFTP folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from hub_sftp_transfer import Mailbox
from pydantic import BaseModel

from hub.plugin.api import Capabilities, Context, Evidence, Listing, Outgoing, PrintResult, Ref, Step
from hub_statements_print.results import read_results
from hub_statements_print.settings import PrintSettings

SENDS = ("statements", "manifest")


class SftpPrintVendor:
    """Pushes statement runs to a print vendor's folder and fetches result files."""

    Settings: ClassVar[type[BaseModel]] = PrintSettings

    def __init__(self, settings: PrintSettings, context: Context) -> None:
        self._settings = settings
        self._mailbox = Mailbox(settings, context)

    @property
    def capabilities(self) -> Capabilities:
        """Statements and manifests out, results in."""
        return Capabilities(
            sends=SENDS,
            receives=("results",),
            in_doubt=self._settings.in_doubt,
            evidence=self._mailbox.evidence_kinds(),
        )

    def check(self) -> Iterator[Step]:
        """The connection step by step; changes nothing at the vendor."""
        yield from self._mailbox.check()

    def close(self) -> None:
        self._mailbox.close()

    def stage(self, file: Outgoing, body: Iterable[bytes]) -> Evidence:
        return self._mailbox.stage(file, body)

    def publish(self, file: Outgoing) -> Evidence:
        return self._mailbox.publish(file)

    def confirm(self, file: Outgoing) -> Evidence | None:
        return self._mailbox.confirm(file)

    def results(self, cursor: str) -> Listing:
        """Result files that stayed unchanged between two looks."""
        return self._mailbox.list(cursor)

    def open(self, ref: Ref) -> Iterator[bytes]:
        return self._mailbox.open(ref)

    def done(self, ref: Ref) -> None:
        self._mailbox.done(ref)

    def read_results(self, raw: bytes) -> tuple[PrintResult, ...]:
        """See `hub_statements_print.results`."""
        return read_results(raw)
