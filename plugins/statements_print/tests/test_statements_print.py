"""What the print plugin adds to the shared mailbox: result files, and its place in the host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_sftp_transfer import forget_failures
from hub_statements_print.plugin import SftpPrintVendor
from hub_statements_print.results import read_results
from hub_statements_print.settings import PrintSettings

from hub.plugin.api import PrintResult, Refused
from hub.plugin.host import ConnectorSpec, PluginHost, contexts
from hub.testing.fakes import FakeContext
from hub.testing.kits.partner import outgoing
from hub.testing.sftp import SftpPartner, sftp_partner

HEAD = b"number,verdict,reason\n"


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[SftpPartner]:
    """A print shop of one test."""
    pytest.importorskip("asyncssh")
    forget_failures()
    with sftp_partner(tmp_path, folders=("statements", "results")) as running:
        yield running
    forget_failures()


def test_results_are_read_in_any_reasonable_dress() -> None:
    """A byte order mark, CRLF, spaces, capitals, quotes and empty lines change no verdict."""
    raw = b'\xef\xbb\xbfNumber, Verdict ,reason\r\nS-1,Printed,\r\n\r\n"S-2", moved ,NCOA\r\n'
    assert read_results(raw) == (
        PrintResult(number="S-1", verdict="printed"),
        PrintResult(number="S-2", verdict="moved", reason="NCOA"),
    )
    assert read_results(HEAD) == ()


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "first line"),
        (b"S-1,printed,\n", "first line"),
        (b"\xff\xfe", "CSV"),
        (b'number,verdict,reason\n"S-1,printed', "CSV"),
        (HEAD + b"S-1,printed\n", "line 2"),
        (HEAD + b"S-1,printed,\nS-2,lost,\n", "line 3"),
        (HEAD + b"DOE JANE,printed,\n", "line 2"),
        (HEAD + b"S-1,returned,DOE JANE moved away\n", "line 2"),
    ],
)
def test_other_files_are_refused_by_line_and_without_values(raw: bytes, told: str) -> None:
    """A file that is not one is refused whole; the message names the line and repeats nothing of it."""
    with pytest.raises(Refused, match=told) as raised:
        read_results(raw)
    assert "DOE" not in str(raised.value)


def test_manifests_are_not_taken_for_results(vendor: SftpPartner) -> None:
    """Where one folder serves both ways our own manifest does not come back as a result."""
    for name in ("run_1.manifest.csv", "run_1.results.csv", "run_1.pdf"):
        vendor.deliver("statements", name, HEAD)
    settings = PrintSettings(**vendor.settings(get_folders=["statements"]))
    port = SftpPrintVendor(settings, FakeContext("printer", secrets=vendor.secrets))
    assert [ref.name for ref in port.results("").refs] == ["run_1.results.csv"]
    port.close()


def test_the_installed_plugin_works_through_the_host(vendor: SftpPartner) -> None:
    """Loaded by its entry point and guarded by the host, a run goes out and its results come back."""
    known = FakeContext("printer", secrets=vendor.secrets)
    spec = ConnectorSpec(plugin="statements_print", settings=vendor.settings())
    context_for = contexts(clock=known.clock, secrets=known.secrets, load=lambda _instance, _key: None)
    host, faults = PluginHost.load({"printer": spec}, context_for=context_for)
    assert faults == ()
    port = host.printer("printer")
    body = b"%PDF-1.7 invented"
    port.stage(outgoing(body, name="run_1.pdf", kind="statements"), [body])
    port.publish(outgoing(body, name="run_1.pdf", kind="statements"))
    assert vendor.read("statements", "run_1.pdf") == body
    vendor.deliver("results", "run_1.csv", HEAD + b"S-1,printed,\n")
    (ref,) = port.results("").refs
    assert port.read_results(b"".join(port.open(ref))) == (PrintResult(number="S-1", verdict="printed"),)
    port.done(ref)
    assert port.results("").refs == ()
    port.close()
