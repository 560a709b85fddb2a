"""A source of messages that a test makes bad, mends, and lets go: what lanes do is seen in what was applied."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from flowlab.house import SOURCE, House
from hub.clock import TurnedClock
from hub.errors import Problem
from hub.flow import ingest
from hub.flow.ingest import mending, messages
from hub.model.facts import PatientFact, Reading
from hub.model.people import Name, Patient
from hub.plugin.host import PluginFault
from hub.store import Store
from hub.store.inbox import InboxItem

BAD = Problem(code="hl7.poison", where="FT1[1]-7", why="the line has no code", fix="mend the line")
HABIT = Problem(code="hl7.habit", where="IN1[{}]-18", why="the value is odd", fix="ask", severity="warning")
NOTICE = Problem(code="hl7.notice", where="FT1", why="there is no charge", fix="ask", severity="notice")


class Line(msgspec.Struct):
    """A message of these tests: its number, its lanes, whether it is bad, breaks its reader, or is a test, has a
    habit of its sender's, or something to look at.
    """

    number: int
    lanes: tuple[str, ...]
    bad: bool = False
    breaks: bool = False
    test: bool = False
    habit: bool = False
    notice: bool = False


class Feed(House):
    """A practice with a source of `Line`s; `applied` are those whose facts were stored, in their order, `again` those
    of them that were read anew or mended.
    """

    def __init__(self, store: Store, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(store, clock)
        self.applied: list[int] = []
        self.again: list[int] = []
        self.healed: set[int] = set()
        self.host.source = lambda _name: SimpleNamespace(read_many=self._readings)  # type: ignore[method-assign]
        monkeypatch.setattr(messages, "Facts", lambda *_: SimpleNamespace(store=self._keep))

    def _readings(self, some: list[tuple[bytes, str]]) -> list[Reading | PluginFault]:
        return [self._reading(body) for body, _content_type in some]

    def _reading(self, body: bytes) -> Reading | PluginFault:
        line = msgspec.json.decode(body, type=Line)
        if line.breaks and line.number not in self.healed:
            return PluginFault(plugin="p", instance=SOURCE, method="read", cause="ValueError")
        bad = line.bad and line.number not in self.healed
        fact = PatientFact(key=str(line.number), patient=Patient(name=Name(last="X")))
        return Reading(
            facts=(fact,),
            lanes=line.lanes,
            poison=bad,
            problems=tuple(_problems(line, bad=bad)),
            not_billable="test" if line.test else "",
        )

    def _keep(self, facts: list[Any], *, again: bool) -> int:
        self.applied += [int(fact.key) for fact in facts]
        self.again += [int(fact.key) for fact in facts if again]
        return 0

    def say(self, number: int, *lanes: str, **how: bool) -> None:
        """A message arrives."""
        self._put(SOURCE, "message", encoded(number, *lanes, **how), f"m{number}")

    def read(self) -> None:
        """Read all that waits to be read."""
        self.run(ingest.read, SOURCE)

    def item(self, number: int) -> InboxItem:
        """The message that came under that number, or the newest edit of it."""
        with self.store.view() as view:
            (came,) = [one for one in view.inbox.find(source=SOURCE) if self._number(view, one) == number][-1:]
            return came

    def _number(self, view: Any, item: InboxItem) -> int:
        return msgspec.json.decode(view.blobs.content(item.blob_id), type=Line).number

    def stands(self) -> dict[int, str]:
        """Number -> state, of an edit's the edit's."""
        with self.store.view() as view:
            return {self._number(view, one): one.state for one in view.inbox.find(source=SOURCE)}

    def act(self, deed: Any, number: int, *more: Any) -> Any:
        """Replay, edit or skip a message."""
        with self.store.begin("admin") as tx:
            return deed(tx, self.item(number), *more)

    def replay(self, number: int) -> None:
        """Read it again."""
        self.act(mending.replay, number, "kim")

    def edit(self, number: int, *lanes: str, **how: bool) -> str:
        """Mend it."""
        made: str = self.act(mending.edit, number, encoded(number, *lanes, **how), "kim", "code added")
        return made

    def skip(self, number: int) -> None:
        """Let it go."""
        self.act(mending.skip, number, "kim", "sent twice")

    def held(self) -> int:
        """How many lanes stand still."""
        with self.store.view() as view:
            return sum(one.lanes for one in view.held_lanes.standing())


def _problems(line: Line, *, bad: bool) -> Iterator[Problem]:
    if line.habit:
        where = f"message[{line.number}] {HABIT.where.format(line.number)}"
        yield msgspec.structs.replace(HABIT, where=where)
    if line.notice:
        yield NOTICE
    if bad:
        yield BAD


def encoded(number: int, *lanes: str, **how: bool) -> bytes:
    """A message."""
    return msgspec.json.encode(Line(number=number, lanes=lanes, **how))
