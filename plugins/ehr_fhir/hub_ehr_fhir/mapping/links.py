"""Which other resources one needs to be read whole, and how much of that is known: a version that says so.

What is made of a resource depends on its neighbours, which may come later or change later. So such a fact has the
version `VERSION|TAIL`: the tail grows with what is known. It holds who decided something about the resource (an
Account), then, level by level of links, the sum of the versions of the neighbours that are known. A neighbour that
comes, one that is newer, and one that is deleted make it greater. So of all readings of one version of a resource,
the one that knew most sorts last, in whatever order the messages came; the newest version stands, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from hub_ehr_fhir.mapping import shapes
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.resources import Resources

Link = tuple[shapes.Reference, str]
_LEVELS = 3
_DIGITS = str.maketrans("", "", "-:TZ.+")


def _of_encounter(one: shapes.Encounter) -> Iterator[Link]:
    for each in one.participant:
        yield each.individual, "Practitioner"
    for place in one.location:
        yield place.location, "Location"
    yield one.service_provider, "Organization"
    for diagnosis in one.diagnosis:
        yield diagnosis.condition, "Condition"
    for order in one.based_on:
        yield order, "ServiceRequest"
    for account in one.account:
        yield account, "Account"


def _of_charge_item(one: shapes.ChargeItem) -> Iterator[Link]:
    for each in one.performer:
        yield each.actor, "Practitioner"
    if one.supporting_information:
        yield from _reasons(one.supporting_information)
    if not one.occurrence_date_time and not one.occurrence_period.start and one.occurrence_timing is None:
        yield one.context, "Encounter"


def _of_procedure(one: shapes.Procedure) -> Iterator[Link]:
    for each in one.performer:
        yield each.actor, "Practitioner"
    for order in one.based_on:
        yield order, "ServiceRequest"
    if one.reason_reference:
        yield from _reasons(one.reason_reference)
    if not one.performed_date_time and not one.performed_period.start:
        yield one.encounter, "Encounter"


def _of_immunization(one: shapes.Immunization) -> Iterator[Link]:
    yield from ((each.actor, "Practitioner") for each in one.performer)
    yield from _reasons(one.reason_reference)
    if not one.occurrence_date_time:
        yield one.encounter, "Encounter"


def _of_coverage(one: shapes.Coverage) -> Iterator[Link]:
    if one.payor:
        yield one.payor[0], "Organization"
    yield one.subscriber, "Patient"


def _of_account(one: shapes.Account) -> Iterator[Link]:
    yield from ((each, "Patient") for each in one.subject)
    yield from ((each.coverage, "Coverage") for each in one.coverage)
    yield from ((each.party, "RelatedPerson") for each in one.guarantor)


def _of_role(one: shapes.PractitionerRole) -> Iterator[Link]:
    yield one.practitioner, "Practitioner"
    yield one.organization, "Organization"


def _of_location(one: shapes.Location) -> Iterator[Link]:
    yield one.managing_organization, "Organization"
    yield one.part_of, "Location"


def _of_request(one: shapes.ServiceRequest) -> Iterator[Link]:
    yield one.requester, "Practitioner"
    yield from ((each, "ClaimResponse") for each in one.insurance if "ClaimResponse" in each.reference)


def _of_claim(one: shapes.Claim) -> Iterator[Link]:
    yield from ((each, "Encounter") for item in one.item for each in item.encounter)
    yield from ((each.provider, "Practitioner") for each in one.care_team)
    yield from ((each.diagnosis_reference, "Condition") for each in one.diagnosis)


def _of_response(one: shapes.ClaimResponse) -> Iterator[Link]:
    yield one.request, "Claim"


def _reasons(references: tuple[shapes.Reference, ...]) -> Iterator[Link]:
    """Conditions alone: what else is a reason (an observation, a report) says nothing to bill."""
    for each in references:
        if "Condition/" in each.reference or each.reference.startswith("urn:"):
            yield each, "Condition"


_LINKS: dict[type, Callable[[Any], Iterator[Link]]] = {
    shapes.Encounter: _of_encounter,
    shapes.ChargeItem: _of_charge_item,
    shapes.Procedure: _of_procedure,
    shapes.Immunization: _of_immunization,
    shapes.Coverage: _of_coverage,
    shapes.Account: _of_account,
    shapes.PractitionerRole: _of_role,
    shapes.Location: _of_location,
    shapes.ServiceRequest: _of_request,
    shapes.Claim: _of_claim,
    shapes.ClaimResponse: _of_response,
}


def links_of(resources: Resources, part: Part) -> tuple[str, ...]:
    """The keys of what a resource needs, in its order, each once; what it contains itself is no link."""
    known = part.links
    if known is None:
        ends = _LINKS.get(type(part.record))
        known = part.links = tuple(_keys(resources, part, ends(part.record))) if ends else ()
    return known


def _keys(resources: Resources, part: Part, ends: Iterable[Link]) -> dict[str, None]:
    keys: dict[str, None] = {}
    for one, kind in ends:
        if one is not shapes.NOWHERE:
            key = resources.key(one, kind)
            if "/" in key and "?" not in key and "#" not in key and key != part.key:
                keys[key] = None
    return keys


def version_of(resources: Resources, part: Part, decider: Part | None = None) -> str:
    """The version of a fact that was made of `part` and its neighbours (see the module); without a version of its own
    it has none, and without neighbours that of the resource.
    """
    if not part.version:
        return ""
    links: Sequence[str] = links_of(resources, part)
    if decider is None:
        if not links:
            return part.version
        if len(links) == 1 and (tail := _tail(resources, links[0])) is not None:
            return part.version + tail
    seen, sums = {part.key}, list[int]()
    while links and len(sums) < _LEVELS:
        total, further = 0, list[str]()
        for key in links:
            if key not in seen and (found := resources.at(key)) is not None and not found.gone:
                total += _ordinal(found.version) + (found.record is None)
                further += links_of(resources, found)
        seen.update(links)
        sums.append(total)
        links = further
    if decider is None and not any(sums):
        return part.version
    if decider is None and len(sums) == 1:
        return f"{part.version}|-|{sums[0]:024d}"
    by = f"{_ordinal(decider.version):024d}{decider.key}" if decider else "-"
    return f"{part.version}|{by}|{'.'.join(f'{each:024d}' for each in sums)}"


def _tail(resources: Resources, key: str) -> str | None:
    """The tail where one neighbour is all that a resource needs, and that needs no other; else None."""
    known = resources.tails.get(key, "?")
    if known != "?":
        return known
    found = resources.at(key)
    tail: str | None = ""
    if found is not None and not found.gone:
        total = _ordinal(found.version) + (found.record is None)
        tail = None if links_of(resources, found) else f"|-|{total:024d}"
    resources.tails[key] = tail
    return tail


@lru_cache(maxsize=4096)
def _ordinal(version: str) -> int:
    """A version as a number above zero that is the greater the newer it is."""
    digits = version.translate(_DIGITS)
    return int(digits) + 1 if digits.isdecimal() else 1
