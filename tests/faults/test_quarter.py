"""Weeks of the demonstration's practice by its schedules alone, on a turned clock: all ends, and it ties out."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from faultlab.quarter import Quarter

pytestmark = pytest.mark.campaign

MEMORY = Path("/dev/shm")
QUARTER_DAYS = 91


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: no disk needs to be sure of anything in a simulated quarter."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="hub-quarter-", dir=MEMORY))
    yield folder
    shutil.rmtree(folder)


def test_a_few_weeks_by_schedule(work: Path) -> None:
    """Three days of practice and the weeks until the last of it is paid: promises hold, the ledger holds what the
    payers paid to the cent, every claim ended or is somebody's work, every slot that was due began once.
    """
    with Quarter(work, days=3, slowly=True) as quarter:
        quarter.run()
        assert quarter.wrong() == []


@pytest.mark.slow
def test_a_quarter_by_schedule(work: Path) -> None:
    """The same for a quarter, with backups every night and a restore drill every month."""
    with Quarter(work, days=QUARTER_DAYS) as quarter:
        quarter.run()
        assert quarter.wrong() == []
        steps = {one.step: one for one in quarter.counts()}
        assert steps["keep.backup"].done >= QUARTER_DAYS
        assert steps["keep.drill"].done >= 3
        assert steps["watch.look"].failures == 0
