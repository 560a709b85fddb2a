"""The office of many practices that benches and campaigns use: its settings are right, its clock is one for all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hub.config import load
from hub.testing.office import Office, SharedClock

START = datetime(2026, 2, 2, 12, tzinfo=UTC)


def test_every_practice_has_its_own(tmp_path: Path) -> None:
    """Settings for three practices have no fault, and each has mailbox, sources and payers of its own."""
    office = Office(work=tmp_path, practices=3)
    office.furnish()
    loaded = load(office.config)
    assert loaded.faults == ()
    settings = loaded.settings
    assert settings.clearinghouses == office.mailboxes == ("mailbox1", "mailbox2", "mailbox3")
    assert {settings.clearinghouse(f"ppo{number}") for number in (1, 2, 3)} == set(office.mailboxes)
    assert [settings.practice_of(one) for one in ("ehr2", "adt3", "mailbox1")] == [
        "practice2",
        "practice3",
        "practice1",
    ]
    assert len({practice.npi for practice in settings.practices.values()}) == 3


def test_the_clock_is_shared(tmp_path: Path) -> None:
    """What one turns, the other sees."""
    one = SharedClock(tmp_path / "clock", START)
    other = SharedClock(tmp_path / "clock")
    assert other.now() == START
    one.turn(timedelta(days=1, microseconds=1))
    assert other.now() == START + timedelta(days=1, microseconds=1)
