"""Where a step runs."""

from __future__ import annotations

from hub.runner.local import LocalRunner
from hub.runner.making import make, share_nudges
from hub.runner.port import Outcome, Retry, Runner, Status, Step, StepCount, Steps, Trouble
from hub.runner.simulated import SimulatedRunner
from hub.store.nudge import Nudge

__all__ = [
    "LocalRunner",
    "Nudge",
    "Outcome",
    "Retry",
    "Runner",
    "SimulatedRunner",
    "Status",
    "Step",
    "StepCount",
    "Steps",
    "Trouble",
    "make",
    "share_nudges",
]
