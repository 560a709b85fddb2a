"""Bombs: depth, length, numbers and counts without end are refused, or bounded, and cost no more than their bytes."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hub_ehr_fhir.mapping.reading import read
from hub_ehr_fhir.settings import FhirSettings

from hub.model.facts import ChargeFact

MANY = 300_000
CHARGE = {
    "resourceType": "ChargeItem", "id": "c", "status": "billable", "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"code": "G0438"}]}, "occurrenceDateTime": "2026-01-05", "quantity": {"value": 11},
    "priceOverride": {"value": 22},
}  # fmt: skip
MODES = [FhirSettings.model_validate({"validate": mode}) for mode in ("every", "quarantine")]


@pytest.mark.parametrize("settings", MODES, ids=lambda s: str(s.validate_with))
@pytest.mark.parametrize("place", [b"11", b"22"], ids=["quantity", "price"])
@pytest.mark.parametrize(
    "number",
    [
        b"9" * MANY,
        b"0." + b"0" * MANY + b"1",
        b"1." + b"0" * MANY,
        b"1e999999999",
        b"1e-999999999",
        b"1e" + b"9" * 30,
    ],
    ids=["long", "small", "zeros", "large exponent", "small exponent", "no exponent"],
)
def test_giant_numbers(settings: FhirSettings, place: bytes, number: bytes) -> None:
    """A number of a million digits, or of an exponent without end, makes no fact with such a number in it."""
    found = read(json.dumps(CHARGE).encode().replace(place, number), False, settings)
    for fact in found.facts:
        assert isinstance(fact, ChargeFact)
        assert len(str(fact.units)) + len(str(fact.amount)) < 40
    assert found.facts or found.problems


@pytest.mark.parametrize("settings", MODES, ids=lambda s: str(s.validate_with))
@pytest.mark.parametrize(
    "raw",
    [
        b"[" * MANY,
        b'{"a":' * MANY,
        b'{"resourceType":"Bundle","entry":[{"resource":' * MANY,
        b'{"resourceType":"Patient","extension":' + b'[{"extension":' * MANY + b"[]" + b"}]" * MANY + b"}",
        b'{"resourceType":"Bundle","entry":[{"resource":' * 40 + b'{"resourceType":"Patient"}' + b"}]}" * 40,
    ],
    ids=["arrays", "objects", "bundles", "extensions", "whole bundles"],
)
def test_depth(settings: FhirSettings, raw: bytes) -> None:
    """Nesting without end is a problem."""
    found = read(raw, False, settings)
    assert not found.facts
    assert found.problems


def test_faults_without_end() -> None:
    """A resource with a hundred thousand faults costs memory of the order of its own size, and three problems."""
    unknown = b"".join(b',"kk%d":1' % n for n in range(150_000))
    raw = b'{"resourceType":"Patient","id":"p","name":[{"family":"A"}]' + unknown + b"}"
    read(b'{"resourceType":"Patient","id":"p","x":1}', False, MODES[0])
    tracemalloc.start()
    found = read(raw, False, MODES[0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.facts) == 1
    assert [problem.code for problem in found.problems] == ["fhir.advice"]
    assert peak < 8 * len(raw)
