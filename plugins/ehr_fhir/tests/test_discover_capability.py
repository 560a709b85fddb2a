"""What a CapabilityStatement declares, in the shapes that servers really send."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hub_ehr_fhir.discover.capability import declared, release

SHARED = Path(os.environ.get("HUB_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data") / "fhir"


def _said(**changes: Any) -> bytes:
    resource = {
        "type": "Encounter",
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": [{"name": "patient", "type": "reference"}, {"name": "-encounter"}],
        "searchInclude": ["*", "Encounter:patient"],
        "searchRevInclude": ["Provenance:target"],
        "versioning": "versioned",
        "conditionalRead": "full-support",
    }
    return json.dumps(
        {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.0.1",
            "software": {"name": "Lab", "version": "7"},
            "format": ["json"],
            "rest": [{"mode": "server", "resource": [resource]}],
            **changes,
        }
    ).encode()


def test_what_a_type_declares_is_read() -> None:
    """Interactions, parameters (a name with a sign before it is another one), includes, conditional reads."""
    found = declared(_said())
    encounter = found.abilities["Encounter"]
    assert (found.fhir_version, found.software, found.formats) == ("4.0.1", "Lab 7", ("json",))
    assert encounter.declared
    assert encounter.interactions == ("read", "search-type")
    assert encounter.parameters == ("patient", "-encounter")
    assert not encounter.declares("encounter")
    assert encounter.revincludes == ("Provenance:target",)
    assert encounter.declares("_include=Encounter:patient")
    assert encounter.declares("etag")
    assert encounter.declares("read")
    assert not encounter.declares("_history")
    assert not encounter.declares("_lastUpdated")
    assert not encounter.can("_include=Encounter:patient"), "what only saves requests must have worked"


def test_parameters_of_every_type_count_for_each() -> None:
    """Search parameters that `rest` itself declares hold for every type."""
    rest = {"mode": "server", "resource": [{"type": "Patient"}], "searchParam": [{"name": "_lastUpdated"}]}
    assert declared(_said(rest=[rest])).abilities["Patient"].parameters == ("_lastUpdated",)


def test_what_the_server_does_as_a_client_does_not_count() -> None:
    """Of several `rest` parts those of mode server (or without a mode) count, and a type in two of them is one."""
    rests = [
        {"mode": "client", "resource": [{"type": "Claim"}]},
        {"mode": "server", "resource": [{"type": "Encounter", "searchParam": [{"name": "patient"}]}]},
        {
            "resource": [
                {"type": "Encounter", "interaction": [{"code": "read"}], "searchParam": [{"name": "date"}]}
            ]
        },
    ]
    found = declared(_said(rest=rests))
    assert set(found.abilities) == {"Encounter"}
    assert found.abilities["Encounter"].parameters == ("patient", "date")
    assert found.abilities["Encounter"].interactions == ("read",)


@pytest.mark.parametrize(
    "rest", [None, [], [{"mode": "server"}], [{"mode": "server", "resource": []}], "nonsense"]
)
def test_without_rest_only_what_is_tried_counts(rest: Any) -> None:
    """A statement that names no type is no error: a sentence says that only trying counts."""
    found = declared(_said(rest=rest))
    assert not found.abilities
    assert any("only what is tried counts" in each for each in found.warnings)


def test_a_broken_part_spoils_no_other() -> None:
    """A type, parameter or link in a shape that R4 does not have is passed over; the rest is read."""
    resources: list[Any] = [
        {"type": "Encounter", "searchParam": [{"name": 7}, {"name": "patient"}, "text"]},
        {"type": ["Condition"]},
        {"type": "Coverage", "searchInclude": "Coverage:payor"},
        {"type": "Patient", "interaction": [{"code": "read"}, None]},
    ]
    found = declared(_said(rest=[{"mode": "server", "resource": resources}]))
    assert found.abilities["Encounter"].parameters == ("patient",)
    assert found.abilities["Patient"].interactions == ("read",)
    assert set(found.abilities) == {"Encounter", "Patient"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<CapabilityStatement xmlns='http://hl7.org/fhir'/>",
        b"<html>sign in</html>",
        b"[]",
        b'{"resourceType":"OperationOutcome"}',
        b"\xff\xfe{}",
    ],
)
def test_no_statement_is_said(body: bytes) -> None:
    """XML, a page of a portal, an OperationOutcome or nothing: one plain sentence, no exception."""
    found = declared(body)
    assert not found.readable
    assert len(found.warnings) == 1


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("1.0.2", "DSTU2"),
        ("0.5.0", "DSTU2"),
        ("3.0.2", "STU3"),
        ("5.0.0", "R5"),
        ("4.6.0", "a ballot of R5"),
        ("6.0.0-ballot2", "R6"),
        ("4.0.1", ""),
        ("4.0.0", ""),
        ("4.3.0", ""),
        ("4.1.0", ""),
        ("", ""),
    ],
)
def test_other_releases_have_a_name(version: str, name: str) -> None:
    """R4 and R4B are read; every other release is named, so that a person knows which address to ask for."""
    assert release(version) == name


def test_the_conformance_of_dstu2_is_known() -> None:
    """DSTU2 calls it Conformance; without a version it is still that."""
    assert release(declared(b'{"resourceType":"Conformance"}').fhir_version) == "DSTU2"


@pytest.mark.parametrize(
    ("operations", "levels"),
    [
        ({"Group": [{"name": "export"}]}, ("group",)),
        (
            {"Group": [{"name": "group-export", "definition": "http://x.test/OperationDefinition/any"}]},
            ("group",),
        ),
        ({"Patient": [{"name": "$export"}], "Group": [{"name": "export"}]}, ("group", "patient")),
        ({"": [{"name": "export", "definition": "http://x.test/OperationDefinition/export"}]}, ("system",)),
        (
            {"": [{"name": "export", "definition": "http://x.test/OperationDefinition/group-export|2.0"}]},
            ("group",),
        ),
        ({"": [{"name": "patient-export"}]}, ("patient",)),
        ({"": [{"name": "group-export"}], "Group": [{"name": "group-export"}]}, ("group",)),
        ({"Patient": [{"name": "match"}]}, ()),
    ],
)
def test_levels_of_export_are_known_by_many_names(
    operations: dict[str, list[dict[str, str]]], levels: tuple[str, ...]
) -> None:
    """`$export` is told by name or definition, at the type or for the whole server."""
    rest = {
        "mode": "server",
        "operation": operations.get("", []),
        "resource": [{"type": type_, "operation": told} for type_, told in operations.items() if type_],
    }
    assert declared(_said(rest=[rest])).exports == levels


def test_who_follows_the_bulk_guide_exports_groups() -> None:
    """A server that only names the guide of Bulk Data offers what the guide asks for: export of a Group."""
    guide = ["http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"]
    assert declared(_said(instantiates=guide)).exports == ("group",)


def test_a_statement_of_megabytes_is_read_in_little() -> None:
    """Text, extensions and documentation are passed over: 8 MB leave a few kilobytes."""
    types = [
        {
            "type": f"Type{number}",
            "documentation": "x" * 50_000,
            "searchParam": [{"name": "patient", "documentation": "y" * 5_000}],
        }
        for number in range(150)
    ]
    body = _said(rest=[{"mode": "server", "resource": types}], text={"status": "generated", "div": "z" * 500_000})
    found = declared(body)
    assert len(body) > 8 << 20
    assert len(found.abilities) == 150
    assert found.abilities["Type9"].parameters == ("patient",)


@pytest.mark.parametrize(
    ("file", "types"),
    [
        ("carin-bb-1.1/capabilitystatement-c4bb.json", {"ExplanationOfBenefit", "Coverage", "Patient"}),
        ("inferno-pas/pas_server_capability_statement.json", {"Claim"}),
    ],
)
def test_published_statements_are_read(file: str, types: set[str]) -> None:
    """Statements that others published are read whole."""
    path = SHARED / file
    if not path.is_file():
        pytest.skip("the shared sample files are not here")
    found = declared(path.read_bytes())
    assert found.readable
    assert types <= set(found.abilities)
