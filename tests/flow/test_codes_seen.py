"""Codes come from outside: what is no code never reaches a clear column, a work item, an event or the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flowlab.house import House, interchange, remittance
from flowlab.made import D, adjustment, charge_fact, coverage_fact, encounter_fact, payment_of, service
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.clock import TurnedClock
from hub.flow.codes_seen import UNTOLD, code
from hub.model.remit import ProviderAdjustment
from hub.store import Keyring, Store, open_store

NAME = "HERON"
VISIT = (encounter_fact(), charge_fact(), coverage_fact())


@pytest.fixture
def house(made_sqlite_url: str, keyring: Keyring, clock: TurnedClock) -> Iterator[House]:
    """The practice on SQLite, whose file can be read as it stands."""
    store: Store = open_store(made_sqlite_url, keyring, clock)
    yield House(store, clock)
    store.close()


def in_the_clear(tmp_path: Path, word: str) -> list[str]:
    """Every statement that would write the database anew and shows the word."""
    with closing(sqlite3.connect(tmp_path / "hub.db")) as connection:
        return [line for line in connection.iterdump() if word.casefold() in line.casefold()]


REAL = (
    *("CO", "PR", "OA", "1", "45", "253", "P12", "B7", "N781", "MA130", "M51", "WO", "L6", "72", "CS", "22"),
    *("ACH", "CHK", "NON", "022", "NM1", "CLM", "12", "A3", "DR01", "21", "IL", "19", ""),
)


@pytest.mark.parametrize("real", REAL)
def test_codes_stay(real: str) -> None:
    """What payers and clearinghouses really send is kept as it is."""
    assert code(real) == real


@pytest.mark.parametrize(
    "other", ["HERON", "Heron", "HERON ADA", "1950-02-03", "19500203", "heron", "B-100", "A" * 80]
)
def test_names_and_dates_do_not(other: str) -> None:
    """What is not shaped like a code is not shown."""
    assert code(other) == UNTOLD


@given(st.text(max_size=12))
def test_nothing_else_comes_through(text: str) -> None:
    """Whatever stands there: up to five capitals and digits, or the mark."""
    assert code(text) in {text, UNTOLD}
    assert len(code(text)) <= 5
    assert code(text).isascii()


PLACES = {
    "CLP02": ("*1*165*", f"*{NAME}*165*"),
    "CAS01": ("CAS*CO*", f"CAS*{NAME}*"),
    "CAS02": ("CAS*CO*45*", f"CAS*CO*{NAME}*"),
    "CAS02 denied": ("CAS*PR*1*", f"CAS*PR*{NAME}*"),
    "MOA03": ("MOA***N130", f"MOA***{NAME}"),
    "LQ02": ("LQ*HE*N130", f"LQ*HE*{NAME}"),
    "PLB03": ("*WO:", f"*{NAME}:"),
    "BPR04": ("*C*ACH*", f"*C*{NAME}*"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_name_in_an_835(house: House, tmp_path: Path, place: str) -> None:
    """A name in the place of any code of an 835 is sealed with its record and stands nowhere in the clear; the
    money is posted all the same."""
    house.bill(*VISIT)
    (claim,) = house.rows("claims")
    (sent,) = house.sent()
    denied = (adjustment("CO", "45", "40.00"), adjustment("PR", "1", "20.00"), adjustment("CO", "197", "5.00"))
    lines = tuple(service(line, *denied) for line in claim.record.lines)
    paid = replace(payment_of(lines), patient_control_number=sent.pcn or "", remarks=("N130",))
    plbs = (ProviderAdjustment(reason="WO", reference="X1", amount=D("1.00")),)
    text = remittance(paid, plbs=plbs).replace("REF*6R", "LQ*HE*N130~\nREF*6R")
    old, new = PLACES[place]
    assert old in text
    house.arrive("835", text.replace(old, new))
    house.answer()
    assert house.states("remits") == {"posted": 1}
    assert house.accounts()["cash_clearing"] == 9900
    assert in_the_clear(tmp_path, NAME) == []


def _of(line: str, file: str) -> list[str]:
    return next(one for one in file.replace("\n", "").split("~") if one.startswith(line)).split("*")


@pytest.mark.parametrize(
    ("place", "name"), [("TA105", NAME), ("IK301", NAME), ("IK302", NAME), ("IK502", NAME), ("IK501", NAME)]
)
def test_a_name_in_a_ta1_or_999(house: House, tmp_path: Path, place: str, name: str) -> None:
    """The same for what rejects a file or a set: it is rejected, and its work shows no name."""
    house.bill(*VISIT)
    (file,) = house.bytes_sent()
    if place == "TA105":
        isa13 = _of("ISA*", file)[13]
        text = interchange("FA", "005010X231A1", []).split("GS*")[0]
        house.arrive("TA1", f"{text}TA1*{isa13}*260302*0930*R*{name}~\nIEA*0*000000001~\n")
    else:
        told = {"IK301": "CLM", "IK302": "22", "IK501": "R", "IK502": "5", place: name}
        body = [
            "ST*999*0001*005010X231A1",
            f"AK1*HC*{_of('GS*', file)[6]}*005010X222A1",
            f"AK2*837*{_of('ST*', file)[2]}*005010X222A1",
            f"IK3*{told['IK301']}*{told['IK302']}*2300*8",
            f"IK5*{told['IK501']}*{told['IK502']}",
            "AK9*R*1*1*0",
            "SE*7*0001",
        ]
        house.arrive("999", interchange("FA", "005010X231A1", body))
    house.answer()
    assert house.states("claims") == {"rejected": 1}
    assert in_the_clear(tmp_path, name) == []


@pytest.mark.parametrize("status", [f"{NAME}:21", f"A3:{NAME}", f"A3:21:{NAME}"])
def test_a_name_in_a_277ca(house: House, tmp_path: Path, status: str) -> None:
    """The same for what rejects a claim."""
    house.bill(*VISIT)
    (sent,) = house.sent()
    body = [
        "ST*277*0001*005010X214",
        "BHT*0085*08*1*20260303*0930*TH",
        "HL*1**20*1",
        "NM1*AY*2*DEMO HOUSE*****46*DEMO",
        "TRN*1*1",
        "DTP*050*D8*20260303",
        "DTP*009*D8*20260303",
        "HL*2*1*21*1",
        "NM1*41*2*LAKESIDE*****46*LAKE",
        "TRN*2*1",
        "STC*A1:19*20260303*WQ*165",
        "HL*3*2*19*1",
        "NM1*85*2*LAKESIDE*****XX*1999999018",
        "HL*4*3*PT",
        "NM1*QC*1*A*B****MI*C",
        f"TRN*2*{sent.pcn}",
        f"STC*{status}*20260303*U*165",
    ]
    house.arrive("277CA", interchange("HN", "005010X214", [*body, f"SE*{len(body) + 1}*0001"]))
    house.answer()
    assert (house.states("claims"), house.work()) == ({"rejected": 1}, {"rejected.277ca": 1})
    assert in_the_clear(tmp_path, NAME) == []
