"""`hub run` as a process of its own whose clock is ahead: `python fhir_child.py CONFIG SECONDS`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from hub import clock
from hub.cli import main


def ahead(seconds: float) -> None:
    """From now on the machine's clock is so many seconds ahead, in this process."""
    by = timedelta(seconds=seconds)
    clock.SystemClock.now = lambda _self: datetime.now(UTC) + by  # type: ignore[method-assign]


if __name__ == "__main__":
    ahead(float(sys.argv[2]))
    sys.argv[1:] = ["run", "-c", sys.argv[1]]
    main.main()
