"""One encounter of what was given, with what the hub keeps of it: its resources, its facts, and what is foreseen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from hub.errors import HubError, Problem, Refused
from hub.model.facts import AnyFact, Reading
from hub.plugin.api import Desk, Foreseen
from hub_ehr_fhir.previewing import around
from hub_ehr_fhir.previewing.around import NOT_HERE, Told, Visit
from hub_ehr_fhir.previewing.keeping import Beside, beside
from hub_ehr_fhir.previewing.sample import One
from hub_ehr_fhir.previewing.tracing import kind_of
from hub_ehr_fhir.settings import FhirSettings

_NAMED = 10


class Keeper(msgspec.Struct, frozen=True, kw_only=True):
    """The hub with a connector of it; `alone`: what it keeps is not to be looked at."""

    desk: Desk
    instance: str
    alone: bool = False


class Nobody(msgspec.Struct, frozen=True, kw_only=True):
    """There is no encounter to look at."""

    problems: tuple[Problem, ...]
    beside: Beside


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """An encounter. `resources` are those that belong to it and `facts` what these tell; `told` is what counts in the
    end, of which the hub keeps `kept` (by kind and key) otherwise than these resources tell it.
    """

    visit: Visit
    others: tuple[Visit, ...]
    resources: tuple[One, ...]
    facts: tuple[AnyFact, ...]
    told: Told
    foreseen: Foreseen | None
    kept: frozenset[tuple[str, str]]
    problems: tuple[Problem, ...]
    beside: Beside

    def __repr__(self) -> str:
        return f"Looked({self.visit.label})"


def looked(
    resources: Sequence[One], settings: FhirSettings, wanted: str, keeper: Keeper | None
) -> Looked | Nobody:
    """The encounter that is `wanted` (its id or label; empty: the first). Raises `Refused` where it is not there."""
    reading = around.whole(resources, settings)
    visits = around.visits(reading, resources)
    visit = _chosen(visits, wanted)
    if visit is None:
        return Nobody(problems=reading.problems, beside=Beside(resources=tuple(resources)))
    found = _beside(keeper, _scope(reading, resources, visit, settings), settings)
    if found.told or found.newer:
        reading = around.whole(found.resources, settings)
    told = tuple(around.facts_of(reading, visit.key, around.patient_of(around.facts_of(reading, visit.key))))
    foreseen = _foreseen(keeper, told, visit.key, kept=found.asked)
    counts = around.sorted_out(foreseen.facts if foreseen is not None and foreseen.facts else told)
    if counts is None:
        return Nobody(problems=reading.problems, beside=found)
    few = around.belonging(found.resources, visit.key, settings, told)
    return Looked(
        visit=_as_it_is(visit, few, counts),
        others=tuple(one for one in visits if one.key != visit.key),
        resources=few,
        facts=told,
        told=counts,
        foreseen=foreseen,
        kept=_kept(counts.facts, told),
        problems=tuple(_of_these(reading, {one.label for one in few})),
        beside=_of_few(found, {one.label for one in few}),
    )


def _of_few(found: Beside, labels: set[str]) -> Beside:
    told = {label: message for label, message in found.told.items() if label in labels}
    return msgspec.structs.replace(found, told=told)


def _scope(reading: Reading, resources: Sequence[One], visit: Visit, settings: FhirSettings) -> Sequence[One]:
    """What of that was given may be of the visit."""
    told = around.facts_of(reading, visit.key, around.patient_of(around.facts_of(reading, visit.key)))
    return around.belonging(resources, visit.key, settings, told)


def _beside(keeper: Keeper | None, given: Sequence[One], settings: FhirSettings) -> Beside:
    if keeper is None or keeper.alone:
        return Beside(resources=tuple(given))
    try:
        return beside(keeper.desk, keeper.instance, given, settings)
    except HubError as error:
        why = f"{error} ({error.fix})" if error.fix else str(error)
        return Beside(resources=tuple(given), why=why)


def _foreseen(keeper: Keeper | None, told: Sequence[AnyFact], key: str, *, kept: bool) -> Foreseen | None:
    return keeper.desk.foresee(keeper.instance, told, key, kept=kept) if keeper is not None else None


def _as_it_is(visit: Visit, few: Sequence[One], told: Told) -> Visit:
    """The visit as it counts in the end, under the label of what tells it."""
    label = next((one.label for one in few if one.key == visit.key), visit.label)
    charges = sum(one.active and one.kind == "charge" for one in told.charges)
    return msgspec.structs.replace(visit, label=label, status=told.visit.status, charges=charges)


def _kept(counts: Sequence[AnyFact], told: Sequence[AnyFact]) -> frozenset[tuple[str, str]]:
    same = {(kind_of(one), one.key): one for one in around.bare(told)}
    others = (one for one in around.bare(counts) if same.get((kind_of(one), one.key)) != one)
    return frozenset((kind_of(one), one.key) for one in others)


def _chosen(visits: Sequence[Visit], wanted: str) -> Visit | None:
    if not wanted:
        return visits[0] if visits else None
    key = wanted if wanted.startswith("Encounter/") else f"Encounter/{wanted}"
    found = next((one for one in visits if one.key == key or one.label == wanted), None)
    if found is None:
        labels = ", ".join(one.label for one in visits[:_NAMED]) or "none"
        raise Refused(
            "there is no such encounter among those that could be read",
            fix=f"give its id or its label; there are: {labels}",
        )
    return found


def _of_these(reading: Reading, labels: set[str]) -> Iterator[Problem]:
    """The problems of the resources that belong to the encounter, and those of nobody in particular."""
    for one in reading.problems:
        label = one.where.partition("]")[0] + "]" if "[" in one.where else ""
        if label in labels or not label:
            yield one


__all__ = ["NOT_HERE", "Keeper", "Looked", "Nobody", "looked"]
