"""A bounded part of the fuzzing of the HL7 reader that `make fuzz TARGET=hl7_reader` does without end."""

from __future__ import annotations

from pathlib import Path

import pytest
from loading import fuzzer

SEED = 20261122
INPUTS = 500
SHARES = 2


@pytest.mark.parametrize("share", range(SHARES))
def test_damaged_messages_are_only_found_fault_with(share: int, tmp_path: Path) -> None:
    """Damaged messages give problems without values and no exception, in time, and keep every byte."""
    campaign = fuzzer("hl7_reader").Hl7Campaign(SEED, tmp_path)
    campaign.run(share * INPUTS // SHARES, INPUTS // SHARES)
    told = [f"seed {SEED} input {number}: {what}" for number, what, _ in campaign.failed]
    assert told == []
    assert campaign.ran == INPUTS // SHARES


def test_the_same_seed_gives_the_same_messages() -> None:
    """A failure can be had again from its seed and number alone, and seeds show values only where they hold them."""
    tool = fuzzer("hl7_reader")
    first, second = (tool.Hl7Campaign(7, None) for _ in range(2))
    assert [first.input(number) for number in range(20)] == [second.input(number) for number in range(20)]
    assert all(b"QXV" in data.replace(b"\x00", b"") for data in tool.seeds())
