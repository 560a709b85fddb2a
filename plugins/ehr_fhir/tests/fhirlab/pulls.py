"""A pull of the fake server as the hub would do it: the cursor and the state are kept only when a call went well."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from hub_ehr_fhir.connect.http import Call
from hub_ehr_fhir.discover.offered import STATE, encode
from hub_ehr_fhir.pull.pulling import Pulling
from hub_ehr_fhir.settings import FhirSettings

from fhirlab.fake import START, Direct, FakeFhir, Resource
from hub.clock import TurnedClock
from hub.errors import HubError
from hub.plugin.api import RawMessage
from hub.testing.fakes import FakeContext


class Killed(BaseException):
    """The process ends here."""


class Pull:
    """A hub that pulls from `fake`. `said` are the messages that it committed, in order; `known` their ids."""

    def __init__(self, fake: FakeFhir | None = None, *, but: tuple[str, ...] = (), **pull: Any) -> None:
        self.clock = TurnedClock(START)
        self.fake = fake or FakeFhir(self.clock)
        self.clock = self.fake.clock
        self.settings = FhirSettings.model_validate(
            {
                "server": {"url": "http://127.0.0.1/fhir", "auth": "none"},
                "pull": {"since": "2026-03-01", "every_seconds": 60, **pull},
            }
        )
        self.saved: dict[str, bytes] = {STATE: encode(self.fake.offered(*but))}
        self.but = but
        self.cursor = ""
        self.said: list[RawMessage] = []
        self.known: set[str] = set()
        self.calls = 0
        self.follows: tuple[str, ...] = ()
        self.mentions: dict[str, list[Any]] = {}
        self.hook: Callable[[Call], None] = lambda _call: None
        self.tick: Callable[[], float] = lambda: 0.0

    def born(self) -> tuple[Pulling, dict[str, bytes]]:
        """A new process, and what it puts into its state."""
        saved = dict(self.saved)
        context = FakeContext("fhir", clock=self.clock, saved=saved, follows=self.follows)
        context.mentions = self.mentions
        return Pulling(self.settings, context, Direct(self.fake, self._count), self.tick), saved  # type: ignore[arg-type]

    def call(self, lives: tuple[Pulling, dict[str, bytes]] | None = None) -> bool:
        """One call of `changes` by a new process (or one that lives); whether there is more. What it raises leaves no
        trace.
        """
        part, saved = lives or self.born()
        found = part.changes(self.cursor)
        self.saved, self.cursor = dict(saved), found.cursor
        self.said += [one for one in found.messages if one.external_id not in self.known]
        self.known |= {one.external_id for one in found.messages}
        return found.more

    def run(self, most: int = 200) -> list[RawMessage]:
        """Pull until nothing is left to do now; what is new."""
        before = len(self.said)
        for _ in range(most):
            if not self.call():
                return self.said[before:]
        raise AssertionError("the pull never ends")

    def run_on(self, most: int = 400) -> list[RawMessage]:
        """As `run`, through kills and errors, with the time that the hub would wait."""
        before = len(self.said)
        for _ in range(most):
            try:
                if not self.call():
                    return self.said[before:]
            except (HubError, Killed):
                self.clock.turn(timedelta(seconds=1))
        raise AssertionError("the pull never ends")

    def later(self, **by: float) -> None:
        """Time passes."""
        self.clock.turn(timedelta(**by))

    def _count(self, call: Call) -> None:
        self.calls += 1
        self.hook(call)


def keys(messages: Iterable[RawMessage]) -> list[list[str]]:
    """The keys of each message's resources; a deletion is `-Type/id`."""
    return [_keys(json.loads(one.body)) for one in messages]


def _keys(bundle: Resource) -> list[str]:
    return [
        "-" + entry["request"]["url"]
        if "request" in entry
        else f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle["entry"]
    ]


def standing(messages: Iterable[RawMessage]) -> dict[str, Resource]:
    """What a reader knows in the end of each encounter and of what came with it: the newest version of each resource,
    without those that were deleted since.
    """
    found: dict[str, Resource] = {}
    for one in messages:
        for entry in json.loads(one.body)["entry"]:
            if "request" in entry:
                found.pop(entry["request"]["url"], None)
                continue
            resource = entry["resource"]
            key = f"{resource['resourceType']}/{resource['id']}"
            if key not in found or int(found[key]["meta"]["versionId"]) <= int(resource["meta"]["versionId"]):
                found[key] = resource
    return found


def visit(n: int, patient: str = "p1", **more: Any) -> list[Resource]:
    """An encounter with a diagnosis, a charge and a procedure."""
    at, whose = {"reference": f"Encounter/e{n}"}, {"reference": f"Patient/{patient}"}
    return [
        {
            "resourceType": "Encounter", "id": f"e{n}", "status": "finished", "class": {"code": "AMB"},
            "subject": whose, "period": {"start": "2026-03-02T09:00:00Z", "end": "2026-03-02T10:00:00Z"},
            "participant": [{"individual": {"reference": "Practitioner/d1"}}],
            "serviceProvider": {"reference": "Organization/o1"}, **more,
        },
        {
            "resourceType": "Condition", "id": f"c{n}", "subject": whose, "encounter": at,
            "category": [{"coding": [{"code": "encounter-diagnosis"}]}],
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "Z00.00"}]},
        },
        {
            "resourceType": "ChargeItem", "id": f"i{n}", "status": "billable", "subject": whose, "context": at,
            "code": {"coding": [{"code": "G0438"}]}, "quantity": {"value": 1.0},
        },
        {"resourceType": "Procedure", "id": f"r{n}", "status": "completed", "subject": whose, "encounter": at},
    ]  # fmt: skip


def office(patient: str = "p1") -> list[Resource]:
    """A patient with coverage and payer, a practitioner and a practice."""
    whose = {"reference": f"Patient/{patient}"}
    return [
        {"resourceType": "Patient", "id": patient, "identifier": [{"system": "urn:mrn", "value": f"M-{patient}"}],
         "generalPractitioner": [{"reference": "Practitioner/elsewhere"}]},
        {"resourceType": "Coverage", "id": f"v-{patient}", "status": "active", "beneficiary": whose,
         "payor": [{"reference": "Organization/payer"}]},
        {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Ashdown"}]},
        {"resourceType": "Organization", "id": "o1", "name": "Lakeside"},
        {"resourceType": "Organization", "id": "payer", "name": "Payer"},
    ]  # fmt: skip


WHOLE = ["ChargeItem/i{n}", "Condition/c{n}", "Coverage/v-{p}", "Encounter/e{n}", "Organization/o1",
         "Organization/payer", "Patient/{p}", "Practitioner/d1", "Procedure/r{n}"]  # fmt: skip


def whole(n: int, patient: str = "p1") -> list[str]:
    """The keys of the message of one visit."""
    return [one.format(n=n, p=patient) for one in WHOLE]
