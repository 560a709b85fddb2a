"""`hub x12 guide`: an implementation guide as the hub checks it."""

from __future__ import annotations

from hub.errors import Misconfigured


def guide(name: str) -> None:
    """Print a guide as a table."""
    from hub.x12.guides import GUIDES, guide_named
    from hub.x12.tools.guide_table import render_guide

    try:
        found = guide_named(name)
    except KeyError:
        known = ", ".join(one.kind for one in GUIDES)
        raise Misconfigured("there is no such guide here", fix=f"one of: {known}") from None
    print(render_guide(found))
