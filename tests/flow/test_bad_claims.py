"""A payment that cannot be read holds the remittance it came in: what can be read is there for a person to see."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flowlab.house import House, remittance
from flowlab.made import adjustment, line, payment_of, service
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.model.remit import ClaimPayment
from hub.store import Keyring, open_store


@pytest.fixture
def cheap(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite alone, where the database makes no difference."""
    store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


def three() -> list[ClaimPayment]:
    """Three payments of nobody's claims."""
    paid = payment_of((service(line(), adjustment("CO", "45", "40.00")),))
    return [replace(paid, patient_control_number=f"OLD-{number}") for number in (1, 2, 3)]


def test_one_bad_claim_holds_the_others(cheap: House) -> None:
    """The set is held and not set aside: the claims around the bad one are stored under their places, nothing is
    posted, and one work item tells which claim it was, with the money; that the sum lacks it is not told again."""
    text = remittance(*three())
    bad = text.replace("CLP*OLD-2*1*", "CLP*OLD-2*1*1OO", 1)
    assert bad != text
    cheap.arrive("835", bad)
    cheap.answer()
    assert cheap.states("remits") == {"held": 1}
    assert sorted(row.record.position for row in cheap.rows("remit_claims")) == [1, 3]
    assert "cash_clearing" not in cheap.accounts()
    with cheap.store.view() as view:
        told = [(item.reason, item.where, item.amount_cents > 0) for item in view.work.list()]
    assert told == [("remit.unreadable", "claim 2 2100 CLP03, segment 12", True)]


def test_many_bad_claims_are_told_by_their_number(cheap: House) -> None:
    """Twenty claims that cannot be read are named one by one, the others are counted: nobody takes 20 for all."""
    paid = payment_of((service(line(), adjustment("CO", "45", "40.00")),))
    text = remittance(*[replace(paid, patient_control_number=f"OLD-{number}") for number in range(30)])
    cheap.arrive("835", re.sub(r"CLP\*(OLD-\d*[1-9])\*1\*1", r"CLP*\1*1*1OO", text))
    cheap.answer()
    with cheap.store.view() as view:
        where = [item.where for item in view.work.list() if item.reason == "remit.unreadable"]
    assert (len(where), where.count("7 more claims")) == (21, 1)


def test_read_again_after_a_crash_it_stores_no_claim_twice(cheap: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set with a bad claim that stopped midway goes on behind the last claim that was stored."""
    monkeypatch.setattr("hub.flow.remits.PAGE", 1)
    stops = iter([True])

    def header(told: object) -> object:
        if next(stops, False):
            raise TypeError("a bug")
        return real(told)  # type: ignore[arg-type]

    from hub.flow.remit_835 import header as real

    monkeypatch.setattr("hub.flow.remits.header", header)
    cheap.arrive("835", remittance(*three()).replace("CLP*OLD-1*1*", "CLP*OLD-1*1*x", 1))
    cheap.answer()
    cheap.answer()
    assert sorted(row.record.position for row in cheap.rows("remit_claims")) == [2, 3]
