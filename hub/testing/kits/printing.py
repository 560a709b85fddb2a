"""The contract of a `PrintVendor`: all of `transfer` (T1 to T27) with `results` as its listing, and more.

P1  `read_results` gives exactly the verdicts of a result file (give `result_file`), each of a known verdict.
P2  It is pure: the same bytes, the same verdicts, whatever object reads them, also with the partner away.
P3  A file that is not a result file is refused (`Refused`): nothing else is raised, and nothing is made up.
P4  A result file that was cut short is refused, or gives only verdicts that the whole file gives too.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from hub.plugin.api import Listing, PrintResult, PrintVendor, Refused
from hub.testing.kits.transfer import TransferKit

VERDICTS = frozenset({"printed", "rejected", "returned", "moved"})
NO_RESULTS = (b"", b"\x00\xff" * 40, b"<html>502</html>", b"ISA*00*~", b"%PDF-1.7 ", "ж".encode("utf-16"))


class PrintVendorKit(TransferKit):
    """Give `partner`, `make_port` and `result_file`."""

    PORT: ClassVar[type] = PrintVendor
    kind = "statements"

    @pytest.fixture
    def result_file(self) -> tuple[bytes, tuple[PrintResult, ...]]:
        """Yours to give: a result file and what it says."""
        raise NotImplementedError("give the fixture `result_file`")

    def look(self, port: Any, cursor: str) -> Listing:
        """One listing."""
        listing: Listing = port.results(cursor)
        return listing

    def test_results_are_read(self, port: Any, result_file: tuple[bytes, tuple[PrintResult, ...]]) -> None:
        """P1: verdicts come back as the file states them."""
        raw, expected = result_file
        said = port.read_results(raw)
        assert said == expected
        assert {result.verdict for result in said} <= VERDICTS

    def test_reading_is_pure(
        self, partner: Any, port: Any, fresh: Any, result_file: tuple[bytes, tuple[PrintResult, ...]]
    ) -> None:
        """P2: reading looks at nothing but the bytes."""
        raw, expected = result_file
        if callable(getattr(partner, "cut_after", None)):
            partner.cut_after(0)
        said = [one.read_results(raw) for one in (port, port, fresh)]
        if callable(getattr(partner, "heal", None)):
            partner.heal()
        assert said == [expected] * 3

    @pytest.mark.parametrize("raw", NO_RESULTS, ids=range(len(NO_RESULTS)))
    def test_other_files_are_refused(self, port: Any, raw: bytes) -> None:
        """P3: what is no result file is refused."""
        with pytest.raises(Refused):
            port.read_results(raw)

    def test_short_file_makes_nothing_up(
        self, port: Any, result_file: tuple[bytes, tuple[PrintResult, ...]]
    ) -> None:
        """P4: a cut file says less, never something else."""
        raw, expected = result_file
        numbers = {result.number for result in expected}
        for end in range(1, len(raw), max(1, len(raw) // 40)):
            try:
                said = port.read_results(raw[:end])
            except Refused:
                continue
            assert [r for r in said[:-1] if r not in expected] == []
            assert {r.number for r in said[:-1]} <= numbers
