"""A bounded part of the fuzzing of the FHIR reader that `make fuzz TARGET=fhir_reader` does without end."""

from __future__ import annotations

from pathlib import Path

from loading import fuzzer

SEED = 20261122
INPUTS = 200


def test_damaged_resources_are_only_found_fault_with(tmp_path: Path) -> None:
    """Damaged JSON gives problems without values and no exception, in time, and takes no good resource with it."""
    campaign = fuzzer("fhir_reader").FhirCampaign(SEED, tmp_path)
    campaign.run(0, INPUTS)
    told = [f"seed {SEED} input {number}: {what}" for number, what, _ in campaign.failed]
    assert told == []
    assert campaign.ran == INPUTS


def test_the_same_seed_gives_the_same_resources() -> None:
    """A failure can be had again from its seed and number alone."""
    tool = fuzzer("fhir_reader")
    first, second = (tool.FhirCampaign(7, None) for _ in range(2))
    assert [first.input(number) for number in range(20)] == [second.input(number) for number in range(20)]
