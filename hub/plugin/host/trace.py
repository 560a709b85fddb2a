"""`HUB_TRACE_PLUGINS=1` prints each call of a plugin and how long it took: names only."""

from __future__ import annotations

import os
import sys

SWITCH = "HUB_TRACE_PLUGINS"


def called(name: str, seconds: float, *, fault: bool = False) -> None:
    """Say on standard error that `name` was called, where the switch is on."""
    if os.environ.get(SWITCH, "") in ("", "0"):
        return
    sys.stderr.write(f"hub: {name} {seconds * 1000:.1f} ms{' FAULT' if fault else ''}\n")
