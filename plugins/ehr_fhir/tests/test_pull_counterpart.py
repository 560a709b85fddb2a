"""The whole way with a server that nobody here wrote: probe, pull, facts; also through a proxy that spoils them."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fhirlab.counterpart import Counterpart, counterpart
from fhirlab.proxy import ALL, TOKENS, FaultProxy
from fhirlab.pulls import office, visit
from hub_ehr_fhir.connect.http import Server
from hub_ehr_fhir.pull.pulling import Pulling
from hub_ehr_fhir.source import FhirSource

from hub.clock import SystemClock, TurnedClock
from hub.errors import RetryLater
from hub.model.facts import AnyFact
from hub.plugin.api import RawMessage
from hub.testing.fakes import FakeContext

DATA = Path(os.environ.get("HUB_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data") / "fhir"
KINDS = tuple(kind for kind in ALL if kind not in TOKENS)
pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def running() -> Iterator[Counterpart]:
    """One server for all tests of the module."""
    with counterpart() as server:
        yield server


@pytest.fixture
def server(running: Counterpart) -> Counterpart:
    """The server, empty."""
    running.forget()
    running.calls()
    return running


class Hub:
    """A source that pulls from `url`, as the hub would: a call that raises leaves no trace."""

    def __init__(self, url: str, **more: Any) -> None:
        settings = {
            "server": {"url": url, "auth": "none", "tries": 3, "requests_per_second": 0},
            "pull": {"since": "2020-01-01", "every_seconds": 1, "page_size": 20, **more},
            "validate": "quarantine",
        }
        self.settings = FhirSource.Settings.model_validate(settings)
        self.clock = TurnedClock(SystemClock().now())
        self.saved: dict[str, bytes] = {}
        self.cursor = ""
        self.said: dict[str, RawMessage] = {}
        self.troubles = 0

    def run(self, most: int = 300) -> list[RawMessage]:
        """Pull until nothing is left to do now; what is new."""
        before = len(self.said)
        for _ in range(most):
            if not self.call():
                return list(self.said.values())[before:]
        raise AssertionError("the pull never ends")

    def call(self) -> bool:
        """One call by a new process; whether there is more."""
        saved = dict(self.saved)
        context = FakeContext("fhir", clock=self.clock, saved=saved)
        server = Server(
            self.settings.server, secrets=context.secrets, clock=self.clock, log=context.log, stop=context.stop,
            instance="fhir", wait=lambda _seconds: False,
        )  # fmt: skip
        try:
            found = Pulling(self.settings, context, server).changes(self.cursor)
        except RetryLater:
            self.troubles += 1
            self.clock.turn(timedelta(seconds=1))
            return True
        finally:
            server.close()
        self.saved, self.cursor = saved, found.cursor
        self.said.update({one.external_id: one for one in found.messages})
        return found.more

    def facts(self) -> list[AnyFact]:
        """What everything that came says."""
        source = FhirSource(self.settings, FakeContext("fhir"))  # type: ignore[arg-type]
        return [fact for one in self.said.values() for fact in source.read(one.body, one.content_type).facts]


def kinds(hub: Hub) -> Counter[str]:
    """How many facts of each kind, each key once."""
    return Counter(kind for kind, _ in {(type(fact).__name__, fact.key) for fact in hub.facts()})


def synthea() -> list[dict[str, Any]]:
    """The resources of the Synthea bundles, each referring to the others by Type/id."""
    folder = DATA / "synthea-r4-bundles"
    if not folder.is_dir():
        pytest.skip("the Synthea bundles are not here")
    bundles = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    entries = [entry for bundle in bundles for entry in bundle.get("entry", [])]
    names = {one["fullUrl"]: f"{one['resource']['resourceType']}/{one['resource']['id']}" for one in entries}
    found = [one["resource"] for one in entries]
    _rewrite(found, names)
    return [{**one, "meta": {"lastUpdated": "2026-01-05T00:00:00.000Z", "versionId": "1"}} for one in found]


def _rewrite(tree: Any, names: dict[str, str]) -> None:
    if isinstance(tree, list):
        for each in tree:
            _rewrite(each, names)
    elif isinstance(tree, dict):
        if tree.get("reference") in names:
            tree["reference"] = names[tree["reference"]]
        for each in tree.values():
            _rewrite(each, names)


def us_core() -> list[dict[str, Any]]:
    """The examples of US Core."""
    folder = DATA / "us-core"
    if not folder.is_dir():
        pytest.skip("the examples of US Core are not here")
    found = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    return [
        {**one, "meta": {"lastUpdated": "2026-01-06T00:00:00.000Z", "versionId": "1"}}
        for one in found
        if one.get("id") and one["resourceType"] != "Bundle"
    ]


def test_synthea(server: Counterpart) -> None:
    """Every encounter of four patients comes with its diagnoses, procedures and immunizations."""
    resources = synthea()
    server.load(resources)
    hub = Hub(server.url)
    hub.run()
    there = Counter(one["resourceType"] for one in resources)
    facts = kinds(hub)
    assert facts["EncounterFact"] == there["Encounter"]
    assert facts["PatientFact"] == there["Patient"]
    assert facts["ChargeFact"] == there["Procedure"] + there["Immunization"]
    assert facts["DiagnosisFact"] == there["Condition"]


def test_us_core(server: Counterpart) -> None:
    """The examples of US Core come whole, with coverages and payers."""
    resources = us_core()
    server.load(resources)
    hub = Hub(server.url)
    hub.run()
    there = Counter(one["resourceType"] for one in resources)
    assert kinds(hub)["EncounterFact"] == there["Encounter"]


def test_changes_come_once(server: Counterpart) -> None:
    """What changes after a pull comes with the next one, once, and nothing else does; a deleted encounter is told."""
    server.load([{**one, "meta": {"lastUpdated": "2026-01-05T00:00:00.000Z"}} for one in [*office(), *visit(1)]])
    hub = Hub(server.url)
    assert len(hub.run()) == 1
    for n in (2, 3):
        for one in visit(n):
            server.put(one)
    hub.clock.turn(timedelta(seconds=1))
    assert len(hub.run()) == 2
    hub.clock.turn(timedelta(seconds=1))
    server.calls()
    assert hub.run() == []
    assert not any("_id=" in call for call in server.calls())
    server.put({**visit(3)[1], "recordedDate": "2026-03-02"})
    hub.clock.turn(timedelta(seconds=1))
    assert len(hub.run()) == 1


@pytest.mark.parametrize("seed", range(3))
def test_spoilt(server: Counterpart, seed: int) -> None:
    """Through storms, resets, half bodies, redirects and shuffled pages the same facts come as without them."""
    server.load(synthea())
    quiet = Hub(server.url)
    quiet.run()
    with FaultProxy(server.url.removesuffix("/fhir/R4"), seed=seed, rate=0.25, kinds=KINDS) as proxy:
        hub = Hub(f"{proxy.url}/fhir/R4")
        hub.run()
        for _ in range(3):
            hub.clock.turn(timedelta(hours=2))
            hub.run()
        assert sum(proxy.hurt.values()) > 20
        assert not [one for one in proxy.elsewhere if one[2]]
    assert told(hub) == told(quiet)


def told(hub: Hub) -> set[tuple[str, str, str]]:
    """Kind, key and version of every fact."""
    return {(type(fact).__name__, fact.key, getattr(fact, "version", "")) for fact in hub.facts()}
