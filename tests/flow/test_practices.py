"""Several practices in one hub, with one clearinghouse and one print vendor: files and money never mix."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from flowlab.house import MAILBOX, PRACTICE, House, interchange, remittance
from flowlab.made import (
    charge_fact,
    coverage_fact,
    encounter_fact,
    patient_fact,
    payment_of,
    service,
)
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.flow import acks, posting, printing, remits, replaying, steps
from hub.model.remit import ClaimPayment
from hub.plugin.api import PrintResult
from hub.store import Keyring, Store, open_store

SHORE = "shore"
NPI, TAX_ID = "1999999067", "123456780"
VENDOR = "printer"


@pytest.fixture
def house(store: Store, clock: TurnedClock) -> House:
    """Two practices, on each database."""
    it = House(store, clock)
    add_shore(it)
    return it


@pytest.fixture
def cheap(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """One practice on SQLite alone."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


def add_shore(house: House) -> None:
    """The second practice is configured."""
    twin = house.settings.practices[PRACTICE].model_copy(update={"npi": NPI, "tax_id": TAX_ID})
    practices = {**house.settings.practices, SHORE: twin}
    house.settings = house.settings.model_copy(update={"practices": practices})


def visits(house: House, count: int = 2, plan: str = "BLUEHERON") -> None:
    """Patients with one visit each are taken in."""
    for number in range(count):
        key = f"X{number}"
        covers = coverage_fact(
            f"V{key}", plan, patient_key=key, member_id="" if plan == "SELFPAY" else "BHP990000011"
        )
        visit = encounter_fact(f"E{key}", patient_key=key)
        house.tell(
            patient_fact(key), visit, charge_fact(f"C{key}", patient_key=key, encounter_key=visit.key), covers
        )
    house.take_in()


def to_shore(house: House, name: str, *which: int) -> None:
    """Some documents of a collection are the other practice's."""
    rows = house.rows(name)
    with house.store.begin("admin") as tx:
        for number in which:
            getattr(tx, name).put(rows[number], practice=SHORE)


def paid(house: House) -> list[ClaimPayment]:
    """A full payment of every submission."""
    claims = {row.id: row.record for row in house.rows("claims")}
    return [
        replace(
            payment_of(tuple(service(line) for line in claims[sent.claim_id].lines)),
            patient_control_number=sent.pcn or "",
        )
        for sent in house.sent()
    ]


def of_shore(text: str) -> str:
    """The remittance with the other practice as its payee."""
    return text.replace("1999999018", NPI).replace("*TJ*123456789", f"*TJ*{TAX_ID}")


def test_each_practice_has_its_own_files(house: House) -> None:
    """Claims of two practices that are ready for one clearinghouse leave in two files, each under its practice."""
    visits(house, 3)
    to_shore(house, "claims", 1)
    house.send()
    with house.store.view() as view:
        files = {file.id: file.practice for file in view.files.find()}
    assert sorted(files.values()) == [PRACTICE, SHORE]
    sent = house.sent()
    assert len(sent) == 3
    assert all(files[one.file_id or ""] == one.practice for one in sent)


def test_a_rejection_is_work_of_who_sent_it(house: House) -> None:
    """An acknowledgement comes to the mailbox that both share; the work it makes is that of the claim's practice."""
    visits(house, 1)
    to_shore(house, "claims", 0)
    house.send()
    (file,) = house.bytes_sent()
    head = interchange("FA", "005010X231A1", []).split("GS*")[0]
    house.arrive("TA1", f"{head}TA1*{file[90:99]}*260302*0930*R*022~\nIEA*0*000000001~\n")
    house.run(acks.apply, MAILBOX)
    assert house.states("claims") == {"rejected": 1}
    assert (house.work(practice=SHORE), house.work(practice=PRACTICE)) == ({"rejected.ta1": 1}, {})


def test_a_remittance_is_its_payees(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An 835 that came through the mailbox of one practice for another is stored, posted and booked under the
    payee's, from its first page on."""
    monkeypatch.setattr(remits, "PAGE", 1)
    visits(house)
    to_shore(house, "claims", 0, 1)
    house.send()
    house.arrive("835", of_shore(remittance(*paid(house))))
    house.run(remits.read, MAILBOX)
    assert {row.practice for name in ("remits", "remit_claims") for row in house.rows(name)} == {SHORE}
    house.run(posting.post)
    assert house.states("remits") == {"balanced": 1}
    house.run(posting.post, SHORE)
    assert (house.states("remits"), house.states("claims")) == ({"posted": 1}, {"paid": 2})
    assert house.accounts(practice=SHORE)["cash_clearing"] == 33000
    assert "cash_clearing" not in house.accounts(practice=PRACTICE)


def test_posting_is_told_of_the_payees_practice(house: House) -> None:
    """What is read nudges the lane in which it will be posted."""
    visits(house, 1)
    to_shore(house, "claims", 0)
    house.send()
    told: list[Any] = []
    house.store.on_commit(told.extend)
    house.arrive("835", of_shore(remittance(*paid(house))))
    house.run(remits.read, MAILBOX)
    assert {one.lane for one in told if one.step == "posting.post"} == {SHORE}
    assert SHORE in steps.lanes_of(steps.STEPS["posting.post"][1], house.settings, ())


def test_the_payee_that_becomes_known_gets_its_remittance(cheap: House) -> None:
    """A remittance for nobody we know is held; when the practice is configured and it is read again, it is its."""
    visits(cheap, 1)
    cheap.send()
    cheap.arrive("835", of_shore(remittance(*paid(cheap))))
    cheap.run(remits.read, MAILBOX)
    assert (cheap.states("remits"), cheap.work()) == ({"held": 1}, {"remit.payee": 1})
    add_shore(cheap)
    to_shore(cheap, "claims", 0)
    (remit,) = cheap.rows("remits")
    with cheap.store.begin("admin") as tx:
        replaying.one(tx, cheap.settings, remit.id, "biller1")
    cheap.run(remits.read, MAILBOX)
    cheap.run(posting.post, SHORE)
    assert (cheap.states("remits"), cheap.states("claims"), cheap.work()) == ({"posted": 1}, {"paid": 1}, {})
    assert {row.practice for name in ("remits", "remit_claims") for row in cheap.rows(name)} == {SHORE}


def test_money_for_another_practices_claim_waits(house: House) -> None:
    """Money is the payee's: for a claim of another practice it waits in the payee's suspense, and is work."""
    visits(house, 1)
    house.send()
    house.arrive("835", of_shore(remittance(*paid(house))))
    house.run(remits.read, MAILBOX)
    house.run(posting.post, SHORE)
    assert house.accounts(practice=SHORE) == {"cash_clearing": 16500, "unmatched_suspense": -16500}
    assert house.work(practice=SHORE) == {"posting.unmatched": 1}
    assert house.states("claims") == {"frozen": 1}


def test_print_runs_and_their_results(house: House) -> None:
    """Statements of two practices are never in one PDF; one result file of the vendor serves both, and what came
    back is each practice's own work."""
    visits(house, 2, "SELFPAY")
    house.state_people()
    to_shore(house, "statements", 1)
    house.run(printing.freeze, VENDOR)
    rows = house.rows("statements")
    with house.store.view() as view:
        files = {file.id: file.practice for file in view.files.find()}
    assert {row.practice: files[row.col("file_id")] for row in rows} == {PRACTICE: PRACTICE, SHORE: SHORE}
    told = [PrintResult(number=row.col("number"), verdict="returned") for row in rows]
    house.host.printer = lambda _: SimpleNamespace(read_results=lambda raw: told)  # type: ignore[attr-defined]
    with house.store.begin("ingest.receive") as tx:
        seq, _ = tx.inbox.put(practice=PRACTICE, source=VENDOR, kind="print_results", body=b"{}", external="r1")
    with house.store.view() as view:
        item = view.inbox.get(seq)
    assert item is not None
    printing._apply(house.hub, VENDOR, item)
    assert house.states("statements") == {"returned": 2}
    assert house.work(practice=PRACTICE) == house.work(practice=SHORE) == {"print.returned": 1}


def test_a_payment_without_an_amount_is_work(cheap: House) -> None:
    """Money of which the source does not say how much is not posted: it is held, in work."""
    cheap.tell(patient_fact(), encounter_fact(), charge_fact("P1", kind="payment", codings=(), amount=None))
    cheap.take_in()
    (charge,) = (row for row in cheap.rows("charges") if row.record.kind == "payment")
    assert charge.state == "held"
    assert cheap.work()["payment.by_hand"] == 1


def test_what_cannot_be_read_is_worth_what_it_says(cheap: House) -> None:
    """An 835 of which a claim cannot be read is in work with the amount of its BPR02; without one, with none."""
    visits(cheap, 1)
    cheap.send()
    text = remittance(*paid(cheap))
    assert "*165*165*" in text
    cheap.arrive("835", text.replace("*165*165*", "*165*l65*"))
    cheap.arrive("835", text.replace("*165*165*", "*165*l65*").replace("BPR*I*165*", "BPR*I*l65*"))
    cheap.run(remits.read, MAILBOX)
    with cheap.store.view() as view:
        items = [item for item in view.work.list() if item.aggregate == "remit"]
    assert sorted(item.amount_cents for item in items) == [0, 16500]
