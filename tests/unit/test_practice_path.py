"""What becomes of the synthetic practice and of the real samples: the plugins' `read`, then the flow's pure steps."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import msgspec
import pytest
from hub_ehr_fhir.mapping.pieces import reached
from hub_ehr_fhir.mapping.reading import read as read_fhir
from hub_ehr_fhir.mapping.reading import read_joined
from hub_ehr_fhir.settings import FhirSettings
from hub_hl7_adt.reading import read as read_hl7
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.wire import messages_of

from hub.config.load import load
from hub.config.settings import Settings
from hub.flow.building import build
from hub.flow.coder import code_encounter
from hub.flow.ingest.facts_store import _occasion, billable
from hub.flow.ingest.folding import overlaid
from hub.flow.rules import Desk, scrub
from hub.flow.visits.assemble import placed
from hub.flow.visits.assembly import charge_of, coverages_of, diagnoses_of, encounter_of, service_day, verdict
from hub.flow.visits.persons import marked, policy_of
from hub.model.claim import Claim
from hub.model.coverage import PatientFile
from hub.model.encounter import Charge
from hub.model.facts import (
    AnyFact,
    ChargeFact,
    CoverageFact,
    DiagnosisFact,
    EncounterFact,
    PatientFact,
    Piece,
    Reading,
)
from hub.testing.overlay import DEMO, apply, load_overlay
from hub.testing.practice import STORIES, Story, make_load, make_practice, visit_keys

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("HUB_SHARED_DATA") or HERE.parents[1].parent / "shared" / "data")
SOURCES = {"fhir": "ehr", "hl7": "adt"}
NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)
START = date(2026, 1, 5)


class Came(msgspec.Struct, kw_only=True):
    """What an encounter came to."""

    state: str
    reasons: list[str] = msgspec.field(default_factory=list)
    claims: tuple[Claim, ...] = ()


@cache
def settings() -> Settings:
    """The example practice."""
    loaded = load(HERE.parents[1] / "config")
    assert loaded.ok, loaded.faults
    return loaded.settings


# What msgspec refuses is checked by fhir.resources as well; that all the rest is valid R4 has a test of its own.
QUICK = FhirSettings.model_validate({"validate": "quarantine"})


def readings(folder: str, name: str, body: bytes, fhir: FhirSettings = QUICK) -> list[Reading]:
    """A file as the hub reads it: HL7 message by message."""
    if folder == "fhir":
        return [read_fhir(body, name.endswith("ndjson"), fhir)]
    return [read_hl7(one, Hl7Settings()) for one in messages_of(name, body)]


def latest(found: Iterable[Reading]) -> dict[type, dict[str, AnyFact]]:
    """The facts that stand in the end, by kind and key."""
    kept: dict[type, dict[str, AnyFact]] = {}
    for reading in found:
        for fact in billable(reading) if reading.not_billable != "test" else ():
            held = kept.setdefault(type(fact), {}).get(fact.key)
            kept[type(fact)][fact.key] = overlaid(held, fact)
    return kept


def outcomes(source: str, found: Iterable[Reading]) -> dict[str, Came]:
    """What each encounter of a source comes to when everything has arrived."""
    facts = latest(found)
    charges = [f for f in facts.get(ChargeFact, {}).values() if isinstance(f, ChargeFact)]
    visits = {f.key: f for f in facts.get(EncounterFact, {}).values() if isinstance(f, EncounterFact)}
    for charge in charges:
        if not charge.encounter_key:
            at = datetime(
                charge.service_from.year, charge.service_from.month, charge.service_from.day, 12, tzinfo=UTC
            )
            visits[_occasion(charge)] = EncounterFact(
                key=_occasion(charge), patient_key=charge.patient_key, kind="recurring", status="finished",
                started_at=at, ended_at=at, rendering=charge.rendering, ready=True,
            )  # fmt: skip
    return {key: _came(source, visit, facts, charges) for key, visit in visits.items()}


def _came(
    source: str, visit: EncounterFact, facts: dict[type, dict[str, AnyFact]], charges: list[ChargeFact]
) -> Came:
    policy = policy_of(settings(), source)
    person = facts.get(PatientFact, {}).get(visit.patient_key)
    file = None
    if isinstance(person, PatientFact):
        file = PatientFile(patient=marked(person.patient, settings().sources[source]), guarantor_id="g")
    state = verdict(visit, file, policy, NOW).state
    if state != "ready" or file is None:
        return Came(state=state)
    mine = [c for c in charges if (c.encounter_key or _occasion(c)) == visit.key]
    covers = [c for c in facts.get(CoverageFact, {}).values() if isinstance(c, CoverageFact)]
    own = [c for c in covers if c.encounter_key == visit.key]
    standing = [c for c in covers if c.patient_key == visit.patient_key and not c.encounter_key]
    apart = [d for d in facts.get(DiagnosisFact, {}).values() if isinstance(d, DiagnosisFact)]
    encounter = encounter_of(
        visit,
        patient_id="p",
        source_key=visit.key,
        diagnoses=diagnoses_of(visit, [d for d in apart if d.encounter_key == visit.key], mine),
        coverages=coverages_of(own or standing, policy, service_day(visit, policy.zone)),
        source=source,
    )
    made = [charge_of(c, patient_id="p", encounter_id="e", source=source) for c in mine if c.active]
    billed = [c for c in made if c.kind in ("charge", "credit")]
    if not billed:
        return Came(state="held", reasons=["encounter.no_charges"])
    coded = code_encounter(placed(encounter, settings(), source), billed, settings(), "lakeside")
    if coded.problems:
        return Came(state="held", reasons=[p.code for p in coded.problems])
    if coded.proposals:
        return Came(state="proposal", reasons=[p.code for p in coded.proposals])
    priced: list[tuple[str, Charge]] = [(f"c{n}", c) for n, c in enumerate(coded.charges)]
    built = build([("e", coded.encounter)], priced, file.patient, settings(), "lakeside")
    if built.problems:
        return Came(state="held", reasons=[p.code for p in built.problems])
    desk = Desk(settings=settings(), today=NOW.date(), practice="lakeside", clearinghouse="clearinghouse")
    found = [f.rule for claim in built.claims for f in scrub(claim, desk) if f.hold]
    return Came(state="patient" if built.self_pay else "claimed", reasons=found, claims=built.claims)


def joined(found: Iterable[Reading], fhir: FhirSettings = QUICK) -> list[Reading]:
    """What the pieces of some messages say beside each other, as the hub reads them in the end."""
    pieces: dict[str, Piece] = {}
    for piece in (piece for reading in found for piece in reading.pieces):
        held = pieces.get(piece.key)
        if held is None or held.version <= piece.version:
            pieces[piece.key] = piece
    return [read_joined(one, reached(one, pieces), fhir) for one in pieces.values() if one.links]


@cache
def practice() -> tuple[dict[str, Came], Counter[str]]:
    """The days in which all stories end: every encounter by its key, and the codes of all problems of reading."""
    found: dict[str, list[Reading]] = {"fhir": [], "hl7": []}
    for _, files in make_practice(days=30):
        for folder, name, body in files:
            found[folder] += readings(folder, name, body)
    found["fhir"] += joined(found["fhir"])
    problems = Counter(p.code for one in found.values() for r in one for p in r.problems)
    return outcomes("ehr", found["fhir"]) | outcomes("adt", found["hl7"]), problems


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_story(story: Story) -> None:
    """Each story comes to the state, the claims and the work item that its row names."""
    came, problems = practice()
    visits = visit_keys(story, START)
    assert [came[key].state for key in visits] == [story.state] * len(visits)
    claims = sum(len(came[key].claims) for key in visits)
    assert claims == (
        1 if story.key == "late-charge-hl7" else story.claims
    )  # here both charges are there at once
    said = {reason for key in visits for reason in came[key].reasons} | set(problems)
    assert not story.reason or story.reason in said


def test_only_stories_are_held() -> None:
    """Every ordinary visit bills or, for who pays alone, goes to the patient: what is held is a story."""
    came, problems = practice()
    told = {key for story in STORIES.values() for key in visit_keys(story, START)}
    odd = {key: one for key, one in came.items() if key not in told and one.state not in ("claimed", "patient")}
    assert not odd
    assert not {key for key, one in came.items() if key not in told and one.reasons}
    assert set(problems) == {"fhir.shape", "fhir.invalid", "hl7.patient.key"}


def test_every_payer_and_every_kind_of_member_is_there() -> None:
    """The practice bills every payer of the example, first and second, and dependants under their subscribers."""
    claims = [claim for one in practice()[0].values() for claim in one.claims]
    assert {claim.payer for claim in claims} == {"medicare", "ppo", "medicaid", "comp"}
    assert {c.payer for claim in claims for c in claim.other_coverages} == {"medigap", "ppo_second"}
    assert {claim.coverage.relationship for claim in claims} == {"self", "spouse", "child"}
    assert all(claim.accident and claim.accident.kind == "EM" for claim in claims if claim.payer == "comp"
               and claim.patient.name.last not in _story_names("no-injury-date"))  # fmt: skip


def _story_names(key: str) -> set[str]:
    return {claim.patient.name.last for claim in practice()[0][STORIES[key].visits[0]].claims}


def test_counted_services() -> None:
    """Minutes become units, drugs carry their NDC and quantity, rentals their months."""
    lines = [line for one in practice()[0].values() for claim in one.claims for line in claim.lines]
    assert {line.units for line in lines if line.hcpcs == "H0004"} == {2, 4}
    assert all(line.drug and len(line.drug.ndc) == 11 for line in lines if line.hcpcs.startswith("J"))
    months_of = {m for line in lines if line.hcpcs == "E0601" for m in line.modifiers}
    assert months_of == {"RR", "KH", "KI", "KJ"}
    assert {"G0438", "G0439", "G0008", "T1015", "A4253", "A7034", "J0696"} <= {line.hcpcs for line in lines}


def test_all_but_one_resource_is_valid_r4() -> None:
    """fhir.resources accepts every resource but the one that a story breaks, and every message of HL7 is read
    without a problem but the one that another story breaks."""
    every = FhirSettings()
    files = [file for _, day in make_practice(days=8, patients=20) for file in day]
    problems = [
        p.code for folder, name, body in files for r in readings(folder, name, body, every) for p in r.problems
    ]
    assert sorted(problems) == ["fhir.invalid", "fhir.shape", "hl7.patient.key"]


def test_load_is_clean() -> None:
    """The bench's encounters all bill, three lines each, half from either source."""
    found: dict[str, list[Reading]] = {"fhir": [], "hl7": []}
    for folder, name, body in make_load(60):
        found[folder] += readings(folder, name, body)
    came = {folder: outcomes(SOURCES[folder], one) for folder, one in found.items()}
    assert {folder: len(one) for folder, one in came.items()} == {"fhir": 30, "hl7": 30}
    for one in (*came["fhir"].values(), *came["hl7"].values()):
        assert (one.state, one.reasons, [len(claim.lines) for claim in one.claims]) == ("claimed", [], [3])


def real(folder: str, pattern: str) -> list[tuple[str, bytes]]:
    """Real samples, or a skip that says where they should be."""
    found = sorted((SHARED / folder).glob(pattern)) if SHARED.is_dir() else []
    if not found:
        pytest.skip(f"the real {folder} samples are not at hand (set HUB_SHARED_DATA)")
    return [(path.name, path.read_bytes()) for path in found]


def with_overlay(folder: str, files: list[tuple[str, bytes]]) -> tuple[dict[str, Came], Counter[str]]:
    """What the files come to under the overlay that comes with the hub, and what it altered."""
    overlay = load_overlay(DEMO)
    altered: Counter[str] = Counter()
    found: list[Reading] = []
    for name, body in files:
        body, count = apply(overlay, folder, body)  # noqa: PLW2901  the same file, altered
        altered += count
        found += readings(folder, name, body)
    return outcomes(SOURCES[folder], found), altered


def test_real_bundles_without_overlay_do_not_bill() -> None:
    """As they are, none of the 25 real encounters bills: all lie before bill_from."""
    found = [r for name, body in real("fhir/synthea-r4-bundles", "*.json") for r in readings("fhir", name, body)]
    assert Counter(one.state for one in outcomes("ehr", found).values()) == {"history": 25}


def test_real_bundles_bill_with_overlay() -> None:
    """With the overlay they bill, or go to the patient where the source says that nobody is insured; held are the
    three with a procedure for which no code may stand in (a tooth pulled, a throat culture, a breath measured)."""
    came, altered = with_overlay("fhir", real("fhir/synthea-r4-bundles", "*.json"))
    assert Counter((one.state, *one.reasons) for one in came.values()) == {
        ("claimed",): 17,
        ("patient",): 5,
        ("held", "coding.charge_unmapped"): 3,
    }
    assert altered == {
        "date": 128, "charge code": 30, "place": 25, "coverage": 25, "visit charge": 24, "member id": 19,
        "visit diagnosis": 15, "diagnosis code": 9, "npi": 8, "address": 2,
    }  # fmt: skip


BILLING = ("*/DFT_*.hl7", "*/BAR_*.hl7")


def test_real_messages_with_overlay() -> None:
    """Of the real DFT and BAR messages those bill that carry charges and a diagnosis. One visit does not: all its
    messages have one time and one number, so which of two lists of its diagnoses is newer cannot be told, and the
    one that stands has no code that a claim may carry."""
    files = [one for pattern in BILLING for one in real("hl7", pattern)]
    came, altered = with_overlay("hl7", files)
    assert {key: (one.state, one.reasons) for key, one in came.items()} == {
        "HOSPITAL|987654321@20260130": ("claimed", []),
        "HOSPITAL|123456789@20260131": ("claimed", []),
        "40007716": ("held", ["coding.diagnosis_unmapped"]),
        "MRN|12345@20260113": ("held", ["claim.no_diagnosis"]),
        "MRN|30016@20260106": ("held", ["claim.no_provider", "claim.no_diagnosis"]),
        "0087123456": ("history", []),
    }
    assert altered["charge code"] == 20
    assert altered["processing id"] == 0


def test_real_messages_without_overlay_do_not_bill() -> None:
    """As they are, none of them bills: they are history, or are not applied because a line states no quantity."""
    files = [one for pattern in BILLING for one in real("hl7", pattern)]
    came = outcomes("adt", [r for name, body in files for r in readings("hl7", name, body)])
    assert {key: one.state for key, one in came.items()} == {
        "0087123456": "history",
        "HOSPITAL|987654321@20240115": "history",
        "HOSPITAL|123456789@20240115": "history",
        "40007716": "history",
    }
