"""Control numbers of the lines of claims (REF*6R)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hub.model.claim import Claim
from hub.store import Tx


def numbered(tx: Tx, claims: Sequence[Claim]) -> list[Claim]:
    """The claims with a fresh control number on every line (REF*6R); numbers are never used twice."""
    numbers = iter(tx.registry.take("line", sum(len(claim.lines) for claim in claims)))
    return [
        replace(claim, lines=tuple(replace(line, control_number=f"L{next(numbers)}") for line in claim.lines))
        for claim in claims
    ]


__all__ = ["numbered"]
