"""One service that a source told twice: as what was done, and as what is charged for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from hub.model.encounter import Charge
from hub.model.facts import ChargeFact

Told = tuple[str, ChargeFact]
"""The digest of a charge's key, and the charge."""
ITEM, DONE = "item", "done"
BILLED = frozenset(("HCPCS", "CDT"))
"""The systems of codes that say what is billed."""


def one_service(charges: Sequence[Told], billed: Mapping[str, Charge] | None = None) -> tuple[Told, ...]:
    """The charges of a visit, where what was done (`ChargeFact.service`) on the day and under a code of what is
    charged is no charge of its own, and the item stands in its place (in that of one that is `billed`, where one is).
    Where an item was billed, and says something else now or was withdrawn, what was done stands in its place.
    Neither names the other here: a source that links them says so by itself. It does not matter in which order, or
    together with what, they came. Pure.
    """
    out = billed or {}
    items = [fact for _, fact in charges if _is(fact, ITEM)]
    stood = [(fact.key, out[digest]) for digest, fact in charges if fact.service == ITEM and digest in out]
    done = [one for one in charges if _is(one[1], DONE)] if items or stood else []
    if not done:
        return tuple(charges)
    charged = {what: fact for fact in sorted(items, key=lambda one: one.key) for what in _what(fact)}
    was = {what: key for key, charge in sorted(stood, key=lambda one: one[0]) for what in _what(charge)}
    doubled: set[str] = set()
    instead: dict[str, str] = {}
    for digest, fact in sorted(done, key=lambda one: (one[0] not in out, one[1].key)):
        item = next((charged[what] for what in _what(fact) if what in charged), None)
        before = next((was[what] for what in _what(fact) if what in was), "")
        if item is not None:
            doubled.add(digest)
            instead.setdefault(item.key, fact.key)
        elif before and digest not in out:
            instead[fact.key] = before
    return tuple((digest, _joined(digest, fact, doubled, instead)) for digest, fact in charges)


def _is(fact: ChargeFact, kind: str) -> bool:
    return fact.active and fact.kind == "charge" and fact.service == kind


def _joined(digest: str, fact: ChargeFact, doubled: set[str], instead: dict[str, str]) -> ChargeFact:
    if digest in doubled:
        return replace(fact, active=False)
    if fact.key in instead and not fact.replaces:
        return replace(fact, replaces=instead[fact.key])
    return fact


def _what(fact: ChargeFact | Charge) -> Iterator[tuple[object, str]]:
    """The day, and each code that can be billed."""
    for coding in fact.codings:
        if coding.system in BILLED:
            yield fact.service_from, coding.code


__all__ = ["DONE", "ITEM", "one_service"]
