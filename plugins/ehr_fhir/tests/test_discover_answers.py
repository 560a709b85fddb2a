"""What an answer to a trial says, whatever a server sends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hub_ehr_fhir.discover.answers import told
from hub_ehr_fhir.discover.capability import declared
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = st.sampled_from(
    [
        "resourceType",
        "Bundle",
        "Encounter",
        "entry",
        "resource",
        "id",
        "link",
        "relation",
        "self",
        "url",
        "issue",
        "rest",
        "code",
        "severity",
        "error",
        "identifier",
        "subject",
        "reference",
        "mode",
        "search",
        "type",
        "searchParam",
        "name",
        "meta",
        "lastUpdated",
        "CapabilityStatement",
        "OperationOutcome",
        "operation",
        "export",
        "total",
        "account",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=6),
    max_leaves=25,
)


def _bundle(*entries: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"resourceType": "Bundle", "entry": list(entries), **more}).encode()


def _outcome(severity: str, code: str, text: str) -> dict[str, Any]:
    issue = {"severity": severity, "code": code, "details": {"text": text}}
    return {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, "search": {"mode": "outcome"}}


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_any_json_is_an_answer(value: Any) -> None:
    """Whatever JSON comes is read without an exception, as an answer and as a CapabilityStatement."""
    body = json.dumps(value).encode()
    assert told(200, body, "Encounter").status == 200
    assert declared(body).warnings is not None
    wrapped = _bundle({"resource": value, "search": {"mode": "match"}})
    assert told(200, wrapped, "Encounter").status == 200


@pytest.mark.parametrize("body", [b"", b"\xff", b"<html/>", b"[" * 100_000, b'{"entry":' * 50_000, b"nul"])
def test_any_bytes_are_an_answer(body: bytes) -> None:
    """Pages, cut bodies and depths without end are refusals in a few words."""
    answer = told(200, body, "Encounter")
    assert not answer.well
    assert answer.refusal
    assert not declared(body).readable


@pytest.mark.parametrize(
    ("reference", "id_"),
    [
        ("Patient/1", "1"),
        ("https://fhir.example.org/r4/Patient/1", "1"),
        ("Patient/1/_history/3", "1"),
        ("urn:uuid:5", ""),
        ("#p", ""),
        ("", ""),
    ],
)
def test_references_are_known_in_every_form(reference: str, id_: str) -> None:
    """Relative, absolute and versioned references mean the same id; a urn or a contained resource none."""
    encounter = {"resourceType": "Encounter", "id": "e1", "subject": {"reference": reference}}
    head = told(200, _bundle({"resource": encounter}), "Encounter").heads[0]
    assert head.refers("patient") == ((id_,) if id_ else ())


def test_an_odd_part_of_a_resource_leaves_its_id() -> None:
    """A resource in a shape that R4 does not have is still known by type and id."""
    odd = {"resourceType": "Encounter", "id": "e1", "identifier": "V1", "subject": 5}
    head = told(200, _bundle({"resource": odd}), "Encounter").heads[0]
    assert (head.id, head.refers("patient"), head.updated) == ("e1", (), None)


def test_times_without_an_offset_do_not_count() -> None:
    """An instant has an offset; what has none cannot be compared."""
    for text, known in (("2026-02-01T03:00:00Z", True), ("2026-02-01T03:00:00", False), ("soon", False)):
        one = {"resourceType": "Encounter", "id": "e1", "meta": {"lastUpdated": text}}
        assert (told(200, _bundle({"resource": one}), "Encounter").heads[0].updated is not None) is known


@pytest.mark.parametrize(
    ("text", "code", "parameter", "objects"),
    [
        ("Unknown parameter _lastUpdated", "processing", "_lastUpdated", True),
        ("The parameter '_lastUpdated' was ignored.", "informational", "_lastUpdated", True),
        ("_lastUpdated", "not-supported", "_lastUpdated", True),
        ("Unknown parameter patient-name", "processing", "patient", False),
        ("This patient has a restricted chart", "suppressed", "patient", False),
    ],
)
def test_objections_are_those_that_name_the_parameter(
    text: str, code: str, parameter: str, objects: bool
) -> None:
    """A warning counts when it says that this very parameter was not used, not when it only holds the word."""
    answer = told(200, _bundle(_outcome("warning", code, text)), "Encounter")
    assert answer.well
    assert answer.objects(parameter) is objects


def test_an_error_beside_what_was_found_is_no_refusal() -> None:
    """Some servers add an error for what they could not show; what they show counts."""
    found = {"resource": {"resourceType": "Encounter", "id": "e1"}}
    assert told(200, _bundle(found, _outcome("error", "processing", "one is missing")), "Encounter").well
    assert not told(200, _bundle(_outcome("error", "processing", "none")), "Encounter").well


def test_no_text_of_a_server_is_repeated() -> None:
    """Refusals hold the status and codes of the standard; a code that is no such word is left out."""
    outcome = {"resourceType": "OperationOutcome"}
    issues = [{"code": "not-found", "diagnostics": "Jane"}, {"code": "Jane Doe 1970"}, {"code": "x" * 40}]
    answer = told(404, json.dumps({**outcome, "issue": issues}).encode(), "Encounter")
    assert answer.refusal == "HTTP 404 (not-found)"
    assert "Jane" not in repr(answer)


def test_what_came_beside_is_told_apart() -> None:
    """Included resources, even of the same type, are no matches."""
    entries = [
        {"resource": {"resourceType": "Encounter", "id": "e1"}, "search": {"mode": "match"}},
        {"resource": {"resourceType": "Encounter", "id": "e0"}, "search": {"mode": "include"}},
        {"resource": {"resourceType": "Patient", "id": "p1"}, "search": {"mode": "include"}},
    ]
    answer = told(200, _bundle(*entries, total=1), "Encounter")
    assert [head.id for head in answer.heads] == ["e1"]
    assert {head.resource_type for head in answer.others} == {"Encounter", "Patient"}
    assert answer.total == 1


@pytest.mark.parametrize(
    ("links", "names"),
    [
        ([{"relation": "self", "url": "http://x.test/Encounter?patient=1&_count=1"}], True),
        ([{"relation": "self", "url": "http://x.test/Encounter?patient%3AExact=1"}], True),
        ([{"relation": "self", "url": "http://x.test/Encounter?_count=1"}], False),
        ([{"relation": "self", "url": "http://[bad"}], False),
        ([{"relation": "next", "url": "http://x.test/?patient=1"}], None),
        ([], None),
    ],
)
def test_the_self_link_says_what_was_searched(links: list[dict[str, str]], names: bool | None) -> None:
    """With or without a modifier; without a self link the server does not say."""
    assert told(200, _bundle(link=links), "Encounter").names("patient") is names
