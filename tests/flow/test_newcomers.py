"""A source under a new name does not bill again what was billed under its old one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import msgspec
import pytest
from flowlab.house import House
from flowlab.made import charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient_fact

from hub.clock import TurnedClock
from hub.errors import Misconfigured
from hub.flow import ingest
from hub.flow.ingest import newcomers
from hub.flow.ingest.facts_store import Facts
from hub.flow.visits import assemble
from hub.model.facts import Reading
from hub.store import Keyring, open_store

FACTS = (patient_fact(), encounter_fact(), charge_fact(), coverage_fact(), diagnosis_fact())


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


def renamed(house: House, **about: object) -> None:
    """The connector `adt` is called `north` from now on."""
    connectors, sources = dict(house.settings.connectors), dict(house.settings.sources)
    connectors["north"] = connectors.pop("adt")
    sources["north"] = sources.pop("adt").model_copy(update=about)
    house.settings = house.settings.model_copy(update={"connectors": connectors, "sources": sources})


def told_again(house: House) -> None:
    """The same visit, by the connector under its new name."""
    house._put("north", "message", msgspec.json.encode(Reading(facts=FACTS)), "again")
    house.run(ingest.read, "north")
    house.run(assemble.assemble, "north")


def test_a_renamed_connector_waits_for_a_persons_word(house: House) -> None:
    """What it tells is kept and not read: named as before it bills nothing twice."""
    house.bill(*FACTS)
    renamed(house)
    with pytest.raises(Misconfigured, match='visits of "adt"'):
        told_again(house)
    assert house.states("encounters") == {"claimed": 1}
    with house.store.view() as view:
        assert "other_than" in newcomers.doubt(view, house.settings, "north").fix
        assert newcomers.doubt(view, house.settings, "ehr") is not None
        assert newcomers.doubt(view, house.settings, "clearinghouse") is None


def test_a_connector_that_is_renamed_back_leaves_no_work(house: House) -> None:
    """What was begun under the other name asks nobody and ends; only what came under it keeps its work."""
    assert house.run(ingest.pull, "north") == house.run(ingest.read, "north") == 0
    house._put("north", "message", msgspec.json.encode(Reading(facts=FACTS)), "left")
    assert not newcomers.gone(house.hub, "north")


@pytest.mark.parametrize("about", [{"other_than": ("adt",)}, {"bill_from": None}])
def test_another_system_is_let_in(house: House, about: dict[str, object]) -> None:
    """A person says that it is another; and one that bills nothing needs no word."""
    house.bill(*FACTS)
    renamed(house, **about)
    told_again(house)
    assert sum(house.states("encounters").values()) == 2


def test_a_source_that_is_known_is_asked_nothing(house: House) -> None:
    """Neither the first of a practice, nor one that has told of visits before, nor a second beside one that is
    configured still."""
    house.bill(*FACTS)
    house.tell(
        encounter_fact("E2"), charge_fact("C2", encounter_key="E2"), diagnosis_fact("D2", encounter_key="E2")
    )
    house.take_in()
    sources = {**house.settings.sources, "north": house.settings.sources["adt"]}
    connectors = {**house.settings.connectors, "north": house.settings.connectors["adt"]}
    house.settings = house.settings.model_copy(update={"connectors": connectors, "sources": sources})
    told_again(house)
    assert sum(house.states("encounters").values()) == 3


@pytest.mark.parametrize("trace", ["facts", "cursor", "message"])
def test_a_source_that_was_read_before_goes_on(house: House, trace: str) -> None:
    """An upgrade stops no feed: one that has told of people or of nothing yet, beside visits of a source that is gone
    since long, was let in by whoever set it up.
    """
    house.bill(*FACTS)
    renamed(house)
    house._put("north", "message", msgspec.json.encode(Reading()), "before")
    with house.store.begin("admin") as tx:
        if trace == "facts":
            Facts(tx, "north", "lakeside").store([patient_fact()])
        elif trace == "cursor":
            tx.plugin_state("north").put("cursor", b"7")
        else:
            tx.inbox.put_state(tx.inbox.find(source="north")[0], "read")
    with house.store.view() as view:
        assert newcomers.doubt(view, house.settings, "north") is None
    told_again(house)
    assert sum(house.states("encounters").values()) == 2


def test_what_was_tried_and_never_billed_stops_nobody(house: House) -> None:
    """A connector that was tried, and whose visits are all history, is no reason to hold the real one."""
    source = house.settings.sources["adt"].model_copy(update={"bill_from": date(2099, 1, 1)})
    house.settings = house.settings.model_copy(update={"sources": {**house.settings.sources, "adt": source}})
    house.bill(*FACTS)
    assert house.states("encounters") == {"history": 1}
    renamed(house, bill_from=date(2026, 1, 1))
    told_again(house)
    assert sum(house.states("encounters").values()) == 2


def test_a_source_that_begins_to_bill_is_looked_at_then(house: House) -> None:
    """A connector that was renamed, and told of its visits while nothing of it was billed, waits when its name is put
    right among the sources: that is when everything would be billed again.
    """
    house.bill(*FACTS)
    source = house.settings.sources["adt"]
    renamed(house, bill_from=None)
    told_again(house)
    assert house.states("encounters") == {"claimed": 1, "history": 1}
    house.settings = house.settings.model_copy(update={"sources": {"north": source}})
    with pytest.raises(Misconfigured, match='visits of "adt"'):
        newcomers.admit(house.hub, "north")
    another = source.model_copy(update={"other_than": ("adt",)})
    house.settings = house.settings.model_copy(update={"sources": {"north": another}})
    newcomers.admit(house.hub, "north")
