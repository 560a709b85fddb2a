"""What a bench says: named figures, each with its unit and what it is compared with."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number; `beside` says what it was compared with in the same run, or what bounds it."""

    name: str
    value: float
    unit: str
    beside: str = ""


def peak_rss_mb() -> float:
    """The most memory this process has held, in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def tell(measure: Callable[[bool], list[Figure]]) -> None:
    """Run a bench as a script: the figures are the last line of its output, as JSON."""
    figures = measure("--quick" in sys.argv)
    print(json.dumps([asdict(figure) for figure in figures]))
