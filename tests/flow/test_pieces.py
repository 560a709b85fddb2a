"""Pieces of messages: read with what they link to, whatever comes first, and the same in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from flowlab.house import SOURCE, House
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.clock import TurnedClock
from hub.errors import Refused
from hub.flow import ingest
from hub.flow.ingest import coming, mending, pieces
from hub.flow.source_lanes import read_soon
from hub.flow.visits import assemble
from hub.model.facts import Piece, Reading
from hub.plugin.host import PluginFault
from hub.store import Keyring, Nudge, open_store
from hub.testing import piecing
from hub.testing.feed_state import state
from hub.testing.piecing import Scrap, message

PATIENT = Scrap(key="patient:1", says="Bittern")
DOCTOR = Scrap(key="doctor:1", says="Larkspur")
ROLE = Scrap(key="role:1", links=("doctor:1",))
DISEASE = Scrap(key="disease:1", says="E11.9", patient="patient:1")
FIRM = Scrap(key="firm:1", says="BLUEHERON")
PLAN = Scrap(key="plan:1", says="BHP990000011", links=("firm:1",), patient="patient:1")
ITEM = Scrap(key="item:1", says="T1015", links=("doctor:1",), patient="patient:1", visit="visit:1")
VISIT = Scrap(key="visit:1", links=("role:1", "disease:1"), patient="patient:1")
WORD = Scrap(key="word:1", says="AUTH1", links=("visit:1",), patient="patient:1")
WHOLE = (PATIENT, DOCTOR, ROLE, DISEASE, FIRM, PLAN, ITEM, VISIT, WORD)


class PiecesHouse(House):
    """The practice of one test, whose source tells scraps."""

    def __init__(self, store: Any, clock: TurnedClock) -> None:
        super().__init__(store, clock)
        self.joined: list[str] = []
        reads = SimpleNamespace(
            joins=True,
            read_many=lambda some: [piecing.read(body) for body, _ in some],
            read_joined_many=self._join,
        )
        self.host.source = lambda name: reads  # type: ignore[method-assign]

    def _join(self, asks: list[tuple[Piece, tuple[Piece, ...]]]) -> list[Reading]:
        self.joined += [piece.key for piece, _ in asks]
        return [piecing.read_joined(piece, linked) for piece, linked in asks]

    def hear(self, *scraps: Scrap) -> None:
        """A message arrives."""
        self.messages += 1
        self._put(SOURCE, "message", message(*scraps), f"m{self.messages}")

    def settle(self) -> None:
        """Read what waits, and put together what it touched."""
        self.run(ingest.read, SOURCE)
        self.run(assemble.assemble, SOURCE)


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[PiecesHouse]:
    """The practice, on SQLite."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield PiecesHouse(store, clock)
    store.close()


def test_pieces_wait_while_a_pull_brings_more(house: PiecesHouse) -> None:
    """A pull that said that more comes holds up what is read with its links, and no message: until it says that it
    was the last, fails, or ten minutes have gone by, so that a steady pull starves nothing.
    """
    nudged: list[Nudge] = []
    house.store.on_commit(nudged.extend)

    def pulled(*, more: bool) -> None:
        with house.store.begin("ingest.receive") as tx:
            coming.told(tx, SOURCE, more=more)

    def read() -> tuple[bool, int]:
        before = len(house.joined)
        house.run(ingest.read, SOURCE)
        return len(house.joined) > before, pieces_marked(house)

    ends: list[Callable[[], None]] = [lambda: pulled(more=False), lambda: coming.failed(house.hub, SOURCE)]
    for version, end in zip("12", ends, strict=True):
        pulled(more=True)
        house.hear(*(msgspec.structs.replace(one, version=version) for one in WHOLE))
        assert read() == (False, len(WHOLE) - 1), "of the patient alone nothing is asked"
        nudged.clear()
        end()
        assert nudged == [read_soon(SOURCE)]
        assert read() == (True, 0)
    pulled(more=True)
    house.hear(msgspec.structs.replace(DOCTOR, version="3", says="Fennimore"))
    assert read() == (False, 1)
    while pieces_marked(house):
        house.clock.turn(pieces.OVERDUE)
        assert read()[0]


def test_a_visit_in_pieces_is_billed_when_the_last_has_come(house: PiecesHouse) -> None:
    """A visit, its clinician, role, diagnosis, charge, policy and payer come one by one, the visit first: it is ready
    and billed when the last is there, with all of them on the claim, and not before."""
    for scrap in (VISIT, ITEM, PLAN, ROLE, PATIENT, DISEASE, FIRM):
        house.hear(scrap)
        house.take_in()
        assert house.states("claims") == {}
    assert house.states("encounters") == {"waiting": 1}
    house.hear(DOCTOR)
    house.take_in()
    (claim,) = house.rows("claims")
    assert claim.state == "ready"
    assert claim.record.rendering.last == "Larkspur"
    assert claim.record.diagnoses == ("E119",)
    assert claim.record.payer == "ppo"
    assert house.work() == {}


def test_the_late_piece_changes_what_is_there(house: PiecesHouse) -> None:
    """A clinician who is told anew under another name, two links away, is another on the claim that did not leave."""
    house.hear(*WHOLE)
    house.take_in()
    house.hear(msgspec.structs.replace(DOCTOR, version="2", says="Fennimore"))
    house.settle()
    (visit,) = house.rows("encounters")
    assert visit.record.rendering.last == "Fennimore"
    assert sorted(house.joined[-4:]) == ["item:1", "role:1", "visit:1", "word:1"]


def test_what_is_told_again_is_not_read_again(house: PiecesHouse) -> None:
    """The same pieces once more, and older ones, cost no reading."""
    house.hear(*WHOLE)
    house.settle()
    before = list(house.joined)
    house.hear(*reversed(WHOLE))
    house.hear(msgspec.structs.replace(DOCTOR, version="0", says="Old"))
    house.settle()
    assert house.joined == before


def test_a_message_that_is_replayed_is_read_again(house: PiecesHouse) -> None:
    """Its pieces are read anew with what they link to, as the plugin may have been mended; the state is the same."""
    house.hear(*WHOLE)
    house.settle()
    before, read = state(house.store, SOURCE), len(house.joined)
    replay_all(house)
    house.settle()
    assert len(house.joined) > read
    assert state(house.store, SOURCE) == before


def test_circles_are_read_once(house: PiecesHouse) -> None:
    """Pieces that link to each other, and to themselves, are read each with the others, and that ends."""
    house.hear(Scrap(key="disease:1", says="E11.9", links=("visit:1", "disease:1")), VISIT, DOCTOR, ROLE, PATIENT)
    house.settle()
    (visit,) = house.rows("encounters")
    assert [one.coding.code for one in visit.record.diagnoses] == ["E11.9"]
    assert visit.state == "ready"
    assert pieces_marked(house) == 0


def test_a_piece_that_decides_about_another(house: PiecesHouse) -> None:
    """What it says of a visit stands, in whatever order both are read, until it says so no more or is deleted."""
    house.hear(*WHOLE)
    house.settle()
    assert authorizations(house) == ["AUTH1"]
    house.hear(msgspec.structs.replace(DOCTOR, version="2", says="Fennimore"))
    house.settle()
    assert authorizations(house) == ["AUTH1"]
    house.hear(msgspec.structs.replace(WORD, version="2", links=()))
    house.settle()
    assert authorizations(house) == [""]
    house.hear(msgspec.structs.replace(WORD, version="3"))
    house.settle()
    assert authorizations(house) == ["AUTH1"]
    house.hear(msgspec.structs.replace(WORD, version="4", deleted=True))
    house.settle()
    assert authorizations(house) == [""]


def authorizations(house: PiecesHouse) -> list[str]:
    """What the visits are authorized by."""
    return [row.record.authorization for row in house.rows("encounters")]


def test_problems_of_a_piece_are_work_once_and_end(house: PiecesHouse) -> None:
    """What is wrong with a piece is one item about its message, however often it is read; it is resolved when what
    came since makes it right."""
    house.hear(PATIENT, DOCTOR, ROLE, VISIT, msgspec.structs.replace(DISEASE, says="?"))
    house.settle()
    replay_all(house)
    house.settle()
    assert house.work() == {"piecing.code": 1}
    assert house.states("encounters") == {"waiting": 1}
    house.hear(msgspec.structs.replace(DISEASE, version="2"))
    house.settle()
    assert house.work() == {}
    assert house.states("encounters") == {"ready": 1}


def test_a_bound_that_is_hit_is_work(house: PiecesHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links that lead too far, to too many or to too much are followed up to a bound, and a person is told."""
    chain = [Scrap(key=f"doctor:{n}", says="x", links=(f"doctor:{n + 1}",)) for n in range(1, 12)]
    house.hear(PATIENT, *chain, ROLE, DISEASE, VISIT)
    house.settle()
    assert house.work()["piece.too_much"] == 7
    many = tuple(f"disease:{n}" for n in range(10))
    monkeypatch.setattr(pieces, "LINKED", 5)
    diseases = [Scrap(key=key, says="E11.9") for key in many]
    house.hear(*diseases, Scrap(key="visit:2", links=many, patient="patient:1"))
    house.settle()
    assert house.work()["piece.too_much"] == 8
    monkeypatch.setattr(pieces, "LINKED", 500)
    monkeypatch.setattr(pieces, "LINKED_BYTES", 300)
    house.hear(Scrap(key="visit:3", links=many, patient="patient:1"))
    house.settle()
    assert house.work()["piece.too_much"] == 9


def test_many_that_link_to_one_are_marked_page_by_page(
    house: PiecesHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clinician of very many visits who is told anew: each transaction marks and reads a page, a crash between two
    loses nothing, and all visits have the new name."""
    monkeypatch.setattr(pieces, "SPREAD", 7)
    monkeypatch.setattr(pieces, "PAGE", 5)
    visits = [Scrap(key=f"visit:{n}", links=("doctor:1",), patient="patient:1") for n in range(40)]
    house.hear(PATIENT, DOCTOR, *visits)
    house.settle()
    house.joined.clear()
    house.hear(msgspec.structs.replace(DOCTOR, version="2", says="Fennimore"))
    ingest.read(house.hub, SOURCE)
    marked = []
    while ingest.read(house.hub, SOURCE).done:
        marked.append(pieces_marked(house))
    assert len(marked) >= 6 + 8
    assert max(later - former for former, later in pairwise(marked)) <= 7
    assert sorted(house.joined) == sorted(visit.key for visit in visits)
    house.settle()
    assert {row.record.rendering.last for row in house.rows("encounters")} == {"Fennimore"}


def test_a_page_is_no_larger_than_memory(house: PiecesHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pieces and what they reach are large, fewer are read at once, and all in the end."""
    monkeypatch.setattr(pieces, "HELD_BYTES", 400)
    house.hear(PATIENT, DOCTOR, *[Scrap(key=f"visit:{n}", links=("doctor:1",)) for n in range(9)])
    house.settle()
    assert sorted(house.joined) == [f"visit:{n}" for n in range(9)]


def test_pieces_are_read_while_messages_come_without_a_pause(house: PiecesHouse) -> None:
    """Reading waits for the inbox to be empty, but not for ever."""
    house.hear(*WHOLE)
    ingest.read(house.hub, SOURCE)
    house.hear(PATIENT)
    ingest.read(house.hub, SOURCE)
    assert house.joined == []
    house.clock.turn(pieces.OVERDUE)
    house.hear(PATIENT)
    ingest.read(house.hub, SOURCE)
    assert sorted(house.joined) == ["item:1", "plan:1", "role:1", "visit:1", "word:1"]


def test_a_plugin_that_fails_on_a_piece_is_work(house: PiecesHouse) -> None:
    """The other pieces are read; the item ends when the message is read again and the plugin is mended."""
    source = house.host.source(SOURCE)
    whole = source.read_joined_many
    fault = PluginFault(plugin="x", instance=SOURCE, method="read_joined", cause="ValueError")
    source.read_joined_many = lambda asks: [
        fault if piece.key == "visit:1" else whole([(piece, linked)])[0] for piece, linked in asks
    ]
    house.hear(*WHOLE[:-1])
    house.settle()
    assert (house.work(), house.states("encounters")) == ({"step.file": 1}, {"incomplete": 1})
    source.read_joined_many = whole
    replay_all(house)
    house.settle()
    assert house.work() == {}
    assert house.states("encounters") == {"ready": 1}


def replay_all(house: PiecesHouse) -> None:
    """Every message is read again, as `hub messages replay` has it."""
    with house.store.begin("admin") as tx:
        for item in tx.inbox.find(kind="message"):
            with suppress(Refused):
                mending.replay(tx, item, "ann")


def pieces_marked(house: PiecesHouse) -> int:
    """How many pieces wait to be read."""
    return sum(1 for row in house.rows("facts", kind="piece") if row.state != "kept")


def _says(one: Scrap, version: int) -> str:
    return {"disease": f"E11.{version}", "item": f"T101{version}", "patient": f"Bittern{version}"}.get(
        one.kind, one.says
    )


def _links(one: Scrap, version: int) -> tuple[str, ...]:
    if version % 2 or one.kind not in {"visit", "word"}:
        return one.links
    return (*one.links, "disease:2", "visit:1") if one.kind == "visit" else ()


def versions() -> st.SearchStrategy[list[Scrap]]:
    """Several versions of everything, and deletions."""
    return st.lists(
        st.builds(
            lambda one, version, deleted, whole: msgspec.structs.replace(
                one,
                version=str(version),
                says=_says(one, version),
                links=_links(one, version),
                deleted=deleted,
                whole=whole,
            ),
            st.sampled_from(WHOLE),
            st.integers(2, 5),
            st.sampled_from((False, False, False, True)),
            st.booleans(),
        ),
        max_size=8,
    )


@given(versions(), st.randoms(use_true_random=False))
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_ends_in_the_same_state(house: PiecesHouse, more: list[Scrap], random: Random) -> None:
    """Pieces and deletions in several versions, all in one message, or shuffled, repeated, read alone too,
    read and put together in between, crashed and replayed: the same facts, visits and charges in the end."""
    assert_same(house, more, random)


@pytest.mark.campaign
@given(versions(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_at_length(house: PiecesHouse, more: list[Scrap], random: Random) -> None:
    """As above, at length."""
    assert_same(house, more, random)


def assert_same(house: PiecesHouse, more: list[Scrap], random: Random) -> None:
    """Both ends are one."""
    number = house.messages
    scraps = [*WHOLE, *more]
    house.hear(*_named(scraps, f"x{number}x"))
    house.settle()
    shuffled = [*scraps, *random.choices(scraps, k=4)]
    random.shuffle(shuffled)
    for scrap in _named(shuffled, f"y{number}y"):
        house.hear(scrap)
        if random.random() < 0.3:
            house.settle()
        if random.random() < 0.1:
            replay_all(house)
        for _ in range(random.choice((0, 1, 3))):
            ingest.read(house.hub, SOURCE)
    house.settle()
    first, other = (state(house.store, SOURCE, f"{name}{number}{name}") for name in "xy")
    for kind, stands in first.items():
        assert other[kind] == stands, _differs(stands, other[kind])


def _differs(one: dict[str, str], other: dict[str, str]) -> str:
    return "\n".join(
        f"{key}\n  {one.get(key)}\n  {other.get(key)}"
        for key in sorted(one | other)
        if one.get(key) != other.get(key)
    )


def _named(scraps: list[Scrap], name: str) -> list[Scrap]:
    def key(one: str) -> str:
        return one.replace(":", f":{name}") if one else ""

    return [
        msgspec.structs.replace(
            one,
            key=key(one.key),
            patient=key(one.patient),
            visit=key(one.visit),
            links=tuple(map(key, one.links)),
        )
        for one in scraps
    ]
