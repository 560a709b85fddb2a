"""The simulated print vendor: a PDF and its manifest in, a results file out."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import datetime, timedelta

import msgspec

from hub.sandbox.claims import fingerprint
from hub.sandbox.clearinghouse import Answer
from hub.sandbox.options import SandboxOptions

RESULTS_AFTER = timedelta(days=1)
EXCEPTIONS = (("returned", "undeliverable"), ("returned", "no-such-address"), ("moved", "forwarded"))


class ManifestStatement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of a run: its number, where it begins in the PDF, how many pages, cents due."""

    number: str
    first_page: int
    pages: int
    total_cents: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the practice says it sent: file name, hash and totals of one PDF."""

    run: str
    file: str
    sha256: str
    pages: int
    statements: list[ManifestStatement]
    count: int
    total_cents: int


class PrintShop:
    """Pairs each manifest with its PDF, whichever comes first, and answers a day later."""

    def __init__(self, seed: int, options: SandboxOptions) -> None:
        self.options = options
        self.verdicts: dict[str, str] = {}
        self._seed = seed
        self._bodies: dict[str, bytes] = {}
        self._manifests: dict[str, bytes] = {}
        self._waiting: list[Answer] = []

    def receive(self, name: str, data: bytes, at: datetime) -> None:
        """Takes one file that appeared at `at`."""
        if name.lower().endswith(".json"):
            self._manifests[name] = data
        else:
            self._bodies[name] = data
        for known in sorted(self._manifests):
            if self._print(known, at):
                del self._manifests[known]

    def release(self, now: datetime) -> list[Answer]:
        """The results that are due by `now`."""
        out = sorted(answer for answer in self._waiting if answer.due <= now)
        self._waiting = [answer for answer in self._waiting if answer.due > now]
        return out

    def next_due(self) -> datetime | None:
        """When the next results are due."""
        return min((answer.due for answer in self._waiting), default=None)

    def _print(self, name: str, at: datetime) -> bool:
        try:
            manifest = msgspec.json.decode(self._manifests[name], type=Manifest)
        except msgspec.DecodeError:
            self._results(
                name.removesuffix(".json"), at, [(name.removesuffix(".json"), "rejected", "manifest-unreadable")]
            )
            return True
        body = self._bodies.pop(manifest.file, None)
        if body is None:
            return False
        fault = _mismatch(manifest, body)
        rows = [
            (one.number, *(("rejected", fault) if fault else self._verdict(one))) for one in manifest.statements
        ]
        self.verdicts.update({number: verdict for number, verdict, _ in rows})
        self._results(manifest.run, at, rows)
        return True

    def _verdict(self, statement: ManifestStatement) -> tuple[str, str]:
        roll = fingerprint(self._seed, f"print|{statement.number}")
        steered = self.options.steered(statement.number)
        if steered:
            return steered, "asked"
        if self.options.plain or (roll >> 8) % 1000 >= self.options.print_exceptions_per_mille:
            return "printed", ""
        return EXCEPTIONS[roll % len(EXCEPTIONS)]

    def _results(self, run: str, at: datetime, rows: list[tuple[str, str, str]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("number", "verdict", "reason"))
        writer.writerows(rows)
        body, due = text.getvalue().encode(), at + RESULTS_AFTER
        self._waiting.append(Answer(due=due, name=f"{run}-results.csv", kind="results", body=body))


def _mismatch(manifest: Manifest, body: bytes) -> str:
    """Why the PDF is not what its manifest says, or ""."""
    place = 1
    for one in manifest.statements:
        if one.first_page != place or one.pages < 1:
            return "pages-mismatch"
        place += one.pages
    if hashlib.sha256(body).hexdigest() != manifest.sha256:
        return "hash-mismatch"
    if place - 1 != manifest.pages:
        return "pages-mismatch"
    if len(manifest.statements) != manifest.count:
        return "count-mismatch"
    if sum(one.total_cents for one in manifest.statements) != manifest.total_cents:
        return "total-mismatch"
    return "" if body.startswith(b"%PDF-") else "not-a-pdf"
