"""A process that is killed while it reads pieces: the next one ends where one that nobody killed ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flowlab.house import PRACTICE, SOURCE
from flowlab.keeper import KEYRING

from hub.clock import TurnedClock
from hub.store import open_store
from hub.testing.feed_state import state
from hub.testing.piecing import Scrap, message

pytestmark = pytest.mark.campaign

TESTS = Path(__file__).resolve().parents[1]
DOCTOR = Scrap(key="doctor:1", says="Larkspur")
VISITS = tuple(Scrap(key=f"visit:{n}", links=("role:1", f"disease:{n}"), patient="patient:1") for n in range(9))
MESSAGES = (
    VISITS,
    (DOCTOR, Scrap(key="role:1", links=("doctor:1",)), Scrap(key="patient:1", says="Bittern")),
    tuple(Scrap(key=f"disease:{n}", says="E11.9", patient="patient:1") for n in range(9)),
)
LATER = Scrap(key="doctor:1", version="2", says="Fennimore")


def told(url: str, number: int, *scraps: Scrap) -> None:
    """A message arrives."""
    store = open_store(url, KEYRING, TurnedClock(datetime(2026, 3, 2, 14, tzinfo=UTC)))
    with store.begin("ingest.receive") as tx:
        about = {"practice": PRACTICE, "source": SOURCE, "kind": "message", "content_type": "x"}
        tx.inbox.put(**about, external=f"m{number}", body=message(*scraps))
    store.close()


def child(url: str, crash: str = "") -> int:
    """A process that works off what waits; returns how it ended."""
    paths = os.pathsep.join((str(TESTS), str(TESTS.parent)))
    environment = os.environ | {"PYTHONPATH": paths, "HUB_CRASH_AT": crash}
    program = [sys.executable, "-m", "flowlab.pieces_child", url]
    return subprocess.run(program, env=environment, check=False, timeout=120).returncode


def ended(url: str, crash: str) -> dict[str, dict[str, str]]:
    """What it comes to: all messages, read, and then a clinician who is told anew."""
    for number, scraps in enumerate(MESSAGES):
        told(url, number, *scraps)
    killed = 0
    for number in range(2):
        if crash:  # the second time the clinician of all is told anew
            killed += child(url, crash) == -signal.SIGKILL
        assert child(url) == 0
        if not number:
            told(url, 9, LATER)
    assert killed or not crash
    store = open_store(url, KEYRING, TurnedClock(datetime(2026, 3, 2, 14, tzinfo=UTC)))
    found = state(store, SOURCE)
    with store.view() as view:
        assert {row.state for row in view.facts.each(kind="piece")} == {"kept"}
    store.close()
    return found


def database(folder: Path) -> str:
    """An SQLite database with all tables."""
    url = f"sqlite:///{folder}/hub.db"
    maker = open_store(url, KEYRING, TurnedClock(datetime(2026, 3, 2, 14, tzinfo=UTC)))
    maker.create_all()
    maker.close()
    return url


@pytest.fixture(scope="module", name="calm")
def _calm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The end where nobody is killed."""
    return ended(database(tmp_path_factory.mktemp("calm")), "")


@pytest.mark.parametrize(
    "crash", ["ingest.read:after:1", "ingest.join:before:2", "ingest.join:after:1", "ingest.join:after:5"]
)
def test_a_kill_loses_nothing(tmp_path: Path, crash: str, calm: dict[str, dict[str, str]]) -> None:
    """Killed before or after any commit of a round, twice: the same facts and visits, and no piece waits for ever."""
    assert ended(database(tmp_path), crash) == calm
    assert all("Fennimore" in visit for visit in calm["visits"].values())
