"""The SFTP plugins against the conformance kits, over real SSH with a line that can be cut."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_clearinghouse_sftp.plugin import SftpClearinghouse
from hub_sftp_transfer import forget_failures
from hub_statements_print.plugin import SftpPrintVendor

from hub.plugin.api import PrintResult
from hub.sandbox.sftp_server import is_temporary
from hub.testing.fakes import FakeContext
from hub.testing.faults import FaultProxy, Faults
from hub.testing.kits import ClearinghouseKit, PrintVendorKit
from hub.testing.sftp import SftpPartner, sftp_partner

pytest.importorskip("asyncssh")


class Desk:
    """The kit's view of a partner with the folders `in` and `out`, reached through a line that can be cut."""

    def __init__(self, partner: SftpPartner, proxy: FaultProxy) -> None:
        self.partner = partner
        self.proxy = proxy
        self.growing: list[Path] = []

    def visible(self) -> dict[str, bytes]:
        """What stands in `in` under final names."""
        names = [name for name in self.partner.names("in") if not is_temporary(name)]
        return {name: self.partner.read("in", name) for name in names}

    def offer(self, name: str, body: bytes) -> None:
        """A whole file in `out`."""
        self.partner.deliver("out", name, body)

    def offer_growing(self, name: str, body: bytes) -> None:
        """A file in `out` that has grown each time one looks again."""
        self.growing.append(self.partner.deliver("out", name, body[: len(body) // 2]))

    def withdraw(self, name: str) -> None:
        """Take a file out of `out`."""
        (self.partner.root / "out" / name).unlink()

    def cut_after(self, size: int) -> None:
        """Cut the line after so many bytes either way, and every later one."""
        self.proxy.faults = Faults(cut_to_server_after=size, cut_to_client_after=size)

    def heal(self) -> None:
        """A good line again."""
        self.proxy.faults = Faults()


class Rest(threading.Event):
    """The wait between two looks at a folder: growing files grow, and no time passes."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def wait(self, timeout: float | None = None) -> bool:
        """As if `timeout` had passed."""
        for path in self._desk.growing:
            path.write_bytes(path.read_bytes() + b"~")
        return self.is_set()


class OverSftp:
    """The partner of every kit here."""

    @pytest.fixture
    def partner(self, tmp_path: Path) -> Iterator[Desk]:
        """A partner whose answers and orders are whole files."""
        forget_failures()
        with sftp_partner(tmp_path) as running, FaultProxy(running.server.host, running.server.port) as proxy:
            yield Desk(running, proxy)
        forget_failures()


def maker(desk: Desk, plugin: Any, **more: Any) -> Callable[[], Any]:
    """Makes instances of `plugin` that reach `desk` through its proxy."""
    folders = {"put_folder": "in", "get_folders": ["out"], "take": ["*"], "settle_seconds": 1}
    given = desk.partner.settings(port=desk.proxy.port, **(folders | more))

    def make() -> Any:
        context = FakeContext("kit", secrets=desk.partner.secrets)
        context.stop = Rest(desk)
        return plugin(plugin.Settings.model_validate(given), context)

    return make


class TestSftpClearinghouse(OverSftp, ClearinghouseKit):
    """Files are left at the partner when they are done, and confirmed by size."""

    @pytest.fixture
    def make_port(self, partner: Desk) -> Callable[[], Any]:
        """As most partners are."""
        return maker(partner, SftpClearinghouse)


class TestSftpClearinghouseThatArchives(OverSftp, ClearinghouseKit):
    """Files are moved when they are done, and confirmed by reading them back."""

    @pytest.fixture
    def make_port(self, partner: Desk) -> Callable[[], Any]:
        """The most careful settings."""
        more = {"after_done": "archive", "archive_folder": "archive", "confirm": "hash"}
        return maker(partner, SftpClearinghouse, **more)


class TestSftpPrintVendor(OverSftp, PrintVendorKit):
    """Result files are deleted when they are done."""

    @pytest.fixture
    def make_port(self, partner: Desk) -> Callable[[], Any]:
        """A print shop's two folders."""
        return maker(partner, SftpPrintVendor, after_done="delete")

    @pytest.fixture
    def result_file(self) -> tuple[bytes, tuple[PrintResult, ...]]:
        """Two verdicts."""
        raw = b"number,verdict,reason\r\nS-000001,printed,\r\nS-000002,returned,no-such-address\r\n"
        return raw, (
            PrintResult(number="S-000001", verdict="printed"),
            PrintResult(number="S-000002", verdict="returned", reason="no-such-address"),
        )
