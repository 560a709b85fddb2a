"""Fuzzes the FHIR reader: whatever bytes come, it never raises, ends in time, and loses no good resource.

    python tests/fuzz/fhir_reader.py --runs 1000000          damaged Bundles and NDJSON, the same for the same seed
    python tests/fuzz/fhir_reader.py --replay fuzz-out/X     one saved input again, with its traceback

No problem may show a value: the names and numbers of the seeds are words that nothing else says.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import mutating
from hub_ehr_fhir.mapping.reading import read_whole as read
from hub_ehr_fhir.settings import FhirSettings
from x12 import LONGEST_SECONDS, Campaign, deadline, peak_bytes, run_plain, tell

MOST_BYTES = 24_000
VALUES = re.compile(r"QXV\w{2}")
"""Every value of the seeds that a problem could show begins so."""
MODES = tuple(
    FhirSettings.model_validate({"validate": mode, "time_zone": zone, "visit_types_are_charges": visits})
    for mode, zone, visits in (
        ("every", "UTC", False),
        ("sample", "America/Chicago", True),
        ("quarantine", "UTC", False),
    )
)
Resource = dict[str, Any]
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, "", " ", "QXVOD", [], {}, [None], [[]], {"QXVKE": "QXVVA"}, "2026-02-30", "#",
    "?a=b|c", "/",
    "2026-01-05T24:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "urn:uuid:", "Patient/",
    "//", "DELETE",
    {"reference": "#QXVIN"}, {"coding": [{"code": "", "system": ""}]}, "x" * 3000, "\ud7ff", "\u0000",
     "Bundle", 10**30,
)  # fmt: skip
TOKENS = (
    b"", b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"\n", b"\r\n", b"\xef\xbb\xbf", b"\xff", b"\xc3",
    b"\x00", b"null",
    b"1e400", b"1e-99999999999999999999", b"9" * 5000, b"-0", b"0.1e+5", b"NaN", b"Infinity", b'"\\ud800"',
    b"[" * 3000,
    b'{"a":' * 2000, b'{"extension":[' * 1500, b'"resourceType":"Bundle",', b'"resourceType":"Group",',
    b'"id":"QXVDU",',
    b'"contained":[{"resourceType":"Patient"}],', b"//", b"<xml/>",
)  # fmt: skip


def family(name: str) -> list[Resource]:
    """A patient and all that belongs to one visit of theirs; nothing in it points to another family."""
    patient, visit = {"reference": f"Patient/QXV{name}p"}, {"reference": f"Encounter/QXV{name}e"}
    doctor, code = {"reference": f"Practitioner/QXV{name}d", "display": "QXVIda QXVHale"}, {"code": "G0438"}
    head: list[Resource] = [
        {"resourceType": "Organization", "id": f"QXV{name}o", "name": "QXVOrg"},
        {"resourceType": "Practitioner", "id": f"QXV{name}d", "name": [{"family": "QXVHale",
         "given": ["QXVIda"]}]},
        {"resourceType": "Patient", "id": f"QXV{name}p", "birthDate": "1980-02-03", "gender": "female",
         "meta": {"lastUpdated": "2026-01-06T00:00:00Z", "versionId": "2"}, "name": [{"family": "QXVLa",
         "given": ["QXVFi"]}],
         "identifier": [{"system": "urn:x:m", "value": "QXVMR"}], "telecom": [{"system": "phone",
         "value": "QXV555"}],
         "address": [{"line": ["QXVSt"], "city": "QXVCi", "state": "OR", "postalCode": "97301"}]},
        {"resourceType": "Coverage", "id": f"QXV{name}v", "status": "active", "beneficiary": patient,
         "order": 1,
         "subscriberId": "QXVSU", "payor": [{"identifier": {"value": "QXVPA"}, "display": "QXVPayer"}],
         "contained": [{"resourceType": "Organization", "id": "QXVIN", "name": "QXVInner"}]},
        {"resourceType": "Account", "id": f"QXV{name}a", "status": "active", "subject": [patient],
         "coverage": [{"coverage": {"reference": f"Coverage/QXV{name}v"}, "priority": 1}],
         "guarantor": [{"party": patient}]},
    ]  # fmt: skip
    tail: list[Resource] = [
        {"resourceType": "Condition", "id": f"QXV{name}c", "subject": patient, "encounter": visit,
         "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "J02.9"}],
         "text": "QXVDx"}},
        {"resourceType": "Encounter", "id": f"QXV{name}e", "status": "finished", "subject": patient,
         "class": {"code": "AMB"},
         "period": {"start": "2026-01-05T09:00:00-06:00"}, "participant": [{"individual": doctor}],
         "diagnosis": [{"condition": {"reference": f"Condition/QXV{name}c"}, "rank": 1}],
         "type": [{"coding": [code]}]},
        {"resourceType": "ChargeItem", "id": f"QXV{name}i", "status": "billable", "subject": patient,
         "context": visit,
         "code": {"coding": [code]}, "quantity": {"value": 2}, "priceOverride": {"value": 12.30,
         "currency": "USD"},
         "occurrenceDateTime": "2026-01-05", "performer": [{"actor": doctor}]},
        {"resourceType": "Procedure", "id": f"QXV{name}q", "status": "completed", "subject": patient,
         "encounter": visit,
         "code": {"coding": [{"system": "http://snomed.info/sct", "code": "65546002"}]},
         "performedDateTime": "2026-01-05"},
    ]  # fmt: skip
    return [*head, *tail]


def bundled(resources: list[Resource], kind: str = "collection") -> Resource:
    """A Bundle of them."""
    entry = [{"fullUrl": f"urn:uuid:{n}", "resource": one} for n, one in enumerate(resources)]
    return {"resourceType": "Bundle", "type": kind, "timestamp": "2026-01-06T01:00:00Z", "entry": entry}


def lines(documents: list[Any]) -> bytes:
    """NDJSON."""
    return b"\n".join(json.dumps(one).encode() for one in documents)


def seeds() -> list[bytes]:
    """Bundles, NDJSON, a resource alone, a Bundle in a Bundle, deletions."""
    some = family("SE")
    gone = {"request": {"method": "DELETE", "url": "Encounter/QXVSEe"}}
    deleting = {"resourceType": "Bundle", "type": "transaction", "entry": [gone]}
    documents = (bundled(some), bundled(some, "transaction"), *some, bundled([bundled(some), deleting]), deleting)
    found = [json.dumps(one).encode() for one in documents]
    return [*found, lines(some), lines([bundled(some), *some]), json.dumps(bundled(some), indent=1).encode()]


def mutated(base: list[bytes], random: Random) -> bytes:
    """One damaged message: a seed, and from one to eight mutations on it."""
    return mutating.mutated(base, random, MUTATIONS, MOST_BYTES)


def _insert(data: bytes, random: Random, _base: list[bytes]) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice(TOKENS) + data[at:]


def _graft(data: bytes, random: Random, base: list[bytes]) -> bytes:
    pieces, others = data.split(b","), random.choice(base).split(b",")
    at = random.randint(0, len(pieces))
    pieces[at:at] = others[random.randrange(len(others)) :][: random.randint(1, 12)]
    return b",".join(pieces)


def _value(data: bytes, random: Random, _base: list[bytes]) -> bytes:
    """One value of a document that is JSON still, or the nearest quoted text of one that is not."""
    try:
        document = json.loads(data)
        spoil(document, random)
        return json.dumps(document).encode()
    except (ValueError, TypeError, RecursionError):
        texts = data.split(b'"')
        texts[random.randrange(len(texts))] = json.dumps(random.choice(ODD)).encode()
        return b'"'.join(texts)


def spoil(document: Any, random: Random) -> None:
    """Puts something odd in a place of a document."""
    spots = [document]
    for each in spots:
        inner = each.values() if isinstance(each, dict) else each
        spots += [one for one in inner if isinstance(one, dict | list) and one]
    holder = random.choice(spots)
    key = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key] = json.loads(json.dumps(random.choice(ODD)))


MUTATIONS: tuple[Callable[[bytes, Random, list[bytes]], bytes], ...] = (
    mutating.flip, _insert, mutating.cut_out, _graft, _value, _value,
)  # fmt: skip


def one_input(data: bytes) -> None:
    """Puts the bytes through the reader; raises when it breaks one of its promises."""
    chance = sum(data[:400]) + len(data)
    settings = MODES[chance % len(MODES)]
    for ndjson in (False, True):
        found = read(data, ndjson, settings)
        if chance % 7 == 0:
            assert read(data, ndjson, settings) == found, "the same bytes were read in two ways"
        _said_nothing(found.problems)
        assert found.facts or found.problems or found.not_billable or found.pieces or not data.strip(), (
            "nothing told"
        )
    _beside_good_ones(data, chance)


def _said_nothing(problems: Any) -> None:
    for problem in problems:
        assert problem.where, "a problem without a place"
        assert not VALUES.search(f"{problem.where} {problem.why} {problem.fix}"), f"{problem.code} shows a value"


GOOD = family("GO")
WHOLE = {(type(fact), fact.key) for fact in read(lines(GOOD), True, MODES[0]).facts}


def _beside_good_ones(data: bytes, chance: int) -> None:
    """A bad line, or a bad entry of a Bundle that is JSON, takes nothing of a family that it does not touch."""
    at = chance % (len(GOOD) + 1)
    bad = data.replace(b"\n", b" ").replace(b"QXVGO", b"QXVNO")
    before, after = lines(GOOD[:at]), lines(GOOD[at:])
    found = read(b"\n".join((before, bad, after)), True, MODES[0])
    assert {(type(fact), fact.key) for fact in found.facts} >= WHOLE, "a bad line took a good one with it"
    try:
        entry = json.loads(bad)
        text = json.dumps(entry, allow_nan=False)
    except (ValueError, RecursionError):
        return
    bundle = bundled(GOOD)
    bundle["entry"].insert(at, "MARK")
    raw = json.dumps(bundle).replace('"MARK"', text if chance % 2 else f'{{"resource": {text}}}').encode()
    found = read(raw, False, MODES[0])
    assert {(type(fact), fact.key) for fact in found.facts} >= WHOLE, "a bad entry took a good one with it"


class FhirCampaign(Campaign):
    """A run over damaged messages; deterministic by `seed`."""

    def __init__(self, seed: int, save: Path | None) -> None:
        self._one_input = one_input
        self.seed, self.save, self.base = seed, save, seeds()
        self.ran = self.largest = 0
        self.failed: list[tuple[int, str, bytes]] = []
        self._peak = peak_bytes()

    def input(self, number: int) -> bytes:
        """The damaged message with this number, whatever ran before."""
        return mutated(self.base, Random(f"{self.seed}/{number}"))  # noqa: S311 - chance for tests


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--save", type=Path, default=Path("fuzz-out"))
    parser.add_argument("--replay", type=Path)
    asked = parser.parse_args()
    if asked.replay is not None:
        with deadline(LONGEST_SECONDS):
            one_input(asked.replay.read_bytes())
        tell("nothing is wrong with this input")
        return 0
    return run_plain(asked.runs, asked.seed, asked.save, FhirCampaign)


if __name__ == "__main__":
    raise SystemExit(main())
