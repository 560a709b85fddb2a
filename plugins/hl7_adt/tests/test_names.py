"""The declared names are hl7apy's: no position stands in the code that the standard does not give."""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from typing import Any

import pytest
from hub_hl7_adt import names

VERSIONS = ("v2_3_1", "v2_5_1", "v2_8_2")
CLASSES = [cls for _, cls in inspect.getmembers(names, inspect.isclass)]


def _rows(cls: type) -> dict[str, int]:
    return {name: at for name, at in vars(cls).items() if isinstance(at, int) and not name.startswith("__")}


@cache
def _tables() -> list[Any]:
    return [importlib.import_module(f"hl7apy.{version}.{part}") for version in VERSIONS
            for part in ("segments", "datatypes")]  # fmt: skip


def _known(name: str) -> set[tuple[str, int]]:
    """Every (name, position) that some version gives for a segment or data type."""
    found = set()
    for module in _tables():
        segment = getattr(module, "SEGMENTS", {}).get(name, ("", ()))[1]
        rows = segment or getattr(module, "DATATYPES_STRUCTS", {}).get(name, ())
        found |= {(str(row[1][3]).lower(), int(row[0].rpartition("_")[2])) for row in rows}
    return found


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_name_is_the_standards(cls: type) -> None:
    """Each name stands at its position in some version of hl7apy's tables."""
    known = _known(cls.__name__)
    assert known, f"hl7apy has no table {cls.__name__}"
    assert {row for row in _rows(cls).items() if row not in known} == set()
