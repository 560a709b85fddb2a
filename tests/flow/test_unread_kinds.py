"""Files of kinds that the hub does not read are stored, told plainly, and stop nothing."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from flowlab.house import MAILBOX, House, interchange

from hub.clock import TurnedClock
from hub.flow import fetch
from hub.plugin.api import Listing, Ref
from hub.store import Store


@pytest.fixture
def house(store: Store, clock: TurnedClock) -> House:
    """The practice, on each database."""
    return House(store, clock)


class Mailbox:
    """A partner's mailbox that holds the given files, told by content alone."""

    def __init__(self, house: House, *files: str) -> None:
        self.files = {f"file{number}": text.encode() for number, text in enumerate(files)}
        self.at = house.clock.now()
        self.told: list[str] = []
        house.host.__dict__ |= {
            "clearinghouse": lambda name: self,
            "transfer": lambda name: self,
            "state": lambda name: SimpleNamespace(commit=lambda tx: None),
            "classify_file": lambda name, head: "",
        }

    def list(self, cursor: str) -> Listing:
        refs = [
            Ref(token=name, name=name, size=len(body), modified_at=self.at) for name, body in self.files.items()
        ]
        return Listing(refs=tuple(refs), cursor="")

    def open(self, ref: Ref) -> Iterator[bytes]:
        yield self.files[ref.name]

    def done(self, ref: Ref) -> None:
        self.told.append(ref.name)


def a_set(transaction: str, group: str, version: str) -> str:
    """An interchange with one set of two segments and its trailer."""
    body = [f"ST*{transaction}*0001*{version}", "BHT*0022*11*A*20260302*0930", "SE*3*0001"]
    return interchange(group, version, body)


def kept(house: House) -> list[tuple[str, str]]:
    """Kind and state of each file in the inbox, in order of arrival."""
    with house.store.view() as view:
        return [(item.kind, item.state) for item in sorted(view.inbox.find(), key=lambda item: item.seq)]


def test_answers_that_nobody_reads_yet_are_stored_and_told(house: House) -> None:
    """A 271, a 277 on a claim's status and an enrollment are kept as what they are, each is work for a biller by its
    name, and the partner may let go of them; looking again tells nothing twice."""
    mailbox = Mailbox(
        house,
        a_set("271", "HB", "005010X279A1"),
        a_set("277", "HN", "005010X212"),
        a_set("834", "BE", "005010X220A1"),
    )
    for _ in range(2):
        house.run(fetch.fetch, MAILBOX)
    assert kept(house) == [("271", "stored"), ("277", "stored"), ("834", "stored")]
    assert house.work() == {"fetch.unread": 3}
    with house.store.view() as view:
        whys = sorted(item.why for item in view.work.list(reason_prefix="fetch.unread"))
    assert whys[0] == "the file holds a 271, which the hub stores and does not read"
    assert mailbox.told == ["file0", "file1", "file2"]


def test_what_is_read_goes_before_what_is_not(house: House) -> None:
    """A 277 of X214 is the acknowledgement that the flow reads, also beside a 271 in one file."""
    both = a_set("277", "HN", "005010X214") + a_set("271", "HB", "005010X279A1")
    Mailbox(house, both)
    house.run(fetch.fetch, MAILBOX)
    assert kept(house) == [("277CA", "received")]
    assert house.work() == {}


def test_a_set_without_a_name_is_damage(house: House) -> None:
    """Where ST01 says nothing that names a set, the file is told as damaged, and what stood there stays out of it."""
    Mailbox(house, a_set("WINTER", "HB", "005010X279A1"))
    house.run(fetch.fetch, MAILBOX)
    assert kept(house) == [("damaged", "stored")]
    assert house.work() == {"fetch.damaged": 1}
