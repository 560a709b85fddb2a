"""Visits that are one, under two numbers: a line that was told under both is one line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from hub.model.encounter import Charge
from hub.model.facts import ChargeFact
from hub.store.documents import Row

Told = tuple[str, ChargeFact]
"""The digest of a charge's key, and the charge."""


def told_twice(
    charges: Sequence[Told], known: Mapping[str, Row[Charge]], open_states: Collection[str]
) -> set[str]:
    """Those of a visit's charges that are another one of them, word for word, told under the other number of the
    visit: a sender that renumbers or joins visits tells their lines again. Of each such group that which was billed
    stays, else the first that was told. Pure.
    """
    if len({fact.encounter_key for _, fact in charges}) < 2:
        return set()
    groups: dict[tuple[object, ...], list[Told]] = {}
    for key, fact in charges:
        if fact.active and (number := _number(fact)):
            groups.setdefault((number, *_said(fact)), []).append((key, fact))

    def first(one: Told) -> tuple[bool, str, str]:
        row = known.get(one[0])
        return row is None or row.state in open_states, one[1].version, one[1].key

    return {key for group in groups.values() for key, _ in _others(sorted(group, key=first))}


def _others(group: Sequence[Told]) -> Iterable[Told]:
    """Those of a group that were told under other numbers than the first; two of one visit are two."""
    return (one for one in group[1:] if one[1].encounter_key != group[0][1].encounter_key)


def _number(fact: ChargeFact) -> str:
    """A charge's key within its visit; empty where it is not of its visit."""
    scope = f"{fact.encounter_key}/"
    return fact.key[len(scope) :] if fact.key.startswith(scope) else ""


def _said(fact: ChargeFact) -> tuple[object, ...]:
    when = (fact.service_from, fact.service_to)
    return fact.kind, *when, fact.codings, fact.modifiers, fact.units, fact.amount, fact.reference


__all__ = ["told_twice"]
