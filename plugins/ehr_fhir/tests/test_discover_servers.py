"""What comes of servers that behave as vendors publicly say theirs do: which searches they need, allow and lack."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from fhirlab.offering import Habits, Offering, practice, statement
from hub_ehr_fhir.discover.offered import Offered
from hub_ehr_fhir.discover.probe import learn
from hub_ehr_fhir.discover.strategy import choose
from hub_ehr_fhir.discover.wanted import WANTED
from hub_ehr_fhir.settings import FhirSettings

from hub.clock import TurnedClock

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
SIGN_IN = {
    "url": "https://fhir.example.org/r4",
    "client_id": "hub",
    "private_key": "env:K",
    "client_secret": "env:S",
}
BY_ID = ("_id",)


def _epic() -> Habits:
    """No `_lastUpdated` anywhere, Account by `_id` alone, no ChargeItem; a warning for what is not known."""
    parameters: Mapping[str, tuple[str, ...]] = {
        "Patient": ("_id", "identifier", "family", "given", "birthdate"),
        "Encounter": ("_id", "account", "date", "identifier", "patient"),
        "Condition": ("_id", "category", "encounter", "patient"),
        "Procedure": ("_id", "date", "encounter", "patient"),
        "Coverage": ("_id", "beneficiary", "patient"),
        "Account": BY_ID,
        "Practitioner": ("_id", "identifier", "name"),
        "PractitionerRole": ("_id", "practitioner"),
        "Organization": BY_ID,
        "Location": BY_ID,
        "RelatedPerson": ("_id", "patient"),
        "ServiceRequest": ("_id", "encounter", "patient"),
        "Immunization": ("_id", "patient"),
    }
    return _habits(parameters, ignores={"*": {"_lastUpdated", "_sort"}}, says=True)


def _oracle() -> Habits:
    """Nothing is listed; `_lastUpdated` narrows; ChargeItem by `_id`, context or account alone."""
    parameters: Mapping[str, tuple[str, ...]] = {
        "Patient": ("_id", "identifier"),
        "Encounter": ("_id", "patient", "identifier", "account", "_lastUpdated"),
        "ChargeItem": ("_id", "context", "account"),
        "Condition": ("_id", "patient", "encounter", "_lastUpdated"),
        "Procedure": ("_id", "patient", "_lastUpdated"),
        "Coverage": ("_id", "patient"),
        "Account": ("_id", "patient"),
        "Practitioner": ("_id", "identifier"),
        "Organization": BY_ID,
        "Location": BY_ID,
        "RelatedPerson": ("_id", "patient"),
        "ServiceRequest": ("_id", "patient", "_lastUpdated"),
    }
    return _habits(parameters, refuses={"Patient": {"_lastUpdated"}, "ChargeItem": {"_lastUpdated", "patient"}})


def _athena() -> Habits:
    """Nothing is listed; `_lastUpdated` beside a patient; no accounts, charges or claims."""
    usual = ("_id", "patient", "_lastUpdated")
    parameters: Mapping[str, tuple[str, ...]] = {
        "Patient": ("_id", "identifier", "_lastUpdated"),
        "Encounter": (*usual, "date"),
        "Condition": (*usual, "encounter"),
        "Procedure": (*usual, "encounter"),
        "Coverage": ("patient", "_lastUpdated"),
        "Practitioner": ("_id", "identifier"),
        "Organization": BY_ID,
        "Location": BY_ID,
        "RelatedPerson": usual,
        "ServiceRequest": (*usual, "encounter"),
    }
    return _habits(parameters, refuses={"Encounter": {"identifier", "account"}})


def _habits(parameters: Mapping[str, tuple[str, ...]], **more: Any) -> Habits:
    """A server of these types and parameters, each search with one that names whom or what (`needs`)."""
    needs = {type_: {each for each in names if each != "_lastUpdated"} for type_, names in parameters.items()}
    refused = {
        type_: {"patient", "encounter", "context", "account", "identifier"} - set(names)
        for type_, names in parameters.items()
    }
    for type_, names in more.pop("refuses", {}).items():
        refused[type_] = refused.get(type_, set()) | names
    metadata = statement(parameters, **parameters)
    metadata["rest"][0]["resource"].append({"type": "Group", "operation": [{"name": "export"}]})
    return Habits(
        types=set(parameters), needs=needs, refuses=refused, history=False, etag=False, metadata=metadata, **more
    )


def _learned(habits: Habits) -> Offered:
    server = Offering(practice(), habits)
    return learn(server, None, clock=TurnedClock(NOW), stop=threading.Event(), patient="p1")


def _settings(preset: str, **more: Any) -> FhirSettings:
    return FhirSettings.model_validate({"preset": preset, "server": SIGN_IN, **more})


def test_epic_is_driven_by_hl7() -> None:
    """With its preset: visits are found by what the HL7 connector tells; charges come by DFT; accounts only by id."""
    strategy = choose(_learned(_epic()), _settings("epic"), follows=("hl7",))
    gaps = {each.code: each for each in strategy.gaps}
    assert strategy.kind == "follow"
    assert "identifier" in strategy.searches["Encounter"].joined
    assert strategy.searches["Encounter"].changed == ""
    assert strategy.searches["Account"].joined == ("_id", "read")
    assert strategy.searches["Condition"].joined[0] == "encounter"
    assert "ChargeItem" not in strategy.searches
    assert "DFT" in gaps["fhir.offer.charges"].fix
    assert "no charge comes" in gaps["fhir.offer.charges"].why
    assert not any(each.severity == "error" for each in strategy.gaps)


def test_epic_by_export_when_no_hl7_is_followed() -> None:
    """A Group that the site made is fetched whole, once a week."""
    settings = _settings("epic", bulk={"group": "g1"})
    strategy = choose(_learned(_epic()), settings)
    assert (strategy.kind, strategy.export) == ("bulk", "group")
    assert settings.bulk is not None
    assert not settings.bulk.since


def test_oracle_health_is_asked_for_charges_by_encounter() -> None:
    """Encounter by patient with `_lastUpdated` beside, ChargeItem by its encounter or account, and nothing listed."""
    found = _learned(_oracle())
    strategy = choose(found, _settings("oracle-health"), follows=("hl7",))
    assert strategy.kind == "follow"
    assert found.of("Encounter").verdict("_lastUpdated") == "refused"
    assert "patient" in strategy.searches["Encounter"].narrowed
    assert strategy.searches["ChargeItem"].joined[:2] == ("context", "account")
    assert strategy.searches["Account"].joined[0] == "patient"
    assert "fhir.offer.charges" not in {each.code for each in strategy.gaps}


def test_oracle_health_alone_lacks_a_list_of_patients() -> None:
    """Without HL7, Group or file nobody says whom to ask for: that is the error, with what to do."""
    gaps = {each.code: each for each in choose(_learned(_oracle()), _settings("oracle-health")).gaps}
    assert gaps["fhir.offer.patients"].severity == "error"
    assert "follows" in gaps["fhir.offer.patients"].fix


def test_athenahealth_goes_by_patients_from_hl7() -> None:
    """Its encounters have no identifier to search by: the patient's leads to them."""
    strategy = choose(_learned(_athena()), _settings("athenahealth"), follows=("hl7",))
    assert strategy.kind == "follow"
    assert "identifier" in strategy.searches["Patient"].joined
    assert "identifier" not in strategy.searches["Encounter"].joined
    assert "Account" not in strategy.searches


@pytest.mark.parametrize("habits", [_epic(), _oracle(), _athena()])
def test_no_vendor_is_asked_by_a_time_that_it_does_not_search(habits: Habits) -> None:
    """None of them finds encounters by `_lastUpdated` alone, whatever a statement may suggest."""
    found = _learned(habits)
    assert not found.of("Encounter").can("_lastUpdated")
    assert set(WANTED) >= set(found.abilities) - {"Group"}
