"""What a server leaves open, and money hangs on: it is not guessed in silence."""

from __future__ import annotations

from typing import Any

import pytest
from test_fhir_facts import HCPCS, concept, coverage, encounter, every, item, patient, procedure, reading, told

from hub.model.facts import ChargeFact, CoverageFact, EncounterFact


def test_one_service_that_is_told_twice() -> None:
    """A Procedure of the visit, code and day of a ChargeItem is not charged beside it, and a person is told once;
    another code, day or visit is another service."""
    code = concept(HCPCS, "T1015")
    charge = item(code=code, service=None)
    same = procedure(code=code)
    others = [procedure(code=concept(HCPCS, "G0008")), procedure(code=code, performedDateTime="2025-12-30")]
    named = [{**one, "id": f"o{n}"} for n, one in enumerate(others)]
    found = reading(patient(), encounter(), {k: v for k, v in charge.items() if v is not None}, same, *named)
    charges = {fact.key: (fact.active, fact.replaces) for fact in every(found, ChargeFact)}
    key = f"Procedure/{same['id']}"
    of_others = {f"Procedure/o{n}": (True, "") for n in range(2)}
    assert charges == {f"ChargeItem/{charge['id']}": (True, key), key: (False, ""), **of_others}
    assert [code for code, _ in told(found)] == ["fhir.charge.twice"]


def test_policies_that_nobody_ranks() -> None:
    """Which of two policies of a time pays first is told, or a person hears of it."""
    other: dict[str, Any] = {"id": "v2", "payor": [{"display": "Other"}]}
    pairs: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
        ({}, other, ["fhir.coverage.order"]),
        ({"order": 1}, other, []),
        ({"order": 1}, {**other, "order": 2}, []),
        ({"order": 1}, {**other, "order": 1}, ["fhir.coverage.order"]),
        ({"status": "cancelled"}, other, []),
        ({"period": {"end": "2025-12"}}, {**other, "period": {"start": "2026-01-01"}}, []),
        ({"period": {"end": "2026-01"}}, {**other, "period": {"start": "2026-01-01"}}, ["fhir.coverage.order"]),
    ]
    for first, second, codes in pairs:
        found = reading(patient(), coverage(**first), {**coverage(), **second})
        assert [code for code, _ in told(found)] == codes


MODIFIER = [{"url": "urn:x:negated", "valueBoolean": True}]


@pytest.mark.parametrize("spoilt", ["ChargeItem", "Procedure", "Encounter", "Coverage"])
def test_a_modifier_extension_is_not_passed_over(spoilt: str) -> None:
    """R4: what nobody here understands may not be read as if it were not there. The charge or policy is set aside,
    and the visit is not billed without it; of a visit likewise."""
    told_of = [encounter(), item(), procedure(code=concept(HCPCS, "G0008")), coverage()]
    some = [
        {**one, **({"modifierExtension": MODIFIER} if one["resourceType"] == spoilt else {})} for one in told_of
    ]
    found = reading(patient(), *some)
    (code, place), *_ = told(found)
    assert (code, place.split()[-1]) == ("fhir.modifier", f"{spoilt}.modifierExtension")
    assert [fact.ready for fact in every(found, EncounterFact)] == [spoilt == "Coverage"]
    assert len(every(found, CoverageFact)) == (spoilt != "Coverage")
    assert len(every(found, ChargeFact)) == 2 - (spoilt in {"ChargeItem", "Procedure"})


def test_a_factor_is_not_passed_over() -> None:
    """ChargeItem.factorOverride multiplies a price that the hub does not know; one of 1 says nothing."""
    plain = {name: value for name, value in item().items() if name != "priceOverride"}
    found = reading(patient(), encounter(), {**plain, "factorOverride": 2})
    assert (every(found, ChargeFact), [code for code, _ in told(found)]) == ([], ["fhir.charge.amount"])
    assert len(every(reading(patient(), encounter(), {**plain, "factorOverride": 1.0}), ChargeFact)) == 1


def test_vaccines_may_be_charged_by_their_items_alone() -> None:
    """A ChargeItem for a vaccine has another code than its Immunization: a setting says which of the two counts."""
    shot: dict[str, Any] = {
        "resourceType": "Immunization",
        "id": "s1",
        "status": "completed",
        "occurrenceDateTime": "2026-01-05",
    }
    shot |= {"vaccineCode": concept("http://hl7.org/fhir/sid/cvx", "140"), "patient": item()["subject"]}
    shot |= {"encounter": item()["context"]}
    for counts, keys in ((True, ["ChargeItem/c1", "Immunization/s1"]), (False, ["ChargeItem/c1"])):
        found = reading(patient(), encounter(), item(), shot, immunizations_are_charges=counts)
        assert sorted(fact.key for fact in every(found, ChargeFact)) == keys
    named = item(service=[{"reference": "Immunization/s1"}])
    found = reading(patient(), encounter(), named, shot, immunizations_are_charges=False)
    assert [fact.key for fact in every(found, ChargeFact)] == ["ChargeItem/c1"]
