"""The pages of a node: whether it lives, whether it is ready, and what it measures."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from hub.web.ready import NodeView, reasons

_FRESH = {"cache-control": "no-store"}


def site(node: NodeView, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The ASGI application of a node; `routes` are those of plugins."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_FRESH)

    async def readyz(_request: Request) -> Response:
        found = await run_in_threadpool(reasons, node)
        return JSONResponse(found, status_code=503 if found else 200, headers=_FRESH)

    own = [Route("/healthz", healthz), Route("/readyz", readyz)]
    return Starlette(routes=[*own, *routes])
