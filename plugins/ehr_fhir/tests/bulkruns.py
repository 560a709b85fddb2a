"""Runs the bulk part as the hub does: what a call returned counts when its cursor is saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from bulklab import BulkServer
from hub_ehr_fhir.bulk.cursors import Cursor, decoded
from hub_ehr_fhir.bulk.part import TRIES, BulkPart
from hub_ehr_fhir.connect.http import Server
from hub_ehr_fhir.settings import FhirSettings

from hub.clock import TurnedClock
from hub.errors import RetryLater
from hub.plugin.api import Changes, RawMessage
from hub.testing.fakes import FakeContext

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Run:
    """One connector: its inbox, its cursor, and processes that come and go."""

    def __init__(self, server: BulkServer, *, batch: int = 8 << 20, **bulk: Any) -> None:
        table = {"url": server.url, "auth": "none"}
        self.begin(
            {"server": table, "bulk": {"group": "g1", **bulk}, "batch_bytes": batch}, TurnedClock(START), {}
        )
        server.closing.append(self.close)

    def begin(self, settings: dict[str, Any], clock: TurnedClock, secrets: dict[str, str]) -> None:
        """A connector that never pulled."""
        self.clock, self.secrets = clock, secrets
        self.settings = FhirSettings.model_validate(settings)
        self.cursor = ""
        self.saved: dict[str, bytes] = {}
        self.inbox: dict[str, RawMessage] = {}
        self.known = 0
        self.errors: list[RetryLater] = []
        self.turned = timedelta()
        self.wire: Server | None = None
        self.part = self.born()

    def born(self) -> BulkPart:
        """A process that knows nothing but what was saved."""
        self.context = FakeContext("ehr", clock=self.clock, saved=self.saved, secrets=self.secrets)
        assert self.settings.server is not None
        assert self.settings.bulk is not None
        told = self.context
        self.close()
        self.wire = Server(
            self.settings.server, secrets=told.secrets, clock=self.clock, log=told.log, stop=told.stop,
            instance="ehr", wait=lambda _seconds: False, tick=lambda: self.clock.now().timestamp(),
        )  # fmt: skip
        self.part = BulkPart(self.settings, self.settings.bulk, self.wire, told)
        return self.part

    def die(self) -> None:
        """A kill -9, as far as one process can act it out."""
        self.born()

    def dies(self, _found: Changes | None = None) -> None:
        """It dies after each call, but for the one that says that it is going to ask: who dies there each time asks
        for nothing (`test_deaths_at_the_kick_off_are_bounded`).
        """
        if self.stand.stage != "intent":
            self.die()

    def close(self) -> None:
        """Let go of what is open."""
        if self.wire is not None:
            self.part.close()
            self.wire.close()

    def call(self, *, save: bool = True) -> Changes | None:
        """One pull of the hub; None where the part asked for patience."""
        try:
            found = self.part.changes(self.cursor)
        except RetryLater as error:
            self.errors.append(error)
            self.turn(timedelta(seconds=error.after_seconds or 60))
            return None
        if save:
            self.save(found)
        return found

    def save(self, found: Changes) -> None:
        """The hub's transaction."""
        for one in found.messages:
            self.known += one.external_id in self.inbox
            assert self.inbox.setdefault(one.external_id, one) == one
        self.cursor = found.cursor

    def turn(self, by: timedelta) -> None:
        """Time passes."""
        self.clock.turn(by)
        self.turned += by

    @property
    def stand(self) -> Cursor:
        """The cursor as a record."""
        return decoded(self.cursor)

    def export(self, *, calls: int = 2_000, after: Callable[[Changes], None] = lambda _: None) -> Cursor:
        """Pull until an export was taken whole (or given up); the time that it waits for passes."""
        begun = False
        for _ in range(calls):
            found = self.call()
            if found is not None:
                after(found)
            begun |= self.stand.stage != "idle"
            if begun and self.stand.stage == "idle" and not 0 < self.stand.tries <= TRIES:
                return self.stand
            if found is not None and not found.more:
                self.turn(timedelta(seconds=60))
        raise AssertionError(f"no end after {calls} calls: {self.stand}")

    def next_day(self) -> None:
        """The next turn comes."""
        self.turn(timedelta(days=1))

    @property
    def lines(self) -> Counter[bytes]:
        """Every line of NDJSON that came, with how often."""
        bodies = [one.body for one in self.inbox.values() if one.content_type == "fhir+ndjson"]
        return Counter(line for body in bodies for line in body.splitlines())

    @property
    def deletions(self) -> list[str]:
        """What was told to be deleted."""
        bodies = [msgspec.json.decode(one.body) for one in self.inbox.values() if one.content_type == "fhir+json"]
        return [entry["request"]["url"] for one in bodies for entry in one["entry"] if "request" in entry]

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        """The OperationOutcomes that a person is told of."""
        bodies = [msgspec.json.decode(one.body) for one in self.inbox.values() if one.content_type == "fhir+json"]
        return [entry["resource"] for one in bodies for entry in one["entry"] if "resource" in entry]

    @property
    def log(self) -> list[str]:
        """The events that were logged by the process that lives."""
        return [event for event, _ in self.context.log.lines]
