"""A bounded part of the fuzzing that `make fuzz` does without end."""

from __future__ import annotations

from pathlib import Path

import pytest
from loading import fuzzer

SEED = 20261122
INPUTS = 360
SHARES = 4


@pytest.mark.parametrize("share", range(SHARES))
def test_damaged_files_are_only_found_fault_with(share: int, tmp_path: Path) -> None:
    """Damaged files of every kind give findings and no exception, in time and in bounded memory."""
    campaign = fuzzer("x12").Campaign(SEED, tmp_path)
    campaign.run(share * INPUTS // SHARES, INPUTS // SHARES)
    told = [f"seed {SEED} input {number}: {what}" for number, what, _ in campaign.failed]
    assert told == []
    assert campaign.ran == INPUTS // SHARES


def test_the_same_seed_gives_the_same_inputs() -> None:
    """A failure can be had again from its seed and number alone."""
    first, second = (fuzzer("x12").Campaign(7, None) for _ in range(2))
    assert [first.input(number) for number in range(20)] == [second.input(number) for number in range(20)]
    assert first.input(3) != fuzzer("x12").Campaign(8, None).input(3)


def test_a_failing_input_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An input that breaks a promise is saved as it was and named with what it did."""
    campaign = fuzzer("x12").Campaign(7, tmp_path)

    def broken(data: bytes) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(campaign, "_one_input", broken)
    campaign.run(5, 1)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [campaign.input(5)]
    assert campaign.failed[0][:2] == (5, "ZeroDivisionError: ")
