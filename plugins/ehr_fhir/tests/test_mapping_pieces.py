"""Resources that come in pieces: the same facts, whatever the split into messages and their order."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hub_ehr_fhir.mapping.pieces import reached
from hub_ehr_fhir.mapping.reading import read, read_joined
from hub_ehr_fhir.settings import FhirSettings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.model.facts import AnyFact, ChargeFact, CoverageFact, EncounterFact, PatientFact, Piece, WithdrawalFact

Json = dict[str, Any]
HERE = Path(__file__).resolve()
SHARED = Path(os.environ.get("HUB_SHARED_DATA") or HERE.parents[3].parent / "shared" / "data")
ALWAYS = FhirSettings(keep_pieces="always", validate="quarantine")
LOOSE = FhirSettings(validate="quarantine")
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
NPI = "http://hl7.org/fhir/sid/us-npi"
ROLES = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"


class Store:
    """As little of the hub as this needs: the newest of each fact and piece, pieces read again with what came."""

    def __init__(self, how: FhirSettings) -> None:
        self.how = how
        self.facts: dict[tuple[str, str], tuple[str, AnyFact]] = {}
        self.pieces: dict[str, Piece] = {}
        self.problems: set[str] = set()

    def take(self, raw: bytes, *, ndjson: bool = False) -> None:
        """Take one message in."""
        found = read(raw, ndjson=ndjson, settings=self.how)
        self.problems |= {problem.code for problem in found.problems}
        self._keep(found.facts)
        fresh = {piece.key for piece in found.pieces if self._newer(piece)}
        fresh |= {fact.key for fact in found.facts if self._deleted(fact)}
        self.pieces |= {piece.key: piece for piece in found.pieces if piece.key in fresh}
        for piece in self.pieces.values():
            linked = reached(piece, self.pieces)
            if piece.links and fresh & {piece.key, *(one.key for one in linked)}:
                joined = read_joined(piece, linked, self.how)
                assert not joined.pieces
                self._keep(joined.facts)

    def _newer(self, piece: Piece) -> bool:
        held = self.pieces.get(piece.key)
        return held is None or held.version < piece.version or not piece.version

    def _deleted(self, fact: AnyFact) -> bool:
        if not isinstance(fact, WithdrawalFact) or fact.kind != "piece" or fact.key not in self.pieces:
            return False
        self.pieces[fact.key] = msgspec.structs.replace(self.pieces[fact.key], withdrawn=True)
        return True

    def _keep(self, facts: Iterable[AnyFact]) -> None:
        for fact in facts:
            kind = fact.kind if isinstance(fact, WithdrawalFact) else type(fact).__name__
            held = self.facts.get((kind, fact.key))
            if held is None or held[0] < fact.version or not fact.version:
                self.facts[kind, fact.key] = fact.version, fact

    def known(self) -> dict[tuple[str, str], AnyFact]:
        """What holds, without the versions by which it came to hold."""
        return {at: msgspec.structs.replace(fact, version="") for at, (_, fact) in self.facts.items()}

    def fact(self, kind: type[AnyFact], key: str) -> Any:
        """The fact of one kind and key that holds."""
        return self.facts[kind.__name__, key][1]


def concept(system: str, code: str) -> Json:
    """A concept of one coding."""
    return {"coding": [{"system": system, "code": code}]}


def to(key: str) -> Json:
    """A reference."""
    return {"reference": key}


def made(kind: str, key: str, at: int = 1, **elements: Any) -> Json:
    """A resource that the server changed in minute `at`."""
    meta = {"lastUpdated": f"2026-03-01T10:{at:02}:00Z"}
    named = {name.rstrip("_"): value for name, value in elements.items() if value is not None}
    return {"resourceType": kind, "id": key, "meta": meta, **named}


def visit(key: str = "e1", **changes: Any) -> Json:
    """A visit that names a role, a referral, two diagnoses and a room."""
    base: Json = {
        "status": "finished",
        "class_": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": to("Patient/p1"),
        "period": {"start": "2026-01-05T10:00:00Z"},
        "participant": [{"type": [concept(ROLES, "PPRF")], "individual": to("PractitionerRole/r1")}],
        "diagnosis": [{"condition": to("Condition/d1"), "rank": 2}, {"condition": to("Condition/d2"), "rank": 1}],
        "location": [{"location": to("Location/room")}],
        "serviceProvider": to("Organization/o1"),
        "basedOn": [to("ServiceRequest/s1")],
    }
    return made("Encounter", key, at=5, **(base | changes))


def world() -> list[Json]:
    """Two visits of one patient with everything around them."""
    return [
        made("Organization", "o1", at=9, name="Practice", identifier=[{"system": NPI, "value": "1987654328"}]),
        made("Organization", "o9", at=8, name="Acme Health", identifier=[{"value": "60054"}]),
        made("Location", "clinic", name="Clinic", type=[concept("https://www.cms.gov/place-of-service-codes", "11")],
             address={"line": ["9 Oak"], "city": "Salem", "state": "OR", "postalCode": "97301"}),
        made("Location", "room", name="Room 3", partOf=to("Location/clinic")),
        made("Practitioner", "d1", at=3, name=[{"family": "Hale", "given": ["Ida"]}],
             identifier=[{"system": NPI, "value": "1234567893"}]),
        made("Practitioner", "d2", name=[{"family": "Pine", "given": ["Oda"]}]),
        made("PractitionerRole", "r1", at=4, practitioner=to("Practitioner/d1"),
             specialty=[concept("http://nucc.org/provider-taxonomy", "207Q00000X")]),
        made("Patient", "p1", at=7, name=[{"family": "Quill", "given": ["Ada"]}], gender="female"),
        made("RelatedPerson", "m1", patient=to("Patient/p1"), name=[{"family": "Quill", "given": ["Bea"]}],
             relationship=[concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH")]),
        made("Coverage", "v1", at=2, status="active", beneficiary=to("Patient/p1"), subscriberId="M1",
             payor=[to("Organization/o9")], subscriber=to("RelatedPerson/m1"),
             relationship=concept("http://terminology.hl7.org/CodeSystem/subscriber-relationship", "child")),
        made("Coverage", "v2", status="active", beneficiary=to("Patient/p1"), subscriberId="M2",
             payor=[{"display": "Second"}]),
        made("Account", "a1", status="active", subject=[to("Patient/p1")],
             guarantor=[{"party": to("RelatedPerson/m1")}],
             coverage=[{"coverage": to("Coverage/v1"), "priority": 2},
                       {"coverage": to("Coverage/v2"), "priority": 1}]),
        made("Condition", "d1", code=concept(ICD10, "I10"), subject=to("Patient/p1"), encounter=to("Encounter/e1"),
             category=[concept(CATEGORY, "encounter-diagnosis")]),
        made("Condition", "d2", at=6, code=concept(ICD10, "E119"), subject=to("Patient/p1"),
             category=[concept(CATEGORY, "problem-list-item")]),
        made("ServiceRequest", "s1", status="active", intent="order", subject=to("Patient/p1"),
             requester=to("Practitioner/d2"),
             extension=[{"url": "https://example.org/referral-number", "valueString": "RF7"}]),
        made("Procedure", "q1", status="completed", code=concept("http://snomed.info/sct", "65546002"),
             subject=to("Patient/p1"), encounter=to("Encounter/e1"), performer=[{"actor": to("Practitioner/d1")}]),
        made("Procedure", "q2", status="completed", code=concept("http://snomed.info/sct", "65546003"),
             subject=to("Patient/p1"), encounter=to("Encounter/e1"), performer=[{"actor": to("Practitioner/d1")}]),
        made("ChargeItem", "c1", status="billable", code=concept(HCPCS, "G0438"), subject=to("Patient/p1"),
             context=to("Encounter/e1"), quantity={"value": 1}, service=[to("Procedure/q1")],
             performer=[{"actor": to("PractitionerRole/r1")}], supportingInformation=[to("Condition/d2")]),
        visit(),
        visit("e2", diagnosis=[{"condition": to("Condition/d2"), "rank": 1}], basedOn=None),
        made("Claim", "k1", at=2, status="active", use="preauthorization", patient=to("Patient/p1"),
             item=[{"sequence": 1, "encounter": [to("Encounter/e1")]}]),
        made("ClaimResponse", "n1", at=1, status="active", use="preauthorization", outcome="complete",
             patient=to("Patient/p1"), request=to("Claim/k1"), preAuthRef="PA55"),
    ]  # fmt: skip


def message(resources: Sequence[Json]) -> bytes:
    """A collection."""
    entries = [{"resource": one} for one in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def stored(messages: Iterable[Sequence[Json]], how: FhirSettings = ALWAYS) -> Store:
    """The store after some messages."""
    store = Store(how)
    for resources in messages:
        store.take(message(resources))
    return store


def test_the_whole_world_is_read() -> None:
    """Everything around a visit counts: role, room and clinic, ranks, referral, authorization, guarantor, order."""
    store = stored([world()], LOOSE)
    one = store.fact(EncounterFact, "Encounter/e1")
    assert one.ready
    assert (one.rendering.npi, one.rendering.taxonomy) == ("1234567893", "207Q00000X")
    assert (one.place_of_service, one.facility.name, one.facility.address.city) == ("11", "Room 3", "Salem")
    assert [(d.coding.code, d.rank, d.id) for d in one.diagnoses] == [
        ("I10", 2, "Condition/d1"), ("E11.9", 1, "Condition/d2"),
    ]  # fmt: skip
    assert (one.referring.last, one.references[0].value, one.authorization) == ("Pine", "RF7", "PA55")
    assert store.fact(PatientFact, "Patient/p1").patient.guarantor.name.first == "Bea"
    ranks = {key: store.fact(CoverageFact, f"Coverage/{key}").rank for key in ("v1", "v2")}
    assert ranks == {"v1": 2, "v2": 1}
    active = {
        key: store.fact(ChargeFact, key).active for key in ("ChargeItem/c1", "Procedure/q1", "Procedure/q2")
    }
    assert active == {"ChargeItem/c1": True, "Procedure/q1": False, "Procedure/q2": True}
    assert store.problems == set()


def test_a_whole_message_has_no_pieces() -> None:
    """A visit that comes with all that it names is told at once, and leaves no pieces behind."""
    found = read(message(world()), ndjson=False, settings=LOOSE)
    assert (found.pieces, found.problems) == ((), ())
    parts = read(message(world()[:-4]), ndjson=False, settings=LOOSE).pieces
    assert len(parts) == len(world()) - 4
    patients = {
        piece.patient_key for piece in parts if piece.key.startswith(("Coverage/", "Account/", "Patient/"))
    }
    assert patients == {"Patient/p1"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_split_and_order(data: st.DataObject) -> None:
    """The same facts hold, however resources are cut into messages, in whatever order these come, and repeated."""
    resources = data.draw(st.permutations(world()))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(resources) - 1), max_size=12)))
    messages = [resources[a:b] for a, b in zip([0, *cuts], [*cuts, len(resources)], strict=True)]
    again = data.draw(st.lists(st.sampled_from(messages), max_size=3))
    assert stored([*messages, *again]).known() == stored([world()]).known()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_split_by_type(data: st.DataObject) -> None:
    """As a bulk export tells it, type by type in any order, the default keeps what it must."""
    by_type: dict[str, list[Json]] = {}
    for one in world():
        by_type.setdefault(one["resourceType"], []).append(one)
    order = data.draw(st.permutations(list(by_type.values())))
    expected = stored([world()]).known()
    assert stored(order, LOOSE).known() == expected
    assert stored([world(), *order], LOOSE).known() == expected
    assert stored([*order, world()], LOOSE).known() == expected


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_newer_neighbours_hold(data: st.DataObject) -> None:
    """A clinician, a diagnosis and an account that change later hold, whether the change comes first or last."""
    newer = [
        made("Practitioner", "d1", at=30, name=[{"family": "Hale-Moss", "given": ["Ida"]}],
             identifier=[{"system": NPI, "value": "1234567893"}]),
        made("Condition", "d2", at=31, code=concept(ICD10, "E11.65"), subject=to("Patient/p1"),
             category=[concept(CATEGORY, "problem-list-item")]),
        made("Account", "a1", at=32, status="active", subject=[to("Patient/p1")],
             coverage=[{"coverage": to("Coverage/v1"), "priority": 1}]),
    ]  # fmt: skip
    messages = data.draw(st.permutations([*[[one] for one in world()], *[[one] for one in newer]]))
    store = stored(messages)
    one = store.fact(EncounterFact, "Encounter/e1")
    assert one.rendering.last == "Hale-Moss"
    assert [d.coding.code for d in one.diagnoses] == ["I10", "E11.65"]


@pytest.mark.parametrize("missing", ["Condition/d2", "PractitionerRole/r1", "Practitioner/d1"])
def test_a_visit_waits_for_what_it_names(missing: str) -> None:
    """Without a diagnosis or clinician that it names a visit is not ready, and that is work until it comes;
    where settings say so it does not wait.
    """
    rest = [one for one in world() if f"{one['resourceType']}/{one['id']}" != missing]
    assert not stored([rest]).fact(EncounterFact, "Encounter/e1").ready
    (piece,) = [p for p in read(message(rest), ndjson=False, settings=LOOSE).pieces if p.key == "Encounter/e1"]
    pieces = {p.key: p for p in read(message(rest), ndjson=False, settings=LOOSE).pieces}
    told = read_joined(piece, reached(piece, pieces), LOOSE).problems
    assert [(p.code, p.severity) for p in told] == [("fhir.missing", "notice")]
    hasty = FhirSettings(wait_for_missing=False, validate="quarantine")
    assert stored([rest], hasty).fact(EncounterFact, "Encounter/e1").ready


def test_what_is_set_aside_holds_its_visit_in_pieces_too() -> None:
    """A charge that cannot be read holds the visit of its message, even where that lacks others; a diagnosis that
    the visit names is waited for, and the visit is ready when it comes mended."""
    bad = made("ChargeItem", "c9", status="billable", subject=to("Patient/p1"), context=to("Encounter/e1"),
               occurrenceDateTime="2026-01-05", performer=[{"actor": to("Practitioner/far")}])  # fmt: skip
    store = stored([[*world()[:-6], visit(), bad]], LOOSE)
    assert not store.fact(EncounterFact, "Encounter/e1").ready
    assert "fhir.charge.code" in store.problems
    assert "Encounter/e1" not in store.pieces
    broken = [one | {"code": "SECRET"} if one["id"] == "d1" and "code" in one else one for one in world()]
    store = stored([broken], LOOSE)
    assert store.problems == {"fhir.shape", "fhir.invalid"}
    assert not store.fact(EncounterFact, "Encounter/e1").ready
    store.take(message([one for one in world() if one["resourceType"] == "Condition"]))
    assert store.fact(EncounterFact, "Encounter/e1").ready


def test_a_referral_is_not_waited_for() -> None:
    """A referral that never comes is told, and keeps no visit from being billed; one that comes later is read."""
    rest = [one for one in world() if one["resourceType"] != "ServiceRequest"]
    store = stored([rest], LOOSE)
    assert store.fact(EncounterFact, "Encounter/e1").ready
    told = read_joined(store.pieces["Encounter/e1"], reached(store.pieces["Encounter/e1"], store.pieces), LOOSE)
    assert [(p.code, p.where) for p in told.problems] == [("fhir.missing", "Bundle.entry[17] Encounter.basedOn")]
    store.take(message([one for one in world() if one["resourceType"] == "ServiceRequest"]))
    assert store.fact(EncounterFact, "Encounter/e1").referring.last == "Pine"


def test_links_in_a_circle() -> None:
    """Resources that refer to themselves or to each other in a circle are read, and end."""
    role = made("PractitionerRole", "r1", practitioner=to("PractitionerRole/r1"))
    rooms = [
        made("Location", "room", partOf=to("Location/clinic")),
        made("Location", "clinic", partOf=to("Location/room")),
    ]
    one = visit(diagnosis=[{"condition": to("Encounter/e1")}], basedOn=[to("Encounter/e1")])
    store = stored([[one], [role], rooms], LOOSE)
    assert store.fact(EncounterFact, "Encounter/e1").rendering is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"resourceType": 3}', b'{"resourceType": "Encounter"', b"\xff"]
)
def test_pieces_that_cannot_be_read(body: bytes) -> None:
    """A piece of any bytes is read into nothing, and keeps none of those that link to it from being read."""
    bad = Piece(key="Practitioner/d1", version="1", body=body)
    assert read_joined(bad, (), LOOSE).facts == ()
    pieces = stored([world()]).pieces | {"Practitioner/d1": bad}
    found = read_joined(pieces["Encounter/e1"], reached(pieces["Encounter/e1"], pieces), LOOSE)
    assert [type(fact).__name__ for fact in found.facts] == ["EncounterFact"]


def test_a_reference_that_says_enough_is_not_waited_for() -> None:
    """A clinician who is named, or numbered, inside the reference keeps no visit waiting."""
    by = {"type": "Practitioner", **to("Practitioner/x"), "display": "Dr. Al Smith"}
    one = visit(participant=[{"individual": by}], diagnosis=None, basedOn=None)
    fact = stored([[one]]).fact(EncounterFact, "Encounter/e1")
    assert (fact.ready, fact.rendering.last) == (True, "Smith")


def test_a_deleted_diagnosis_is_not_waited_for() -> None:
    """What was deleted is known, and says nothing: the visit is told without it."""
    store = stored([world()])
    entry = {"request": {"method": "DELETE", "url": "Condition/d2"}, "response": {"status": "204"}}
    gone = {"resourceType": "Bundle", "type": "history", "timestamp": "2026-03-02T00:00:00Z", "entry": [entry]}
    store.take(json.dumps(gone).encode())
    fact = store.fact(EncounterFact, "Encounter/e1")
    assert (fact.ready, [d.coding.code for d in fact.diagnoses]) == (True, ["I10"])


def test_a_deleted_piece_decides_nothing() -> None:
    """Whatever of its neighbours was deleted, a piece tells the same facts of itself; itself deleted, it tells
    nothing of others any more."""
    pieces = stored([world()]).pieces
    gone = {key: msgspec.structs.replace(one, withdrawn=True) for key, one in pieces.items()}

    def keys(key: str, among: dict[str, Piece]) -> set[str]:
        return {fact.key for fact in read_joined(among[key], reached(among[key], among), ALWAYS).facts}

    undated = ("ChargeItem/", "Procedure/")  # they need the day of their visit
    for key in (key for key, piece in pieces.items() if piece.links and not key.startswith(undated)):
        assert keys(key, gone) & {key} == keys(key, pieces) & {key} == keys(key, {key: pieces[key]}) & {key}
    assert keys("Account/a1", pieces) == {"Patient/p1", "Coverage/v1", "Coverage/v2"}
    assert keys("Account/a1", gone) == set()


def test_pieces_of_a_transaction_stand_alone() -> None:
    """References that mean something within their message alone (urn:uuid) are named by keys in its pieces."""
    urn = "urn:uuid:0b5c9a5e-7d55-4c7d-9d2c-3b8f3f3f0001"
    doctor = made("Practitioner", "d1", name=[{"family": "Hale"}])
    one = visit(participant=[{"individual": to(urn)}], diagnosis=None, basedOn=None)
    entries = [{"fullUrl": urn, "resource": doctor}, {"fullUrl": "urn:uuid:2", "resource": one}]
    store = Store(LOOSE)
    store.take(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode())
    assert store.fact(EncounterFact, "Encounter/e1").rendering.last == "Hale"
    assert "urn:" not in store.pieces["Encounter/e1"].body.decode()


SYNTHEA = sorted((SHARED / "fhir" / "synthea-r4-bundles").glob("*_*.json"))


@pytest.mark.skipif(not SYNTHEA, reason="the real fhir samples are not at hand (set HUB_SHARED_DATA)")
@pytest.mark.parametrize("seed", range(4))
def test_real_bundles_in_pieces(seed: int) -> None:
    """A real transaction of one patient, cut into messages in any order, tells the same visits and charges."""
    entries = json.loads(SYNTHEA[seed % len(SYNTHEA)].read_bytes())["entry"]
    wanted = ("Condition", "Procedure", "Immunization", "Encounter", "Patient", "Practitioner", "Organization",
              "ExplanationOfBenefit", "Claim")  # fmt: skip
    entries = [one for one in entries if one["resource"]["resourceType"] in wanted]
    whole, cut, chance = Store(ALWAYS), Store(ALWAYS), Random(seed)  # noqa: S311
    whole.take(transaction(entries))
    chance.shuffle(entries)
    size = len(entries) // chance.choice((2, 3, 9)) + 1
    for start in range(0, len(entries), size):
        cut.take(transaction(entries[start : start + size]))
    assert cut.known() == whole.known()
    assert sum(isinstance(fact, EncounterFact) and fact.ready for fact in whole.known().values()) >= 1


def transaction(entries: list[Json]) -> bytes:
    """A transaction as its sender made it, or a part of it."""
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
