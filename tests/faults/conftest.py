"""Fixtures of the fault tests; their own modules stand in `faultlab`, beside this file."""

from __future__ import annotations

import fcntl
import io
import logging
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from hub import log

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("faultlab")

if TYPE_CHECKING:
    from faultlab.nursery import Nursery


@pytest.fixture(scope="session")
def five(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What five encounters come to when nothing breaks; made once in a run."""
    from faultlab.survive import undisturbed_five

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made = shared / "five.pickle"
    with (shared / "five.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not made.exists():
            made.write_bytes(pickle.dumps(undisturbed_five(shared / "five")))
    found: dict[str, Any] = pickle.loads(made.read_bytes())  # noqa: S301 - our own, of this run
    return found


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where hubs are started that may be killed."""
    from faultlab.nursery import Nursery

    with Nursery() as opened:
        yield opened


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Everything that the process logs while the test runs, as the hub sets its log up."""
    stream, root = io.StringIO(), logging.getLogger()
    before, level = root.handlers[:], root.level
    log.configure(stream=stream)
    root.setLevel(logging.INFO)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)
