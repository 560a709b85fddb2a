"""A bounded part of the fuzzing of the HL7 reader that `make fuzz TARGET=hl7_reader` does without end."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SEED = 20261122
INPUTS = 500
SHARES = 2


def fuzzer() -> ModuleType:
    """tests/fuzz/hl7_reader.py as a module, under a name that nothing else has."""
    spec = importlib.util.spec_from_file_location("fuzz_hl7_reader", Path(__file__).with_name("hl7_reader.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("share", range(SHARES))
def test_damaged_messages_are_only_found_fault_with(share: int, tmp_path: Path) -> None:
    """Damaged messages give problems without values and no exception, in time, and keep every byte."""
    campaign = fuzzer().Hl7Campaign(SEED, tmp_path)
    campaign.run(share * INPUTS // SHARES, INPUTS // SHARES)
    told = [f"seed {SEED} input {number}: {what}" for number, what, _ in campaign.failed]
    assert told == []
    assert campaign.ran == INPUTS // SHARES


def test_the_same_seed_gives_the_same_messages() -> None:
    """A failure can be had again from its seed and number alone, and seeds show values only where they hold them."""
    tool = fuzzer()
    first, second = (tool.Hl7Campaign(7, None) for _ in range(2))
    assert [first.input(number) for number in range(20)] == [second.input(number) for number in range(20)]
    assert all(b"QXV" in data.replace(b"\x00", b"") for data in tool.seeds())
