"""Deletions on servers that tell none: found by asking, told only where the server says so."""

from __future__ import annotations

from typing import Any

import pytest
from fhirlab.fake import START, FakeFhir
from fhirlab.proxy import Reply
from fhirlab.pulls import Pull, keys, office, visit
from test_pull_incremental import NO_LISTS

from hub.clock import TurnedClock
from hub.errors import HubError
from hub.plugin.api import Step

ALL = ("Encounter", "ChargeItem", "Procedure", "Immunization", "Condition", "Coverage", "Patient")


def new(*but: str, visits: int = 6, **pull: Any) -> Pull:
    """A server without history, and a first pull of some visits."""
    fake = FakeFhir(TurnedClock(START), history=False)
    made = Pull(fake, but=(*but, *(f"{kind} _history" for kind in ALL)), **pull)
    made.fake.put(*office(), *(one for n in range(visits) for one in visit(n)))
    made.run()
    return made


def days(pull: Pull, count: int) -> None:
    """So many days of looks at a server that stays as it was learned."""
    for _ in range(count):
        pull.later(hours=24)
        pull.saved["offered"] = Pull(pull.fake, but=pull.but).saved["offered"]
        try:
            pull.run()
        except HubError:
            continue


def deletions(pull: Pull) -> list[str]:
    """What was told to be deleted."""
    return sorted(key for one in keys(pull.said) for key in one if key.startswith("-"))


def steps(pull: Pull) -> list[Step]:
    """What of the connector's check is not well."""
    return [one for one in pull.born()[0].check() if not one.ok]


@pytest.mark.parametrize("but", [(), NO_LISTS])
def test_what_the_server_says_is_deleted_is_withdrawn(but: tuple[str, ...]) -> None:
    """410: a charge and a visit that nobody asks for any more are told as deleted within `reconcile_days`, once."""
    pull = new(*but)
    pull.fake.delete("ChargeItem/i3")
    pull.fake.delete("Encounter/e5")
    days(pull, 9)
    assert deletions(pull) == ["-ChargeItem/i3", "-Encounter/e5"]
    assert not steps(pull)


def test_what_it_knows_nothing_of_is_not_withdrawn() -> None:
    """404 says no more than that it is not shown: nothing is withdrawn; when it lasts, a person is told how many."""
    pull = new()
    del pull.fake.held["ChargeItem/i3"], pull.fake.held["Encounter/e5"]
    days(pull, 8)
    assert not steps(pull)
    days(pull, 6)
    assert deletions(pull) == []
    (step,) = steps(pull)
    assert "2 visits or charges" in step.said
    assert step.fix


def test_a_restored_server_withdraws_nothing() -> None:
    """More are gone than would be deleted in a week: none is withdrawn, even where the server says 410 of each."""
    pull = new(visits=30)
    for n in range(25):
        pull.fake.delete(f"Encounter/e{n}")
    days(pull, 9)
    assert deletions(pull) == []


@pytest.mark.parametrize("status", [403, 401, 500, 429])
def test_errors_withdraw_nothing(status: int) -> None:
    """Scopes that were lost, and servers in trouble, say nothing of what is there; what was deleted is told after."""
    pull = new()
    pull.fake.delete("ChargeItem/i3")
    pull.fake.before = lambda path: Reply(status, {}, b"") if "/ChargeItem" in path else None
    days(pull, 9)
    assert deletions(pull) == []
    assert not [one for one in steps(pull) if "404" in one.said]


def test_it_is_rare_and_cheap() -> None:
    """Once in `reconcile_days`, 16 ids a request; nothing where it is switched off, or where deletions are told."""
    pull, off = new(visits=8), new(visits=8, reconcile_days=0)
    days(pull, 13)
    days(off, 13)
    assert 0 < pull.calls - off.calls <= 2 * (24 // 16 + 3)
    told = Pull(FakeFhir(TurnedClock(START)))
    told.fake.put(*office(), *visit(1))
    told.run()
    assert not [one for one in told.saved if one.startswith("told.") and b"Encounter" in told.saved[one]]


def test_a_round_goes_on_where_it_was() -> None:
    """Each call by another process, with little room: the round ends all the same, and each key is asked for once."""
    pull = new(visits=12, reconcile_days=1)
    pull.tick = iter(range(10**6)).__next__  # type: ignore[assignment]
    pull.fake.delete("ChargeItem/i3")
    days(pull, 3)
    assert deletions(pull) == ["-ChargeItem/i3"]
    asked = [path for path in pull.fake.asked if path.startswith("/fhir/ChargeItem?_id=")]
    assert 0 < len(asked) <= 3
