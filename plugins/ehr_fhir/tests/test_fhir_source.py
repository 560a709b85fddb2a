"""The source at the door: the conformance kit, the drop folder, and any bytes at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hub_ehr_fhir.source import JSON, NDJSON, FhirSource
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.model.facts import Reading
from hub.testing.fakes import FakeContext
from hub.testing.kits import EhrSourceKit, Sample

PERSON = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "urn:x:mrn", "value": "MEMBER777"}],
    "name": [{"family": "Quillfeather", "given": ["Adaline"]}],
    "birthDate": "1980-02-03",
    "address": [{"line": ["1 Elmwood"], "city": "Salem", "state": "OR", "postalCode": "97301"}],
}
VISIT = {
    "resourceType": "Encounter",
    "id": "e1",
    "status": "finished",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
    "subject": {"reference": "Patient/p1", "display": "Adaline Quillfeather"},
    "period": {"start": "2026-01-05T09:00:00-05:00", "end": "2026-01-05T09:30:00-05:00"},
}
CHARGE = {
    "resourceType": "ChargeItem",
    "id": "c1",
    "status": "billable",
    "code": {"coding": [{"system": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "G0438"}]},
    "subject": {"reference": "Patient/p1"},
    "context": {"reference": "Encounter/e1"},
    "occurrenceDateTime": "2026-01-05",
    "quantity": {"value": 1},
    "priceOverride": {"value": 123.45, "currency": "USD"},
}
VALUES = ("Quillfeather", "Adaline", "Elmwood", "MEMBER777")


def bundle(*resources: dict[str, Any]) -> bytes:
    """A transaction of resources."""
    entries = [{"fullUrl": f"urn:uuid:{n}", "resource": each} for n, each in enumerate(resources)]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()


def lines(*resources: dict[str, Any]) -> bytes:
    """The same as NDJSON."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in resources)


class Folder:
    """The other side of a drop folder."""

    def __init__(self, path: Path, suffix: str = "json") -> None:
        self.path = path
        self.suffix = suffix
        self.count = 0

    def offer(self, name: str, body: bytes) -> None:
        """Drop a file, later than the ones before it."""
        target = self.path / f"{name}.{self.suffix}"
        target.write_bytes(body)
        self.count += 1
        os.utime(target, (1_700_000_000 + self.count, 1_700_000_000 + self.count))


def source(folder: Path, **settings: Any) -> FhirSource:
    """A source on a folder whose files are trusted to be whole."""
    told = {"folder": folder, "settle_seconds": 0, **settings}
    return FhirSource(FhirSource.Settings(**told), FakeContext("fhir"))  # type: ignore[arg-type]


class TestKit(EhrSourceKit):
    """S1 to S12 of `hub.testing.kits.source`."""

    @pytest.fixture
    def partner(self, tmp_path: Path) -> Folder:
        return Folder(tmp_path)

    @pytest.fixture
    def make_port(self, tmp_path: Path) -> Callable[[], Any]:
        return lambda: source(tmp_path)

    @pytest.fixture
    def samples(self) -> tuple[Sample, ...]:
        bad = {**CHARGE, "priceOverride": {"value": "MEMBER777"}, "MEMBER777": 1}
        return (
            Sample(name="bundle", content_type=JSON, raw=bundle(PERSON, VISIT, CHARGE), values=VALUES),
            Sample(name="one bad", content_type=JSON, raw=bundle(PERSON, VISIT, bad), values=VALUES),
            Sample(name="lines", content_type=NDJSON, raw=lines(PERSON, VISIT, CHARGE), values=VALUES),
        )


def test_lines_come_in_pieces(tmp_path: Path) -> None:
    """A large NDJSON file comes in pieces that end at line ends and together are the file."""
    body = lines(PERSON, VISIT, CHARGE) * 3000
    Folder(tmp_path, "ndjson").offer("bulk", body)
    port, cursor, found, more = source(tmp_path, batch_bytes=1 << 20), "", b"", True
    pulls = 0
    while more:
        changes = port.changes(cursor)
        assert all(m.content_type == NDJSON and m.body.endswith(b"\n") for m in changes.messages)
        found += b"".join(m.body for m in changes.messages)
        cursor, more, pulls = changes.cursor, changes.more, pulls + 1
    assert found == body
    assert pulls > 1


def test_settings_are_checked() -> None:
    """A key that is not a setting, or a value that cannot be, is refused when settings are read."""
    for wrong in ({"validate": "never"}, {"time_zone": "Mars/Base"}, {"sample_every": 0}, {"colour": "blue"}):
        with pytest.raises(ValidationError):
            FhirSource.Settings(**wrong)


JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(VALUES)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(sorted({*PERSON, *VISIT, *CHARGE, "reference", "value"})), inner, max_size=4
        ),
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.sampled_from([PERSON, VISIT, CHARGE]), st.data())
def test_read_is_total(resource: dict[str, Any], data: st.DataObject) -> None:
    """Any JSON where an element stands gives a reading whose every field is of its type, and no problem shows a
    value, whatever the settings check."""
    element = data.draw(st.sampled_from(sorted(resource)))
    damaged = {**resource, element: data.draw(JSONS)}
    mode = data.draw(st.sampled_from(["every", "sample", "quarantine"]))
    port = source(Path(), validate=mode)
    for raw, kind in [(bundle(PERSON, damaged), JSON), (lines(damaged, PERSON), NDJSON)]:
        found = port.read(raw, kind)
        assert msgspec.json.decode(msgspec.json.encode(found), type=Reading) == found
        said = repr([(p.where, p.why, p.fix) for p in found.problems])
        assert not [value for value in VALUES if value in said]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    """Any bytes give a reading."""
    port = source(Path())
    for body in (raw, b'{"resourceType":"Bundle","entry":[' + raw + b"]}", bundle(PERSON)[: len(raw) * 3]):
        assert isinstance(port.read(body, JSON), Reading)
        assert isinstance(port.read(body, NDJSON), Reading)
