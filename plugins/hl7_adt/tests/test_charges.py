"""FT1 as partners really send it: codes, quantities, money, keys, and what takes back or replaces what."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hl7lab import CHARGE, PID, PV1, codes, every, only, reading, segment, with_
from hypothesis import given
from hypothesis import strategies as st

from hub.model.encounter import Coding, Drug
from hub.model.facts import ChargeFact, EncounterFact, Reading
from hub.model.services import Note

HCPCS = {"code_systems": {"FT1-25": "HCPCS", "FT1-7": "HCPCS"}}


def line(**fields: str) -> str:
    """A charge line with some fields changed."""
    return segment("FT1", with_(CHARGE, fields))


def charge(*segments: str, settings: dict[str, Any] | None = None, **header: str) -> ChargeFact:
    """The one charge of a message with these lines."""
    return only(reading(PID, PV1, *segments, settings=settings, **header), ChargeFact)


def lines(*segments: str, settings: dict[str, Any] | None = None, **header: str) -> list[ChargeFact]:
    """The charges of a message with these lines."""
    return every(reading(PID, PV1, *segments, settings=settings, **header), ChargeFact)


def one(system: str, code: str) -> Coding:
    """A coding."""
    return Coding(system=system, code=code)


@pytest.mark.parametrize(
    ("fields", "profile", "expected"),
    [
        ({"f7": "L77^local^L", "f25": "G0438^^HCPCS"}, {}, [("HCPCS", "G0438"), ("LOCAL", "L77")]),
        ({"f7": "G0438^^CPT", "f25": ""}, {}, [("HCPCS", "G0438")]),
        ({"f7": "G0438", "f25": "G0438"}, HCPCS, [("HCPCS", "G0438")]),
        ({"f7": "L77^local^L^G0438^^HCPCS", "f25": ""}, {}, [("LOCAL", "L77"), ("HCPCS", "G0438")]),
        ({"f7": "L77", "f25": ""}, {"preset": "codes-in-ft1-25"}, [("LOCAL", "L77")]),
        ({"f7": "G0438", "f25": ""}, {"preset": "codes-in-ft1-7"}, [("HCPCS", "G0438")]),
        ({"f7": "L77", "f25": "G0438^^HCPCS"}, {"preset": "local-codes"}, [("LOCAL", "L77")]),
        ({"f7": "G0438^25", "f25": ""}, {"preset": "modifier-in-component"}, [("HCPCS", "G0438")]),
    ],
)
def test_codes(fields: dict[str, str], profile: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Codes are taken from where the profile says they stand, all of them, best first."""
    assert charge(line(**fields), settings=profile).codings == tuple(one(*each) for each in expected)


@pytest.mark.parametrize(
    ("fields", "profile", "expected"),
    [
        ({"f26": "25~59"}, {}, ("25", "59")),
        ({"f26": "25,59"}, {}, ("25", "59")),
        ({"f26": "25^distinct~59^other"}, {}, ("25", "59")),
        ({"f26": "2559"}, {"modifiers_are": "joined"}, ("25", "59")),
        ({"f26": "2559"}, {}, ("2559",)),
        ({"f25": "G0438-25-59", "f26": "59"}, {"preset": "modifier-in-code"}, ("25", "59")),
        ({"f25": "G0438-PROLONG", "f26": ""}, {"preset": "modifier-in-code"}, ()),
        ({"f7": "G0438^25", "f25": "", "f26": "59"}, {"preset": "modifier-in-component"}, ("25", "59")),
        ({"f26": "25^59"}, {"modifier_places": ["FT1-26.1", "FT1-26.2"]}, ("25", "59")),
    ],
)
def test_modifiers(fields: dict[str, str], profile: dict[str, Any], expected: tuple[str, ...]) -> None:
    """Modifiers stand in FT1-26, in the code, or beside it; each counts once, in its order."""
    assert charge(line(**fields), settings=profile).modifiers == expected


def test_a_code_with_its_modifiers_is_parted() -> None:
    """`99999-25` is a code and a modifier where the profile says so; elsewhere it is the code that was sent."""
    told = {"preset": "modifier-in-code"}
    assert charge(line(f7="", f25="G0438-25"), settings=told).codings == (one("HCPCS", "G0438"),)
    assert charge(line(f7="", f25="G0438-25^^HCPCS")).codings == (one("HCPCS", "G0438-25"),)


@pytest.mark.parametrize(
    ("fields", "kind", "amount"),
    [
        ({"f11": "288.81&USD"}, "charge", "288.81"),
        ({"f11": "+288.81"}, "charge", "288.81"),
        ({"f11": "$288.81"}, "charge", "288.81"),
        ({"f11": "$1,288.81&USD"}, "charge", "1288.81"),
        ({"f11": "12,001,288.81-"}, "credit", "-12001288.81"),
        ({"f11": "", "f10": "3", "f12": "0.10"}, "charge", "0.30"),
        ({"f11": "-200.00"}, "credit", "-200.00"),
        ({"f11": "200.00-"}, "credit", "-200.00"),
        ({"f10": "-2"}, "credit", "-200.00"),
        ({"f10": "-2", "f11": "-200.00"}, "credit", "-200.00"),
        ({"f6": "CD", "f10": "-2", "f11": "-200.00"}, "credit", "-200.00"),
        ({"f6": "PY", "f11": "-25.00"}, "payment", "-25.00"),
        ({"f6": "CO", "f11": "", "f12": "25.00", "f10": ""}, "copay", "25.00"),
        ({"f6": "AJ", "f11": "-25.00"}, "adjustment", "-25.00"),
    ],
)
def test_money(fields: dict[str, str], kind: str, amount: str) -> None:
    """A negative amount or quantity is a credit; payments keep the sign that says which way money went."""
    found = charge(line(**fields))
    assert (found.kind, found.amount) == (kind, Decimal(amount))
    assert found.units > 0


def test_negative_payments_by_profile() -> None:
    """A sender that writes payments as negative amounts gives money back with positive ones; charges keep theirs."""
    found = lines(
        line(f6="PY", f11="-25.00", f2="1"),
        line(f6="PY", f11="5.00", f2="2"),
        line(f2="3"),
        settings={"preset": "negative-payments"},
    )
    assert [(f.kind, str(f.amount)) for f in found] == [
        ("payment", "25.00"), ("payment", "-5.00"), ("charge", "200.00"),
    ]  # fmt: skip


def test_amounts_of_a_unit() -> None:
    """Where FT1-11 holds the price of one unit the line is its product with the quantity."""
    found = charge(line(f10="3", f11="10.00", f12=""), settings={"preset": "unit-prices"})
    assert (found.units, found.amount) == (3, Decimal("30.00"))


def test_quantities_by_profile() -> None:
    """Quantities stand where the profile says and count what it says; minutes are told as such."""
    profile = {"units_places": ["ZCH-4", "FT1-10"], "units_are": "minutes"}
    found = lines(line(), "ZCH|1|||45", line(f2="T2"), settings=profile)
    assert [(f.units, f.unit_basis) for f in found] == [(45, "MJ"), (2, "MJ")]


def test_the_senders_own_segments() -> None:
    """A Z-segment belongs to the line that it follows; one before all lines speaks for every line."""
    profile = {
        "charge_code_places": ["ZCH-3"],
        "department_places": ["ZAL-2"],
        "place_of_service": {"EAST": "22"},
    }
    found = lines(
        "ZAL|1|EAST", line(), "ZCH|1||G0001^^HCPCS", line(f2="T2"), "ZCH|1||G0002^^HCPCS", settings=profile
    )
    assert [f.codings[0].code for f in found] == ["G0001", "G0002"]
    assert {f.place_of_service for f in found} == {"22"}
    missing = reading(PID, PV1, line(), "ZCH|1||G0001^^HCPCS", line(f2="T2"), settings=profile)
    assert codes(missing) == ["hl7.charge.code"]


def test_fields_that_stand_elsewhere() -> None:
    """A sender whose FT1 lacks or has one field too many is described by where the shift begins."""
    fields = {n if n < 7 else n + 1: text for n, text in CHARGE.items()}
    found = charge(segment("FT1", fields), settings={"field_shift": {"FT1-7": 1}})
    assert found == charge(line())
    bad = reading(PID, PV1, segment("FT1", fields | {12: "x"}), settings={"field_shift": {"FT1-7": 1}})
    assert [p.where for p in bad.problems] == ["FT1-12"]


@pytest.mark.parametrize(
    ("fields", "profile", "expected"),
    [
        ({"f4": "20260105^20260107"}, {}, (date(2026, 1, 5), date(2026, 1, 7))),
        ({"f4": "20260105^D"}, {}, (date(2026, 1, 5), None)),
        ({"f4": "202601051530-0500"}, {}, (date(2026, 1, 5), None)),
        ({"f4": "", "f5": "20260109"}, {"service_date_places": ["FT1-4", "FT1-5"]}, (date(2026, 1, 9), None)),
        ({"f4": "", "f5": ""}, {"service_date_places": ["FT1-4", "PV1-44"]}, (date(2026, 1, 5), None)),
        ({"f4": "", "f5": "20260109", "f6": "CO"}, {}, (date(2026, 1, 9), None)),
    ],
)
def test_days(fields: dict[str, str], profile: dict[str, Any], expected: tuple[date, date | None]) -> None:
    """The day of service is that of FT1-4, or where the profile says; a payment may have its posting day alone."""
    found = charge(line(**fields), settings=profile)
    assert (found.service_from, found.service_to) == expected


def test_who_did_and_who_ordered() -> None:
    """FT1-20 performed, FT1-21 ordered; another place where the profile says so; nobody where nobody is named."""
    found = charge(line(f20="^^^", f21="1999999018^ORDER^OLA"))
    assert found.rendering is None
    assert found.ordering
    assert (found.ordering.npi, found.ordering.last) == ("1999999018", "ORDER")
    attending = charge(line(f20=""), settings={"rendering_places": ["FT1-20", "PV1-7"]})
    assert attending.rendering
    assert attending.rendering.last == "HALE"


def test_people_by_the_senders_own_numbers() -> None:
    """Who has no NPI here is named by the sender's own number, which configuration knows; an NPI goes before it."""
    own = charge(line(f20="D55^HALE^IDA")).rendering
    assert own
    assert (own.npi, own.id, own.last) == ("", "D55", "HALE")
    bare = charge(line(f20="D55")).rendering
    assert bare
    assert (bare.npi, bare.id, bare.last) == ("", "D55", "")
    both = charge(line(f20="D55^HALE^IDA~1234567893^HALE^IDA^^^^^^NPI")).rendering
    assert both
    assert (both.npi, both.id) == ("1234567893", "")


def test_departments() -> None:
    """The place of service is that of the first department that the profile knows: FT1-16, else FT1-13."""
    profile = {"place_of_service": {"LAB": "81", "CLINIC": "11"}}
    assert charge(line(), settings=profile).place_of_service == "11"
    assert charge(line(f13="LAB", f16="WARD"), settings=profile).place_of_service == "81"
    assert charge(line(f16="WARD"), settings=profile).place_of_service == ""


def test_diagnoses_by_code_and_by_pointer() -> None:
    """FT1-19 names codes, or the numbers of the message's diagnoses; one that is not there is told."""
    dg1 = ["DG1|1||I10^^I10", "DG1|2||E11.9^^I10"]
    by_code = charge(*dg1, line(f19="I10^^I10~E11.9^^I10~I10^^I10"))
    assert by_code.diagnoses == (one("ICD10", "I10"), one("ICD10", "E11.9"))
    assert charge(*dg1, line(f19="2~1")).diagnoses == (one("ICD10", "E11.9"), one("ICD10", "I10"))
    assert charge(*dg1, line(f19="2,1")).diagnoses == (one("ICD10", "E11.9"), one("ICD10", "I10"))
    lost = reading(PID, PV1, *dg1, line(f19="3~1"))
    assert (only(lost, ChargeFact).diagnoses, codes(lost)) == ((one("ICD10", "I10"),), ["hl7.charge.pointer"])


def test_diagnoses_that_name_no_system() -> None:
    """A DG1-3 that names no system is of the one that the profile says, for the visit and for a line that points."""
    found = reading(PID, PV1, "DG1|1||J02.9", line(f19="1"), settings={"code_systems": {"DG1-3": "ICD10"}})
    assert only(found, ChargeFact).diagnoses == (one("ICD10", "J02.9"),)
    assert [each.coding for each in only(found, EncounterFact).diagnoses] == [one("ICD10", "J02.9")]
    assert charge("DG1|1||J02.9", line(f19="1")).diagnoses == (one("LOCAL", "J02.9"),)


def test_drugs_by_profile() -> None:
    """NDC, quantity and unit stand together or apart."""
    apart = {"drug_places": ["ZRX-1"], "drug_quantity_place": "ZRX-2", "drug_unit_place": "ZRX-3"}
    found = charge(line(), "ZRX|0002-1433-80|2.5|ML", settings=apart)
    assert found.drug == Drug(ndc="00002143380", quantity=Decimal("2.5"), unit="ML")
    assert codes(reading(PID, PV1, line(f29="00002143380", f43="x^ML"))) == ["hl7.charge.drug"]


def test_revenue_and_references() -> None:
    """FT1-41 is the revenue code in four digits; a payment keeps its number and, by profile, how it was made."""
    assert charge(line(f41="450")).revenue == "0450"
    told = charge(line(f6="PY", f30="R-77", f7="CARD"), settings={"payment_method_places": ["FT1-7"]})
    assert (told.reference, told.method) == ("R-77", "CARD")


def test_comments() -> None:
    """An NTE behind FT1 is nothing, a description or a note to the payer, as the profile says; one before all lines
    is of the message."""
    message = ("NTE|1||of the message", line(), "NTE|1||left knee", "NTE|2||twice", line(f2="T2"))
    assert [(f.description, f.notes) for f in lines(*message)] == [("", ()), ("", ())]
    described = lines(*message, settings={"comments_are": "description"})
    assert [f.description for f in described] == ["left knee twice", ""]
    noted = lines(*message, settings={"comments_are": "note"})
    assert [f.notes for f in noted] == [(Note(kind="additional", text="left knee twice"),), ()]
    by_place = charge(line(f8="Visit"), settings={"description_places": ["FT1-8"]})
    assert by_place.description == "Visit"


def test_other_types_by_profile() -> None:
    """A sender's own types mean what its profile says; without it they are told, and nothing is billed."""
    types = {"C": "charge", "VOID": "void", "STAT": "ignored", "INS": "insurance_payment", "": "charge"}
    profile = {"transaction_types": types}
    kinds = ("c", "", "STAT", "INS", "VOID")
    found = lines(*(line(f2=f"T{n}", f6=kind) for n, kind in enumerate(kinds)), settings=profile)
    assert [(f.key, f.kind, f.active) for f in found] == [
        ("V77/T0", "charge", True),
        ("V77/T1", "charge", True),
        ("V77/T3", "insurance_payment", True),
        ("V77/T4", "charge", False),
    ]
    assert codes(reading(PID, PV1, line(f6="STAT"))) == ["hl7.charge.type"]
    assert charge(line(f6="??"), settings={"transaction_types": {"*": "charge"}}).kind == "charge"
    by_code = {"transaction_type_places": ["FT1-7", "FT1-6"], "transaction_types": {"9001": "payment"}}
    assert charge(line(f7="9001"), settings=by_code).kind == "payment"


def test_money_of_an_insurer() -> None:
    """A payment that names its insurer, where the profile says that it would, is not the patient's money."""
    profile = {"insurer_places": ["FT1-14.1"]}
    told = lines(line(f6="PY", f14="PLAN9"), line(f6="PY", f2="T2"), line(f14="PLAN9", f2="T3"), settings=profile)
    assert [f.kind for f in told] == ["insurance_payment", "payment", "charge"]
    assert charge(line(f6="PY", f14="PLAN9")).kind == "payment"


def test_what_takes_back_never_replaces() -> None:
    """A credit, or money given back, with the number of its line stands beside that line, not in its place."""
    assert charge(line(f6="CD")).key == "V77/T1/back"
    assert charge(line(f11="-200.00")).key == "V77/T1/back"
    assert charge(line(f6="PY", f11="-5")).key == "V77/T1/back"
    assert charge(line(f6="AJ", f11="-5")).key == "V77/T1"


def test_a_line_that_replaces() -> None:
    """A line that names the one it replaces withdraws it; a credit that names its charge leaves both to be netted."""
    profile = {"replaces_places": ["FT1-3"]}
    new, old = lines(line(f2="T9", f3="T1"), settings=profile)
    assert [(f.key, f.active, f.replaces) for f in (new, old)] == [
        ("V77/T9", True, "V77/T1"), ("V77/T1", False, ""),
    ]  # fmt: skip
    assert [f.key for f in lines(line(f2="T9", f3="T1", f6="CD"), settings=profile)] == ["V77/T9/back"]
    void = {"replaces_places": ["FT1-3"], "transaction_types": {"V": "void"}}
    assert [(f.key, f.active) for f in lines(line(f2="T9", f3="T1", f6="V"), settings=void)] == [
        ("V77/T1", False)
    ]
    assert codes(reading(PID, PV1, line(f2="", f6="V"), settings=void)) == ["hl7.charge.replaced"]


def test_keys_by_profile() -> None:
    """A line's key is its number, its place in the message, some fields, or what it says."""
    assert charge(line(), settings={"charge_key": "message"}).key == "V77/message/M1/1"
    assert charge(line(f23="F7"), settings={"charge_key": ["FT1-23", "FT1-2"]}).key == "V77/F7/T1"
    assert charge(line(), settings={"charge_key": ["FT1-23"]}).key == "V77/message/M1/1"
    by_content = {"charge_key": "content"}
    first, second, other = lines(line(), line(), line(f26=""), settings=by_content)
    assert len({first.key, second.key, other.key}) == 3
    assert [f.key for f in lines(line(), line(f26=""), line(), settings=by_content)] == [
        first.key, other.key, second.key,
    ]  # fmt: skip


def test_one_number_on_every_line() -> None:
    """Lines that share a number are several lines, and a person is told that the number means nothing."""
    found = reading(PID, PV1, line(), line(f26=""))
    assert [f.key for f in every(found, ChargeFact)] == ["V77/T1/1", "V77/T1/2"]
    assert codes(found) == ["hl7.charge.key"]


BAD: list[dict[str, str]] = [
    {"f6": "XX"}, {"f4": ""}, {"f4": "20261305"}, {"f4": "20260105^20260101"}, {"f10": "", "f12": ""}, {"f10": "0"},
    {"f10": "two"}, {"f11": "1.001"}, {"f11": "10&EUR"}, {"f11": "1,2"}, {"f11": "9" * 30}, {"f7": "", "f25": ""},
    {"f6": "PY", "f11": "", "f12": ""}, {"f11": "NaN"}, {"f10": "1e400"},
]  # fmt: skip


@pytest.mark.parametrize("fields", BAD)
def test_one_bad_line_makes_the_message_wait(fields: dict[str, str]) -> None:
    """Nothing of a message with a line that cannot be read is applied; the place is told, and no value."""
    found = reading(PID, PV1, line(), line(f2="T2", **fields), line(f2="T3"))
    assert (found.facts, found.poison) == ((), True)
    (problem,) = found.problems
    assert problem.where.startswith("FT1[2]")
    assert all(value not in problem.why + problem.fix for value in fields.values() if len(value) > 2)


def test_lines_outside_charge_messages_never_bill() -> None:
    """FT1 in an order is not read, unless the profile says that this message type bills; in a BAR it is."""
    assert not every(reading(PID, PV1, line(), kind="ORM^O01"), ChargeFact)
    assert charge(line(), kind="ORM^O01", settings={"bill_ft1_from": ["ORM"]}).kind == "charge"
    assert charge(line(), kind="BAR^P05").kind == "charge"


TYPES = st.sampled_from(["CG", "CD", "PY", "CO", "AJ"])
CENTS = st.integers(-99_999, 99_999)


@given(
    told=st.lists(st.tuples(TYPES, CENTS), max_size=12),
    order=st.randoms(use_true_random=False),
    way=st.sampled_from(["transaction", "message", "content"]),
)
def test_no_cent_is_lost_or_doubled(told: list[tuple[str, int]], order: Any, way: str) -> None:
    """For any lines in any order: a fact for each line, with a key of its own, and of each kind the sum told."""
    shuffled = list(enumerate(told))
    order.shuffle(shuffled)
    segments = [line(f2=f"T{n}", f6=kind, f11=f"{cents / 100:.2f}", f12="") for n, (kind, cents) in shuffled]
    found = lines(*segments, settings={"charge_key": way})
    assert len({fact.key for fact in found}) == len(told)
    sums: Counter[str] = Counter()
    for kind, cents in told:
        sums["billed" if kind in ("CG", "CD") else kind] += -abs(cents) if kind == "CD" else cents
    got: Counter[str] = Counter()
    names = {"payment": "PY", "copay": "CO", "adjustment": "AJ"}
    for fact in found:
        assert fact.amount is not None
        got[names.get(fact.kind, "billed")] += int(fact.amount * 100)
    assert +got == +sums
    assert -got == -sums


@given(st.text(max_size=12), st.sampled_from([4, 6, 7, 10, 11, 12, 19, 20, 25, 26, 29, 41, 43]))
def test_whatever_stands_in_a_field(text: str, field: int) -> None:
    """No text in a field raises: it is read, or the line is set aside."""
    found: Reading = reading(PID, PV1, line(**{f"f{field}": text.replace("\r", "").replace("\n", "")}))
    assert bool(every(found, ChargeFact)) or found.poison or found.not_billable or found.problems
