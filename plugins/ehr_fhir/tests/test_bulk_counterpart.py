"""The hub and a Bulk Data server that nobody here wrote: smart-on-fhir/bulk-data-server, with its simulated faults.

Start one as its own README says, with PORT, BASE_URL=http://127.0.0.1:PORT and SECRET (any), and name it:
BULK_DATA_SERVER=http://127.0.0.1:PORT. A fresh one for each run: it counts requests a minute.
"""

from __future__ import annotations

import base64
import json
import os
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from bulkruns import Run
from hub_ehr_fhir.bulk.cursors import encoded
from hub_ehr_fhir.connect import keys
from hub_ehr_fhir.mapping.order import TYPES
from hub_ehr_fhir.source import FhirSource
from msgspec.structs import replace

from hub.clock import SystemClock, TurnedClock
from hub.model.facts import EncounterFact, PatientFact
from hub.plugin.api import Changes
from hub.testing.fakes import FakeContext

pytestmark = pytest.mark.campaign

SAID = "no bulk-data-server: start one as its README says and name it in BULK_DATA_SERVER (http://127.0.0.1:PORT)"
GROUP = "BlueCrossBlueShield"
HAS = ("Organization", "Practitioner", "Patient", "Condition", "Claim", "Procedure", "Immunization", "Encounter")
"""What it has of what billing reads; it counts kick-offs, so that only one test has it refuse the others."""
Connect = Callable[..., Run]


@pytest.fixture(name="base", scope="module")
def _base() -> str:
    base = os.environ.get("BULK_DATA_SERVER", "").rstrip("/")
    if not base.startswith("http://127.0.0.1:"):
        pytest.skip(SAID)
    return base


def said(url: str, body: bytes | None = None) -> str:
    """What the server says when it is asked without the hub."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/x-www-form-urlencoded"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - on this machine
        return str(answer.read().decode())


class WallClock(TurnedClock):
    """The time as it is, or so far behind: the server looks at it too."""

    def __init__(self, behind: float = 0) -> None:
        super().__init__(SystemClock().now())
        self._behind = timedelta(seconds=behind)

    def now(self) -> datetime:
        """The machine's time, less what this clock is behind."""
        return SystemClock().now() - self._behind

    def turn(self, by: timedelta) -> datetime:
        """Nobody turns it: a moment passes, in which the server works."""
        time.sleep(min(by.total_seconds(), 0.1))
        return self.now()


@pytest.fixture(name="connect")
def _connect(base: str) -> Iterator[Connect]:
    """Makes connectors: `sim` are the server's options of its faults, `bulk` our settings."""
    made: list[Run] = []

    def connect(
        sim: dict[str, Any] | None = None,
        *,
        kind: str = keys.ES384,
        behind: float = 0,
        batch: int = 8 << 20,
        **bulk: Any,
    ) -> Run:
        pem = keys.made(kind)
        jwks = keys.public(keys.read(pem)).decode()
        client = said(f"{base}/auth/register", urlencode({"jwks": jwks, "dur": 15}).encode())
        packed = base64.urlsafe_b64encode(json.dumps(sim or {}).encode()).decode().rstrip("=")
        signed = {"client_id": client, "private_key": "env:KEY", "scopes": ["system/*.read"]}
        table = {"url": f"{base}/{packed}/fhir", "auth": "smart", "requests_per_second": 0, **signed}
        run = Run.__new__(Run)
        settings = {"server": table, "bulk": {"group": GROUP, "types": HAS, **bulk}, "batch_bytes": batch}
        run.begin(settings, WallClock(behind), {"env:KEY": pem})
        made.append(run)
        return run

    yield connect
    for one in made:
        one.close()


def fetched(run: Run, *, whole: bool = True) -> Counter[str]:
    """An export from its kick-off to its end, in real time: how many resources of each type came."""
    until = time.monotonic() + 90
    while time.monotonic() < until and not (run.stand.stage == "idle" and run.stand.time):
        found = run.call()
        if found is not None and not found.more:
            time.sleep(0.1)  # the server works in real time, and says in whole seconds when to come again
    assert run.stand.stage == "idle"
    assert (not run.stand.faults) is whole
    return Counter(json.loads(line)["resourceType"] for line in run.lines.elements())


def the_next(run: Run, since: str) -> Counter[str]:
    """The export of the next turn, from a time on, into an inbox that is empty."""
    run.cursor = encoded(replace(run.stand, slot=run.stand.slot - 1, since=since, time=""))
    run.inbox.clear()
    return fetched(run)


def wanted(base: str) -> Counter[str]:
    """How many resources the server has, of the types that billing reads."""
    told = json.loads(said(f"{base}/fhir/$get-resource-counts"))["parameter"]
    return Counter({one["name"]: one["valueInteger"] for one in told if one["name"] in TYPES})


@pytest.mark.parametrize("kind", [keys.RS384, keys.ES384])
def test_all_its_data_to_facts(base: str, connect: Connect, kind: str) -> None:
    """Signed in with a key that the hub made, the whole server is exported, once, and read: no resource is lost, and
    every visit and patient becomes a fact.
    """
    run = connect(kind=kind, level="system", group="", types=(*HAS, "ExplanationOfBenefit"))
    assert fetched(run) == wanted(base)
    assert max(run.lines.values()) == 1
    source = FhirSource(run.settings.model_copy(update={"validate_with": "quarantine"}), FakeContext("ehr"))
    readings = [source.read(one.body, one.content_type) for one in run.inbox.values()]
    source.close()
    told = {
        name: {fact.key for reading in readings for fact in reading.facts if isinstance(fact, shape)}
        for name, shape in (("Patient", PatientFact), ("Encounter", EncounterFact))
    }
    pieces = {piece.key for reading in readings for piece in reading.pieces}
    for name, found in told.items():
        ids = {
            f"{name}/{json.loads(line)['id']}"
            for line in run.lines
            if f'"resourceType":"{name}"'.encode() in line
        }
        assert ids <= found | pieces


def test_a_group_that_dies_after_every_call(connect: Connect) -> None:
    """A process that is ended after each call brings what a quiet one does."""
    quiet = connect()
    expected = fetched(quiet)
    run = connect(batch=3_000_000)
    call = run.call

    def dying(*, save: bool = True) -> Changes | None:
        found = call(save=save)
        run.dies()
        return found

    run.call = dying  # type: ignore[method-assign]
    assert fetched(run) == expected
    assert run.lines == quiet.lines


def test_types_that_it_does_not_have(connect: Connect) -> None:
    """It refuses a list with a type it does not have: they are left out one by one, and remembered."""
    run = connect(types=(*HAS, "Location", "Coverage", "ChargeItem"))
    fetched(run)
    assert {"Location", "Coverage", "ChargeItem"} <= set(run.stand.refused)
    assert "Encounter" not in run.stand.refused


def test_tiny_files(connect: Connect) -> None:
    """Files of 25 lines: many, gathered into few messages."""
    run = connect({"page": 25})
    found = fetched(run)
    assert sum(found.values()) > 3_000
    assert len(run.inbox) < 30


def test_a_status_that_fails_once(connect: Connect) -> None:
    """`transient_error`: the job is asked again, not given up."""
    run = connect({"err": "transient_error"})
    fetched(run)
    assert run.stand.tries == 0
    assert run.errors


def test_files_that_could_not_be_made(connect: Connect) -> None:
    """`some_file_generation_failed`: what there is comes, what failed is told, and `since` stays."""
    run = connect({"err": "some_file_generation_failed"})
    assert fetched(run, whole=False)
    assert len(run.outcomes) > 3
    assert run.stand.faults == {"processing": len(run.outcomes)}
    assert not run.stand.since


@pytest.mark.parametrize("err", ["file_expired", "file_generation_failed"])
def test_what_never_works_is_left_for_later(connect: Connect, err: str) -> None:
    """Files that are always expired, exports that always fail: nothing is taken, and the hub is to come again."""
    run = connect({"err": err})
    until = time.monotonic() + 30
    while time.monotonic() < until and not run.stand.tries and not run.errors:
        run.call()
        time.sleep(0.1)
    assert not run.inbox
    assert run.stand.faults == {"expired": 1} or "$export: HTTP 500 (processing)" in str(run.errors[0])


def test_since(connect: Connect) -> None:
    """Later than all it has there is nothing; with a time in the past and `del`, a part is told as deleted."""
    run = connect({"del": 10}, overlap_minutes=0)
    before = fetched(run)
    assert before["Encounter"] > 300
    nothing = the_next(run, run.stand.since)
    assert (nothing["Encounter"], nothing["Patient"], run.deletions) == (0, 0, [])
    after = the_next(run, "2010-01-01T00:00:00+00:00")
    assert 0 < after["Encounter"] < before["Encounter"]
    assert len(run.deletions) > 50
    assert {url.partition("/")[0] for url in run.deletions} <= set(HAS)


def test_tokens_that_end_in_the_middle(connect: Connect) -> None:
    """The server gives tokens of a few seconds (to who seems to have signed long ago): they are renewed in time."""
    run = connect({"page": 25}, behind=236)
    assert sum(fetched(run).values()) > 3_000
