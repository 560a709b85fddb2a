"""The kit for sources that answer requests: the fake passes it, broken ones fail it, each number has its test."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from hub.errors import RetryLater
from hub.model.facts import MergeFact
from hub.plugin.api import Inbox, RawMessage, WebAnswer, WebRequest
from hub.testing.fakes import FAKE, FakeContext, encode_facts
from hub.testing.kits import Sample, WebSourceKit
from hub.testing.kits import web as kit
from hub.testing.kits.listening import HeldInbox
from hub.testing.web import TOKEN, DoorSettings, FakeWeb, MemoryDoor

MERGE = encode_facts(MergeFact(key="m1", version="1", kind="patient", from_key="p1", into_key="p2"))
SAMPLES = (Sample(name="merge", content_type=FAKE, raw=MERGE),)


def request(raw: bytes) -> WebRequest:
    """A message as the fake takes it."""
    return WebRequest(method="POST", path="in", headers={"authorization": f"Bearer {TOKEN}"}, body=raw)


class TestFakeWeb(WebSourceKit):
    """The in-memory source keeps the contract that real ones keep."""

    @pytest.fixture
    def make_port(self) -> Callable[[], Any]:
        return lambda: FakeWeb(DoorSettings(door=MemoryDoor()), FakeContext("kit"))

    @pytest.fixture
    def sent(self) -> Callable[[bytes], WebRequest]:
        return request

    @pytest.fixture
    def samples(self) -> tuple[Sample, ...]:
        return SAMPLES


class Hasty:
    """It says yes to everybody, stores what it can, and tells back what it was told."""

    async def answer(self, request: WebRequest, inbox: Inbox) -> WebAnswer:
        with suppress(RetryLater):
            await inbox.put(RawMessage(external_id="1", content_type=FAKE, body=request.body))
        return WebAnswer(status=200, body=request.body)


@pytest.mark.parametrize(
    "test",
    [
        WebSourceKit.test_no_is_said_when_the_store_is_busy,
        WebSourceKit.test_strangers_are_turned_away,
        WebSourceKit.test_answers_repeat_nothing,
    ],
)
def test_one_that_says_yes_to_all_fails_the_kit(test: Callable[..., None]) -> None:
    """W3, W5 and W7 are real tests: each sees what it is there for."""
    with pytest.raises(AssertionError):
        test(WebSourceKit(), Hasty(), HeldInbox(), request, SAMPLES)


def test_every_number_has_its_test() -> None:
    """Each clause of the contract is cited by a test of the kit, and no test cites another."""
    numbers = set(re.findall(r"^(W\d+)  ", kit.__doc__ or "", re.MULTILINE))
    told = [test.__doc__ or "" for name, test in vars(WebSourceKit).items() if name.startswith("test_")]
    assert numbers == {found for text in told for found in re.findall(r"\bW\d+\b", text)}
