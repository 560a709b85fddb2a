"""`hub nodes`: who runs, in which roles, and when each was last seen."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hub.cli.opened import opened
from hub.cli.ui import age, print_json, table, when

COLOURS = {"running": "", "stopped": "dim", "silent": "red"}


def nodes(folder: Path, *, as_json: bool) -> None:
    """List the nodes of the last day."""
    with opened(folder) as hub, hub.store.view() as view:
        now, found = view.now, view.nodes.all()
    states = [one.state(now) for one in found]
    if as_json:
        rows = [
            {
                **msgspec.to_builtins(one),
                "state": state,
                "age_seconds": round((now - one.seen_at).total_seconds()),
            }
            for one, state in zip(found, states, strict=True)
        ]
        print_json(rows)
        return
    table(
        "Nodes",
        ("node", "roles", "state", "seen", "since", "busy", "held", "free", "memory", "clock"),
        [
            (
                one.node,
                ", ".join(one.roles),
                state,
                f"{age(now - one.seen_at)} ago",
                when(one.started_at),
                f"{one.load.get('busy', 0):.0f}/{one.load.get('threads', 0):.0f}",
                f"{one.load.get('held', 0):.0f}",
                f"{one.load.get('free_bytes', 0) / 1e9:,.1f} GB",
                f"{one.load.get('rss_bytes', 0) / 1e6:,.0f} MB",
                f"{one.load.get('clock_off_ms', 0):+.0f} ms",
            )
            for one, state in zip(found, states, strict=True)
        ],
        right=(5, 6, 7, 8, 9),
        styles=[COLOURS[state] for state in states],
    )
