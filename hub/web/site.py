"""The pages of a node: whether it lives, whether it is ready, and what it measures."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from hub.flow.base import Hub
from hub.runner.port import Runner
from hub.watch.metrics import CONTENT_TYPE, Meters
from hub.web.asking import Asked
from hub.web.door import Door
from hub.web.ready import SILENT, NodeView, Readiness

_FRESH = {"cache-control": "no-store"}
TALLY_SECONDS = 5.0
"""What the store may take for its tallies; with the look whether it answers at all, Prometheus still waits (10 s)."""


class _Measured:
    """What the metrics ask of a node."""

    def __init__(self, node: NodeView) -> None:
        self._node = node

    def hub(self) -> Hub | None:
        """The hub, once the node has one."""
        return self._node.app.hub if self._node.app else None

    def runner(self) -> Runner | None:
        """The runner, once the node has one."""
        return self._node.runner


def site(node: NodeView) -> Starlette:
    """The ASGI application of a node: its own pages, and what its connectors answer."""
    ready, meters = Readiness(node), Meters(_Measured(node))
    measured = Asked(meters.text)

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_FRESH)

    async def readyz(_request: Request) -> Response:
        found = await ready.reasons()
        return JSONResponse(found, status_code=503 if found else 200, headers=_FRESH)

    async def metrics(_request: Request) -> Response:
        text = await measured.answer(TALLY_SECONDS)
        if text is None:
            text = meters.without_store(up=SILENT not in await ready.reasons())
        return Response(text, media_type=CONTENT_TYPE, headers=_FRESH)

    own = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
    return Starlette(routes=[*own, *_connectors(node)])


def public_site(node: NodeView) -> Starlette:
    """What anybody may reach: what connectors answer, and nothing of the hub's own."""
    return Starlette(routes=_connectors(node))


def _connectors(node: NodeView) -> list[Mount]:
    return [Mount("/connectors", app=Door(node))]
