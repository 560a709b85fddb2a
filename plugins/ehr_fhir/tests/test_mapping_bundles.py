"""Bundles as servers send them: deletions, histories, result pages, transactions, what is contained."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hub_ehr_fhir.mapping.deletions import deletion_bundle
from hub_ehr_fhir.mapping.order import TYPES
from hub_ehr_fhir.mapping.reading import read, read_whole
from hub_ehr_fhir.mapping.shapes import SHAPES
from hub_ehr_fhir.settings import FhirSettings

from hub.model.facts import ChargeFact, CoverageFact, EncounterFact, PatientFact, Reading, WithdrawalFact

Json = dict[str, Any]
SETTINGS = FhirSettings(validate="quarantine")
NPI = "http://hl7.org/fhir/sid/us-npi"


def encounter(key: str = "e1", **changes: Any) -> Json:
    """A finished visit."""
    base: Json = {"status": "finished", "class": {"code": "AMB"}, "subject": {"reference": "Patient/p1"},
                  "period": {"start": "2026-01-05T10:00:00Z"}}  # fmt: skip
    return {"resourceType": "Encounter", "id": key, **(base | changes)}


def patient(key: str = "p1", family: str = "Quill", **changes: Any) -> Json:
    """A patient."""
    return {"resourceType": "Patient", "id": key, "name": [{"family": family}], **changes}


def told(*entries: Json, kind: str = "collection", **about: Any) -> Reading:
    """The reading of a Bundle."""
    raw = json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries, **about}).encode()
    return read_whole(raw, ndjson=False, settings=SETTINGS)


def only(found: Reading, kind: type[Any]) -> Any:
    """The one fact of a kind."""
    (fact,) = [fact for fact in found.facts if isinstance(fact, kind)]
    return fact


def test_types_are_those_that_are_read() -> None:
    """What is fetched, in that order, is what is read; Medication alone is fetched for later."""
    assert set(TYPES) - set(SHAPES) == {"Medication"}
    assert set(SHAPES) - set(TYPES) == set()
    assert TYPES.index("Encounter") > max(TYPES.index(one) for one in ("Condition", "ChargeItem", "Practitioner"))


def test_deletions() -> None:
    """A deletion withdraws the fact and the piece of that key, at the time when the server deleted it."""
    at = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
    keys = [
        ("ChargeItem", "c1", at),
        ("Encounter", "e1", at),
        ("Practitioner", "d1", at),
        ("Observation", "b", at),
    ]
    raw = deletion_bundle(keys)
    assert raw == deletion_bundle(reversed(keys))
    found = read(raw, ndjson=False, settings=SETTINGS)
    assert found.problems == ()
    facts = [(f.key, f.kind) for f in found.facts if isinstance(f, WithdrawalFact)]
    assert facts == [
        ("Practitioner/d1", "piece"), ("Encounter/e1", "encounter"), ("Encounter/e1", "piece"),
        ("ChargeItem/c1", "charge"), ("ChargeItem/c1", "piece"),
    ]  # fmt: skip
    assert {f.version for f in found.facts} == {"2026-03-01T10:00:00.999999Z~"}


@pytest.mark.parametrize(
    ("told_at", "about", "version"),
    [
        ("2026-03-01T10:00:00Z", {}, "2026-03-01T10:00:00.999999Z~"),
        ("2026-03-01T10:00:00Z", {"etag": 'W/"13"'}, "2026-03-01T10:00:00.000013Z~"),
        ("2026-03-01T10:00:00Z", {"etag": '"a-13"'}, "2026-03-01T10:00:00.999999Z~"),
        ("2026-03-01T10:00:00.250Z", {"etag": 'W/"13"'}, "2026-03-01T10:00:00.250000Z~"),
    ],
)
def test_deletions_of_a_whole_second(told_at: str, about: Json, version: str) -> None:
    """Where the time has no fraction, the version's own number says what was before it in that second, else it is
    the end of the second: it deletes what it may have deleted."""
    entry = {
        "request": {"method": "DELETE", "url": "Condition/x"},
        "response": {"lastModified": told_at, **about},
    }
    assert {(f.version, f.seen) for f in told(entry, kind="history").facts} == {(version, False)}
    gone = read(
        deletion_bundle([("Condition", "x", datetime(2026, 3, 1, tzinfo=UTC))], seen=True), False, SETTINGS
    )
    assert [fact.seen for fact in gone.facts] == [True, True]


def test_half_a_character_spoils_its_resource_alone() -> None:
    """A text that was cut within a character is no JSON: its resource is set aside and its visit waits, the others go
    on; a whole emoji, and a backslash before `ud800`, are text."""
    for text, whole in (("\ud83d", False), ("\ude00\ud83d", False), ("\U0001f600", True), ("\\ud800", True)):
        charge = {"resourceType": "ChargeItem", "id": "c1", "context": {"reference": "Encounter/e1"}}
        charge |= {"status": "not-billable", "subject": {"reference": "Patient/p1"}, "note": [{"text": text}]}
        charge |= {"occurrenceDateTime": "2026-01-05", "code": {"text": "x"}}
        some = [patient(), encounter(), charge]
        lines = b"\n".join(json.dumps(one).encode() for one in some)
        for found in (told(*({"resource": one} for one in some)), read(lines, True, SETTINGS)):
            assert [p.code for p in found.problems] == ([] if whole else ["fhir.json"])
            assert only(found, EncounterFact).ready == whole
            assert len([fact for fact in found.facts if isinstance(fact, ChargeFact)]) == whole


def test_a_deletion_wins_over_what_it_deletes() -> None:
    """A fact of the very moment of its deletion sorts before it, however much was known around it."""
    meta = {"lastUpdated": "2026-03-01T10:00:00Z"}
    made = told({"resource": encounter(meta=meta, serviceProvider={"reference": "Organization/o"})},
                {"resource": {"resourceType": "Organization", "id": "o", "name": "P", "meta": meta}},
                {"resource": patient()})  # fmt: skip
    gone = read(deletion_bundle([("Encounter", "e1", datetime(2026, 3, 1, 10, tzinfo=UTC))]), False, SETTINGS)
    assert only(made, EncounterFact).version < gone.facts[0].version < "2026-03-01T10:00:01"


@pytest.mark.parametrize(
    "request_",
    [{"method": "DELETE", "url": "Encounter?status=planned"}, {"method": "DELETE", "url": "Encounter"}],
)
def test_a_deletion_of_many_is_told(request_: Json) -> None:
    """A conditional deletion names no resource: a person is told, and nothing is withdrawn."""
    found = told({"request": request_}, kind="transaction", timestamp="2026-03-01T10:00:00Z")
    assert (found.facts, [p.code for p in found.problems]) == ((), ["fhir.delete"])


def test_a_deletion_without_time_is_told() -> None:
    """Without any time a deletion could be older than what is known: it is told, not followed."""
    found = told({"request": {"method": "DELETE", "url": "Encounter/e1"}}, kind="transaction")
    assert (found.facts, [p.severity for p in found.problems]) == ((), ["notice"])


def test_history() -> None:
    """Of several versions of a resource in one Bundle the newest counts, a deletion among them."""
    old, new = ({"lastUpdated": f"2026-03-0{n}T10:00:00Z", "versionId": str(n)} for n in (1, 2))
    put = {"method": "PUT", "url": "Patient/p1"}
    entries = [{"resource": patient(family="New", meta=new), "request": put},
               {"resource": patient(family="Old", meta=old), "request": put}]  # fmt: skip
    for order in (entries, entries[::-1]):
        assert only(told(*order, kind="history"), PatientFact).patient.name.last == "New"
    same = [{"resource": patient(family="New")}, {"resource": patient(family="Old")}]
    assert only(told(*same, kind="history"), PatientFact).patient.name.last == "New", "newest first"
    assert only(told(*same), PatientFact).patient.name.last == "Old", "what is told last"
    deleted = {"request": {"method": "DELETE", "url": "Patient/p1"},
               "response": {"status": "204", "lastModified": "2026-03-05T10:00:00Z"}}  # fmt: skip
    found = told(deleted, *entries, kind="history")
    assert [type(f).__name__ for f in found.facts] == ["WithdrawalFact", "WithdrawalFact"]
    revived = {"resource": patient(family="Back", meta={"lastUpdated": "2026-03-06T10:00:00Z"}), "request": put}
    assert only(told(revived, deleted, kind="history"), PatientFact).patient.name.last == "Back"


def test_a_page_of_results() -> None:
    """Matches and what came with them are read alike; an OperationOutcome is no resource, and a grave one is told."""

    def outcome(severity: str) -> Json:
        issue = [{"severity": severity, "code": "incomplete", "diagnostics": "SECRET"}]
        return {"search": {"mode": "outcome"}, "resource": {"resourceType": "OperationOutcome", "issue": issue}}

    entries = [{"search": {"mode": "match"}, "resource": encounter()},
               {"search": {"mode": "include"}, "resource": patient()}]  # fmt: skip
    calm = told(*entries, outcome("warning"), kind="searchset", total=2)
    assert (len(calm.facts), calm.problems) == (2, ())
    grave = told(*entries, outcome("error"), kind="searchset")
    assert [(p.code, p.where, p.severity) for p in grave.problems] == [
        ("fhir.outcome", "Bundle.entry[2]", "notice")
    ]
    assert "SECRET" not in repr(grave.problems)


def test_answers_of_a_batch_are_nothing() -> None:
    """A batch-response or an id-only notification has no resources: nothing is made, and nothing is wrong."""
    status = {"resourceType": "SubscriptionStatus", "status": "active", "type": "event-notification"}
    for kind in ("batch-response", "transaction-response", "history"):
        found = told({"response": {"status": "201 Created", "location": "Encounter/e1/_history/1"}},
                     {"fullUrl": "https://ehr.example/fhir/Encounter/e1"}, {"resource": status},
                     {"resource": None}, kind=kind)  # fmt: skip
        assert (found.facts, found.problems) == ((), ())


def test_conditional_and_logical_references() -> None:
    """A reference by business identifier means the resource of the message that has it, and none where two have."""
    doctor = {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Hale", "given": ["Ida"]}],
              "identifier": [{"system": "urn:x", "value": "7"}]}  # fmt: skip
    for by in ({"reference": "Practitioner?identifier=urn:x|7"},
               {"identifier": {"system": "urn:x", "value": "7"}, "type": "Practitioner"}):  # fmt: skip
        one = encounter(participant=[{"individual": by}])
        entries = [{"resource": one}, {"resource": doctor}, {"resource": patient()}]
        assert only(told(*entries), EncounterFact).rendering.last == "Hale"
        twice = told(*entries, {"resource": doctor | {"id": "d2", "name": [{"family": "Pine"}]}})
        rendering = only(twice, EncounterFact).rendering
        assert (rendering.last, rendering.id) == ("", "7")


def test_contained() -> None:
    """`#name` means what the resource itself contains, for every type, and never another resource's."""
    inner = {"resourceType": "Practitioner", "id": "x", "name": [{"family": "Hale"}]}
    other = {"resourceType": "Practitioner", "id": "x", "name": [{"family": "Pine"}]}
    by = {"individual": {"reference": "#x"}}
    found = told({"resource": encounter(contained=[inner], participant=[by])},
                 {"resource": encounter("e2", contained=[other], participant=[by])},
                 {"resource": {"resourceType": "Practitioner", "id": "x"}})  # fmt: skip
    names = {f.key: f.rendering.last for f in found.facts if isinstance(f, EncounterFact) and f.rendering}
    assert names == {"Encounter/e1": "Hale", "Encounter/e2": "Pine"}
    payer = {"resourceType": "Organization", "id": "o", "name": "Acme", "identifier": [{"value": "60054"}]}
    cover = {"resourceType": "Coverage", "id": "v", "status": "active", "contained": [payer],
             "beneficiary": {"reference": "Patient/p1"}, "payor": [{"reference": "#o"}]}  # fmt: skip
    assert only(told({"resource": cover}), CoverageFact).payer_token == "60054"


def test_two_servers_in_one_message() -> None:
    """Resources of two servers under one type and id are two: those of the second are set aside and told, and an
    address of the other server means none of the first's."""
    entries = [
        {"fullUrl": "https://a.example/fhir/Patient/p1", "resource": patient(family="Here")},
        {"fullUrl": "https://b.example/fhir/Patient/p1", "resource": patient(family="There")},
        {"fullUrl": "https://a.example/fhir/Encounter/e1",
         "resource": encounter(subject={"reference": "https://a.example/fhir/Patient/p1"})},
    ]  # fmt: skip
    found = told(*entries)
    assert [p.code for p in found.problems] == ["fhir.base"]
    assert only(found, PatientFact).patient.name.last == "Here"
    assert only(found, EncounterFact).patient_key == "Patient/p1"
    far = {
        "fullUrl": "https://b.example/fhir/Organization/o",
        "resource": {"resourceType": "Organization", "id": "o"},
    }
    abroad = encounter(subject={"reference": "https://b.example/fhir/Patient/p1"})
    entries = [entries[0], far, {"fullUrl": "https://a.example/fhir/Encounter/e1", "resource": abroad}]
    assert only(told(*entries), EncounterFact).patient_key == "https://b.example/fhir/Patient/p1"


def test_one_server_may_have_several_names() -> None:
    """Behind a gateway a server tells its inner name in references: one base in a message is one server."""
    entries = [
        {"fullUrl": "https://out.example/fhir/Patient/p1", "resource": patient()},
        {"fullUrl": "https://out.example/fhir/Encounter/e1",
         "resource": encounter(subject={"reference": "http://inner:8080/fhir/Patient/p1/_history/3"})},
    ]  # fmt: skip
    assert only(told(*entries), EncounterFact).patient_key == "Patient/p1"


def test_a_charge_replaces_its_procedure_in_any_message() -> None:
    """A ChargeItem that names a Procedure as its service withdraws the Procedure's own charge for good."""
    item = {"resourceType": "ChargeItem", "id": "c1", "status": "billable", "subject": {"reference": "Patient/p1"},
            "code": {"coding": [{"code": "G0438"}]}, "quantity": {"value": 1}, "occurrenceDateTime": "2026-01-05",
            "service": [{"reference": "Procedure/q1"}, {"reference": "Observation/o1"}]}  # fmt: skip
    facts = {f.key: f for f in told({"resource": item}).facts if isinstance(f, ChargeFact)}
    assert {key: fact.active for key, fact in facts.items()} == {"ChargeItem/c1": True, "Procedure/q1": False}
    assert "2999" < facts["Procedure/q1"].version < "~gone"


def test_what_is_contained_has_no_say_about_the_version() -> None:
    """A resource that contains one whose elements are written otherwise is R4 all the same."""
    policy = {"resourceType": "Coverage", "id": "v", "class": [{"value": "G1"}]}
    found = told({"resource": patient()}, {"resource": encounter(contained=[policy])})
    assert "fhir.version" not in {one.code for one in found.problems}
    assert only(found, EncounterFact).ready
