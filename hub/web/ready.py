"""Whether a node can take work now, and if not, why."""

from __future__ import annotations

from typing import Protocol

from hub.app import App
from hub.runner.port import Runner


class NodeView(Protocol):
    """What the site asks of a node. `phase` is `starting`, `running` or `draining`; while a node starts it has
    neither app nor runner yet, and a reload may give it others.
    """

    @property
    def phase(self) -> str: ...

    @property
    def app(self) -> App | None: ...

    @property
    def runner(self) -> Runner | None: ...


def reasons(node: NodeView) -> list[str]:
    """Why the node is not ready, in plain words; empty when it is."""
    if node.phase != "running" or node.app is None:
        return [f"the node is {node.phase}"]
    return []
