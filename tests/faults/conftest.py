"""Fixtures of the fault tests; their own modules stand in `faultlab`, beside this file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("faultlab")

if TYPE_CHECKING:
    from faultlab.nursery import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where hubs are started that may be killed."""
    from faultlab.nursery import Nursery

    with Nursery() as opened:
        yield opened
