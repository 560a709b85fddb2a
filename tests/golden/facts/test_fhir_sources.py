"""Every real FHIR source as a whole: what its files come to together, as canonical encounters and charges.

Counts and which fields are filled are golden, and a digest of the whole result; content is not. After a change that
is meant, run `python tests/golden/facts/test_fhir_sources.py --force` and read the difference.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hub_ehr_fhir.mapping.pieces import reached
from hub_ehr_fhir.mapping.reading import read, read_joined
from hub_ehr_fhir.settings import FhirSettings

from hub.flow.visits.assembly import Policy, charge_of, coverages_of, diagnoses_of, encounter_of
from hub.model.encounter import Charge, Encounter
from hub.model.facts import AnyFact, ChargeFact, CoverageFact, DiagnosisFact, EncounterFact, PatientFact, Piece

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("HUB_SHARED_DATA") or HERE.parents[2].parent / "shared" / "data") / "fhir"
GOLDEN = HERE / "fhir_sources.json"
POLICY = Policy(source="ehr", bill_from=date(2000, 1, 1))
SETTINGS = FhirSettings(visit_types_are_charges=True)
Found = dict[tuple[str, str], AnyFact]
F = TypeVar("F")


def facts_of(files: Iterable[Path]) -> Found:
    """The facts that hold after all files of a source: the newest of each, pieces read with what they link to."""
    told = [read(path.read_bytes(), ndjson=path.suffix == ".ndjson", settings=SETTINGS) for path in files]
    pieces: dict[str, Piece] = {}
    for piece in (piece for one in told for piece in one.pieces):
        if piece.key not in pieces or pieces[piece.key].version <= piece.version:
            pieces[piece.key] = piece
    told += [read_joined(one, reached(one, pieces), SETTINGS) for one in pieces.values() if one.links]
    found: Found = {}
    for fact in (fact for one in told for fact in one.facts):
        at = (type(fact).__name__, fact.key)
        if at not in found or found[at].version <= fact.version:
            found[at] = fact
    return found


def every(found: Found, kind: type[F]) -> list[F]:
    """The facts of a kind."""
    return [fact for fact in found.values() if isinstance(fact, kind)]


def canonical(found: Found) -> tuple[list[Encounter], list[Charge]]:
    """Encounters and charges as the hub puts them together, without payers."""
    charges = [fact for fact in every(found, ChargeFact) if fact.active]
    encounters = []
    for fact in every(found, EncounterFact):
        mine = [one for one in every(found, CoverageFact) if one.encounter_key == fact.key]
        mine = mine or [
            one
            for one in every(found, CoverageFact)
            if one.patient_key == fact.patient_key and not one.encounter_key
        ]
        apart = [one for one in every(found, DiagnosisFact) if one.encounter_key == fact.key]
        done = [one for one in charges if one.encounter_key == fact.key]
        encounters.append(
            encounter_of(
                fact,
                patient_id=fact.patient_key,
                source_key=fact.key,
                source="ehr",
                diagnoses=diagnoses_of(fact, apart, done),
                coverages=coverages_of(mine, POLICY, fact.started_at.date() if fact.started_at else None),
            )
        )
    return encounters, [
        charge_of(one, patient_id=one.patient_key, encounter_id=one.encounter_key, source="ehr")
        for one in charges
    ]


def filled(records: Iterable[Any]) -> dict[str, int]:
    """How many records there are, and in how many of them a field is not at its default."""
    names = Counter[str]()
    for record in records:
        names["all"] += 1
        names.update(json.loads(msgspec.json.encode(record)).keys())
    return dict(sorted(names.items()))


def summary(source: str) -> dict[str, Any]:
    """What a source came to, without anything of what it says."""
    files = sorted(path for path in (SHARED / source).rglob("*") if path.suffix in {".json", ".ndjson"})
    found = facts_of(files)
    encounters, charges = canonical(found)
    whole = [*sorted(encounters, key=lambda e: e.key), *sorted(charges, key=lambda c: c.key)]
    return {
        "ready": sum(fact.ready for fact in every(found, EncounterFact)),
        "encounters": filled(encounters),
        "charges": filled(charges),
        "patients": filled(fact.patient for fact in every(found, PatientFact)),
        "coverages": filled(every(found, CoverageFact)),
        "digest": hashlib.sha256(msgspec.json.encode(whole)).hexdigest()[:16],
    }


def sources() -> list[str]:
    """The sources that are at hand."""
    return sorted(path.name for path in SHARED.iterdir() if path.is_dir()) if SHARED.is_dir() else []


@pytest.mark.parametrize("source", sources() or [""])
def test_every_source_gives_its_golden_result(source: str) -> None:
    """All files of a real source together come to the encounters and charges that its golden says."""
    if not source:
        pytest.skip("the real fhir samples are not at hand (set HUB_SHARED_DATA)")
    assert summary(source) == json.loads(GOLDEN.read_text())[source]


def regenerate(*, force: bool) -> None:
    """Write the golden file anew; refuses to replace it without `--force`."""
    if GOLDEN.exists() and not force:
        raise SystemExit(f"{GOLDEN.name} exists: look at what changed, then run with --force")
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(summary(name))}" for name in sources())
    GOLDEN.write_text("{\n" + rows + "\n}\n")


if __name__ == "__main__":
    regenerate(force="--force" in sys.argv)
