"""Connections of the pool on PostgreSQL: when one is asked for a sign of life, and what becomes of a lost one."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from hub.clock import TurnedClock
from hub.store import Keyring, Store, engine, open_store


@pytest.fixture
def kept(made_pg_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[Store]:
    """A store whose connections have been used a moment ago."""
    opened = open_store(made_pg_url, keyring, clock)
    with opened.begin("admin"):
        pass
    yield opened
    opened.close()


@pytest.fixture
def pings(kept: Store, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every connection that was asked for a sign of life."""
    asked: list[object] = []
    ping = kept.engines.writer.dialect.do_ping

    def counted(connection: object) -> bool:
        asked.append(connection)
        return bool(ping(connection))

    monkeypatch.setattr(kept.engines.writer.dialect, "do_ping", counted)
    return asked


def test_a_connection_in_use_is_not_pinged(
    kept: Store, pings: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transactions that follow each other closely cost no round trip more than their own; after a rest one does."""
    monkeypatch.setattr(engine, "PING_AFTER_SECONDS", 3_600.0)
    for _ in range(3):
        with kept.view():
            pass
    assert pings == []
    monkeypatch.setattr(engine, "PING_AFTER_SECONDS", 0.0)
    with kept.view():
        pass
    assert len(pings) == 1


def test_a_connection_that_was_ended_is_made_anew(
    kept: Store, pings: list[object], made_pg_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server said meanwhile lies in the socket: the next transaction works, though nobody pinged by time."""
    monkeypatch.setattr(engine, "PING_AFTER_SECONDS", 3_600.0)
    with psycopg.connect(made_pg_url.replace("+psycopg", ""), autocommit=True) as admin:
        others = (
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'billing-hub' AND datname = current_database()"
        )
        assert admin.execute(others).fetchall() == [(True,)]
    with kept.begin("admin") as tx:
        tx.plugin_state("test").put("after", b"1")
    assert len(pings) == 1
