"""Files whose folder is the verdict: nothing is found in `pass`, exactly the listed faults in `fail`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.x12.envelope import X12Reader
from hub.x12.finding import Finding
from hub.x12.wire import rebuild

HERE = Path(__file__).parent
PASS = sorted((HERE / "pass").glob("*.x12"))
FAIL = sorted((HERE / "fail").glob("*.x12"))


def findings(data: bytes) -> list[Finding]:
    """Everything that is found in a file, read strictly."""
    reader = X12Reader(data, strict=True)
    found = [finding for transaction in reader for finding in transaction.check()]
    return found + reader.findings


@pytest.mark.parametrize("path", PASS, ids=lambda path: path.stem)
def test_a_good_file_has_no_finding(path: Path) -> None:
    """A file that keeps its guide is never complained about, and is written back byte for byte."""
    data = path.read_bytes()
    assert findings(data) == []
    assert rebuild(data) == data


@pytest.mark.parametrize("path", FAIL, ids=lambda path: path.stem)
def test_a_fault_is_found_at_its_place(path: Path) -> None:
    """A file with one fault yields the findings that lie beside it, no more and no fewer."""
    expected = json.loads(path.with_suffix(".json").read_text())
    found = [
        {
            "code": one.code,
            "where": one.where,
            "snip": one.snip,
            "severity": one.severity,
            "position": one.position,
        }
        for one in findings(path.read_bytes())
    ]
    assert expected
    assert found == expected


def test_every_fault_has_its_expectation() -> None:
    """Each file in `fail` has its list of findings beside it, and no list stands alone."""
    lists = {path.stem for path in (HERE / "fail").glob("*.json")}
    assert lists == {path.stem for path in FAIL}
    assert len(FAIL) > 80


@pytest.mark.parametrize("path", FAIL, ids=lambda path: path.stem)
def test_messages_carry_no_value(path: Path) -> None:
    """A finding says what and where, never the value of an element."""
    data = path.read_bytes().decode("latin-1")
    values = {
        value
        for line in data.split("~")
        for value in line.strip().split("*")[1:]
        if len(value) > 4 and value.isupper()
    }
    for one in findings(path.read_bytes()):
        assert not values.intersection(one.message.replace("(", " ").replace(")", " ").split())
