"""Who pays first: as the source ranks policies, else as settings and law say; what is left is chance, and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from hub.config.settings import Settings
from hub.model.coverage import Coverage
from hub.model.facts import CoverageFact

UNRANKED = 99
ORDINARY = 1_000
"""The place of a payer of which nothing says that it comes before or after others."""
LATER = {"medigap": 2_000, "tricare": 3_000, "medicaid": 4_000}
"""Kinds of payers that pay after others: a supplement after what it supplements, TRICARE after all but Medicaid (32
CFR 199.8), Medicaid as the last resort (42 CFR 433.139)."""


def places_of(settings: Settings, source: str) -> Mapping[str, int]:
    """The payers that come before or after others where a source ranks none, with their places."""
    places = {name: LATER[payer.kind] for name, payer in settings.payers.items() if payer.kind in LATER}
    told = settings.sources.get(source)
    return places | {name: place for place, name in enumerate(told.payer_order)} if told else places


def in_order(
    facts: Sequence[CoverageFact], payer_of: Callable[[CoverageFact], str], places: Mapping[str, int]
) -> Iterator[tuple[CoverageFact, int]]:
    """Policies in the order in which they pay, each with its `Coverage.tied`."""

    def place(fact: CoverageFact) -> tuple[int, int]:
        return fact.rank or UNRANKED, places.get(payer_of(fact), ORDINARY)

    ordered = sorted(facts, key=lambda fact: (*place(fact), fact.key))
    for number, (_, some) in enumerate(groupby(ordered, place), 1):
        group = list(some)
        payers = {payer_of(fact) or fact.payer_token.casefold() for fact in group}
        yield from ((fact, number if len(payers) > 1 else 0) for fact in group)


def is_unclear(coverages: Sequence[Coverage]) -> bool:
    """Whether it is chance which payer of several comes first."""
    first = coverages[0] if len(coverages) > 1 else None
    if first is None or not first.tied:
        return False
    return len({one.payer or one.payer_token for one in coverages if one.tied == first.tied}) > 1


__all__ = ["in_order", "is_unclear", "places_of"]
