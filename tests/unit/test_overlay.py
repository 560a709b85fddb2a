"""Overlays: what they alter they count, what they do not name stays, and what is wrong with them has a line."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hub.codes import is_npi
from hub.testing.overlay import DEMO, Overlay, Rules, apply, load_overlay
from hub.testing.overlay_rules import Code, Coverage, Dates

HL7 = (
    b"MSH|^~\\&|A|B|C|D|20200101120000||DFT^P03|1|T|2.5\r"
    b"EVN|P03\r"
    b"PID|1||77^^^X^MR||Wren^Ivy||19800101|F|||^^Nowhere\r"
    b"PV1|1|O|WARD^1||||12^Old^Doctor||||||||||||V1|||||||||||||||||||||||||20200101080000|20200101090000\r"
    b"FT1|1|T1||20200101^20200102|20200101|CG|99999^text^CPT||||||||||||29857009^pain^SCT~R05.9^^I10||||||99999^x^C4\r"
    b"DG1|1||29857009^pain^SCT\r"
    b"IN1|1|OLD^Old plan||Old plan||||||||20190701|20200630\r"
    b"ZZZ|kept \xff as it is|\r"
)


def demo() -> Overlay:
    """The overlay that comes with the hub."""
    return load_overlay(DEMO)


def overlaid(text: bytes, kind: str = "hl7", overlay: Overlay | None = None) -> tuple[bytes, Counter[str]]:
    """What an overlay makes of some bytes."""
    return apply(overlay or demo(), kind, text)


def field(body: bytes, segment: str, position: int) -> str:
    """A field of the first such segment."""
    line = next(one for one in body.split(b"\r") if one.startswith(segment.encode()))
    parts = line.decode("latin-1").split("|")
    return parts[position - (segment == "MSH")] if position < len(parts) + (segment == "MSH") else ""


def test_the_demo_overlay_has_no_fault() -> None:
    """The overlay that comes with the hub loads, and its stand-in provider has a good NPI."""
    overlay = demo()
    assert overlay.faults == ()
    assert overlay.rules.provider
    assert is_npi(overlay.rules.provider.npi)


def test_hl7_fields_are_altered_where_they_stand() -> None:
    """Dates, codes, plan, member id, provider, place, address and processing id become what the file says."""
    body, count = overlaid(HL7)
    day = field(body, "FT1", 5)
    assert "20260105" <= day <= "20260201"
    assert field(body, "FT1", 4) == f"{day}^{day}"
    assert field(body, "PV1", 44) == f"{day}080000"
    assert field(body, "FT1", 7) == "T1015^text^HCPCS"
    assert field(body, "FT1", 25) == "T1015^x^HCPCS"
    assert field(body, "FT1", 10) == "1"
    assert field(body, "FT1", 19) == "R07.9^pain^I10~R05.9^^I10"
    assert field(body, "DG1", 3) == "R07.9^pain^I10"
    assert field(body, "PV1", 7) == "1999999034^Larkspur^Maren^^^^^^NPI"
    assert field(body, "PV1", 3) == "MAIN^1"
    assert field(body, "PID", 11) == "1 Overlay Way^^Nowhere^OH^44099"
    assert field(body, "MSH", 11) == "P"
    assert field(body, "IN1", 2) == "BLUEHERON^Old plan"
    assert field(body, "IN1", 36).startswith("OVL9")
    assert field(body, "IN1", 12) < day < field(body, "IN1", 13)
    assert count == {
        "date": 7, "charge code": 2, "units": 1, "diagnosis code": 2, "npi": 1, "place": 1, "address": 3,
        "processing id": 1, "coverage": 1, "member id": 1,
    }  # fmt: skip


def test_hl7_stays_byte_for_byte_elsewhere() -> None:
    """Segments that no rule names keep their bytes, their ends and even what is no text."""
    body, _ = overlaid(HL7)
    before, after = HL7.split(b"\r"), body.split(b"\r")
    assert len(before) == len(after)
    assert [n for n, pair in enumerate(zip(before, after, strict=True)) if pair[0] == pair[1]] == [1, 7, 8]


def test_an_empty_overlay_alters_nothing() -> None:
    """Without rules every file comes back as the same bytes, and nothing is counted."""
    for kind, raw in (("hl7", HL7), ("hl7", HL7.replace(b"\r", b"\r\n")), ("fhir", BUNDLE)):
        assert overlaid(raw, kind, Overlay()) == (raw, Counter())


def test_hl7_again_alters_nothing_more() -> None:
    """What an overlay has made, it leaves alone, but for the place in time, which it finds again."""
    once, _ = overlaid(HL7)
    twice, count = overlaid(once)
    assert twice == once
    assert set(count) == {"date"}


def test_hl7_without_policy_gets_one() -> None:
    """Charges that name no plan get the one that the file gives to all."""
    bare = b"\r".join(line for line in HL7.split(b"\r") if not line.startswith(b"IN1"))
    body, count = overlaid(bare)
    assert field(body, "IN1", 2) == "BLUEHERON"
    assert field(body, "IN1", 17) == "SEL"
    assert count["coverage"] == 1
    assert body.startswith(b"MSH|^~\\&|A|B|C|D|20200101120000||DFT^P03|1|P|2.5\r")


def test_messages_of_a_batch_are_altered_one_by_one() -> None:
    """Each message has its own patient, and so its own day and member id."""
    other = HL7.replace(b"77^^^X", b"78^^^X")
    body, _ = overlaid(b"FHS|^~\\&\rBHS|^~\\&\r" + HL7 + other + b"BTS|2\rFTS|1\r")
    first, second = body.split(b"MSH|")[1:]
    assert field(first, "IN1", 36) != field(second, "IN1", 36)
    assert body.endswith(b"BTS|2\rFTS|1\r")


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x00\xff", b"MSH", b"MSH|", b"{", b"[]", b"null", b'{"entry":[1,{"resource":3}]}', b"[" * 20000],
)
@pytest.mark.parametrize("kind", ["hl7", "fhir"])
def test_any_bytes_come_back(kind: str, raw: bytes) -> None:
    """What cannot be read is given back as it was: reading it is the source's business."""
    assert overlaid(raw, kind) == (raw, Counter())


def resource(kind: str, key: str, **more: Any) -> dict[str, Any]:
    """An entry of a bundle."""
    return {"fullUrl": f"urn:uuid:{key}", "resource": {"resourceType": kind, "id": key, **more}}


def coded(system: str, code: str) -> dict[str, Any]:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code}]}


SCT, OLD = "http://snomed.info/sct", "2010-01-01"
MINE = {"subject": {"reference": "urn:uuid:p"}, "encounter": {"reference": "urn:uuid:e"}}
BUNDLE = json.dumps(
    {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            resource("Patient", "p", address=[{"line": ["1 Reed Walk"], "city": "Nowhere"}], birthDate="1950-01-01"),
            resource("Practitioner", "d",
                     identifier=[{"system": "http://hl7.org/fhir/sid/us-npi", "value": "9999999990"}]),
            resource("Encounter", "e", subject=MINE["subject"], type=[coded(SCT, "162673000")],
                     period={"start": f"{OLD}T08:00:00-05:00", "end": "2010-01-02T08:00:00-05:00"}),
            resource("Procedure", "x", code=coded(SCT, "430193006"), performedPeriod={"start": OLD}, **MINE),
            resource("Condition", "c", code=coded(SCT, "10509002"), **MINE),
            resource("Observation", "o", valueQuantity={"value": 1.50}, **MINE),
        ],
    }
).encode()  # fmt: skip


def by_kind(body: bytes) -> dict[str, Any]:
    """The last resource of each type."""
    return {entry["resource"]["resourceType"]: entry["resource"] for entry in json.loads(body)["entry"]}


def test_fhir_resources_are_altered() -> None:
    """An encounter moves as a whole, codes and providers are replaced, a plan and the visit's charge are added."""
    body, count = overlaid(BUNDLE, "fhir")
    found = by_kind(body)
    start, end = found["Encounter"]["period"]["start"], found["Encounter"]["period"]["end"]
    assert "2026-01-05" <= start[:10] <= "2026-02-01"
    assert (start[10:], end[10:]) == ("T08:00:00-05:00",) * 2
    assert start < end
    assert (
        found["Procedure"]["performedPeriod"]["start"] == start[:10] == found["ChargeItem"]["occurrenceDateTime"]
    )
    assert found["Procedure"]["code"]["coding"][0]["code"] == "G8427"
    assert found["Condition"]["code"]["coding"][0]["code"] == "J20.9"
    assert found["ChargeItem"]["code"]["coding"][0]["code"] == "G0439"
    assert found["Practitioner"]["identifier"][0]["value"] == "1999999034"
    assert found["Coverage"]["payor"][0]["identifier"] == {"value": "BLUEHERON"}
    assert found["Patient"]["address"][0] == {
        "line": ["1 Reed Walk"], "city": "Nowhere", "state": "OH", "postalCode": "44099",
    }  # fmt: skip
    assert found["Patient"]["birthDate"] == "1950-01-01"
    assert b'"value":1.5' in body
    assert count == {
        "date": 3, "place": 1, "charge code": 1, "diagnosis code": 1, "visit charge": 1, "npi": 1, "coverage": 1,
        "member id": 1, "address": 2,
    }  # fmt: skip


def test_a_diagnosis_is_added_only_where_none_came() -> None:
    """The row for a kind of visit gives its reason only to visits without a Condition."""
    bare = json.loads(BUNDLE)
    bare["entry"] = [one for one in bare["entry"] if one["resource"]["resourceType"] != "Condition"]
    body, count = overlaid(json.dumps(bare).encode(), "fhir")
    assert by_kind(body)["Condition"]["code"]["coding"][0]["code"] == "Z00.00"
    assert count["visit diagnosis"] == 1


def test_plans_that_are_known_stay() -> None:
    """A plan token that the overlay itself gives is mapped already; others go by name, then to the row for all."""
    rules = Rules(
        coverages=(Coverage(names=("Old",), token="A"), Coverage(names=("*",), token="B", member="M##"))
    )
    found = [rules.coverage(*names) for names in (("a",), ("x", "OLD"), ("x",))]
    assert [row.token if row else None for row in found] == [None, "A", "B"]
    assert found[2]
    assert found[2].member_for("p") == found[2].member_for("p")
    assert found[2].member_for("p")[1:].isdigit()


def test_code_patterns() -> None:
    """# stands for one digit; the source's own name of the system decides, in either letter case."""
    row = Code(systems=("CPT", ""), code="9####", hcpcs="T1015")
    assert [row.fits(*told) for told in (("cpt", "91234"), ("", "90000"), ("C4", "91234"), ("CPT", "9123A"))] == [
        True, True, False, False,
    ]  # fmt: skip


def test_days_lie_within_the_spread() -> None:
    """Encounters of one patient fall on days of their own until the spread is used up."""
    dates = Dates.model_validate({"first_day": "2026-01-05", "spread_days": 10})
    days = {dates.moved("p", n) for n in range(10)}
    assert len(days) == 10
    assert (min(days).isoformat(), max(days).isoformat()) == ("2026-01-05", "2026-01-14")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("place = 3", "x.toml:1 place"),
        ("\n\n[provider]\nnpi = '123'\nlast = 'A'\nfirst = 'B'", "x.toml:4 provider.npi"),
        ("[[codes]]\nsystems=['A']\ncode='1'\nhcpcs='99999'", "x.toml:4 codes[0].hcpcs"),
        ("[[codes]]\nsystems=['A']\ncode='1'\nicd10='9'", "x.toml:4 codes[0].icd10"),
        ("\nnonsense = 1", "x.toml:2 nonsense"),
        ("[address]\nline1='1 A'\ncity='B'\nstate='OH'\nzip='1'", "x.toml:5 address.zip"),
        ("[dates]\nspread_days = 3", "x.toml:1 dates.first_day"),
    ],
)
def test_faults_are_values_with_their_line(tmp_path: Path, text: str, where: str) -> None:
    """Each fault names the file, the line and the key; an overlay with faults alters nothing."""
    path = tmp_path / "x.toml"
    path.write_text(text)
    overlay = load_overlay(path)
    assert [fault.where for fault in overlay.faults] == [where]
    assert apply(overlay, "hl7", HL7) == (HL7, Counter())


def test_no_file_and_no_toml_are_faults(tmp_path: Path) -> None:
    """A file that is not there or is no TOML is said, not raised."""
    bad = tmp_path / "bad.toml"
    bad.write_text("a = ")
    assert [len(load_overlay(path).faults) for path in (tmp_path / "none.toml", bad)] == [1, 1]
