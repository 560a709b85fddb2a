"""What a fault that fhir.resources finds comes to: a resource set aside, or advice about its sender."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hub_ehr_fhir.mapping import check
from hub_ehr_fhir.mapping.reading import read
from hub_ehr_fhir.settings import FhirSettings

from hub.log import NUMBER_KEYS
from hub.model.facts import Reading

PERSON = {"reference": "Patient/p1"}
PATIENT = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Quill"}]}
CHARGE = {
    "resourceType": "ChargeItem", "id": "c1", "status": "billable", "subject": PERSON,
    "code": {"coding": [{"code": "G0438"}]}, "quantity": {"value": 1}, "occurrenceDateTime": "2026-01-05",
}  # fmt: skip
CONDITION = {
    "resourceType": "Condition", "id": "d1", "subject": PERSON, "encounter": {"reference": "Encounter/e1"},
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "J02.9"}]},
}  # fmt: skip


def reading(resource: dict[str, Any], mode: str = "every", **changes: Any) -> Reading:
    """A resource with changes, read in one mode."""
    settings = FhirSettings.model_validate({"validate": mode, "sample_every": 1})
    return read(json.dumps(resource | changes).encode(), False, settings)


def said(found: Reading) -> list[tuple[str, str, str]]:
    """Code, severity and place of each problem."""
    return [(problem.code, problem.severity, problem.where) for problem in found.problems]


@pytest.mark.parametrize(
    ("resource", "changes", "place"),
    [
        (PATIENT, {"favouriteColour": "SECRET"}, "Patient.favouriteColour"),
        (PATIENT, {"maritalStatus": "SECRET"}, "Patient.maritalStatus"),
        (PATIENT, {"name": [{"family": "Quill", "suffix": [""]}]}, "Patient.name[0].suffix[0]"),
        (CONDITION, {"severity": "high"}, "Condition.severity"),
        (CHARGE, {"code": {"coding": [{"code": "G0438"}], "text": ""}}, "ChargeItem.code.text"),
        (CHARGE, {"overrideReason": ""}, "ChargeItem.overrideReason"),
    ],
)
def test_what_billing_does_not_read_is_advice(resource: Any, changes: Any, place: str) -> None:
    """A fault outside what billing reads, or an empty text, is a warning at its place; the fact is made."""
    found = reading(resource, **changes)
    assert [type(fact) for fact in found.facts] == [type(fact) for fact in reading(resource).facts]
    assert said(found) == [("fhir.advice", "warning", place)]
    assert "SECRET" not in repr(found.problems)


@pytest.mark.parametrize(
    ("resource", "changes", "place"),
    [
        (PATIENT, {"birthDate": "2026-02-30"}, "Patient.birthDate"),
        (PATIENT, {"id": "not an id"}, "Patient.id"),
        (CHARGE, {"status": "two  blanks"}, "ChargeItem.status"),
        (CHARGE, {"occurrencePeriod": {"start": "2026-01-05"}}, "ChargeItem"),
        (CHARGE, {"favouriteColour": "SECRET"}, "ChargeItem.favouriteColour"),
        ({name: CONDITION[name] for name in CONDITION if name != "subject"}, {}, "Condition.subject"),
    ],
)
def test_what_billing_reads_is_set_aside(resource: Any, changes: Any, place: str) -> None:
    """A fault where billing reads, and an element of a charge that R4 does not know, sets the resource aside."""
    found = reading(resource, **changes)
    assert not found.facts
    assert ("fhir.invalid", "error", place) in said(found)
    assert "SECRET" not in repr(found.problems)


def test_a_sample_only_advises() -> None:
    """What a sample finds is a warning, since its neighbours are taken unseen; what cannot be read is set aside."""
    found = reading(PATIENT, "sample", birthDate="2026-02-30")
    assert ("fhir.advice", "warning", "Patient.birthDate") in said(found)
    assert len(found.facts) == 1
    unread = reading(PATIENT, "sample", birthDate=5)
    assert not unread.facts
    assert said(unread)[0] == ("fhir.shape", "error", "Patient.birthDate")


def test_the_sample_is_told_by_the_bytes() -> None:
    """The same bytes are of the sample or not, whenever they are read; about one of so many is."""
    settings = FhirSettings.model_validate({"validate": "sample", "sample_every": 10})
    bad = [json.dumps(PATIENT | {"id": f"p{n}", "birthDate": "2026-02-30"}).encode() for n in range(400)]
    first, again = ([len(read(raw, False, settings).problems) for raw in bad] for _ in range(2))
    assert first == again
    assert 15 < sum(count > 1 for count in first) < 80


def test_what_was_checked_is_counted() -> None:
    """The tally says how many resources were decided by which step, and how many were refused or advised about."""
    before = check.TALLY.told()
    for changes in (
        {},
        {"birthDate": "2026-02-30"},
        {"favouriteColour": "x"},
        {"deceasedDateTime": "2016-12-31T23:59:60Z"},
    ):
        reading(PATIENT, **changes)
    reading(PATIENT, deceasedDateTime="2016-12-31T23:59:60Z")
    grown = {name: count - before[name] for name, count in check.TALLY.told().items()}
    assert grown["narrow"] == 1
    assert grown["refused"] == grown["advised"] == 1
    assert grown["judged"] + grown["remembered"] == 4
    assert set(check.TALLY.logged()) == {"count", "calls", "faults", "problems"} <= NUMBER_KEYS


def test_fhir_resources_is_imported_when_it_is_asked() -> None:
    """Importing the connector, and reading in the mode `quarantine`, imports no model of fhir.resources."""
    program = """
import sys
from hub_ehr_fhir.mapping.reading import read
from hub_ehr_fhir.settings import FhirSettings
from hub_ehr_fhir.source import FhirSource
read(b'{"resourceType":"Patient","id":"p"}', False, FhirSettings.model_validate({"validate": "quarantine"}))
print(any(name.startswith("fhir") for name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "False"
