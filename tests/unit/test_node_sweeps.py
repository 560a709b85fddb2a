"""What a sweep asks for: everything where nudges of other processes are lost, nothing where they are rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hub.node.parts import sweep
from hub.runner import Nudge, Status

HELD = SimpleNamespace(step="posting.post", lane="practice1")


class _Runner:
    """Remembers what it was told, with one lane that is held."""

    def __init__(self) -> None:
        self.nudges: list[Nudge] = []
        self.released: list[str] = []

    def told(self, nudges: list[Nudge]) -> None:
        self.nudges += nudges

    def status(self) -> Status:
        held: Any = (HELD,)
        return Status(ready=0, running=(), backing_off=(), held=held)

    def release(self, lane: str) -> None:
        self.released.append(lane)


@pytest.mark.parametrize("asks", [True, False])
def test_a_sweep_releases_what_was_mended_and_asks_only_where_it_is_to(asks: bool) -> None:
    """A lane that a person mended is released by every sweep; only some of them ask for every step."""
    wanted = [Nudge("ingest.read", "ehr1")]
    app: Any = SimpleNamespace(
        everything=lambda *, outside: [] if outside else wanted, watch=SimpleNamespace(mended=lambda held: held)
    )
    runner: Any = _Runner()
    sweep(app, runner, asks=asks)
    assert runner.nudges == (wanted if asks else [])
    assert runner.released == ["practice1"]
