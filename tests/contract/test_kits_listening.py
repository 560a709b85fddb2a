"""The kit for listening sources: the fake passes it, broken listeners fail it, and each number has its test."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from hub.errors import RetryLater
from hub.model.facts import MergeFact
from hub.plugin.api import Inbox, RawMessage
from hub.testing.fakes import FAKE, FakeContext, encode_facts
from hub.testing.kits import ListeningSourceKit, Sample
from hub.testing.kits import listening as kit
from hub.testing.listener import FakeListener, LineSettings, MemoryLine

MERGE = encode_facts(MergeFact(key="m1", version="1", kind="patient", from_key="p1", into_key="p2"))
SAMPLES = (Sample(name="merge", content_type=FAKE, raw=MERGE),)


class TestFakeListener(ListeningSourceKit):
    """The in-memory listener keeps the contract that real ones keep."""

    @pytest.fixture
    def line(self) -> MemoryLine:
        return MemoryLine()

    @pytest.fixture
    def make_port(self, line: MemoryLine) -> Callable[[], Any]:
        return lambda: FakeListener(LineSettings(line=line), FakeContext("kit"))

    @pytest.fixture
    def sender(self, line: MemoryLine) -> Callable[[bytes], bool]:
        return line.send

    @pytest.fixture
    def samples(self) -> tuple[Sample, ...]:
        return SAMPLES


class Hasty:
    """A listener that says yes although nothing is stored."""

    def __init__(self, line: MemoryLine) -> None:
        self._line = line

    async def serve(self, inbox: Inbox, stop: threading.Event) -> None:
        while not stop.is_set():
            body, told = self._line.sent.get()
            with suppress(RetryLater):
                await inbox.put(RawMessage(external_id="1", content_type=FAKE, body=body))
            told.put(True)


def test_a_listener_that_says_yes_too_soon_fails_the_kit() -> None:
    """L3 is a real test: a yes for what is not stored is seen."""
    line, inbox = MemoryLine(), kit.HeldInbox()
    running = kit.Running(Hasty(line), inbox)
    with pytest.raises(AssertionError):
        ListeningSourceKit().test_no_is_said_when_the_store_is_busy(running, inbox, line.send, SAMPLES)
    running.stop.set()
    line.send(b"")  # it looks at `stop` only after a message
    running.end()


def test_each_number_of_the_contract_has_its_test() -> None:
    """What the module says is what the kit proves."""
    numbers = set(re.findall(r"^(L\d+)  ", kit.__doc__ or "", re.MULTILINE))
    tests = [value for name, value in vars(ListeningSourceKit).items() if name.startswith("test_")]
    cited = {number for test in tests for number in re.findall(r"L\d+", test.__doc__ or "")}
    assert numbers == cited
