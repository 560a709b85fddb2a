"""Visits are asked for again where nothing tells what was added to them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from fhirlab.pulls import Pull, office, visit
from hub_ehr_fhir.pull.revisiting import KEY, Revisits

from hub.plugin.api import Mention
from hub.testing.fakes import FakeState

BLIND = ("ChargeItem _lastUpdated", "ChargeItem _history", "Procedure _lastUpdated", "Procedure _history")


def blind(**pull: Any) -> Pull:
    """A server that does not find charges by when they changed, with one visit."""
    made = Pull(but=BLIND, **pull)
    made.fake.history = False
    made.fake.put(*office(), *visit(1))
    return made


def late_charge(n: int) -> dict[str, Any]:
    """A charge that is entered after the visit."""
    return {**visit(1)[2], "id": f"late{n}"}


def charges(pull: Pull) -> list[list[str]]:
    """Of each new message the ids of the charges."""
    told = [json.loads(one.body)["entry"] for one in pull.run()]
    return [[e["resource"]["id"] for e in some if e["resource"]["resourceType"] == "ChargeItem"] for some in told]


@pytest.mark.parametrize("hours", [1, 30, 200])
def test_a_charge_that_is_entered_later_comes(hours: int) -> None:
    """Hours or days after the visit's last change, on a server that finds charges by their visit alone."""
    pull = blind()
    assert charges(pull) == [["i1"]]
    pull.later(hours=hours)
    pull.fake.put(late_charge(1))
    found: list[list[str]] = []
    for _ in range(hours + 2):
        pull.later(hours=1)
        found += charges(pull)
    assert found == [["i1", "late1"]]


def test_what_did_not_change_is_asked_for_ever_more_rarely() -> None:
    """In six days a visit is asked for seven times again and gives no second message; then nobody asks for it."""
    pull = blind(look_again_days=6)
    assert len(pull.run()) == 1
    asked = []
    for _ in range(75):
        pull.later(hours=2)
        before = len(pull.fake.asked)
        assert pull.run() == []
        asked.append(sum("ChargeItem" in path for path in pull.fake.asked[before:]))
    assert [2 * (hour + 1) for hour, one in enumerate(asked) if one] == [2, 4, 8, 16, 32, 64, 128]
    assert pull.saved[KEY] == b""


def test_an_old_visit_is_not_asked_for_again() -> None:
    """What was over before `look_again_days`, and has not changed since, comes once."""
    pull = blind()
    pull.fake.put(*visit(2), at=pull.clock.now() - timedelta(days=60))
    old = pull.fake.held["Encounter/e2"]
    old["period"] = {"start": "2026-01-02T09:00:00Z", "end": "2026-01-02T10:00:00Z"}
    pull.settings = pull.settings.model_copy(
        update={"pull": pull.settings.pull.model_copy(update={"since": None})}
    )
    pull.run()
    assert b"e2" not in pull.saved[KEY]


def test_a_server_that_tells_is_not_asked_again() -> None:
    """Where charges are found by when they changed, nothing is kept of a visit."""
    pull = Pull()
    pull.fake.put(*office(), *visit(1))
    pull.run()
    assert KEY not in pull.saved


def test_a_visit_that_was_followed_is_asked_for_again() -> None:
    """The other connector told of a visit once; what is charged for it later comes all the same."""
    pull = Pull(but=("Encounter _lastUpdated", "Encounter _history"), strategy="follow")
    pull.follows = ("hl7",)
    told = visit(1, identifier=[{"system": "urn:visit", "value": "V1"}])
    pull.fake.put(*office(), *told)
    pull.mentions["hl7"] = [Mention(kind="encounter", key="V1", at=pull.clock.now())]
    assert charges(pull) == [["i1"]]
    pull.fake.put(late_charge(1))
    pull.later(hours=2)
    assert charges(pull) == [["i1", "late1"]]


def test_a_change_begins_anew() -> None:
    """A visit that changes when it was nearly forgotten is asked for again for as long as a new one."""
    state = FakeState({})
    clock = Pull().clock
    again = Revisits(state, 2)
    again.fetched("e", clock.now())
    for hours in (1, 1, 2, 4, 8, 16):
        clock.turn(timedelta(hours=hours))
        assert again.due(clock.now()) == ["e"]
        again.fetched("e", clock.now())
    assert again.due(clock.now()) == []
    again.fetched("e", clock.now())
    again.save(clock.now())
    assert Revisits(state, 2).due(clock.now()) == []
    clock.turn(timedelta(hours=1))
    assert Revisits(state, 2).due(clock.now()) == ["e"]
