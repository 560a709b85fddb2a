"""HL7 v2 feeds in one run: what reading a message costs, and what a sender is told by when it is durable."""

from __future__ import annotations

import hl7_mllp
import hl7_read
from figures import Figure, tell


def measure(quick: bool) -> list[Figure]:
    """Reading first, which needs no server, then the wire."""
    return [*hl7_read.measure(quick), *hl7_mllp.measure(quick)]


if __name__ == "__main__":
    tell(measure)
