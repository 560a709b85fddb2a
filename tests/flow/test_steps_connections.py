"""Steps that meet a partner, one by one: where claims go, what is set aside, what is tried again."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flowlab.house import MAILBOX, SOURCE, House, interchange, remittance
from flowlab.made import D, charge_fact, coverage_fact, diagnosis_fact, encounter_fact, patient_fact

from hub.clock import TurnedClock
from hub.errors import Refused, RetryLater, Stale
from hub.flow import acks, batch, corrections, dispatch, fetch, ingest, printing, remits, replaying, scrub
from hub.model.remit import ClaimPayment
from hub.plugin.api import Evidence, Listing, Ref
from hub.plugin.host import PluginFault
from hub.plugin.host.faults import HUNG
from hub.reports.promises import prove
from hub.store import Store
from hub.store.outbox import File

VISIT = (patient_fact(), encounter_fact(), charge_fact(), coverage_fact(), diagnosis_fact())


@pytest.fixture
def house(store: Store, clock: TurnedClock) -> House:
    """The practice, on each database."""
    return House(store, clock)


def test_ready_claims_of_a_connector_that_is_gone_are_scrubbed_anew(house: House) -> None:
    """A claim that waits for a connector which the settings no longer name goes where its payer's claims go now,
    judged by what is agreed there; what is frozen stays with its mailbox."""
    house.tell(*VISIT)
    house.take_in()
    known = house.settings
    second = known.connectors[MAILBOX]
    house.settings = known.model_copy(
        update={
            "route": known.route.model_copy(update={"default": "second"}),
            "connectors": {**{n: c for n, c in known.connectors.items() if n != MAILBOX}, "second": second},
            "mailboxes": {"second": known.mailboxes[MAILBOX]},
        }
    )
    house.run(batch.freeze, "second")
    assert house.states("claims") == {"new": 1}
    house.run(scrub.check)
    (claim,) = house.rows("claims")
    assert (claim.state, claim.col("route")) == ("held", "second")
    assert set(house.work()) == {"scrub.payer_id"}


def ack_999(group: str, verdict: str = "A") -> str:
    """A 999 about the group of that GS06."""
    body = ["ST*999*0001*005010X231A1", f"AK1*HC*{group}*005010X222A1"]
    body += ["AK2*837*000000001*005010X222A1", f"IK5*{verdict}", f"AK9*{verdict}*1*1*{int(verdict == 'A')}"]
    return interchange("FA", "005010X231A1", [*body, "SE*6*0001"])


def ta1(number: str, code: str = "000") -> str:
    """An interchange that is only a TA1."""
    isa = interchange("FA", "005010X231A1", []).splitlines()[0]
    verdict = "A" if code == "000" else "R"
    return f"{isa}\nTA1*{number}*260302*0930*{verdict}*{code}~\nIEA*0*000000001~\n"


def inbox(house: House) -> dict[str, str]:
    """The state of each file by its kind and the order of arrival."""
    with house.store.view() as view:
        return {f"{item.kind} {item.seq}": item.state for item in view.inbox.find() if item.kind != "message"}


@pytest.mark.parametrize("kind", ["999", "TA1"])
def test_an_answer_without_a_number_is_unknown_and_stops_nothing(house: House, kind: str) -> None:
    """A control number that is none answers nothing of ours; the answer behind it is applied."""
    house.bill(*VISIT[1:])
    house.arrive(kind, ack_999("A1") if kind == "999" else ta1("A0000001"))
    house.arrive("999", ack_999("1"))
    house.run(acks.apply, MAILBOX)
    assert set(inbox(house).values()) == {"read"}
    assert house.states("claims") == {"accepted": 1}
    assert house.work() == {"acks.unknown": 1}


def _failing(monkeypatch: pytest.MonkeyPatch, where: str, times: int, error: Exception) -> None:
    """The next so many calls of what stands there fail."""
    module, _, name = where.rpartition(".")
    real = getattr(importlib.import_module(module), name)
    left = [error] * times

    def fails(*args: Any, **named: Any) -> Any:
        if left:
            raise left.pop()
        return real(*args, **named)

    monkeypatch.setattr(where, fails)


def test_a_file_that_meets_a_bug_is_set_aside_and_can_be_replayed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An acknowledgement on which the code fails is IT's, named by file and place and without its values; those
    behind it are applied, and so is itself once the code is mended."""
    house.bill(*VISIT[1:])
    house.arrive("999", ack_999("1"))
    house.arrive("999", ack_999("77"))
    _failing(monkeypatch, "hub.flow.acks._group", 1, KeyError("HERON"))
    house.run(acks.apply, MAILBOX)
    assert list(inbox(house).values()) == ["set_aside", "read"]
    with house.store.view() as view:
        (item,) = view.work.list(reason_prefix="step.")
    assert (item.owner, item.aggregate) == ("it", "message")
    assert "KeyError at hub/flow/" in item.why
    assert "HERON" not in item.why
    with house.store.begin("admin") as tx:
        replaying.one(tx, house.settings, item.aggregate_id, "it")
    house.run(acks.apply, MAILBOX)
    assert house.states("claims") == {"accepted": 1}
    assert house.work() == {"acks.unknown": 1}


@pytest.mark.parametrize("error", [RetryLater("later"), Stale("moved"), OSError("disk")])
def test_what_is_not_the_files_fault_sets_nothing_aside(
    house: House, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A partner, a database or a disk in trouble ends the run: the file waits."""
    house.arrive("999", ack_999("1"))
    _failing(monkeypatch, "hub.flow.acks._group", 1, error)
    with pytest.raises(type(error)):
        house.run(acks.apply, MAILBOX)
    assert list(inbox(house).values()) == ["received"]


def test_an_835_that_meets_a_bug_waits_with_what_was_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stored of it waits beside it, in work; replayed, it goes on and posts each claim once."""
    house.bill(*VISIT[1:])
    (pcn,) = [one.pcn or "" for one in house.sent()]
    paid = ClaimPayment(
        position=1,
        patient_control_number=pcn,
        status="1",
        charge=D("165.00"),
        paid=D("165.00"),
        payer_control_number="P1",
    )
    monkeypatch.setattr(remits, "PAGE", 1)
    house.arrive("835", remittance(paid))
    house.arrive("835", remittance(trace="T2"))
    _failing(monkeypatch, "hub.flow.remits.header", 1, TypeError("HERON"))
    house.run(remits.read, MAILBOX)
    assert list(inbox(house).values()) == ["set_aside", "read"]
    assert (house.states("remits"), house.states("remit_claims")) == (
        {"set_aside": 1, "balanced": 1},
        {"set_aside": 1},
    )
    assert house.work() == {"step.file": 2}
    with house.store.begin("admin") as tx:
        assert replaying.set_aside(tx, house.settings, "", "it")[0] == 1
    house.answer()
    assert house.states("remits") == {"posted": 2}
    assert house.states("claims") == {"paid": 1}
    assert house.work() == {}


def _fault(cause: str = "ValueError") -> PluginFault:
    return PluginFault(plugin="p", instance="adt", method="read", cause=cause, place="p/read.py:1")


def test_a_message_on_which_a_plugin_fails_is_set_aside(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other messages of its source are read; the work item names plugin, method and place."""
    house.tell(patient_fact())
    house.tell(*VISIT)
    host = house.host
    usual, left = host.source(SOURCE), [_fault()]

    def read_many(some: list[tuple[bytes, str]]) -> Any:
        if left and left[0].hung:
            raise left.pop()
        return [left.pop() if left else usual.read_many([one])[0] for one in some]

    monkeypatch.setattr(host, "source", lambda name: SimpleNamespace(read_many=read_many))
    house.take_in()
    assert house.states("claims") == {"ready": 1}
    with house.store.view() as view:
        assert [item.state for item in view.inbox.find()] == ["set_aside", "read"]
        (item,) = view.work.list()
    assert (item.reason, item.owner) == ("step.file", "it")
    assert "plugin p, adt.read: ValueError at p/read.py:1" in item.why
    left.append(_fault(HUNG))
    house.tell(patient_fact())
    with pytest.raises(PluginFault):
        house.run(ingest.read, SOURCE)
    with house.store.view() as view:
        assert view.inbox.find()[-1].state == "received"


def test_a_result_file_on_which_a_plugin_fails_is_set_aside(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The printer's other files are read, and it can be replayed."""
    left = [_fault()]

    def read_results(raw: bytes) -> tuple[()]:
        if left:
            raise left.pop()
        return ()

    port = SimpleNamespace(read_results=read_results, results=lambda cursor: Listing(refs=(), cursor=""))
    monkeypatch.setattr(house.host, "printer", lambda name: port, raising=False)
    monkeypatch.setattr(printing, "bring", lambda *_, **__: 0)
    with house.store.begin("ingest.receive") as tx:
        for name in ("a", "b"):
            about = {"practice": "lakeside", "source": "printer", "kind": "print_results", "content_type": "x"}
            tx.inbox.put(**about, external=name, body=name.encode())
    house.run(printing.results, "printer")
    assert list(inbox(house).values()) == ["set_aside", "read"]
    with house.store.begin("admin") as tx:
        replaying.set_aside(tx, house.settings, "", "it")
    house.run(printing.results, "printer")
    assert list(inbox(house).values()) == ["read", "read"]
    assert house.work() == {}


def _file(house: House) -> File:
    with house.store.view() as view:
        return view.files.find()[0]


def _went_out(house: House, state: str) -> None:
    """The one file was published, and stands so since."""
    with house.store.begin("dispatch.publish") as tx:
        fence = tx.outbox.fence(MAILBOX)
        file = tx.files.find()[0]
        for phase in ("staging", "staged", "publishing"):
            tx.outbox.enter(file.id, phase, fence)
        tx.files.put_state(file, state)


def test_a_file_that_is_answered_is_not_sent_again(house: House) -> None:
    """A person sends a file in doubt again; before it goes, the answer to its first copy comes: it is sent."""
    house.bill(*VISIT[1:])
    _went_out(house, "in_doubt")
    with house.store.begin("work.resolve") as tx:
        dispatch.retry_in_doubt(tx, tx.files.find()[0], "biller")
    assert _file(house).state == "frozen"
    house.arrive("999", ack_999("1"))
    house.run(acks.apply, MAILBOX)
    assert _file(house).state == "sent"
    assert house.states("claims") == {"accepted": 1}
    assert house.run(dispatch.send, MAILBOX) == 0


def test_a_refused_file_that_is_answered_after_all_was_sent(house: House) -> None:
    """What a partner answers it has, whatever it said before."""
    house.bill(*VISIT[1:])
    _went_out(house, "refused")
    house.arrive("TA1", ta1("000000001"))
    house.run(acks.apply, MAILBOX)
    assert (_file(house).state, house.states("claims"), house.work()) == ("sent", {"sent": 1}, {})


def test_a_refused_file_that_arrived_after_its_claims_went_out_again_is_work(house: House) -> None:
    """Two files carry the claim now: a person has one of them stopped."""
    house.bill(*VISIT[1:])
    _went_out(house, "refused")
    with house.store.begin("work.resolve") as tx:
        corrections.rebatch(tx, house.settings, tx.files.find()[0], "biller", "refused")
    house.run(scrub.check)
    house.send()
    house.arrive("999", ack_999("1"))
    house.run(acks.apply, MAILBOX)
    assert _file(house).state == "sent"
    assert house.work() == {"acks.arrived_after_all": 1}
    assert house.states("claims") == {"frozen": 1}


class Line:
    """A partner that takes what it is given; `seen` is what it was asked, with the journal's last phase then."""

    def __init__(self, house: House) -> None:
        self.house, self.seen = house, list[tuple[str, str]]()

    def __getattr__(self, name: str) -> Any:
        def asked(file: Any, *_: Any) -> Evidence:
            with self.house.store.view() as view:
                last = view.outbox.last(file.file_id)
            self.seen.append((name, last.phase if last else ""))
            return Evidence(kind="seen")

        return asked


def test_each_publish_of_a_file_that_is_sent_again_is_journalled_before(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file was published, is sent again, and the hub dies when its bytes are staged: the next start writes down
    that it publishes before it does; what the first publish left in the journal does not count."""
    house.bill(*VISIT[1:])
    _went_out(house, "in_doubt")
    with house.store.begin("work.resolve") as tx:
        dispatch.retry_in_doubt(tx, tx.files.find()[0], "biller")
    with house.store.begin("dispatch.stage") as tx:
        fence = tx.outbox.fence(MAILBOX)
        file = tx.files.find()[0]
        for phase in ("staging", "staged"):
            tx.outbox.enter(file.id, phase, fence)
        tx.files.put_state(file, "staged")
    line = Line(house)
    monkeypatch.setattr(house.host, "transfer", lambda name: line, raising=False)
    house.run(dispatch.send, MAILBOX)
    assert line.seen == [("publish", "publishing"), ("confirm", "published")]
    assert _file(house).state == "sent"


class Mailbox:
    """A partner's mailbox with files; what `errors` names cannot be had."""

    def __init__(self, house: House, **errors: Exception) -> None:
        self.errors, self.told = errors, list[str]()
        self.refs = tuple(
            Ref(token=name, name=name, size=3, modified_at=house.clock.now()) for name in ("bad", "good")
        )
        house.host.__dict__ |= {
            "clearinghouse": lambda name: self,
            "transfer": lambda name: self,
            "state": lambda name: SimpleNamespace(commit=lambda tx: None),
            "classify_file": lambda name, head: "report",
        }

    def list(self, cursor: str) -> Listing:
        return Listing(refs=self.refs, cursor="")

    def open(self, ref: Ref) -> Iterator[bytes]:
        if ref.name in self.errors:
            raise self.errors[ref.name]
        yield ref.name[:3].encode()

    def done(self, ref: Ref) -> None:
        if f"done {ref.name}" in self.errors:
            raise self.errors[f"done {ref.name}"]
        self.told.append(ref.name)


def _fetched(house: House) -> list[str]:
    with house.store.view() as view:
        return sorted(one.state for one in view.fetched.find())


def _dispositions(house: House) -> list[str]:
    """What promise 11 says of files at partners."""
    (proof,) = prove(house.store, house.settings, only=(11,))
    return [one.why for one in proof.exceptions if one.where.startswith("fetched")]


@pytest.mark.parametrize(("error", "reason"), [(Refused("gone"), "fetch.refused"), (_fault(), "fetch.failed")])
def test_a_file_that_cannot_be_had_is_not_asked_for_again(house: House, error: Exception, reason: str) -> None:
    """It becomes work once, however often it is listed, and blocks nothing; a person has it fetched again."""
    mailbox = Mailbox(house, bad=error)
    for _ in range(3):
        house.run(fetch.fetch, MAILBOX)
    assert (mailbox.told, _fetched(house)) == (["good"], ["done", "refused"])
    assert house.work() == {reason: 1}
    assert _dispositions(house) == []
    mailbox.errors.clear()
    house.run(fetch.fetch, MAILBOX)
    assert _fetched(house) == ["done", "refused"]
    with house.store.begin("admin") as tx:
        replaying.one(tx, house.settings, tx.fetched.find(state="refused")[0].id, "it")
    house.run(fetch.fetch, MAILBOX)
    assert (mailbox.told, _fetched(house)) == (["good", "bad"], ["done", "done"])
    assert house.work() == {}


def test_a_file_that_is_never_whole_becomes_work(house: House, clock: TurnedClock) -> None:
    """For hours the hub tries in silence, then a person is told, once; it goes on trying, and the work ends by
    itself when the file comes. Promise 11 misses the work when it is not there."""
    mailbox = Mailbox(house, bad=RetryLater("cut off"))
    house.run(fetch.fetch, MAILBOX)
    assert house.work() == {}
    clock.turn_to(clock.now() + timedelta(hours=25))
    assert len(_dispositions(house)) == 1
    for _ in range(2):
        house.run(fetch.fetch, MAILBOX)
    assert (mailbox.told, house.work()) == (["good"], {"fetch.stuck": 1})
    assert _dispositions(house) == []
    mailbox.errors.clear()
    house.run(fetch.fetch, MAILBOX)
    assert (_fetched(house), house.work()) == (["done", "done"], {})


def test_a_file_that_stays_at_the_partner_is_work_once(house: House) -> None:
    """A partner does not let go of a file that is stored here: a person is told, the file is not taken twice, and
    the others are."""
    mailbox = Mailbox(house, **{"done bad": Refused("no right to move")})
    for _ in range(2):
        house.run(fetch.fetch, MAILBOX)
    assert (mailbox.told, _fetched(house), len(inbox(house))) == (["good"], ["done", "done"], 2)
    assert house.work() == {"fetch.not_taken": 1}
