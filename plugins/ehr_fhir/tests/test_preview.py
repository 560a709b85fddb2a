"""Where each element of a claim comes from is found by altering the resources, and what is missing is told."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hub_ehr_fhir.previewing import around, tracing
from hub_ehr_fhir.previewing.elements import MISSING, NONE, UNUSED, Known, Row
from hub_ehr_fhir.previewing.holding import Verdict, judge
from hub_ehr_fhir.previewing.rows import rows, unused
from hub_ehr_fhir.previewing.sample import of_bodies
from hub_ehr_fhir.previewing.toml import lines
from hub_ehr_fhir.previewing.unmapped import Survey, Unmapped, told_by
from hub_ehr_fhir.settings import FhirSettings
from hypothesis import given, settings
from hypothesis import strategies as st
from previewlab import ICD10, Resource, bundle, concept, office, ref, visit

NAMES = ("reference", "coding", "code", "system", "value", "start", "end", "identifier", "display", "id", "type")
SETTINGS = FhirSettings.model_validate({"validate": "quarantine"})


def looked(resources: Sequence[Resource], key: str = "Encounter/e1", **told: Any) -> tuple[list[Row], Verdict]:
    """Rows and verdict of an encounter, with no settings of a hub."""
    profile = SETTINGS.model_copy(update=told)
    sample = of_bodies([bundle(resources)])
    reading = around.whole(sample.resources, profile)
    found = around.told_of(reading, key)
    assert found is not None
    few = around.belonging(sample.resources, key, profile, found.facts)
    known = Known()
    made = [*rows(found, tracing.traced(few, key, found.facts, profile), known), *unused(found, few, profile)]
    return made, judge(found, made, known, reading.problems)


def row(made: Sequence[Row], element: str, section: str = "") -> Row:
    """The row of an element."""
    return next(one for one in made if one.element == element and one.section.startswith(section))


def world(*more: Resource) -> list[Resource]:
    """An office and a whole visit."""
    return [*office(), *visit(), *more]


def test_each_element_has_the_place_that_it_comes_from() -> None:
    """Every element of the claim of a whole visit names its own element of the resource that tells it."""
    made, verdict = looked(world())
    places = {(one.section, one.element): one.sources for one in made}
    assert places["Patient", "birth date"] == ("Patient[0].birthDate",)
    assert places["Policy 1", "member id"] == ("Coverage[0].subscriberId",)
    assert "Organization[0].identifier[0]" in places["Policy 1", "payer"]
    assert places["Clinicians", "rendering NPI"] == ("Practitioner[0].identifier[0]",)
    assert places["Dates", "begin"] == ("Encounter[0].period.start",)
    assert places["Diagnoses", "diagnosis 1"] == ("Condition[0].code.coding[0]",)
    assert places["Line 1", "code"] == ("ChargeItem[0].code.coding[0]",)
    assert places["Line 2", "code"] == ("ChargeItem[1].code.coding[0]",)
    assert places["Line 1", "date"] == ("ChargeItem[0].occurrenceDateTime",)
    assert verdict.well


def test_what_moves_is_found_where_it_is() -> None:
    """A member id that stands in an identifier is found there: nothing is asserted by a table."""
    told = world()
    coverage = next(one for one in told if one["resourceType"] == "Coverage")
    coverage["identifier"] = [
        {"value": "other"},
        {
            "type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MB"),
            "value": coverage["subscriberId"],
        },
    ]
    del coverage["subscriberId"]
    made, _ = looked(told)
    assert "Coverage[0].identifier[1]" in row(made, "member id").sources


def test_labels_count_what_was_given() -> None:
    """A place counts the resources of its type in all that was given, not in what belongs to the encounter."""
    made, _ = looked([*office(), *visit(1), *visit(2)], "Encounter/e2")
    assert row(made, "diagnosis 1").sources == ("Condition[1].code.coding[0]",)
    assert row(made, "member id").sources == ("Coverage[1].subscriberId",)


@pytest.mark.parametrize(
    ("without", "element"),
    [
        ("Coverage", "coverage"),
        ("Condition", "diagnosis"),
        ("ChargeItem", "charge"),
    ],
)
def test_what_is_missing_is_told_with_what_to_do(without: str, element: str) -> None:
    """Without a resource its element is missing, with a remedy, and the claim would be held."""
    made, verdict = looked([one for one in world() if one["resourceType"] != without], wait_for_missing=False)
    missing = row(made, element)
    assert missing.stands == MISSING
    assert missing.todo
    assert not verdict.well
    assert any(element in one.where for one in verdict.holds)
    assert verdict.line.startswith("would be held: ")


def test_a_visit_that_waits_says_for_what() -> None:
    """A diagnosis that is named and did not come holds the visit, and the verdict names the place."""
    _, verdict = looked([one for one in world() if one["resourceType"] != "Condition"])
    assert any(one.code == "fhir.missing" and "Encounter" in one.where for one in verdict.holds)


def test_an_open_visit_is_not_finished() -> None:
    """A visit in progress is told as such and not as a fault of the data."""
    told = world()
    next(one for one in told if one["resourceType"] == "Encounter")["status"] = "in-progress"
    _, verdict = looked(told)
    assert [one.code for one in verdict.holds] == ["visit.unfinished"]


def test_what_is_not_used_says_why() -> None:
    """A planned charge, an unconfirmed diagnosis and another's bill stand on no claim, each for its reason."""
    who, at = ref("Patient/p1"), ref("Encounter/e1")
    doubt = {"coding": [{"code": "provisional"}]}
    made, _ = looked(world(
        {"resourceType": "ChargeItem", "id": "x", "status": "planned", "subject": who, "context": at,
         "code": concept("", "LATER"), "quantity": {"value": 1}},
        {"resourceType": "Condition", "id": "x", "subject": who, "encounter": at, "verificationStatus": doubt,
         "code": concept(ICD10, "I10")},
        {"resourceType": "Claim", "id": "x", "status": "active", "use": "claim", "patient": who,
         "item": [{"sequence": 1, "encounter": [at]}]},
    ))  # fmt: skip
    reasons = {one.sources[0]: one.note for one in made if one.section == "Not used"}
    assert reasons["ChargeItem[2]"] == "its status is planned, not billable"
    assert reasons["Condition[1]"] == "it is not confirmed"
    assert "claims_are_charges" in reasons["Claim[0]"]


def test_a_policy_of_another_day_is_not_used() -> None:
    """A coverage that had ended before the visit is told as not used, and as what would have to hold instead."""
    told = world()
    next(one for one in told if one["resourceType"] == "Coverage")["period"] = {"end": "2025-12-31"}
    made, _ = looked(told)
    stands = [one.stands for one in made if one.element == "coverage"]
    assert stands == [MISSING, UNUSED]


def test_a_secondary_policy_and_its_subscriber() -> None:
    """Each rank has its rows; a patient who is not the subscriber has a relationship and a subscriber."""
    told = world(
        {"resourceType": "RelatedPerson", "id": "m", "patient": ref("Patient/p1"),
         "name": [{"family": "Testerling", "given": ["Bea"]}], "birthDate": "1950-01-02"},
        {"resourceType": "Coverage", "id": "w", "status": "active", "subscriberId": "Z9", "order": 2,
         "beneficiary": ref("Patient/p1"), "subscriber": ref("RelatedPerson/m"),
         "payor": [{"display": "Harbor Mutual"}],
         "relationship": concept("http://terminology.hl7.org/CodeSystem/subscriber-relationship", "child")},
    )  # fmt: skip
    made, _ = looked(told)
    second = [one for one in made if one.section == "Policy 2"]
    assert row(second, "payer").sources == ("Coverage[1].payor[0]",)
    assert row(second, "payer").place == "2330B NM109"
    assert row(second, "relationship").sources == ("Coverage[1].relationship.coding[0]",)
    assert "RelatedPerson[0].name[0].family" in row(second, "subscriber").sources
    assert row(second, "rank").sources == ("Coverage[1].order",)


def test_what_no_claim_needs_is_no_fault() -> None:
    """A referring clinician and an authorization that nobody told are none told, and hold nothing."""
    made, verdict = looked(world())
    assert {row(made, "referring").stands, row(made, "authorization").stands} == {NONE}
    assert not verdict.holds


def test_resources_by_urn_are_found() -> None:
    """Bundles that name their resources by urn:uuid are traced as others are."""
    told = copy.deepcopy(world())
    names = {f"{one['resourceType']}/{one['id']}": f"urn:uuid:{n:032d}" for n, one in enumerate(told)}
    text = bundle(told).decode()
    for key, name in names.items():
        text = text.replace(f'"reference": "{key}"', f'"reference": "{name}"')
    for one in told:
        key = f"{one['resourceType']}/{one['id']}"
        start = f'{{"resource": {{"resourceType": "{one["resourceType"]}", "id": "{one["id"]}"'
        text = text.replace(start, f'{{"fullUrl": "{names[key]}", ' + start[1:])
    sample = of_bodies([text.encode()])
    reading = around.whole(sample.resources, SETTINGS)
    (seen,) = around.visits(reading, sample.resources)
    found = around.told_of(reading, seen.key)
    assert found is not None
    assert found.visit.diagnoses
    few = around.belonging(sample.resources, seen.key, SETTINGS, found.facts)
    trace = tracing.traced(few, found.visit.key, found.facts, SETTINGS)
    assert trace.of("coverage", found.coverages[0].key, "member_id") == ("Coverage[0].subscriberId",)


def test_only_what_belongs_is_tried() -> None:
    """Of many visits only the resources of the one that is looked at are altered, and they tell the same of it."""
    told = [*office(), *(one for n in range(1, 30) for one in visit(n))]
    sample = of_bodies([bundle(told)])
    reading = around.whole(sample.resources, SETTINGS)
    found = around.told_of(reading, "Encounter/e7")
    assert found is not None
    few = around.belonging(sample.resources, "Encounter/e7", SETTINGS, found.facts)
    assert len(few) == len(world())
    again = around.told_of(around.whole(few, SETTINGS), "Encounter/e7")
    assert again is not None
    assert again.charges == found.charges


def test_trying_ends_in_time() -> None:
    """When the seconds are over the trace says that it is not complete, and what it has is kept."""
    sample = of_bodies([bundle(world())])
    reading = around.whole(sample.resources, SETTINGS)
    found = around.told_of(reading, "Encounter/e1")
    assert found is not None
    clock = iter(float(n) for n in range(1000))
    trace = tracing.traced(sample.resources, found.visit.key, found.facts, SETTINGS, tick=lambda: next(clock))
    assert not trace.complete
    assert trace.sources


def test_finished_visits_with_charges_come_first() -> None:
    """Of several encounters the first finished one with charges is looked at, the others are listed."""
    early, late = visit(1), visit(2)
    next(one for one in early if one["resourceType"] == "Encounter")["status"] = "planned"
    sample = of_bodies([bundle([*office(), *early, *late])])
    found = around.visits(around.whole(sample.resources, SETTINGS), sample.resources)
    assert [(one.label, one.status, one.charges) for one in found] == [
        ("Encounter[1]", "finished", 2), ("Encounter[0]", "planned", 2),
    ]  # fmt: skip
    assert found[0].on == date(2026, 3, 2)


def test_lines_bundles_and_rubbish() -> None:
    """NDJSON, Bundles within lines and single resources give their resources; what is none is counted and left."""
    lines = b"\n".join([bundle(visit(1)), b'{"resourceType":"Patient","id":"x"}', b"rubbish", b"[1]"])
    sample = of_bodies([lines, b"", b"\xff\xfe"])
    assert len(sample.resources) == len(visit(1)) + 1
    assert sample.strays == 4
    assert sample.resources[-1].label == "Patient[1]"


def test_decimals_stay_exact() -> None:
    """An amount is altered and written as a decimal number of JSON, never through binary floating point."""
    told = world()
    next(one for one in told if one["resourceType"] == "ChargeItem")["priceOverride"] = {
        "value": 123456789.10,
        "currency": "USD",
    }
    made, _ = looked(told)
    amount = row(made, "amount", "Line 1")
    assert amount.sources == ("ChargeItem[0].priceOverride",)
    assert amount.value == "123,456,789.10"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["9999-12-31", "0001-01-01"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.campaign
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_told_a_preview_comes_of_it(data: st.DataObject) -> None:
    """Elements that hold something else than R4 says, dates at the ends of time among them, raise nothing."""
    told = copy.deepcopy(world())
    for _ in range(data.draw(st.integers(1, 4))):
        one = data.draw(st.sampled_from(told))
        one[data.draw(st.sampled_from(sorted(set(one) - {"resourceType"})))] = data.draw(JSON)
    sample = of_bodies([bundle(told)])
    reading = around.whole(sample.resources, SETTINGS)
    for seen in around.visits(reading, sample.resources):
        found = around.told_of(reading, seen.key)
        assert (found is None) is (seen.status == around.NOT_HERE)
        if found is None:
            continue
        few = around.belonging(sample.resources, seen.key, SETTINGS, found.facts)
        trace = tracing.traced(few, found.visit.key, found.facts, SETTINGS)
        made = [*rows(found, trace, Known(zone="Asia/Tokyo")), *unused(found, few, SETTINGS)]
        assert judge(found, made, Known(), reading.problems).line
    Survey(None, "", SETTINGS).see(sample.resources)


def test_names_are_counted_over_messages() -> None:
    """Resources of one visit that came in several messages are put together as the hub does it: the clinician of
    another message has an NPI, and each name is counted with the message that told it.
    """
    told = [*office(), *visit()]
    bodies = [(f"in_{n}", bundle([one]), False) for n, one in enumerate(told)]
    heard = told_by(bodies, SETTINGS)
    survey = Survey(None, "", SETTINGS)
    survey.hear(heard)
    found = survey.result()
    assert (found.encounters, found.charges) == (1, 2)
    assert found.systems == {"ICD10": (1, 1)}
    assert {(one.kind, one.name) for one in found.unmapped} == {
        ("charge", "FLU-ADMIN"), ("payer", "BLUEHERON"), ("place", "SHORE"),
    }  # fmt: skip
    charge = next(one for one in found.unmapped if one.kind == "charge")
    assert charge.examples == [f"in_{len(told) - 1}"]
    assert charge.encounters == {"Encounter/e1"}


def test_a_policy_counts_all_visits_of_its_patient() -> None:
    """A payer is counted by the visits on whose day its policy holds; what a home is called is not repeated."""
    told = [*office(), *visit(1)]
    for n, day in ((2, "2026-03-09"), (3, "2027-03-09")):
        again = copy.deepcopy(next(one for one in told if one["id"] == "e1"))
        again |= {"id": f"e{n}", "diagnosis": [], "period": {"start": f"{day}T15:00:00Z"}}
        told.append(again)
    next(one for one in told if one["resourceType"] == "Coverage")["period"] = {"end": "2026-12-31"}
    told[-1]["class"] = {"code": "HH"}
    found = Survey(None, "", SETTINGS)
    found.hear(told_by([("in_1", bundle(told), False)], SETTINGS))
    names = {(one.kind, one.name): one.encounters for one in found.result().unmapped}
    assert names["payer", "BLUEHERON"] == {"Encounter/e1", "Encounter/e2"}
    assert ("place", "home") in names


def test_the_account_of_a_visit_says_which_policy_pays() -> None:
    """Of two policies the one that the visit's account names is the first, the other is told as not used."""
    other = copy.deepcopy(next(one for one in visit() if one["resourceType"] == "Coverage")) | {
        "id": "w",
        "order": 2,
    }
    account = {"resourceType": "Account", "id": "a", "status": "active", "subject": [ref("Patient/p1")],
               "coverage": [{"coverage": ref("Coverage/w"), "priority": 1}]}  # fmt: skip
    told = world(other, account)
    next(one for one in told if one["resourceType"] == "Encounter")["account"] = [ref("Account/a")]
    made, _ = looked(told)
    assert row(made, "member id").sources == ("Coverage[1].subscriberId",)
    (unused_row,) = (one for one in made if one.stands == UNUSED and one.element == "coverage")
    assert unused_row.note == "the account of the visit names others"


def test_lines_are_toml_that_nobody_takes_unfilled() -> None:
    """What is proposed is TOML, names with quotes and control letters among it, and holds `...` where a person must
    fill something in.
    """
    odd = [
        Unmapped(kind="payer", name='A "B" \\ C\x00', times=1),
        Unmapped(kind="class", name="X", times=2),
        Unmapped(kind="place", name="SHORE", system="ambulatory", times=3),
        Unmapped(kind="clinician", name="D-9", words="Larkspur", times=1),
    ]
    told = tomllib.loads("\n".join(lines(odd, "clinic", words=True)))
    assert told["sources"]["clinic"] == {"payers": {'A "B" \\ C ': "..."}, "places": {"ambulatory": "..."}}
    assert told["connectors"]["clinic"]["settings"]["encounter_classes"] == {"X": "..."}
    assert told["providers"][0]["ids"] == ["D-9"]
    rows = lines([Unmapped(kind="charge", name="C", system="LOCAL", times=1)], "clinic", words=False)
    (row,) = tomllib.loads(f"charges = [\n{rows[1]}\n]")["charges"]
    assert row == {"system": "LOCAL", "code": "C", "hcpcs": "..."}
