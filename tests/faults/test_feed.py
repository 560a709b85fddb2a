"""A short day of a hospital's feed, with everything that senders and kills do; the long one is in `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest
from faultlab.feed_day import FeedDay, Plan
from faultlab.feed_memory import listener_memory, reader_memory
from msgspec.structs import replace

pytestmark = pytest.mark.campaign

FEW = Plan(messages=800, connections=4, kills=2, late_kills=4, poison=10, seed=3)
MANY, FEW_MB = 20_000, 16.0


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_day_of_a_feed(tmp_path: Path, database: str, request: pytest.FixtureRequest) -> None:
    """Repeats, wrong order, torn messages, noise and kill -9 under several connections; poison is mended by commands.
    Every acknowledged message is there once, the promises hold, no lane is left, who watches is told once, and facts,
    visits, charges, people and money are those of a hub that got each message once and in order.
    """
    store = request.getfixturevalue("pg_url") if database == "postgresql" else ""
    report = FeedDay(tmp_path, replace(FEW, store=store)).run()
    assert report.wrong == [], "\n".join(report.lines())
    assert report.kills >= FEW.kills
    assert report.edited + report.replayed > 0
    assert report.stands["read"] > FEW.messages * 0.9


def test_memory_of_listening_and_reading(tmp_path: Path) -> None:
    """What listens and stores takes no more memory after 20,000 messages than after 5,000, but for a few megabytes,
    nor does what reads; the million of `make soak` shows how flat it is.
    """
    for course in (listener_memory(tmp_path, MANY), reader_memory(MANY)):
        early = next(one for one in course.seen if one.messages >= MANY // 4)
        assert course.seen[-1].messages >= MANY
        assert course.seen[-1].megabytes - early.megabytes < FEW_MB, "\n".join(course.lines())
