"""What a FHIR server gives late, through the real pull and the real hub: visits become ready when it comes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flowlab.house import SOURCE, House
from hub_ehr_fhir.mapping.reading import read, read_joined
from hub_ehr_fhir.settings import FhirSettings

from hub.clock import TurnedClock
from hub.store import Keyring, open_store

HERE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(HERE / "plugins" / "ehr_fhir" / "tests"))
sys.path.insert(0, str(HERE / "tests" / "flow"))

from fhirlab.fake import FakeFhir  # noqa: E402 - it stands beside the plugin
from fhirlab.pulls import Pull  # noqa: E402
from test_fhir_pieces import newer, resources  # noqa: E402

PROFILE = FhirSettings(validate="quarantine")
LATER = ("Practitioner", "PractitionerRole", "Organization", "Location")


class PulledHouse(House):
    """The practice of one test, whose source pulls from a FHIR server; `but`: what that server does not offer."""

    def __init__(self, store: Any, clock: TurnedClock, *but: str) -> None:
        super().__init__(store, clock)
        self.pull = Pull(FakeFhir(clock), but=but, since="2026-02-01")
        reads = SimpleNamespace(
            joins=True,
            read_many=lambda some: [read(body, ndjson=False, settings=PROFILE) for body, _ in some],
            read_joined_many=lambda asks: [read_joined(piece, linked, PROFILE) for piece, linked in asks],
        )
        self.host.source = lambda name: reads  # type: ignore[method-assign]

    def take(self) -> int:
        """Pull, and take in what came; how many messages that were."""
        told = self.pull.run()
        for one in told:
            self._put(SOURCE, "message", one.body, one.external_id)
        self.take_in()
        return len(told)


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[Callable[..., PulledHouse]]:
    """Makes the practice, on SQLite."""
    stores = []

    def made(*but: str) -> PulledHouse:
        stores.append(open_store(made_sqlite_url, keyring, clock))
        return PulledHouse(stores[-1], clock, *but)

    yield made
    for store in stores:
        store.close()


@pytest.mark.parametrize("told", [True, False], ids=["by time", "not by time"])
def test_a_clinician_whom_the_server_does_not_know_yet(house: Callable[..., PulledHouse], *, told: bool) -> None:
    """A finished visit names a clinician whom the server answers with 404: it is not ready. When the clinician is
    there, the pull brings them, whether the server tells of changes of its directory or not, and the visit bills.
    """
    practice = house(*(() if told else (f"{kind} _lastUpdated" for kind in LATER)))
    visit = resources("x")
    practice.pull.fake.put(*(one for one in visit if one["resourceType"] != "Practitioner"))
    assert practice.take() == 1
    assert practice.states("claims") == {}
    practice.pull.later(hours=1)
    practice.pull.fake.put(*(one for one in visit if one["resourceType"] == "Practitioner"))
    practice.pull.later(hours=2)
    practice.take()
    assert practice.states("claims") == {"ready": 1}


def test_a_clinician_without_number(house: Callable[..., PulledHouse]) -> None:
    """A clinician who is there without name and NPI, and gets them later: the change comes, and the visit, of which
    nothing changed, bills.
    """
    practice = house()
    visit = resources("x")
    bare = [
        {key: value for key, value in one.items() if key not in ("identifier", "name")}
        if one["resourceType"] == "Practitioner"
        else one
        for one in visit
    ]
    practice.pull.fake.put(*bare)
    assert practice.take() == 1
    assert practice.states("claims") == {}
    practice.pull.later(hours=1)
    practice.pull.fake.put(*(newer(one) for one in visit if one["resourceType"] == "Practitioner"))
    assert practice.take() >= 1
    assert practice.states("claims") == {"ready": 1}
