"""A hub that is killed in the middle of a bulk export goes on where it was: every resource comes once, and the facts
are those of a run in which nobody died.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.model.facts import PieceFact
from hub.store import Keyring, open_store

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "plugins" / "ehr_fhir" / "tests"))

from bulklab import BulkServer  # noqa: E402

pytestmark = pytest.mark.campaign

NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)
VISITS = 420
CHILD = """
import json, sys
from datetime import UTC, datetime, timedelta
from flowlab.made import settings
from hub.clock import TurnedClock
from hub.errors import RetryLater
from hub.flow import ingest
from hub.flow.base import Hub
from hub.plugin.host import ConnectorSpec, PluginHost, contexts
from hub.store import Keyring, open_store
from hub.testing.fakes import FakeSecrets
from hub_ehr_fhir.bulk import lines

lines.LEAST, lines.MOST = 8_000, 24_000
clock = TurnedClock(datetime(2026, 3, 2, 14, tzinfo=UTC))
store = open_store(sys.argv[1], Keyring(bytes(32)), clock)

def load(instance, key):
    with store.view() as view:
        return view.plugin_state(instance).get(key)

told = {"server": {"url": sys.argv[2], "auth": "none", "requests_per_second": 0}, "pull": {"enabled": False}}
told |= {"bulk": {"group": "g1"}, "batch_bytes": 60_000, "validate": "quarantine"}
make = contexts(clock=clock, secrets=FakeSecrets({}), load=load)
host, faults = PluginHost.load({"ehr": ConnectorSpec(plugin="ehr_fhir", settings=told)}, context_for=make)
assert not faults, faults
hub = Hub(settings=settings(), store=store, host=host, clock=clock)
for _ in range(600):
    try:
        more = ingest.pull(hub, "ehr").more
    except RetryLater:
        more = False
    clock.turn(timedelta(seconds=0 if more else 40))
    part = json.loads(json.loads(load("ehr", "cursor") or b"{}").get("parts", {}).get("bulk", "{}"))
    if part.get("since"):
        break
else:
    raise SystemExit("the export does not end")
while ingest.read(hub, "ehr").more:
    pass
"""


def filled(server: BulkServer) -> None:
    """Visits with their patients, diagnoses and charges, in files of several sizes."""
    coded = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"}
    charged = {"system": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "G0438"}
    texts: dict[str, list[dict[str, Any]]] = {"Patient": [], "Condition": [], "ChargeItem": [], "Encounter": []}
    for n in range(VISITS):
        patient, visit = {"reference": f"Patient/p{n // 3}"}, {"reference": f"Encounter/e{n}"}
        if n % 3 == 0:
            texts["Patient"].append({"id": f"p{n // 3}", "name": [{"family": "Test", "given": [f"N{n}"]}]})
        condition = {"id": f"c{n}", "subject": patient, "encounter": visit, "code": {"coding": [coded]}}
        charge = {
            "id": f"x{n}",
            "status": "billable",
            "subject": patient,
            "context": visit,
            "quantity": {"value": 1},
        }
        texts["Condition"].append(condition)
        texts["ChargeItem"].append({**charge, "code": {"coding": [charged]}, "occurrenceDateTime": "2026-02-03"})
        period = {"start": "2026-02-03T09:00:00Z", "end": "2026-02-03T09:30:00Z"}
        texts["Encounter"].append({"id": f"e{n}", "status": "finished", "subject": patient, "period": period})
    for kind in ("Encounter", "Patient", "ChargeItem", "Condition"):
        found = texts[kind]
        for start in range(0, len(found), 90):
            lines = [
                json.dumps({"resourceType": kind, **one}).encode() + b"\n" for one in found[start : start + 90]
            ]
            server.files.append(("output", kind, b"".join(lines)))


class Life:
    """Hubs on one database, one after the other."""

    def __init__(self, server: BulkServer, url: str) -> None:
        self.server, self.url = server, url
        self.process: subprocess.Popen[bytes] | None = None

    def live(self, environment: dict[str, str] | None = None) -> int:
        """One life; how it ended."""
        command = [sys.executable, "-c", CHILD, self.url, self.server.url]
        paths = os.pathsep.join((str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")))
        self.process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": paths, **(environment or {})}, cwd=ROOT
        )
        return self.process.wait(timeout=240)

    def kill(self) -> None:
        """SIGKILL, while the server sends."""
        if self.process is not None:
            self.process.kill()

    def found(self) -> tuple[Counter[str], dict[str, Any]]:
        """Every resource that lies in the inbox, with how often; the facts as they stand."""
        store = open_store(self.url, Keyring(bytes(32)), TurnedClock(NOW))
        with store.view() as view:
            bodies = [b"".join(view.blobs.read(row.blob_id)) for row in view.inbox.find(source="ehr")]
            facts = {
                f"{type(row.record).__name__} {row.record.key}": told(row.record) for row in view.facts.each()
            }
        store.close()
        resources = [json.loads(line) for body in bodies for line in body.splitlines()]
        return Counter(f"{one['resourceType']}/{one['id']}" for one in resources), facts


def told(fact: Any) -> Any:
    """A fact without the message and the line that it came in: where messages end may differ."""
    return replace(fact, message="", place="") if isinstance(fact, PieceFact) else fact


def same(found: tuple[Counter[str], dict[str, Any]], quiet: tuple[Counter[str], dict[str, Any]]) -> None:
    """Nothing is missing, nothing came twice, and every fact says what it says when nobody dies."""
    assert found[0] == quiet[0]
    assert found[1].keys() == quiet[1].keys()
    assert [(now, then) for key, then in quiet[1].items() if (now := found[1][key]) != then][:3] == []


@pytest.fixture(name="quiet", scope="module")
def _quiet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Counter[str], dict[str, Any]]:
    """What an undisturbed run comes to."""
    url = f"sqlite:///{tmp_path_factory.mktemp('quiet') / 'hub.db'}"
    maker = open_store(url, Keyring(bytes(32)), TurnedClock(NOW))
    maker.create_all()
    maker.close()
    with BulkServer() as server:
        filled(server)
        life = Life(server, url)
        assert life.live() == 0
        found = life.found()
    assert set(found[0].values()) == {1}
    assert sum(found[0].values()) == 3 * VISITS + VISITS // 3
    assert len(found[1]) >= 3 * VISITS
    return found


@pytest.mark.parametrize("seed", range(3))
def test_killed_while_files_come(
    made_sqlite_url: str, quiet: tuple[Counter[str], dict[str, Any]], seed: int
) -> None:
    """Five deaths at random bytes of random files, with Range and without."""
    some = Random(seed)  # noqa: S311 - a test
    with BulkServer() as server:
        filled(server)
        server.ranges, server.block = seed % 2 == 0, 2_000
        life, deaths = Life(server, made_sqlite_url), 0
        chunks, fatal = [0], [some.randrange(5, 40)]

        def sent(_number: int) -> None:
            chunks[0] += 1
            if chunks[0] == fatal[0]:
                life.kill()

        server.on_chunk = sent
        while (ended := life.live()) == -signal.SIGKILL and deaths < 5:
            deaths += 1
            fatal[0] = chunks[0] + some.randrange(3, 60) if deaths < 5 else 0
        assert (ended, deaths) == (0, 5)
        same(life.found(), quiet)
        assert len(server.asked) <= 1 + deaths


@pytest.mark.parametrize("nth", [1, 2, 3, 5])
@pytest.mark.parametrize("side", ["before", "after"])
def test_killed_at_the_commit(
    made_sqlite_url: str, quiet: tuple[Counter[str], dict[str, Any]], side: str, nth: int
) -> None:
    """A death on either side of the transaction that stores messages and cursor; at most one job is an orphan."""
    with BulkServer() as server:
        filled(server)
        life = Life(server, made_sqlite_url)
        assert life.live({"HUB_CRASH_AT": f"ingest.receive:{side}:{nth}"}) == -signal.SIGKILL
        assert life.live() == 0
        same(life.found(), quiet)
        assert len(server.asked) == 1 + (side == "before" and nth == 3)
