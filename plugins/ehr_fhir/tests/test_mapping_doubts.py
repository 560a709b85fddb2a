"""What a server leaves open, and money hangs on: it is not guessed in silence."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from test_fhir_facts import (
    HCPCS,
    concept,
    condition,
    coverage,
    encounter,
    every,
    item,
    made,
    only,
    patient,
    procedure,
    reading,
    told,
)

from hub.flow.visits.alike import one_service
from hub.flow.visits.assembly import Policy, coverages_of
from hub.flow.visits.ranking import is_unclear
from hub.model.facts import ChargeFact, CoverageFact, DiagnosisFact, EncounterFact


def test_one_service_that_is_told_twice() -> None:
    """A Procedure of the visit, code and day of a ChargeItem is not charged beside it (the hub sees to that by what
    each is, in whatever messages they come), and a person is told once; another code or day is another service."""
    code = concept(HCPCS, "T1015")
    charge = item(code=code, service=None)
    same = procedure(code=code)
    others = [procedure(code=concept(HCPCS, "G0008")), procedure(code=code, performedDateTime="2025-12-30")]
    named = [{**one, "id": f"o{n}"} for n, one in enumerate(others)]
    found = reading(patient(), encounter(), {k: v for k, v in charge.items() if v is not None}, same, *named)
    joined = one_service([(fact.key, fact) for fact in every(found, ChargeFact)])
    key = f"Procedure/{same['id']}"
    of_others = {f"Procedure/o{n}": (True, "") for n in range(2)}
    charges = {fact.key: (fact.active, fact.replaces) for _, fact in joined}
    assert charges == {f"ChargeItem/{charge['id']}": (True, key), key: (False, ""), **of_others}
    assert [code for code, _ in told(found)] == ["fhir.charge.twice"]


def test_policies_that_nobody_ranks() -> None:
    """Where nothing says which of two policies of a time pays first, the hub bills neither by chance."""
    other: dict[str, Any] = {"id": "v2", "payor": [{"display": "Other"}]}
    pairs: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
        ({}, other, True),
        ({"order": 1}, other, False),
        ({"order": 1}, {**other, "order": 2}, False),
        ({"order": 1}, {**other, "order": 1}, True),
        ({"status": "cancelled"}, other, False),
        ({"period": {"end": "2025-12"}}, {**other, "period": {"start": "2026-01-01"}}, False),
        ({"period": {"end": "2026-01"}}, {**other, "period": {"start": "2026-01-01"}}, True),
    ]
    policy = Policy(source="ehr", bill_from=date(2026, 1, 1))
    for first, second, unclear in pairs:
        found = reading(patient(), coverage(**first), {**coverage(), **second})
        assert is_unclear(coverages_of(every(found, CoverageFact), policy, date(2026, 1, 5))) is unclear
        assert told(found) == []


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


@pytest.mark.parametrize(
    ("told_so", "units", "amount"),
    [
        ({"quantity": {"value": -1}}, 1, "-123.40"),
        ({"quantity": {"value": -2}, "priceOverride": {"value": -246.80, "currency": "USD"}}, 2, "-246.80"),
        ({"priceOverride": {"value": -123.40, "currency": "USD"}}, 2, "-123.40"),
        ({"quantity": {"value": -1}, "priceOverride": None}, 1, "None"),
        (
            {
                "quantity": {"value": 3},
                "priceOverride": None,
                "extension": [{"url": "http://example.org/net", "valueMoney": {"value": -9.5}}],
            },
            3,
            "-9.50",
        ),
    ],
)
def test_a_quantity_or_price_below_zero_is_a_credit(told_so: dict[str, Any], units: int, amount: str) -> None:
    """It takes units back, as a credit of HL7 does; whatever it is for remains a charge of its own. One that is part
    of a single other item takes back that one."""
    service = [{"reference": "Procedure/d1"}]
    back = {k: v for k, v in item(service=service, **told_so).items() if v is not None}
    found = reading(patient(), encounter(), procedure(), {**back, "partOf": [{"reference": "ChargeItem/c0"}]})
    facts = {fact.key: fact for fact in every(found, ChargeFact)}
    credit = facts["ChargeItem/c1"]
    assert (credit.kind, credit.units, str(credit.amount), credit.replaces) == (
        "credit", units, amount, "ChargeItem/c0",
    )  # fmt: skip
    assert [(fact.kind, fact.active) for key, fact in facts.items() if key.startswith("Proc")] == [
        ("charge", True)
    ]
    assert only(found, EncounterFact).ready
    several = {**back, "partOf": [{"reference": f"ChargeItem/c{n}"} for n in (0, 2)]}
    assert only(reading(encounter(), several), ChargeFact).replaces == ""
    assert only(reading(encounter(), item(partOf=[{"reference": "ChargeItem/c0"}])), ChargeFact).replaces == ""


def test_whose_a_visit_names_is_told() -> None:
    """Of what a visit lists, a diagnosis of another patient is told, and the policies of its account where none is of
    its own patient; the hub knows who was merged."""
    other = {"reference": "Patient/p2"}
    listed = [{"condition": {"reference": "Condition/x1"}}]
    account = made("Account", "a1", status="active", coverage=[{"coverage": {"reference": "Coverage/v1"}}])
    named = [{"reference": "Account/a1"}]
    found = reading(patient(), encounter(diagnosis=listed), condition(subject=other))
    assert only(found, EncounterFact).others == ("Patient/p2",)
    assert only(found, DiagnosisFact).patient_key == "Patient/p2"
    found = reading(patient(), encounter(account=named), account, coverage(beneficiary=other))
    assert only(found, EncounterFact).others == ("Patient/p2",)
    own = [{"coverage": {"reference": f"Coverage/v{n}"}} for n in (1, 2)]
    family = [coverage(beneficiary=other), {**coverage(), "id": "v2"}]
    for told_of in (family, family[:1]):
        found = reading(patient(), encounter(account=named), {**account, "coverage": own}, *told_of)
        assert only(found, EncounterFact).others == ()


def test_what_is_void_needs_no_quantity() -> None:
    """An item that is taken back, as many systems do with a quantity of nought, is withdrawn and holds nothing."""
    voided = item(status="entered-in-error", quantity={"value": 0}, code={"text": "visit"})
    found = reading(patient(), encounter(), voided)
    assert not only(found, ChargeFact).active
    assert only(found, EncounterFact).ready


def test_times_that_are_no_dates() -> None:
    """A Timing of one day is that day. What was done `as a child`, or at an age, is not of the visit's day: it is
    held, unless it was never done."""
    timing = {"occurrenceDateTime": None, "occurrenceTiming": {"event": ["2026-01-04T09:00:00-05:00"]}}
    plain = {k: v for k, v in item(**timing).items() if v is not None}
    assert only(reading(patient(), encounter(), plain), ChargeFact).service_from == date(2026, 1, 4)
    for words in ({"performedString": "as a child"}, {"performedAge": {"value": 9, "code": "a"}}):
        done = {k: v for k, v in procedure().items() if not k.startswith("performed")} | words
        found = reading(patient(), encounter(), done)
        assert (every(found, ChargeFact), [code for code, _ in told(found)]) == ([], ["fhir.charge.date"])
        assert not only(reading(encounter(), {**done, "status": "entered-in-error"}), ChargeFact).active


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
