"""Resources that are taken for alike are judged alike: remembering verdicts changes no verdict."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hub_ehr_fhir.mapping import check
from hub_ehr_fhir.mapping.check import faults_of
from hub_ehr_fhir.mapping.narrow import Narrow
from hub_ehr_fhir.mapping.sameness import Verdicts, shape_of
from hypothesis import given, settings
from hypothesis import strategies as st

URN = "urn:uuid:0b5c9a5e-7d55-4c7d-9d2c-3b8f3f3f000"
WHEN = "2026-01-05T09:00:00-05:00"
RESOURCES: tuple[dict[str, Any], ...] = (
    {
        "resourceType": "Patient", "id": "p1", "identifier": [{"system": "urn:x:m", "value": "M1"}],
        "name": [{"family": "Quill", "given": ["Ada"]}], "birthDate": "1980-02-03", "deceasedDateTime": WHEN,
        "address": [{"line": ["1 Elm"], "city": "Salem", "state": "OR", "postalCode": "97301"}],
        "telecom": [{"system": "phone", "value": "5035550100"}], "meta": {"lastUpdated": WHEN},
    },
    {
        "resourceType": "ChargeItem", "id": "c1", "status": "billable",
        "code": {"coding": [{"code": "G0438"}], "text": "x"},
        "subject": {"reference": "Patient/p1", "display": "Ada"}, "context": {"reference": URN + "1"},
        "occurrenceDateTime": "2026-01-05", "quantity": {"value": 2},
        "priceOverride": {"value": 1.25, "currency": "USD"},
    },
    {
        "resourceType": "Coverage", "id": "v1", "status": "active", "subscriberId": "M1",
        "beneficiary": {"reference": "Patient/p1"}, "payor": [{"display": "Medicare"}],
        "period": {"start": "2026-01-01"},
    },
)  # fmt: skip
LEAVES = st.one_of(
    st.sampled_from(
        ["", " ", "M2", "12", "1e5", "NaN", "-3", "a b", " a", "a ", "a  b",
         "Patient/p2", "Group/1", "p2", "x" * 65, "x" * 101,
         "2026-02-29", "2024-02-29", "2026-02-30", "2026-04-31", "2026-12-31", "1899-01-01", "2026",
         "2026-01", "2026-13-01",
         "2026-01-05T24:00:00Z", "2026-01-05T09:00:00Z", "2026-01-05T09:00:00", "2026-01-05T09:00:00.123+14:00", WHEN,
         URN + "2", URN + "G", "urn:uuid:1", 'a"b', "a\\", '\\"id": "x', "é", "a\nb", "#c", "http://x/Patient/1"]
    ),
    st.text(max_size=12),
    st.integers(-5, 10**10),
    st.decimals(allow_nan=False, allow_infinity=False, places=7).map(float),
    st.none(), st.booleans(), st.just({}), st.just([]), st.just(["a", "b"]),
)  # fmt: skip


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to every leaf."""
    if isinstance(value, dict):
        return [p for key, inner in value.items() for p in leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [p for n, inner in enumerate(value) for p in leaves(inner, (*path, n))]
    return [path]


def changed(resource: dict[str, Any], path: tuple[Any, ...], leaf: Any) -> bytes:
    """The resource with one leaf replaced."""
    copy = json.loads(json.dumps(resource))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = leaf
    return json.dumps(copy).encode()


SEEN: dict[bytes, bool] = {}


@settings(deadline=None)
@given(st.sampled_from(RESOURCES), st.data())
def test_alike_is_judged_alike(resource: dict[str, Any], data: st.DataObject) -> None:
    """Two resources of one shape are both valid or both not, whatever stands in a leaf."""
    path = data.draw(st.sampled_from(leaves(resource)))
    kind = resource["resourceType"]
    for raw in (json.dumps(resource).encode(), changed(resource, path, data.draw(LEAVES))):
        valid = not faults_of(kind, raw)
        assert SEEN.setdefault(shape_of(kind, raw), valid) == valid


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: str(r["resourceType"]))
def test_ordinary_values_are_alike(resource: dict[str, Any]) -> None:
    """Another date, identifier, name or amount of the ordinary kind makes no other shape; another code does."""
    raw, kind = json.dumps(resource), resource["resourceType"]
    other = (
        raw.replace("p1", "p77").replace("c1", "c9").replace("Ada", "Ida Bea").replace("2026-01-05", "2026-03-31")
    )
    other = (
        other.replace("1.25", "99.10")
        .replace("Elm", "Oak Street")
        .replace('"M1"', '"N234"')
        .replace("0001", "0002")
    )
    assert shape_of(kind, raw.encode()) == shape_of(kind, other.encode())
    assert shape_of(kind, raw.encode()) != shape_of(
        kind, raw.replace('"active"', '"x"').replace("G0", "H0").replace("phone", "fax").encode()
    )


def test_a_quoted_quote_is_no_edge() -> None:
    """Text that looks like an element inside a string is not taken for one."""
    inside = [json.dumps({"display": f'say "id": "{text}" now'}).encode() for text in ("a", "b")]
    assert shape_of("X", inside[0]) != shape_of("X", inside[1])


def test_memory_is_bounded() -> None:
    """What is remembered does not grow without end, and what is asked for again and again stays."""
    verdicts = Verdicts(limit=3)
    for n in range(10):
        verdicts.remember(bytes([n]))
        assert verdicts.known(bytes([0])), "what is used was forgotten"
    assert sum(verdicts.known(bytes([n])) for n in range(10)) == 3
    assert verdicts.known(bytes([9]))


def test_threads_share_what_they_learn() -> None:
    """Several threads that begin at once make the same records and the same verdicts, and none fails."""
    narrow, verdicts = Narrow(check._model), Verdicts(limit=5)
    raws = [(str(one["resourceType"]), json.dumps(one).encode()) for one in RESOURCES]

    def work(_turn: int) -> list[bool]:
        for n in range(200):
            if not verdicts.known(bytes([n % 7])):
                verdicts.remember(bytes([n % 7]))
        return [narrow.takes(kind, raw) for kind, raw in raws]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(16))) == [[True] * len(raws)] * 16
