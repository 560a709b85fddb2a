"""A short time of an EHR that changes, with everything that networks and kills do; the long one is in `make soak`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins" / "ehr_fhir" / "tests"))

from faultlab.fhir_soak import FhirSoak, Plan

pytestmark = pytest.mark.campaign

FEW = Plan(changes=120, rate=20.0, kills=1, faults=0.03, storm_every=60.0, seed=3, first_seconds=3.0)


def test_an_ehr_that_changes(tmp_path: Path) -> None:
    """REST with SMART sign-in, an export and push, through 429s, half bodies, resets and tokens that end, and
    kill -9: visits, charges, diagnoses, coverages and claims are those of a hub that is given the last state once, no
    visit has two claims, `hub verify` is clean, and nothing of a patient and no secret stands in logs or files.
    """
    report = FhirSoak(tmp_path, FEW).run()
    assert report.wrong == [], "\n".join(report.lines())
    assert report.kills > FEW.kills
    assert report.exports_fetched >= 1
    assert sum(report.faults.values()) > 0
