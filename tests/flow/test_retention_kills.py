"""kill -9 in the midst of a purge: what was committed is purged and recorded, the next one goes on with the rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flowlab.house import House
from flowlab.keeper import KEYRING
from flowlab.old import KEPT, at_rest
from sqlalchemy import text

from hub.clock import TurnedClock
from hub.keep.purge import purge
from hub.keep.retention_plan import plan
from hub.reports.promises import prove
from hub.store import open_store

pytestmark = pytest.mark.campaign

CHILD = Path(__file__).parents[1] / "flowlab" / "purge_child.py"
PEOPLE = 12
"""Three transactions of accounts, then one of bytes."""


@pytest.fixture
def house(made_url: str, clock: TurnedClock) -> Iterator[House]:
    """Accounts that came to rest eight years ago, on each database."""
    store = open_store(made_url, KEYRING, clock)
    yield at_rest(House(store, clock), *range(1, PEOPLE + 1))
    store.close()


def killed(house: House, crash_at: str) -> None:
    """A process purges and dies there."""
    command = [sys.executable, "-W", "ignore", str(CHILD), house.store.engines.url, house.clock.now().isoformat()]
    environment = {**os.environ, "PYTHONPATH": str(CHILD.parents[1]), "HUB_CRASH_AT": crash_at}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr


def broken(house: House) -> set[tuple[int, str, str]]:
    """Every exception to a promise."""
    while house.store.seal():
        pass
    proofs = prove(house.store, house.settings)
    return {(proof.number, one.where, one.why) for proof in proofs for one in proof.exceptions}


@pytest.mark.parametrize("places", [("after:1", "before:2"), ("before:4",)])
def test_a_killed_purge_is_finished_by_the_next(house: House, places: tuple[str, ...]) -> None:
    """Each time the promises hold, and what is recorded as purged is what is: then everything goes, each once."""
    before = broken(house)
    for place in places:
        killed(house, f"keep.purge:{place}")
        assert broken(house) - before == set()
    purge(house.store, KEPT, house.clock, by="tester")
    assert broken(house) - before == set()
    assert plan(house.store, KEPT).count == 0
    with house.store.view() as view:
        purged = [rows for (_, kind), rows in view.purges.sums().items() if kind == "patients"]
        stones = view.session.conn.execute(text("SELECT count(*) FROM patients WHERE schema = 0")).scalar_one()
    assert sum(purged) == stones == PEOPLE
