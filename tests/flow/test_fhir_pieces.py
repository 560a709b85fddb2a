"""FHIR resources that come apart, through the real hub and the real plugin: the same claim, however they are cut."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from flowlab.house import SOURCE, House
from hub_ehr_fhir.mapping.reading import read, read_joined
from hub_ehr_fhir.settings import FhirSettings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.clock import TurnedClock
from hub.flow.visits import asking, assemble
from hub.store import Keyring, open_store
from hub.testing.feed_state import state

Resource = dict[str, Any]
PROFILE = FhirSettings(validate="quarantine", keep_pieces="always")
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
CODED = re.compile(r'"icd10":\[[^]]*\],?')
"""What coding adds to a visit; one that is told anew when it was billed is not coded again."""
CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"


def resources(name: str) -> list[Resource]:
    """A visit with its patient, clinician, role, place, payer, policy, account, diagnoses and charges; `name` begins
    every id."""
    told = [*_around(name), _visit(name), *_of_visit(name)]
    return [{**one, "meta": {"lastUpdated": "2026-02-27T16:00:00Z"}} for one in told]


def _around(name: str) -> list[Resource]:
    """Who and what the visit needs."""
    patient = {"reference": f"Patient/{name}P"}
    return [
        {
            "resourceType": "Patient",
            "id": f"{name}P",
            "identifier": [{"system": "urn:records", "value": f"{name}P"}],
            "name": [{"family": "Bittern", "given": ["Orla"]}],
            "gender": "female",
            "birthDate": "1950-02-03",
            "address": [{"line": ["5 Reed Street"], "city": "Exampleton", "state": "OH", "postalCode": "44099"}],
        },
        {
            "resourceType": "Practitioner",
            "id": f"{name}D",
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1999999034"}],
            "name": [{"family": "Larkspur", "given": ["Maren"]}],
        },
        {
            "resourceType": "PractitionerRole",
            "id": f"{name}R",
            "practitioner": {"reference": f"Practitioner/{name}D"},
        },
        {"resourceType": "Location", "id": f"{name}L", "name": "Lakeside"},
        {"resourceType": "Organization", "id": f"{name}O", "name": "BLUEHERON"},
        {
            "resourceType": "Coverage",
            "id": f"{name}C",
            "status": "active",
            "subscriberId": "BHP990000011",
            "beneficiary": patient,
            "payor": [{"reference": f"Organization/{name}O"}],
        },
        {
            "resourceType": "Account",
            "id": f"{name}A",
            "status": "active",
            "subject": [patient],
            "coverage": [{"coverage": {"reference": f"Coverage/{name}C"}, "priority": 1}],
        },
    ]


def _visit(name: str) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": f"{name}E",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{name}P"},
        "participant": [{"individual": {"reference": f"PractitionerRole/{name}R"}}],
        "period": {"start": "2026-02-27T15:00:00Z", "end": "2026-02-27T15:25:00Z"},
        "location": [{"location": {"reference": f"Location/{name}L"}}],
        "account": [{"reference": f"Account/{name}A"}],
        "diagnosis": [{"condition": {"reference": f"Condition/{name}X{rank}"}, "rank": rank} for rank in (1, 2)],
    }


def _of_visit(name: str) -> Iterator[Resource]:
    """Its diagnoses and charges."""
    patient = {"reference": f"Patient/{name}P"}
    visit = {"reference": f"Encounter/{name}E"}
    for rank, code in ((1, "I10"), (2, "E11.9")):
        yield {
            "resourceType": "Condition",
            "id": f"{name}X{rank}",
            "category": [{"coding": [{"system": CATEGORY, "code": "encounter-diagnosis"}]}],
            "code": {"coding": [{"system": ICD10, "code": code}]},
            "subject": patient,
            "encounter": visit,
        }
    for number, code in ((1, "T1015"), (2, "G0008")):
        yield {
            "resourceType": "ChargeItem",
            "id": f"{name}I{number}",
            "status": "billable",
            "code": {"coding": [{"system": HCPCS, "code": code}]},
            "subject": patient,
            "context": visit,
            "occurrenceDateTime": "2026-02-27",
            "quantity": {"value": 1},
        }


def bundle(some: list[Resource]) -> bytes:
    """A collection Bundle of these."""
    entries = [
        {"fullUrl": f"https://ehr.example/{one['resourceType']}/{one['id']}", "resource": one} for one in some
    ]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def newer(one: Resource, *, at: str = "2026-02-28T16:00:00Z", **changes: Any) -> Resource:
    """The resource as it was changed later."""
    return {**one, **changes, "meta": {"lastUpdated": at}}


def deletion(one: Resource) -> bytes:
    """A Bundle that deletes what it was last told as."""
    answer = {"status": "204", "lastModified": one["meta"]["lastUpdated"]}
    request = {"method": "DELETE", "url": f"{one['resourceType']}/{one['id']}"}
    entry = [{"request": request, "response": answer}]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entry}).encode()


class FhirHouse(House):
    """The practice of one test, whose source is the FHIR plugin."""

    def __init__(self, store: Any, clock: TurnedClock) -> None:
        super().__init__(store, clock)
        reads = SimpleNamespace(
            joins=True,
            read_many=lambda some: [read(body, ndjson=False, settings=PROFILE) for body, _ in some],
            read_joined_many=lambda asks: [read_joined(piece, linked, PROFILE) for piece, linked in asks],
        )
        self.host.source = lambda name: reads  # type: ignore[method-assign]

    def hear(self, *some: Resource) -> None:
        """A message arrives."""
        self.messages += 1
        self._put(SOURCE, "message", bundle(list(some)), f"m{self.messages}")

    def end(self, one: Resource, *, deleted: bool) -> None:
        """What became of a resource in the end: it is deleted, or as it is told now."""
        self.messages += 1
        self._put(SOURCE, "message", deletion(one) if deleted else bundle([one]), f"m{self.messages}")


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[FhirHouse]:
    """The practice, on SQLite."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield FhirHouse(store, clock)
    store.close()


def assert_same(house: FhirHouse, random: Random) -> None:
    """In one Bundle, or cut apart, shuffled and repeated: one end."""
    number = house.messages
    house.hear(*resources(f"x{number}x"))
    house.take_in()
    told = resources(f"y{number}y")
    told += random.choices(told, k=4)
    random.shuffle(told)
    while told:
        cut = random.choice((1, 1, 1, 2, 5))
        house.hear(*told[:cut])
        told = told[cut:]
        if random.random() < 0.4:
            house.take_in()
    house.take_in()
    first, other = (state(house.store, SOURCE, f"{name}{number}{name}") for name in "xy")
    for kind in first:
        stands, stand = ({key: CODED.sub("", one) for key, one in some[kind].items()} for some in (first, other))
        assert stand == stands, _differs(stands, stand)
    assert set(house.states("claims")) == {"ready"}


def _differs(one: dict[str, str], other: dict[str, str]) -> str:
    keys = sorted(key for key in one | other if one.get(key) != other.get(key))
    return "\n".join(f"{key}\n  {one.get(key)}\n  {other.get(key)}" for key in keys)


@given(st.randoms(use_true_random=False))
@settings(max_examples=1, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_resources_cut_apart_bill_the_same(house: FhirHouse, random: Random) -> None:
    """A Bundle's resources in messages of their own, in any order, some twice, billed in between where they can be:
    the same facts, visit, charges and claim as from the Bundle, and no claim before all has come."""
    assert_same(house, random)


@pytest.mark.campaign
@given(st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_resources_cut_apart_at_length(house: FhirHouse, random: Random) -> None:
    """As above, at length."""
    assert_same(house, random)


def test_a_visit_waits_for_what_a_claim_would_be_short_without(house: FhirHouse) -> None:
    """Without its diagnosis, or the clinician behind the role, the visit is not ready; with it the claim is whole."""
    told = {f"{one['resourceType']}/{one['id']}": one for one in resources("")}
    late = [told.pop("Condition/X1"), told.pop("Practitioner/D")]
    house.hear(*told.values())
    house.take_in()
    assert house.states("encounters") == {"waiting": 1}
    assert house.work().keys() == {"fhir.missing"}
    for one in late:
        assert house.states("claims") == {}
        house.hear(one)
        house.take_in()
    (claim,) = house.rows("claims")
    assert (claim.state, claim.record.diagnoses) == ("ready", ("I10", "E119"))
    assert (claim.record.rendering.npi, claim.record.payer) == ("1999999034", "ppo")
    assert not house.work()


@pytest.mark.parametrize("apart", [False, True])
def test_the_account_of_a_visit_says_who_pays(house: FhirHouse, apart: bool) -> None:
    """A visit whose own account names another policy than its patient has besides goes to the payer of that one, in
    whatever messages they come; the patient's other visits do not.
    """
    told = {f"{one['resourceType']}/{one['id']}": one for one in resources("")}
    stamp = {"meta": {"lastUpdated": "2026-02-27T16:00:00Z"}}
    patient = {"reference": "Patient/P"}
    accident = [
        {"resourceType": "Organization", "id": "W", "name": "MEDICARE-B", **stamp},
        {**told["Coverage/C"], "id": "Z", "payor": [{"reference": "Organization/W"}]},
        {
            "resourceType": "Account",
            "id": "WA",
            "status": "active",
            "subject": [patient],
            "coverage": [{"coverage": {"reference": "Coverage/Z"}, "priority": 1}],
            **stamp,
        },
        {**told["Encounter/E"], "id": "E2", "account": [{"reference": "Account/WA"}], "diagnosis": []},
        {**told["Condition/X1"], "id": "X3", "encounter": {"reference": "Encounter/E2"}},
        {**told["ChargeItem/I1"], "id": "I3", "context": {"reference": "Encounter/E2"}},
    ]
    for some in [[one] for one in (*accident, *told.values())] if apart else [[*told.values(), *accident]]:
        house.hear(*some)
    house.take_in()
    assert sorted(row.record.payer for row in house.rows("claims")) == ["medicare", "ppo"]
    assert "claim.payer_order" not in house.work()


def test_what_changes_late_reaches_the_claim_that_waits(house: FhirHouse) -> None:
    """A diagnosis coded anew, and a clinician with another NPI, by loose resources."""
    told = resources("")
    house.hear(*told)
    house.take_in()
    known = {f"{one['resourceType']}/{one['id']}": one for one in told}
    house.hear(newer(known["Condition/X2"], code={"coding": [{"system": ICD10, "code": "E11.65"}]}))
    number = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1999999059"}
    house.hear(newer(known["Practitioner/D"], identifier=[number], name=[{"family": "Fennimore"}]))
    house.take_in()
    (claim,) = house.rows("claims")
    assert claim.record.diagnoses == ("I10", "E1165")
    assert claim.record.rendering.last == "Fennimore"


def test_a_charge_for_what_was_billed_already_goes_to_a_person(house: FhirHouse) -> None:
    """A Procedure was billed by itself, and a ChargeItem for it comes after the claim has left: it is not billed
    beside it."""
    told = resources("")
    late = next(one for one in told if one["id"] == "I1")
    code = {"coding": [{"system": HCPCS, "code": "T1015"}]}
    done = {"resourceType": "Procedure", "id": "R1", "status": "completed", "code": code}
    done |= {name: late[name] for name in ("subject", "meta")} | {"encounter": late["context"]}
    house.hear(*(one for one in told if one is not late), done)
    house.take_in()
    house.send()
    house.hear(newer(late, service=[{"reference": "Procedure/R1"}]))
    house.take_in()
    (claim,) = house.rows("claims")
    assert [line.hcpcs for line in claim.record.lines] == ["G0008", "T1015"]
    assert {"claim.replaced_late", "ingest.changed_after_billing"} <= house.work().keys()


@pytest.mark.parametrize("deleted", [False, True])
def test_what_a_visit_lacks_is_nobodys_work_when_it_is_called_off(house: FhirHouse, deleted: bool) -> None:
    """The items for what did not come close by themselves, whether the visit was cancelled or deleted."""
    told = {f"{one['resourceType']}/{one['id']}": one for one in resources("")}
    del told["Condition/X1"], told["Practitioner/D"]
    house.hear(*told.values())
    house.hear(newer({**told["Encounter/E"], "id": "E2", "subject": {"reference": "Patient/P2"}}))
    house.take_in()
    house.clock.turn(asking.AFTER)
    house.run(assemble.ripen, SOURCE)
    assert "fhir.missing" in house.work()
    for name, patient in (("E", "P"), ("E2", "P2")):
        gone = {**told["Encounter/E"], "id": name, "subject": {"reference": f"Patient/{patient}"}}
        house.end(newer(gone, at="2026-03-01T16:00:00Z", status="cancelled"), deleted=deleted)
    house.take_in()
    assert not house.work()
    assert house.states("encounters") == {"cancelled": 2}


@pytest.mark.parametrize("turn", [1, -1])
def test_an_item_and_a_procedure_that_come_apart_are_one_service(house: FhirHouse, turn: int) -> None:
    """Neither names the other, and each comes in a message of its own, in either order, before the claim leaves."""
    told = resources("")
    late = next(one for one in told if one["id"] == "I1")
    done = {"resourceType": "Procedure", "id": "R1", "status": "completed", "code": late["code"]}
    done |= {name: late[name] for name in ("subject", "meta")} | {"encounter": late["context"]}
    house.hear(*(one for one in told if one is not late))
    for one in (late, done)[::turn]:
        house.hear(one)
        house.take_in()
    claims = house.rows("claims", state="ready")
    assert sorted(line.hcpcs for claim in claims for line in claim.record.lines) == ["G0008", "T1015"]
    assert not house.work()
