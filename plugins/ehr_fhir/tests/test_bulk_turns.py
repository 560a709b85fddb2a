"""The parts of the source beside each other: none starves because another one fails."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hub_ehr_fhir.source import Changing, changes_of

from hub.errors import Misconfigured, RetryLater
from hub.plugin.api import Changes, RawMessage


class Part:
    """A part that does what the test says."""

    def __init__(self, act: Callable[[str], Changes]) -> None:
        self._act = act

    def changes(self, cursor: str) -> Changes:
        """What the test says."""
        return self._act(cursor)


def away(_cursor: str) -> Changes:
    """A server that is away."""
    raise RetryLater("away")


def counting(most: int, *, tell: bool = True) -> Callable[[str], Changes]:
    """A part with so many messages, one a call, or so many steps without any."""

    def act(cursor: str) -> Changes:
        number = int(cursor or 0)
        if number >= most:
            return Changes(messages=(), cursor=cursor)
        message = RawMessage(external_id=str(number), content_type="fhir+json", body=b"{}")
        return Changes(messages=(message,) * tell, cursor=str(number + 1), more=number + 1 < most)

    return act


def heard(parts: dict[str, Changing], calls: int) -> tuple[list[str], int, str]:
    """The messages, how often an error was raised, and the cursor, after so many calls."""
    cursor, found, raised, put_off = "", list[str](), 0, set[str]()
    for _ in range(calls):
        try:
            told = changes_of(parts, cursor, put_off)
        except RetryLater:
            raised += 1
            continue
        cursor = told.cursor
        found += [one.external_id for one in told.messages]
    return found, raised, cursor


@pytest.mark.parametrize("order", [("away", "telling"), ("telling", "away")])
def test_messages_come_beside_a_part_that_fails(order: tuple[str, str]) -> None:
    """Whichever is asked first: all messages come, and then the error is told each time."""
    acts = {"away": Part(away), "telling": Part(counting(3))}
    found, raised, _ = heard({name: acts[name] for name in order}, 8)
    assert found == ["0", "1", "2"]
    assert raised >= 4


@pytest.mark.parametrize("order", [("away", "moving"), ("moving", "away")])
def test_steps_without_messages_are_saved_too(order: tuple[str, str]) -> None:
    """A part that moves on without messages gets on, and the error is not kept back for ever."""
    acts = {"away": Part(away), "moving": Part(counting(4, tell=False))}
    _, raised, cursor = heard({name: acts[name] for name in order}, 12)
    assert '"moving":"4"' in cursor
    assert raised >= 4


def test_a_part_that_always_moves_does_not_hide_an_error() -> None:
    """The error of the other one is told at least at every second call, once it was asked."""
    acts: dict[str, Changing] = {"moving": Part(counting(1_000, tell=False)), "away": Part(away)}
    _, raised, _ = heard(acts, 21)
    assert raised == 10


def test_a_step_is_saved_before_the_others_are_asked() -> None:
    """Of a part that moved on and has more to do the cursor is given back at once; then the others are asked."""
    asked: list[str] = []

    def slow(cursor: str) -> Changes:
        asked.append(cursor)
        return Changes(messages=(), cursor=cursor)

    parts: dict[str, Changing] = {"bulk": Part(counting(2, tell=False)), "pull": Part(slow)}
    first = changes_of(parts, "")
    assert ('"bulk":"1"' in first.cursor, first.more, asked) == (True, True, [])
    second = changes_of(parts, first.cursor)
    assert ('"bulk":"2"' in second.cursor, second.more, asked) == (True, False, [""])


class Pressing(Part):
    """A part that says from where on it must not wait."""

    def __init__(self, act: Callable[[str], Changes], at: str) -> None:
        super().__init__(act)
        self._at = at

    def presses(self, cursor: str) -> bool:
        """At that cursor."""
        return cursor == self._at


@pytest.mark.parametrize("order", [("bulk", "pull", "drop"), ("pull", "bulk", "drop"), ("drop", "pull", "bulk")])
def test_one_that_presses_is_asked_out_of_turn(order: tuple[str, ...]) -> None:
    """What was announced is done in the next call, however much others have; whose turn it was is heard after it."""
    parts: dict[str, Changing] = {name: Part(counting(9)) for name in order}
    parts["bulk"] = Pressing(counting(9), "1")
    cursor, steps = "", list[str]()
    for _ in range(7):
        told = changes_of(parts, cursor)
        now, before = (msgspec.json.decode(one)["parts"] if one else {} for one in (told.cursor, cursor))
        steps += [name for name in order if now.get(name) != before.get(name)]
        cursor = told.cursor
    asked = steps.index("bulk")
    assert steps[asked + 1] == "bulk"
    del steps[asked + 1]
    assert steps == [*order, *order]


def test_one_that_presses_and_fails_keeps_nobody_from_being_heard() -> None:
    """All messages of the others come in their turns, and its error is told."""
    parts: dict[str, Changing] = {
        "drop": Part(counting(2)),
        "bulk": Pressing(away, ""),
        "pull": Part(counting(2)),
    }
    found, raised, _ = heard(parts, 8)
    assert found == ["0", "0", "1", "1"]
    assert raised == 4


def test_what_a_person_must_do_is_told() -> None:
    """`Misconfigured` of one part alone is raised as it is."""

    def wrong(_cursor: str) -> Changes:
        raise Misconfigured("the key is wrong", fix="make one")

    with pytest.raises(Misconfigured, match="key"):
        changes_of({"drop": Part(counting(0)), "bulk": Part(wrong)}, "", set())
