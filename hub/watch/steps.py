"""The steps with which the hub watches itself, by name; the lane of each is the hub."""

from __future__ import annotations

from hub.flow.base import Step

STEPS: dict[str, Step] = {}
