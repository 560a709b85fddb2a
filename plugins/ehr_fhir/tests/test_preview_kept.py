"""`hub fhir preview` of what comes in parts: read beside what the hub keeps, it tells what the hub would do."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fhirlab.offering import Habits, Offering, served
from hub_ehr_fhir.discover import offered
from hub_ehr_fhir.mapping.reading import read
from hub_ehr_fhir.previewing.keeping import beside
from hub_ehr_fhir.previewing.sample import of_bodies
from hub_ehr_fhir.settings import FhirSettings
from previewlab import HCPCS, Resource, bundle, concept, office, ref, visit
from test_discover_commands import SERVER, Ran, config, hub  # noqa: F401 - fixtures
from test_preview_commands import mapped

from hub.cli.desk import Given
from hub.cli.opened import opened
from hub.flow import claims, coding, ingest, scrub
from hub.flow.base import Hub
from hub.flow.visits import assemble
from hub.plugin.api import KeptPiece

READS = offered.Ability(type="", found={"read": "works"}, seen=True)
Asked = Callable[..., dict[str, Any]]


def keep(folder: Path, *messages: list[Resource]) -> None:
    """What the running hub does with these messages, one after the other."""
    with Given("test", "hub").desk(folder) as desk:
        house = Hub(settings=desk._settings, store=desk.store, host=desk._judge[0].host, clock=desk.store.clock)
        for number, resources in enumerate(messages):
            with desk.store.begin("ingest.receive") as tx:
                of = {
                    "practice": "lakeside",
                    "source": "clinic",
                    "kind": "message",
                    "content_type": "fhir+json",
                }
                name = f"{len(tx.inbox.newest(100))}-{number}"
                tx.inbox.put(**of, external=name, body=bundle(resources))
            for step, lane in ((ingest.read, "clinic"), (assemble.assemble, "clinic")):
                while step(house, lane).more:
                    pass
            for bill in (coding.code, claims.make, scrub.check):
                bill(house, "lakeside")


def states(folder: Path, what: str) -> dict[str, int]:
    """How many of something stand in each state."""
    with opened(folder) as it, it.store.view() as view:
        return dict(getattr(view, what).tally())


@pytest.fixture
def house(config: Callable[[str], Path]) -> Path:  # noqa: F811 - a fixture
    """Settings that map everything, and an empty database."""
    folder = mapped(config(""))
    with opened(folder) as it:
        it.store.migrate()
    return folder


@pytest.fixture
def ask(hub: Callable[..., Ran], house: Path) -> Asked:  # noqa: F811 - fixtures
    """A preview of resources as JSON."""

    def run(resources: list[Resource], *words: str) -> dict[str, Any]:
        path = house.parent / "part.json"
        path.write_bytes(bundle(resources))
        code, out, err = hub("preview", path, "--connector", "clinic", "--config", house, "--json", *words)
        assert code in (0, 1), err
        told: dict[str, Any] = json.loads(out)
        return told

    return run


def of(resources: list[Resource], *kinds: str) -> list[Resource]:
    """Those of some types."""
    return [one for one in resources if one["resourceType"] in kinds]


def sources(told: dict[str, Any], element: str) -> list[str]:
    """Where an element of the claim comes from."""
    found: list[str] = next(one["sources"] for one in told["rows"] if one["element"] == element)
    return found


class Shelf:
    """Stands for a desk: the pieces of some messages, found by key and by patient."""

    def __init__(self, *messages: list[Resource]) -> None:
        settings = FhirSettings.model_validate({"keep_pieces": "always"})
        self.kept = [
            KeptPiece(piece=piece, message=f"in_{number}")
            for number, resources in enumerate(messages)
            for piece in read(bundle(resources), False, settings).pieces
        ]

    def pieces(
        self, _instance: str, keys: Collection[str] = (), patients: Collection[str] = (), limit: int = 500
    ) -> tuple[KeptPiece, ...]:
        """As `Desk.pieces`."""
        theirs = [one for one in self.kept if one.piece.patient_key in patients][:limit]
        return (*(one for one in self.kept if one.piece.key in keys), *theirs)


def test_what_is_kept_is_read_beside_what_was_given() -> None:
    """A charge alone finds its visit, whom that names, and its patient's policies, each by the message that told it,
    and nothing of another visit; of two versions of one resource the newer is read.
    """
    when = {"meta": {"lastUpdated": "2026-03-03T10:00:00Z"}}
    whole = [one | when for one in (*office(), *visit(1))]
    others = [
        one | {"subject": ref("Patient/p1")} for one in of(visit(2), "Encounter", "Condition", "ChargeItem")
    ]
    shelf: Any = Shelf(of(whole, "Organization", "Practitioner", "Location", "Patient"),
                       of(whole, "Coverage", "Encounter", "Condition"), others)  # fmt: skip
    old = [one | {"meta": {"lastUpdated": "2026-01-01T10:00:00Z"}} for one in of(whole, "Coverage")]
    given = of_bodies([bundle([*of(whole, "ChargeItem"), *old])]).resources
    found = beside(shelf, "clinic", given, FhirSettings())
    assert dict(found.told) == {
        "kept Condition[0]": "in_1", "kept Coverage[0]": "in_1", "kept Encounter[0]": "in_1",
        "kept Location[0]": "in_0", "kept Organization[0]": "in_0", "kept Patient[0]": "in_0",
        "kept Practitioner[0]": "in_0",
    }  # fmt: skip
    assert (found.newer, found.whole, found.asked) == (("Coverage[0]",), True, True)
    assert [one.label for one in found.resources[-2:]] == ["ChargeItem[0]", "ChargeItem[1]"]


@pytest.mark.campaign
def test_a_visit_that_comes_in_parts(ask: Asked, house: Path) -> None:
    """The last part of a visit is read beside those that are kept: what is foreseen is what then happens, each place
    is told, and the messages that told them; alone nothing would come of it. Looking keeps nothing.
    """
    whole = [*office(), *visit()]
    last = of(whole, "ChargeItem")
    keep(house, of(whole, "Organization", "Practitioner", "Location", "Patient"),
         of(whole, "Coverage", "Encounter", "Condition"))  # fmt: skip
    before = states(house, "encounters"), states(house, "facts")
    told = ask(last)
    assert (told["encounter"], told["status"], told["claims"]) == ("kept Encounter[0]", "finished", 1)
    assert told["hub"]["visit"] == "held"
    assert {one["resource"] for one in told["hub"]["kept"]} >= {"kept Coverage[0]", "kept Practitioner[0]"}
    assert {one["message"][:3] for one in told["hub"]["kept"]} == {"in_"}
    assert sources(told, "member id") == ["kept Coverage[0].subscriberId"]
    assert sources(told, "code") == ["ChargeItem[0].code.coding[0]"]
    assert (states(house, "encounters"), states(house, "facts")) == before
    assert ask(last, "--alone")["encounter"] is None
    keep(house, last)
    assert states(house, "claims") == {"ready" if told["well"] else "held": 1}
    again = ask([*of(whole, "Encounter"), *last])
    assert (again["hub"]["visit"], again["hub"]["billed"], again["claims"], again["well"]) == (
        "claimed",
        2,
        0,
        True,
    )
    assert "billed already" in again["verdict"]


@pytest.mark.campaign
def test_a_visit_that_stands_whole(ask: Asked, house: Path) -> None:
    """A message that told all of a visit leaves no pieces: what the hub keeps of it still counts, and is told as the
    hub's; an older version of what is kept is not read.
    """
    whole = [*office(), *visit()]
    for one in whole:
        one["meta"] = {"lastUpdated": "2026-03-03T10:00:00Z"}
    keep(house, whole[:-1])
    more = [{**whole[-1], "code": concept(HCPCS, "G0438"), "subject": ref("Patient/p1")}]
    told = ask(more)
    assert (told["encounter"], told["claims"], told["hub"]["billed"]) == ("Encounter of another message", 1, 1)
    assert sources(told, "member id") == ["the hub"]
    assert [one["section"] for one in told["rows"] if one["element"] == "code"] == ["Line 1"]
    keep(house, of(whole, "Coverage"))
    old = [{**one, "subscriberId": "OLD", "meta": {"lastUpdated": "2026-01-01T10:00:00Z"}}
           for one in of(whole, "Coverage")]  # fmt: skip
    late = ask([*of(whole, "Encounter", "Patient", "Practitioner", "Organization"), *old, *more])
    assert late["hub"]["newer"] == ["Coverage[0]"]
    assert sources(late, "member id") == ["kept Coverage[0].subscriberId"]


@pytest.mark.campaign
def test_a_server_is_asked_by_what_was_learned(
    hub: Callable[..., Ran], house: Path  # noqa: F811 - fixtures
) -> None:  # fmt: skip
    """What the connector learned of its server is used, and its day told; without it everything is tried."""
    told = [{**one, "meta": {"lastUpdated": "2026-03-03T10:00:00Z"}} for one in (*office(), *visit())]
    with served(offer := Offering(told, Habits())) as url:
        toml = house / "hub.toml"
        toml.write_text(
            toml.read_text().replace(
                "[connectors.clinic.settings]\n", f"[connectors.clinic.settings]\n{SERVER.format(url=url)}\n"
            )
        )
        key = "Encounter/e1"
        words = (key, "--connector", "clinic", "--config", house, "--json")
        _, first, _ = hub("preview", *words)
        tried = len(offer.calls)
        found = offered.Offered(learned=date(2026, 3, 1), abilities={"Encounter": READS, "Patient": READS})
        with opened(house) as it, it.store.begin("ingest.receive") as tx:
            tx.plugin_state("clinic").put(offered.STATE, offered.encode(found))
        _, second, _ = hub("preview", *words)
        asked = len(offer.calls) - tried
        _, third, _ = hub("preview", *words, "--alone")
    learned = [json.loads(one)["learned"] for one in (first, second, third)]
    assert learned == [None, "2026-03-01", None]
    assert asked < 10 < tried
