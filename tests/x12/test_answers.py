"""Answers that contradict themselves: a 999 against its own verdicts, a 277CA against its own sums."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.x12.mutations import findings, recounted, told

ANSWERED = recounted(
    """\
ISA*00*          *00*          *ZZ*ANYTOWN        *ZZ*CLEARING       *260120*0930*^*00501*000000001*0*T*:~
GS*FA*ANYTOWN*CLEARING*20260120*0930*1*X*005010X231A1~
ST*999*0001*005010X231A1~
AK1*HC*9*005010X222A1~
AK2*837*0001*005010X222A1~
IK5*A~
AK2*837*0002*005010X222A1~
IK3*NM1*8*2010*8~
IK4*9*67*7~
IK5*R*5~
AK9*P*2*2*1~
SE*0*0001~
GE*1*1~
IEA*1*000000001~
"""
)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("IK5*A~", "IK5*A~", []),
        ("IK5*R*5~", "IK5*A*5~", ["999.verdict 2000 IK501", "999.group AK904"]),
        ("AK9*P*2*2*1", "AK9*P*2*3*1", ["999.group AK903"]),
        ("AK9*P*2*2*1", "AK9*P*2*2*3", ["999.group AK904"]),
        ("AK9*P*2*2*1", "AK9*A*2*2*1", ["999.group AK901"]),
        ("AK9*P*2*2*1", "AK9*R*2*2*1", ["999.group AK901"]),
        ("AK9*P*2*2*1", "AK9*P*2*2*0", ["999.group AK901"]),
        ("AK9*P*2*2*1", "AK9*R*2*2*0", []),
    ],
)
def test_a_999_agrees_with_itself(old: str, new: str, expected: list[str]) -> None:
    """AK9 counts the answers and follows them; an accepted set tells no errors."""
    found = findings(ANSWERED.replace(old, new))
    assert told(found) == expected
    lines = ANSWERED.split("~\n")
    assert all(lines[one.line - 1].startswith(one.segment) for one in found)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("QTY*90*1", "QTY*90*3", ["277ca.count 2200B QTY02"]),
        ("AMT*YU*150.25", "AMT*YU*150.26", ["277ca.total 2200B STC04"]),
        ("STC*A3:33*20260121*U", "STC*A3:33*20260121*WQ", ["277ca.action 2200D STC03"]),
        ("STC*A2:20*20260121*WQ", "STC*A2:20*20260121*U", ["277ca.action 2200D STC03"]),
    ],
)
def test_a_277ca_agrees_with_itself(samples: SimpleNamespace, old: str, new: str, expected: list[str]) -> None:
    """Claims and amounts add up, and a claim that goes on is not stopped; partners are only warned of it."""
    data = samples.write("277CA", samples.claim_acknowledgement()).decode()
    assert told(findings(data)) == []
    found = findings(data.replace(old, new))
    assert old in data
    assert told(found) == expected
    assert {one.severity for one in found} == {"warning"}
