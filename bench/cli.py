"""How long a person waits for `hub --help`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from figures import Figure, tell

HUB = Path(sys.executable).with_name("hub")


def measure(quick: bool) -> list[Figure]:
    """The median of several runs, beside that of an interpreter that does nothing."""
    runs = 5 if quick else 15
    ours = median_ms([str(HUB), "--help"], runs)
    bare = median_ms([sys.executable, "-c", "pass"], runs)
    return [Figure(name="cli.help_ms", value=ours, unit="ms", beside=f"a bare interpreter: {bare} ms")]


def median_ms(command: list[str], runs: int) -> float:
    """Median wall time of a command, after one run that is not counted."""
    seconds = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - began)
    return round(statistics.median(seconds[1:]) * 1000, 1)


if __name__ == "__main__":
    tell(measure)
