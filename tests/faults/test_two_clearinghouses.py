"""A practice changes its clearinghouse by one line of configuration and loses nothing by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faultlab.books import books, broken
from faultlab.visits import OUTCOMES, START, drops

from hub.app import App
from hub.cli.demo.job import Job
from hub.sandbox.options import SandboxOptions
from hub.testing.installed import install, on_path

pytestmark = pytest.mark.campaign

SAMPLE = Path(__file__).parents[1] / "third_party" / "clearinghouse_folder"


@pytest.fixture
def folder_plugin(tmp_path: Path) -> Iterator[None]:
    """The sample of a third party, really installed for this test."""
    with on_path(install(SAMPLE, tmp_path / "installed")):
        yield


def test_the_job_ends_alike_with_both(tmp_path: Path, folder_plugin: None) -> None:
    """The same days through SFTP and through a third party's plugin: the same claims in the same states, the same
    money in the same accounts, every promise kept; the settings differ in one connector.
    """
    ended = {name: _ran(tmp_path, name) for name in ("clearinghouse_sftp", "clearinghouse_folder")}
    assert ended["clearinghouse_folder"] == ended["clearinghouse_sftp"]
    states = Counter(state for *_, state in ended["clearinghouse_folder"]["claims"].elements())
    assert states["paid"] > 0


def test_the_change_is_one_line(tmp_path: Path, folder_plugin: None) -> None:
    """Only the block of the connector `clearinghouse` differs: its plugin, and that plugin's own settings."""
    blocks = {}
    for name in ("clearinghouse_sftp", "clearinghouse_folder"):
        job = Job(work=tmp_path / name, clearinghouse=name)
        try:
            job.run([], settle_days=1)
            text = (job.work / "config" / "hub.toml").read_text().replace(str(job.work), "")
            before, _, rest = text.partition("[connectors.clearinghouse]")
            block, _, after = rest.partition("\n[connectors.printer]")
            blocks[name] = block
            assert f'plugin = "{name}"' in block
            outside = [
                line for line in (before + after).splitlines() if "port =" not in line and "SHA256" not in line
            ]
        finally:
            job.close()
        blocks[f"{name} outside"] = "\n".join(outside)
    assert blocks["clearinghouse_sftp outside"] == blocks["clearinghouse_folder outside"]


def _ran(tmp_path: Path, clearinghouse: str) -> dict[str, Any]:
    job = Job(
        work=tmp_path / clearinghouse,
        clearinghouse=clearinghouse,
        options=SandboxOptions(plain=True, outcomes=OUTCOMES),
    )
    files = [(one.on, [(one.folder, one.name, one.body)]) for one in drops()]
    days = [
        (on, [file for day, part in files if day == on for file in part]) for on in sorted({d for d, _ in files})
    ]
    assert days[0][0] == START
    try:
        app: App = job.run(days)
        assert job.troubles == []
        assert broken(app) == []
        received = job.sandbox.report().received
        assert set(received.values()) == {1}
        return books(app)
    finally:
        job.close()
