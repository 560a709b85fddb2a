"""The table of names is hl7apy's: no position stands in the code that the standard does not give."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from hub_hl7_adt import names
from hub_hl7_adt.message.lookup import names_of, position, tables

TOOL = Path(__file__).parents[3] / "tools/hl7_names.py"
AMBIGUOUS = "OBX"
"""hl7apy's 2.5.1 gives three names of OBX to two positions each."""


def _rows(version: str) -> list[tuple[str, str, int]]:
    """Every (segment or data type, name, position) that a version of hl7apy has."""
    found: list[tuple[str, str, int]] = []
    for part, attribute in (("segments", "SEGMENTS"), ("datatypes", "DATATYPES_STRUCTS")):
        tables: dict[str, Any] = getattr(importlib.import_module(f"hl7apy.v{version}.{part}"), attribute)
        for name, entry in tables.items():
            for row in entry[1] if part == "segments" and len(entry) > 1 else entry:
                at = str(row[0]).rpartition("_")[2]
                if at.isdigit():
                    found.append((name, str(row[1][3]).lower(), int(at)))
    return found


def test_every_name_of_a_version_is_known() -> None:
    """Whatever hl7apy's 2.5.1 calls a field or component is its name here, at the same position."""
    missing = [
        row for row in _rows("2_5_1")
        if row[0] in tables() and " " not in row[1] and row[0] != "CNS" and names_of(row[0]).get(row[1]) != row[2]
    ]  # fmt: skip
    assert [row for row in missing if row[1].isidentifier() and row[0] != AMBIGUOUS] == []


@pytest.mark.campaign
def test_the_table_and_its_stubs_are_what_the_tool_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """names.txt and the stubs for mypy are made by the tool from hl7apy and by nobody's hand."""
    spec = importlib.util.spec_from_file_location("hl7_names_tool", TOOL)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    ours = tool.PLUGIN
    (tmp_path / "message").mkdir()
    monkeypatch.setattr(tool, "PLUGIN", tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert tool.main() == 0
    assert (tmp_path / "message/names.txt").read_text() == (ours / "message/names.txt").read_text()
    for stub in ("names.pyi", "message/named.pyi"):
        made, kept = ((root / stub).read_text().split() for root in (tmp_path, ours))
        assert [word.rstrip(",") for word in made] == [word.rstrip(",") for word in kept]


def test_positions_by_name() -> None:
    """A name is a position, and where versions disagree it is that of most of them."""
    assert (names.PID.patient_name, names.CX.id_number, names.XPN.family) == (5, 1, 1)
    assert (names.PID.patient_identifier_list, names.PID.sex, names.PID.administrative_sex) == (3, 8, 8)
    assert (names.FT1.transaction_quantity, names.FT1.transaction_amount_extended) == (10, 11)
    assert names.XPN is names.XPN


def test_withdrawn_fields_keep_their_names_and_places() -> None:
    """Where 2.7 and 2.8 withdrew a field its neighbours stay, and its older name is still known: hl7apy shifts."""
    assert (names.PID.patient_id, names.PID.patient_alias, names.PID.race) == (2, 9, 10)


def test_an_unknown_name_says_what_was_meant() -> None:
    """A mistyped name fails where it stands (Python itself names the nearest in a traceback, `position` always)."""
    with pytest.raises(AttributeError, match="'PID' has no attribute 'patient_nam'"):
        names.PID.patient_nam  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"PID has no 'patient_nam'; did you mean 'patient_name'\?"):
        position("PID", "patient_nam")
    with pytest.raises(AttributeError, match="no segment or data type 'PIT'"):
        names.PIT  # type: ignore[attr-defined]  # noqa: B018
