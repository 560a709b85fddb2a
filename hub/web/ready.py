"""Whether a node can take work now, and if not, why."""

from __future__ import annotations

import time
from typing import Protocol

from hub.app import App
from hub.errors import HubError
from hub.flow import room
from hub.flow.base import Hub
from hub.runner.port import Runner
from hub.store.vitals import look
from hub.web.asking import Asked
from hub.web.door import Answering

ANSWER_SECONDS = 3.0
"""A database that is silent for longer does not answer."""
FRESH_SECONDS = 1.0
SILENT = "the database does not answer"


class NodeView(Protocol):
    """What the site asks of a node. `phase` is `starting`, `running`, `draining`, or another word that fits behind
    *the node is*; while a node starts it has neither app nor runner yet, and a reload may give it others. `doors` are
    its connectors that answer requests; None where it is none that listens.
    """

    @property
    def phase(self) -> str: ...

    @property
    def app(self) -> App | None: ...

    @property
    def runner(self) -> Runner | None: ...

    @property
    def doors(self) -> Answering | None: ...


class Readiness:
    """The reasons of one node, looked for at most once a second however many ask."""

    def __init__(self, node: NodeView) -> None:
        self._node = node
        self._known: tuple[float, list[str]] = (0.0, [])
        self._asked = Asked(self._looked)

    async def reasons(self) -> list[str]:
        """Why the node is not ready, in plain words; empty when it is. Answers in time also where nothing else
        does.
        """
        if self._node.phase != "running" or self._node.app is None:
            return [f"the node is {self._node.phase}"]
        found = await self._asked.answer(ANSWER_SECONDS)
        return [SILENT] if found is None else found

    def _looked(self) -> list[str]:
        at, known = self._known
        if time.monotonic() - at > FRESH_SECONDS:
            app = self._node.app
            known = hindrances(app.hub) if app else ["the node is starting"]
            self._known = (time.monotonic(), known)
        return known


def hindrances(hub: Hub) -> list[str]:
    """What keeps a hub from working: its database, or its disk."""
    found = []
    try:
        with look(hub.store.engines) as vitals:
            vitals.check_tables()
    except HubError as error:
        found.append(str(error))
    try:
        room.make_sure(hub)
    except HubError as error:
        found.append(str(error))
    return found
