"""A bad charge line of a real HL7 message: none of it is billed, its account waits, and mending it bills it once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flowlab.house import PRACTICE, SOURCE, House

from hub.clock import TurnedClock
from hub.flow.ingest import mending
from hub.plugin.host import ConnectorSpec, PluginHost, contexts
from hub.store import Keyring, open_store
from hub.store.inbox import InboxItem
from hub.testing.fakes import FakeSecrets

LINE = "FT1|{n}|T{key}||{day}||CG|T1015^^HCPCS|||1|{dollars}.00&USD||||||||I10^^I10"
POLICY = "IN1|1|BLUEHERON^Plan|CO7|Payer" + "|" * 32 + "BH1234567"


def dft(number: int, account: str, *lines: str) -> bytes:
    """A charge message of an account, which is a patient's and a visit's too."""
    head = f"MSH|^~\\&|APP|FAC|HUB|SITE|202601061200{number:02}||DFT^P03|M{number}|P|2.5"
    person = f"PID|1||P{account}^^^EAST^MR||QUILL^ADA||19800203|F|||1 Elmwood^^Salem^OR^97301{'|' * 7}{account}"
    visit = f"PV1|1|O|FAMMED||||1999999034^LARKSPUR^IRIS{'|' * 12}V{account}{'|' * 25}20260105090000"
    return "\r".join([head, person, visit, *lines, POLICY, ""]).encode()


def line(number: int, key: str, day: str = "20260105", dollars: int = 80) -> str:
    """A charge."""
    return LINE.format(n=number, key=key, day=day, dollars=dollars)


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice with the HL7 plugin itself."""
    store = open_store(made_sqlite_url, keyring, clock)
    made = House(store, clock)
    given = contexts(clock=clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None)
    spec = ConnectorSpec(plugin="hl7_adt", settings={"time_zone": "America/Chicago"})
    host, faults = PluginHost.load({SOURCE: spec}, context_for=given)
    assert faults == ()
    made.host = host  # type: ignore[assignment]
    yield made
    host.close()
    store.close()


def say(house: House, *bodies: bytes) -> None:
    """Messages arrive."""
    with house.store.begin("ingest.receive") as tx:
        for body in bodies:
            of = {"practice": PRACTICE, "source": SOURCE, "kind": "message", "content_type": "hl7v2"}
            tx.inbox.put(**of, external=str(hash(body)), body=body)


def messages(house: House) -> list[InboxItem]:
    """All messages, in the order of arrival."""
    with house.store.view() as view:
        return view.inbox.find(source=SOURCE)


def charged(house: House) -> list[int]:
    """Cents of every charge that was taken in."""
    return sorted(row.col("cents") for row in house.rows("charges"))


def test_a_bad_line_is_mended_and_billed_once(house: House) -> None:
    """A message with one good and one bad line leaves nothing behind; what follows on its account waits and nobody
    else does; when the line is mended, all of it is charged, once and in order."""
    bad = dft(1, "A1", line(1, "1"), line(2, "2", day=""))
    say(house, bad, dft(2, "A1", line(1, "3", dollars=90)), dft(3, "A2", line(1, "4", dollars=70)))
    house.take_in()
    assert [one.state for one in messages(house)] == ["set_aside", "blocked", "read"]
    assert charged(house) == [7_000]
    with house.store.view() as view:
        (item,) = view.work.list(aggregate_id=messages(house)[0].id)
    assert item.where == "FT1[2]-4"
    mended = house.hub.host.source(SOURCE).edited(bad, "hl7v2", item.where, "20260105")
    with house.store.begin("admin") as tx:
        mending.edit(tx, messages(house)[0], mended, "kim", "day from the chart")
    house.take_in()
    assert [one.state for one in messages(house)] == ["replaced", "read", "read", "read"]
    assert charged(house) == [7_000, 8_000, 8_000, 9_000]
