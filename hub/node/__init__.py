"""The life of one node: its roles, signals, listeners, reloads, and an orderly end."""

from __future__ import annotations

from hub.node.node import Node
from hub.node.parts import sweep
from hub.node.plan import Plan, planned

__all__ = ["Node", "Plan", "planned", "sweep"]
