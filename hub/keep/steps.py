"""The steps that keep data safe, by name; the lane of each is the hub."""

from __future__ import annotations

from hub.flow.base import Step

STEPS: dict[str, Step] = {}
