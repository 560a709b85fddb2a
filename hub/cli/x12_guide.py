"""`hub x12 guide`: an implementation guide as the hub checks it."""

from __future__ import annotations

from msgspec.structs import replace

from hub.cli.ui import coloured, print_json
from hub.errors import Misconfigured
from hub.x12.grammar import Guide, Loop


def guide(name: str, loop: str, *, short: bool, as_json: bool) -> None:
    """Print a guide, or one loop of it, as a table or as rows for scripts."""
    from hub.x12.guides import GUIDES, guide_named
    from hub.x12.tools.guide_table import guide_table, render_guide

    try:
        found = guide_named(name)
    except KeyError:
        known = ", ".join(dict.fromkeys([*(one.kind for one in GUIDES), "TA1"]))
        raise Misconfigured("there is no such guide here", fix=f"one of: {known}") from None
    if loop:
        found = _only(found, loop)
    if as_json:
        print_json(guide_table(found))
    else:
        print(render_guide(found, elements=not short, colour=coloured()), end="")


def _only(whole: Guide, loop: str) -> Guide:
    """The guide with nothing but the first loop of this id."""
    for _, row in whole.root.walk():
        if isinstance(row, Loop) and row.id == loop:
            return replace(whole, root=replace(whole.root, rows=(row,)))
    raise Misconfigured(f"the guide has no loop {loop}", fix=f"see them all: hub x12 guide {whole.kind} --short")
