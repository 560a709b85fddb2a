"""The follow door: what one source told, for another of its practice, without a gap and without a table."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flowlab.databases import BOTH
from flowlab.databases import made_url as made_url  # noqa: PLC0414 - a fixture
from flowlab.house import PRACTICE, SOURCE, House
from sqlalchemy import text

from hub.clock import TurnedClock
from hub.config import load
from hub.config.connectors import Connector
from hub.config.settings import Settings
from hub.config.template import write_template
from hub.errors import Misconfigured
from hub.flow import ingest
from hub.flow.ingest import following
from hub.flow.visits import assemble
from hub.model.facts import AnyFact, ChargeFact, EncounterFact, MergeFact, PatientFact, WithdrawalFact
from hub.model.people import Identifier, Name, Patient
from hub.plugin.api import Mention, Told
from hub.plugin.host import contexts
from hub.store import Store
from hub.testing.fakes import FakeSecrets

FOLLOWER = "fhir"


def followed(known: Settings, follows: tuple[str, ...] = (SOURCE,), practice: str = PRACTICE) -> Settings:
    """The settings with a connector that follows."""
    one = Connector(plugin="ehr_fhir", practice=practice, follows=follows)
    return known.model_copy(update={"connectors": {**known.connectors, FOLLOWER: one}})


@pytest.fixture
def house(store: Store, clock: TurnedClock) -> House:
    """A practice whose feed is followed."""
    made = House(store, clock)
    made.settings = followed(made.settings)
    return made


@pytest.fixture
def ask(house: House) -> Callable[..., Told]:
    """What the follower is told since a position."""

    def asked(after: str = "", limit: int = 500, source: str = SOURCE) -> Told:
        make = contexts(
            clock=house.clock,
            secrets=FakeSecrets({}),
            load=lambda _instance, _key: None,
            following=following.heard(house.settings, house.store),
        )
        return make(FOLLOWER).told_by(source, after, limit)

    return asked


def patient(key: str, last: str = "Hill") -> PatientFact:
    """A patient with an MRN."""
    known = Patient(name=Name(last=last), identifiers=(Identifier(authority="MR", value=f"mrn-{key}"),))
    return PatientFact(key=key, version="1", patient=known)


def visit(key: str, whose: str = "p1", version: str = "1") -> EncounterFact:
    """A visit with an account."""
    began = datetime(2026, 3, 1, 9, tzinfo=UTC)
    return EncounterFact(key=key, version=version, patient_key=whose, account=f"acc-{key}", started_at=began)


def hear(house: House, *facts: AnyFact) -> None:
    """A message is read, a moment later than the one before; its event is not sealed yet."""
    house.clock.turn(timedelta(seconds=1))
    house.tell(*facts)
    house.run(ingest.read, SOURCE)


@pytest.fixture
def template(tmp_path: Path) -> Callable[[str], list[str]]:
    """The faults of the example practice where its FHIR source follows others."""

    def faults(follows: str) -> list[str]:
        write_template(tmp_path / "config")
        path = tmp_path / "config" / "hub.toml"
        before, head, after = path.read_text().partition("[connectors.ehr] ")
        assert head
        path.write_text(before + head + after.replace("\n", f"\nfollows = {follows}\n", 1))
        return [str(one) for one in load(tmp_path / "config").faults]

    return faults


def keys(told: Told) -> list[tuple[str, str]]:
    """Which were mentioned."""
    return [(one.kind, one.key) for one in told.mentions]


@BOTH
def test_a_visit_is_mentioned_with_what_it_is_searched_by(house: House, ask: Callable[..., Told]) -> None:
    """A mention has the visit's number, its account, its patient and their MRNs; the patient of a visit is not
    mentioned beside it, one without a visit is.
    """
    hear(house, patient("p1"), visit("v1"))
    hear(house, patient("p2"))
    house.store.seal()
    told = ask()
    first, second = told.mentions
    assert first == Mention(
        kind="encounter",
        key="v1",
        at=first.at,
        patient_key="p1",
        account="acc-v1",
        started_at=datetime(2026, 3, 1, 9, tzinfo=UTC),
        identifiers=(Identifier(authority="MR", value="mrn-p1"),),
    )
    assert (second.kind, second.key, second.identifiers[0].value) == ("patient", "p2", "mrn-p2")
    assert second.at - first.at == timedelta(seconds=1)
    assert ask(told.position) == Told(mentions=(), position=told.position)
    assert "p1" not in f"{told}{told.position}"


@BOTH
def test_what_is_not_sealed_is_told_later(house: House, ask: Callable[..., Told]) -> None:
    """A position stands behind what is sealed and never before what is not: nothing that commits late is skipped."""
    hear(house, patient("p1"), visit("v1"))
    early = ask()
    assert keys(early) == []
    house.store.seal()
    assert keys(ask(early.position)) == [("encounter", "v1")]


@BOTH
def test_a_message_that_tells_nothing_new_counts(house: House, ask: Callable[..., Told]) -> None:
    """The same words again are a reason to look: the visit is mentioned again, where it was told of last."""
    hear(house, patient("p1"), visit("v1"))
    house.store.seal()
    position = ask().position
    hear(house, patient("p1"), visit("v1"))
    hear(house, ChargeFact(key="c", version="1", patient_key="p1", encounter_key="v1", service_from=_DAY))
    house.store.seal()
    assert keys(ask(position)) == [("encounter", "v1")]
    assert keys(ask()).count(("encounter", "v1")) == 1


_DAY = datetime(2026, 3, 1, tzinfo=UTC).date()


@BOTH
def test_pages_are_whole_whatever_their_size(house: House, ask: Callable[..., Told]) -> None:
    """However small a page, every visit comes once, in the order in which it was told of last."""
    for number in range(4):
        hear(house, *(visit(f"v{number}-{each}") for each in range(3)))
    house.store.seal()
    for limit in (1, 2, 3, 5, 12):
        found, told = list[tuple[str, str]](), ask(limit=limit)
        found += keys(told)
        while told.more:
            told = ask(told.position, limit)
            assert len(told.mentions) <= limit
            found += keys(told)
        assert sorted(found) == sorted({*found})
        assert [key[1][:2] for key in found] == [f"v{number}" for number in range(4) for _ in range(3)]


@BOTH
def test_a_patient_whose_file_is_written_anew_is_mentioned_where_they_were_told(
    house: House, ask: Callable[..., Told]
) -> None:
    """That the hub writes a changed patient's file between a message and the question hides nobody."""
    hear(house, patient("p1"), visit("v1"))
    house.run(assemble.assemble, SOURCE)
    house.store.seal()
    position = ask().position
    hear(house, patient("p1", "Dale"))
    house.clock.turn(timedelta(seconds=5))
    house.run(assemble.assemble, SOURCE)
    house.store.seal()
    assert keys(ask(position)) == [("patient", "p1")]


def test_others_are_left_out(house: House, ask: Callable[..., Told]) -> None:
    """Visits that the hub makes of rentals are nobody's; merges and deletions mention whom they are about; another
    source of the same instant is not heard.
    """
    hear(house, ChargeFact(key="c", version="1", patient_key="p1", service_from=_DAY))
    hear(house, patient("p1"), patient("p2"), visit("v2", "p2"))
    house.store.seal()
    position = ask().position
    hear(house, MergeFact(key="m", version="1", kind="patient", from_key="p1", into_key="p2"))
    hear(house, WithdrawalFact(key="v2", version="2", kind="encounter"))
    house.store.seal()
    assert keys(ask(position)) == [("patient", "p1"), ("patient", "p2"), ("encounter", "v2")]


def test_only_who_is_named_may_be_asked(house: House, ask: Callable[..., Told]) -> None:
    """A source that the settings do not name, one of another practice, and a position that is none are refused."""
    with pytest.raises(Misconfigured, match="does not follow"):
        ask(source="other")
    with pytest.raises(Misconfigured, match="position"):
        ask(after="Encounter/1")
    house.settings = followed(house.settings, practice="hillside")
    with pytest.raises(Misconfigured, match="another practice"):
        ask()


def test_it_costs_nothing_where_nobody_follows(store: Store, clock: TurnedClock) -> None:
    """Without a follower no row is touched: what is told again writes nothing."""
    house = House(store, clock)
    hear(house, patient("p1"), visit("v1"))

    def stands() -> list[tuple[object, ...]]:
        with store.view() as view:
            query = text("SELECT id, state_since, row_version FROM facts ORDER BY id")
            return [tuple(row) for row in view.session.conn.execute(query)]

    before = stands()
    hear(house, patient("p1"), visit("v1"))
    assert stands() == before


def test_the_question_finds_its_rows_by_index(house: House) -> None:
    """An instant is sought, not a source's facts walked through."""
    with house.store.view() as view:
        query = "SELECT id FROM facts WHERE state IN ('kept','fresh') AND state_since = 1 AND kind IN ('a','b')"
        plan = str(list(view.session.conn.execute(text(f"EXPLAIN QUERY PLAN {query} ORDER BY id"))))
    assert "ix_facts_waiting (state=? AND state_since=?)" in plan


@pytest.mark.parametrize(
    ("follows", "wrong"),
    [
        ('["nobody"]', "there is no connector"),
        ('["ehr"]', "in a circle"),
        ('["clearinghouse"]', "is no source"),
        ('["adt"]', ""),
    ],
)
def test_settings_name_a_source_of_the_same_practice(
    follows: str, wrong: str, template: Callable[[str], list[str]]
) -> None:
    """Who is followed is there, is a source, and does not follow back."""
    told = [one for one in template(follows) if "follows" in one]
    assert any(wrong in one for one in told) if wrong else told == []


@pytest.mark.campaign
def test_many_messages_and_a_slow_sealer(house: House, ask: Callable[..., Told]) -> None:
    """Messages, seals and questions in any order: in the end every visit was heard after it was told of last."""
    dice = random.Random(6)  # noqa: S311 - the same each time
    last: dict[str, datetime] = {}
    heard: dict[str, datetime] = {}
    position = ""
    for _ in range(400):
        act = dice.random()
        if act < 0.5:
            some = [f"v{dice.randrange(12)}" for _ in range(dice.randrange(1, 4))]
            hear(house, *(visit(key) for key in some))
            last.update(dict.fromkeys(some, house.clock.now()))
        elif act < 0.7:
            house.store.seal(dice.randrange(1, 4))
        else:
            told = ask(position, dice.randrange(1, 4))
            heard.update({one.key: one.at for one in told.mentions})
            position = told.position
    while house.store.seal() or (told := ask(position, 2)).mentions or told.more:
        told = ask(position, 2)
        heard.update({one.key: one.at for one in told.mentions})
        position = told.position
    assert heard == last
