"""FHIR R4 in one interleaved run: Encounters with their neighbours, NDJSON to canonical, beside fhir.resources.

An encounter comes as US Core servers have it: its Patient (2.3 KB), Coverage (1.4 KB), two Conditions (1.0 KB), the
Encounter (1.3 KB), three ChargeItems (0.7 KB) and a Procedure, in NDJSON pieces of about a MiB, each with the
practitioners, the organisation and the location of the practice. Codes are those of one practice (three hundred
HCPCS codes, five hundred diagnoses). No two encounters share a patient, an id, a time, a name or an amount; one
resource in twenty has something that its kind seldom has (an unusual extension, a year for a date, a name in another
script), so that no memory of verdicts is flattered. Counted is the way from the bytes of a piece to canonical
Encounters with their charges: `read`, and the pure functions of hub.flow.visits.assembly on its facts; nothing is
stored. Beside it stands fhir.resources (R4B): of the first of the same pieces the JSON decoded and every resource
validated, by `model_validate` (`model_validate_json` is slower). Rates are medians of rounds of processor time.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from figures import Figure, peak_rss_mb, tell

ROUNDS = {True: 5, False: 9}
ENCOUNTERS = {True: 300, False: 1_000}
STREAM = {True: 50_000, False: 1_000_000}
PIECE = 1 << 20
FIRST = ("Ada", "Bea", "Cal", "Dee", "Eli", "Fay", "Gus", "Hal", "Ida", "Joy")
LAST = ("Quill", "Hale", "Marsh", "Pike", "Rowe", "Stark", "Vance", "Wren", "York", "Zeal")
CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
TERMS = "http://terminology.hl7.org/CodeSystem/"
Resource = dict[str, Any]


def measure(quick: bool) -> list[Figure]:
    """Every figure of the reader."""
    rate, size = race(ENCOUNTERS[quick], ROUNDS[quick])
    told = f"{size:,.0f} bytes in nine resources each, to Encounters with charges; read alone"
    beside = f"fhir.resources validates {rate['fhir.resources']:,.0f} encounters/s"
    return [
        figure("fhir.encounters_s_every", rate["every"], "encounters/s", f"{told} {rate['every, read']:,.0f}"),
        figure("fhir.encounters_s_sample", rate["sample"], "encounters/s", f"{told} {rate['sample, read']:,.0f}"),
        figure("fhir.encounters_s_quarantine", rate["quarantine"], "encounters/s", "only what cannot be read"),
        figure("fhir.ratio_resources", rate["sample"] / rate["fhir.resources"], "", f"sample; {beside}"),
        figure("fhir.ratio_resources_every", rate["every"] / rate["fhir.resources"], "", f"every; {beside}"),
        *memory(STREAM[quick]),
    ]


def figure(name: str, value: float, unit: str, beside: str) -> Figure:
    """A figure with three digits that count."""
    return Figure(name=name, value=float(f"{value:.3g}"), unit=unit, beside=beside)


def race(count: int, rounds: int) -> tuple[dict[str, float], float]:
    """Encounters a second of each, the median of rounds in which everybody takes a turn; and their mean size.

    Every round has other encounters, so that nobody has seen one before. Garbage is looked for as seldom as the hub's
    own processes do it, for everybody alike.
    """
    from hub import garbage

    runners = {
        name: runner for mode in ("every", "sample", "quarantine") for name, runner in of_mode(mode).items()
    }
    took: dict[str, list[float]] = {name: [] for name in (*runners, "fhir.resources")}
    size = 0.0
    for turn in range(-1, rounds):  # the first is for whoever imports at first use
        numbers = range((turn + 1) * count, (turn + 2) * count)
        pieces = pieces_of(numbers)
        size = sum(map(len, pieces)) / count
        for name, work in runners.items():
            began = time.process_time()
            whole = sum(map(work, pieces))
            took[name].append((time.process_time() - began) / count)
            assert whole == count, (name, whole)
        began = time.process_time()
        judge(pieces[0])  # one of the same pieces: it needs milliseconds for an encounter
        judged = pieces[0].count(b'{"resourceType":"Encounter"')
        took["fhir.resources"].append((time.process_time() - began) / judged)
        if turn < 0:
            garbage.settle()
    return {name: 1 / statistics.median(times[1:]) for name, times in took.items()}, size


def of_mode(mode: str) -> dict[str, Callable[[bytes], int]]:
    """What one mode of validation does with a piece: the whole way, and reading alone; each counts encounters."""
    from hub_ehr_fhir.mapping.reading import read
    from hub_ehr_fhir.settings import FhirSettings

    from hub.model.facts import EncounterFact

    settings = FhirSettings.model_validate({"validate": mode, "time_zone": "America/Chicago"})

    def whole(piece: bytes) -> int:
        return canonical(read(piece, True, settings).facts)

    def alone(piece: bytes) -> int:
        return sum(isinstance(fact, EncounterFact) for fact in read(piece, True, settings).facts)

    return {mode: whole, f"{mode}, read": alone}


def canonical(facts: tuple[Any, ...]) -> int:
    """Facts to canonical Encounters and Charges, as the flow puts them together; the number of encounters."""
    from hub.flow.visits import assembly
    from hub.model.facts import ChargeFact, CoverageFact, DiagnosisFact, EncounterFact

    policy = assembly.Policy(source="bench", bill_from=date(2020, 1, 1))
    coverages, diagnoses, charges = defaultdict(list), defaultdict(list), defaultdict(list)
    visits: list[EncounterFact] = []
    for fact in facts:
        if isinstance(fact, ChargeFact):
            charges[fact.encounter_key].append(fact)
        elif isinstance(fact, DiagnosisFact):
            diagnoses[fact.encounter_key].append(fact)
        elif isinstance(fact, CoverageFact):
            coverages[fact.patient_key].append(fact)
        elif isinstance(fact, EncounterFact):
            visits.append(fact)
    whole = 0
    for visit in visits:
        mine, on = charges[visit.key], assembly.service_day(visit, policy.zone)
        encounter = assembly.encounter_of(
            visit, patient_id=visit.patient_key, source_key=visit.key, source="bench",
            diagnoses=assembly.diagnoses_of(visit, diagnoses[visit.key], mine),
            coverages=assembly.coverages_of(coverages[visit.patient_key], policy, on),
        )  # fmt: skip
        lines = [
            assembly.charge_of(one, patient_id=visit.patient_key, encounter_id=visit.key, source="bench")
            for one in mine
        ]
        whole += len(lines) == 4 and bool(encounter.diagnoses) and bool(encounter.coverages)
    return whole


def judge(piece: bytes) -> None:
    """fhir.resources' own way: JSON to Python, and each resource through its model."""
    import msgspec
    from fhir.resources.R4B import get_fhir_model_class

    for line in piece.splitlines():
        resource = msgspec.json.decode(line)
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def pieces_of(numbers: range) -> list[bytes]:
    """Encounters as NDJSON pieces, each with the practice's own resources first."""
    shared, pieces, lines, size = practice(), [], [], 0
    for number in numbers:
        for resource in encounter(number):
            lines.append(json.dumps(resource, separators=(",", ":"), ensure_ascii=number % 2 == 0).encode())
            size += len(lines[-1])
        if size > PIECE or number == numbers[-1]:
            pieces.append(b"\n".join([*shared, *lines, b""]))
            lines, size = [], 0
    return pieces


def practice() -> list[bytes]:
    """The resources that encounters share: an organisation, a location, forty practitioners."""
    firm = {
        "resourceType": "Organization", "id": "org1", "active": True, "name": "Lakeside Family Practice",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}],
        "address": [{"line": ["1 Lake Rd"], "city": "Salem", "state": "OR", "postalCode": "97301"}],
    }  # fmt: skip
    place = {"resourceType": "Location", "id": "loc1", "status": "active", "name": "Lakeside Main"}
    people = [
        {
            "resourceType": "Practitioner", "id": f"pr{n}",
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": npi(n)}],
            "name": [{"family": LAST[n % 10], "given": [FIRST[n // 10], "K"], "suffix": ["MD"]}],
        }
        for n in range(40)
    ]  # fmt: skip
    return [json.dumps(resource).encode() for resource in (firm, place, *people)]


def npi(number: int) -> str:
    """A number with the check digit of an NPI."""
    from hub.codes import is_npi

    return next(text for digit in range(10) if is_npi(text := f"{100000000 + number * 7919}{digit}"))


def encounter(number: int) -> Iterator[Resource]:
    """One encounter and its neighbours, each with something seldom in one case of twenty."""
    random = Random(number)  # noqa: S311 - chance for synthetic resources
    some = random.randrange
    day, clock = f"2026-{some(1, 13):02}-{some(1, 29):02}", f"{some(8, 18):02}:{some(60):02}:{some(60):02}"
    meta = {"versionId": str(some(1, 9)), "lastUpdated": f"{day}T{clock}.{some(1000):03}Z"}
    who, visit = {"reference": f"Patient/p{number}"}, {"reference": f"Encounter/e{number}"}
    doctor = {"reference": f"Practitioner/pr{some(40)}", "display": f"Dr. {random.choice(LAST)}"}
    yield seldom(random, patient(number, random, meta))
    yield seldom(random, coverage(number, random, meta, who))
    for n in (1, 2):
        yield seldom(random, condition(f"c{number}-{n}", random, meta, who, visit, day))
    yield seldom(random, the_visit(number, random, meta, who, doctor, day, clock))
    for n in (1, 2, 3):
        yield seldom(random, charge(f"i{number}-{n}", random, meta, who, visit, doctor, day))
    yield seldom(random, {
        "resourceType": "Procedure", "id": f"d{number}", "meta": meta, "status": "completed", "subject": who,
        "encounter": visit, "performedPeriod": {"start": f"{day}T{clock}-06:00", "end": f"{day}T23:59:59-06:00"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": str(10**7 + some(300))}]},
        "performer": [{"actor": doctor}],
    })  # fmt: skip


def seldom(random: Random, resource: Resource) -> Resource:
    """One in twenty gets what its kind seldom has; all of it is valid R4."""
    stamp = resource["meta"]["lastUpdated"]
    resource["meta"] = {**resource["meta"], "lastUpdated": f"{stamp[:-4]}{random.randrange(1000):03}Z"}
    if random.random() > 0.05:
        return resource
    name = f"https://example.org/fhir/{random.choice(LAST)}-{random.randrange(10**6)}"
    odd: list[Resource] = [
        {"extension": [{"url": name, "valueDuration": {"value": random.randrange(90), "unit": "min"}}]},
        {"language": "en-US", "implicitRules": name},
        {"text": {"status": "generated", "div": f"<div xmlns='http://www.w3.org/1999/xhtml'>{name}</div>"}},
        {"extension": [{"url": name, "valueString": "李"}]},
        {"extension": [{"url": name, "extension": [{"url": "a", "valueBoolean": True}]}]},
        {"meta": {**resource["meta"], "profile": [name], "lastUpdated": "2026-06-30T23:59:60Z"}},
    ]
    return {**resource, **random.choice(odd)}


def patient(number: int, random: Random, meta: Resource) -> Resource:
    """A US Core Patient."""
    some = random.randrange
    race_ = {
        "system": "urn:oid:2.16.840.1.113883.6.238",
        "code": f"2{some(999):03}-{some(9)}",
        "display": "Group",
    }
    text = {"url": "text", "valueString": f"Group {some(900)}"}
    family, given = f"{random.choice(LAST)}{number:x}", random.choice(FIRST)
    home = {"use": "home", "line": [f"{some(1, 9999)} Elm St", f"Apt {some(99)}"], "city": "Salem",
            "district": "MARION", "state": "OR", "postalCode": f"97{some(999):03}", "country": "US"}  # fmt: skip
    return {
        "resourceType": "Patient", "id": f"p{number}", "meta": {**meta, "profile": [f"{CORE}us-core-patient"]},
        "extension": [
            *({"url": f"{CORE}us-core-{what}", "extension": [{"url": "ombCategory", "valueCoding": race_}, text]}
              for what in ("race", "ethnicity")),
            {"url": f"{CORE}us-core-birthsex", "valueCode": random.choice("MF")},
        ],
        "identifier": [
            {"use": "usual", "system": f"urn:oid:1.2.36.{some(9999)}", "value": f"MRN{number:08}",
             "type": {"coding": [{"system": f"{TERMS}v2-0203", "code": "MR"}], "text": "Record number"}},
            {"use": "old", "system": f"urn:oid:1.2.36.{some(9999)}", "value": f"E{some(10**8)}",
             "type": {"text": "External"}, "period": {"end": f"201{some(10)}-05-0{some(1, 9)}"}},
            {"system": "http://hl7.org/fhir/sid/us-medicare", "value": f"1EG4-TE{some(10)}-MK{number}"},
        ],
        "active": True, "gender": random.choice(("male", "female", "unknown")),
        "name": [{"use": "official", "text": f"{given} Q {family}", "family": family, "given": [given, "Q"]},
                 {"use": "usual", "text": f"{given} {family}", "family": family, "given": [given]}],
        "telecom": [{"system": "phone", "value": f"503-555-{some(9999):04}", "use": "home"},
                    {"system": "phone", "value": f"503-555-{some(9999):04}", "use": "mobile", "rank": 1},
                    {"system": "email", "value": f"x{number}@example.org"}],
        "birthDate": f"19{some(20, 99)}-{some(1, 13):02}-{some(1, 29):02}", "deceasedBoolean": False,
        "address": [home],
        "maritalStatus": {"coding": [{"system": f"{TERMS}v3-MaritalStatus", "code": random.choice("MSDW")}]},
        "contact": [{"relationship": [{"coding": [{"system": f"{TERMS}v2-0131", "code": "C"}], "text": "Emergency"}],
                     "name": {"use": "usual", "text": f"{random.choice(FIRST)} {family}"},
                     "telecom": [{"system": "phone", "value": f"503-555-{some(9999):04}"}]}],
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en"}]}, "preferred": True}],
        "generalPractitioner": [{"reference": f"Practitioner/pr{some(40)}", "type": "Practitioner"}],
        "managingOrganization": {"reference": "Organization/org1", "display": "Lakeside Family Practice"},
    }  # fmt: skip


def coverage(number: int, random: Random, meta: Resource, who: Resource) -> Resource:
    """A Coverage with a plan, a group and a period."""
    plan = random.randrange(12)
    member = {"coding": [{"system": f"{TERMS}v2-0203", "code": "MB", "display": "Member Number"}]}
    return {
        "resourceType": "Coverage", "id": f"v{number}", "meta": meta, "status": "active", "beneficiary": who,
        "type": {"coding": [{"system": f"{TERMS}v3-ActCode", "code": "EHCPOL", "display": "extended healthcare"}],
                 "text": "Commercial"},
        "subscriber": who, "policyHolder": who,
        "identifier": [{"type": member, "system": "https://example.org/member", "use": "usual",
                        "value": f"M{random.randrange(10**9):09}", "assigner": {"display": f"Payer {plan}"}}],
        "subscriberId": f"S{random.randrange(10**9):09}", "order": random.randrange(1, 3), "dependent": "01",
        "relationship": {"coding": [{"system": f"{TERMS}subscriber-relationship", "code": "self"}]},
        "period": {"start": f"2025-01-{random.randrange(1, 29):02}", "end": "2027-12-31"},
        "payor": [{"identifier": {"system": "https://example.org/payer", "value": f"PAYER{plan:03}"},
                   "display": f"Payer {plan} of Oregon"}],
        "class": [{"type": {"coding": [{"system": f"{TERMS}coverage-class", "code": kind}]},
                   "value": f"{kind[:3].upper()}{random.randrange(9999)}", "name": f"{kind} {plan}"}
                  for kind in ("group", "plan", "subplan")],
        "network": f"Network {plan}",
    }  # fmt: skip


def condition(key: str, random: Random, meta: Resource, who: Resource, visit: Resource, day: str) -> Resource:
    """A diagnosis of the encounter, with its ICD-10-CM code."""
    code, snomed = f"{random.choice('EIJKM')}{10 + random.randrange(90)}.0", str(10**7 + random.randrange(500))
    return {
        "resourceType": "Condition", "id": key, "subject": who, "encounter": visit,
        "meta": {**meta, "profile": [f"{CORE}us-core-condition-encounter-diagnosis"]},
        "clinicalStatus": {"coding": [{"system": f"{TERMS}condition-clinical", "code": "active"}], "text": "Active"},
        "verificationStatus": {"coding": [{"system": f"{TERMS}condition-ver-status", "code": "confirmed"}]},
        "category": [{"coding": [{"system": f"{TERMS}condition-category", "code": "encounter-diagnosis"}],
                      "text": "Encounter Diagnosis"}],
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code, "display": "Condition"},
                            {"system": "http://snomed.info/sct", "code": snomed}],
                 "text": f"Condition {random.randrange(9999)}"},
        "onsetDateTime": day, "recordedDate": day,
        "recorder": {"reference": f"Practitioner/pr{random.randrange(40)}"},
    }  # fmt: skip


def the_visit(
    number: int, random: Random, meta: Resource, who: Resource, doctor: Resource, day: str, clock: str
) -> Resource:
    """A finished ambulatory Encounter with a participant, a place and two ranked diagnoses."""
    code = str(10**7 + random.randrange(40))
    return {
        "resourceType": "Encounter", "id": f"e{number}", "status": "finished", "subject": who,
        "meta": {**meta, "profile": [f"{CORE}us-core-encounter"]},
        "identifier": [{"use": "official", "system": "https://example.org/visit", "value": f"V{number:09}"}],
        "class": {"system": f"{TERMS}v3-ActCode", "code": "AMB", "display": "ambulatory"},
        "type": [{"coding": [{"system": "http://snomed.info/sct", "code": code}], "text": "Office visit"}],
        "participant": [{"type": [{"coding": [{"system": f"{TERMS}v3-ParticipationType", "code": "PPRF"}]}],
                         "individual": doctor}],
        "period": {"start": f"{day}T{clock}-06:00", "end": f"{day}T23:{random.randrange(60):02}:00-06:00"},
        "diagnosis": [{"condition": {"reference": f"Condition/c{number}-{n}"}, "rank": n,
                       "use": {"coding": [{"system": f"{TERMS}diagnosis-role", "code": "billing"}]}} for n in (1, 2)],
        "location": [{"location": {"reference": "Location/loc1", "display": "Lakeside Main"}}],
        "serviceProvider": {"reference": "Organization/org1"},
    }  # fmt: skip


def charge(
    key: str, random: Random, meta: Resource, who: Resource, visit: Resource, doctor: Resource, day: str
) -> Resource:
    """A billable ChargeItem with a HCPCS code, units and a price."""
    cents, code = Decimal(random.randrange(1000, 90000)), f"{random.choice('GJQT')}{random.randrange(1000, 1075)}"
    return {
        "resourceType": "ChargeItem", "id": key, "meta": meta, "status": "billable", "subject": who, "context": visit,
        "identifier": [{"system": "https://example.org/charge", "value": f"T{random.randrange(10**9)}"}],
        "code": {"coding": [{"system": f"{TERMS}HCPCS", "code": code}], "text": f"Service {random.randrange(999)}"},
        "occurrenceDateTime": day, "quantity": {"value": random.randrange(1, 5)},
        "priceOverride": {"value": float(cents / 100), "currency": "USD"},
        "performer": [{"actor": doctor}], "performingOrganization": {"reference": "Organization/org1"},
        "enterer": doctor, "enteredDate": f"{day}T23:59:59Z",
    }  # fmt: skip


def memory(count: int) -> list[Figure]:
    """Peak memory of a program of its own that reads so many resources, beside what it was after a tenth of them."""
    command = [sys.executable, __file__, "--stream", str(count)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    early, peak = map(float, done.stdout.split())
    return [
        figure(
            "fhir.peak_rss_mb", peak, "MB", f"{count:,} resources, all different; {early:.0f} MB after a tenth"
        )
    ]


def stream(count: int) -> None:
    """Read resources as they are made, keeping none, and print the memory after a tenth and in the end, in MB."""
    from hub_ehr_fhir.mapping.reading import read
    from hub_ehr_fhir.settings import FhirSettings

    settings, early, done, step = FhirSettings(), 0.0, 0, 500
    while done * 9 < count:
        for piece in pieces_of(range(done, done + step)):
            read(piece, True, settings)
        done += step
        early = early or (peak_rss_mb() if done * 90 >= count else 0.0)
    print(early, peak_rss_mb())


if __name__ == "__main__":
    if "--stream" in sys.argv:
        stream(int(sys.argv[2]))
    else:
        tell(measure)
