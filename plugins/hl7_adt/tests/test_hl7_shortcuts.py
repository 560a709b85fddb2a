"""What makes reading fast changes nothing in what is read: each shortcut gives what the long way gives."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hub_hl7_adt.reading import read
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.wire import Frame, Separators, Value, components, message_of
from hypothesis import example, given
from hypothesis import strategies as st

from hub.model.facts import ChargeFact, PatientFact, Reading

HEAD = "MSH|^~\\&|APP|FAC|HUB|SITE|20260105090000||DFT^P03|M{n}|P|2.5"
PERSON = "PID|1||{n}^^^EAST^MR||QUILL^ADA||19800203|F|||||||||||A{n}"
VISIT = "PV1|1|O|FAMMED||||||||||||||||V{n}"
CHARGE = "FT1|1|T{n}||20260105||CG|T1015^^HCPCS|||1|{dollars}"


def dft(n: int = 1, dollars: str = "288.81&USD") -> str:
    """A charge message of one patient and one line."""
    lines = (HEAD, PERSON, VISIT, CHARGE)
    return "".join(line.format(n=n, dollars=dollars) + "\r" for line in lines)


def told(text: str) -> Reading:
    """What a file comes to."""
    return read(text.encode("latin-1"), Hl7Settings())


def amounts(reading: Reading) -> list[Decimal | None]:
    """The amounts of its charges."""
    return [fact.amount for fact in reading.facts if isinstance(fact, ChargeFact)]


@given(st.text('aB1^&~\\"|T \t\xa0é', max_size=12), st.booleans(), st.integers(1, 6))
@example('""', False, 3)
@example("a^ b ^c&d", True, 4)
def test_components_at_once(written: str, escapes: bool, last: int) -> None:
    """Components that are read at once are those that are read one by one, and their index is their position."""
    frame = Frame(Separators(), "utf-8", escapes=escapes)
    found = components(written, frame, last)
    assert found[0] == written
    assert found[1 : last + 1] == [Value(written, frame).text(n) for n in range(1, last + 1)]


@pytest.mark.parametrize(
    ("written", "dollars"),
    [
        ("288.81", "288.81"),
        ("288.81&USD", "288.81"),
        (" 288.81 &USD", "288.81"),
        ("288.81^x", "288.81"),
        ("288.81&usd", "288.81"),
        ("288.8", "288.80"),
        ("$288.81", "288.81"),
        ("+288.81", "288.81"),
    ],
)
def test_an_amount_is_the_same_however_it_is_written(written: str, dollars: str) -> None:
    """Dollars and cents are read alike, whether or not anything stands beside them."""
    assert amounts(told(dft(dollars=written))) == [Decimal(dollars)]


@pytest.mark.parametrize("written", ["288.81&EUR", "288.811", "2٨8.81", "28 8.81", "1e3.00"])
def test_what_is_no_amount_is_refused(written: str) -> None:
    """No shortcut takes a currency, a fraction of a cent or a foreign digit for dollars."""
    reading = read(dft(dollars=written).encode(), Hl7Settings())
    assert reading.poison
    assert [problem.code for problem in reading.problems] == ["hl7.charge.amount"]


def test_a_point_may_be_a_separator() -> None:
    """Where a sender parts components with a point, what stands behind it is no cents."""
    text = dft(dollars="288.81").replace("^", ".")
    assert amounts(told(text)) == [Decimal("288.00")]


@pytest.mark.parametrize("separator", ["|", "*"])
def test_a_second_message_is_seen(separator: str) -> None:
    """Two messages of one file are two, also where the second has separators of its own."""
    both = told(dft(1) + dft(2).replace("|", separator))
    assert [fact.key for fact in both.facts if isinstance(fact, PatientFact)] == ["EAST|1", "EAST|2"]


def test_a_trailer_is_seen() -> None:
    """A batch trailer behind one message is looked at: its count may be wrong."""
    assert [problem.code for problem in told(dft() + "BTS|7\r").problems] == ["hl7.batch.count"]


def test_by_position_and_by_name_are_one_message() -> None:
    """A message that is read by position alone has the segments and texts of one that knows names."""
    raw = dft().encode()
    plain, named = message_of(raw, "utf-8", named=False), message_of(raw, "utf-8")
    assert plain is not None
    assert named is not None
    assert [each.fields for each in plain.segments] == [each.fields for each in named.segments]
    assert named.pid.patient_name[0].family_name == plain.all("PID")[0].text(5)
