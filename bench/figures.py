"""What a bench says: named figures, each with its unit and what it is compared with."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number; `beside` says what it was compared with in the same run, or what bounds it."""

    name: str
    value: float
    unit: str
    beside: str = ""


def peak_rss_mb() -> float:
    """The most memory this program has held, in MB: what `getrusage` says counts what started it as well."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    return round(int(kilobytes) / 1024, 1)


def tell(measure: Callable[[bool], list[Figure]]) -> None:
    """Run a bench as a script: the figures are the last line of its output, as JSON."""
    figures = measure("--quick" in sys.argv)
    print(json.dumps([asdict(figure) for figure in figures]))
