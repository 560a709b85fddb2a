"""Real files of others through the whole path: as they are nearly all are held, and with the overlay some bill.

`python tests/flow/test_shared_files.py` writes tests/golden/verdicts.json anew; it refuses to overwrite one that
says otherwise unless --force is given.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hub.cli.demo.command import read_inputs
from hub.cli.demo.job import Job
from hub.sandbox.options import SandboxOptions
from hub.store import View
from hub.testing.overlay import DEMO

pytestmark = pytest.mark.campaign

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("HUB_SHARED_DATA") or ROOT.parent / "shared" / "data")
GOLDEN = ROOT / "tests" / "golden" / "verdicts.json"
PATTERNS = ("fhir/synthea-r4-bundles/*.json", "hl7/*/DFT_*.hl7", "hl7/*/BAR_*.hl7", "hl7/*/ADT_*.hl7")
NEVER = ("hl7/*/ORU_*.hl7", "hl7/*/ORM_*.hl7", "hl7/*/VXU_*.hl7")
"""Kinds of message that never bill, whatever they carry: some of them hold FT1 segments."""
Verdicts = dict[str, Any]


def files(patterns: tuple[str, ...] = PATTERNS) -> list[Path]:
    """The real files, in the order in which they are taken."""
    return sorted(path for pattern in patterns for path in SHARED.glob(pattern))


def _run(work: Path, paths: list[Path], overlay: Path | None) -> Verdicts:
    """One run of the main job on these files: what became of them, and of everything that they led to."""
    job = Job(work=work, all_history=True, options=SandboxOptions(plain=True))
    altered: Counter[str] = Counter()
    try:
        app = job.run(read_inputs(paths, overlay, job.start, altered), settle_days=40)
        with app.store.view() as view:
            found = _verdicts(view, paths)
        found["troubles"] = [f"{one.step} {one.error} {one.place}" for one in job.troubles]
        found["printed"] = len(list((work / "partner" / "private" / "printer").rglob("*.pdf")))
    finally:
        job.close()
    return found


def _verdicts(view: View, paths: list[Path]) -> Verdicts:
    reasons: dict[str, set[str]] = {}
    for item in view.work.list(limit=100_000, open_only=False):
        reasons.setdefault(item.aggregate_id, set()).add(item.reason)
    claims: dict[str, set[str]] = {}
    for row in view.claims.each():
        for id_ in row.record.encounter_ids:
            claims.setdefault(id_, set()).add(row.id)
    encounters = [
        {
            "source": row.col("source"),
            "key": row.record.key,
            "state": row.state,
            "reasons": sorted(
                set().union(*(reasons.get(id_, set()) for id_ in (row.id, *claims.get(row.id, ()))))
            ),
        }
        for row in view.encounters.each()
    ]
    return {
        "messages": _messages(view, reasons),
        "encounters": sorted(encounters, key=lambda one: (one["source"], one["key"], one["state"])),
        "claims": dict(sorted(view.claims.tally().items())),
        "statements": dict(sorted(view.statements.tally().items())),
        "files": len(paths),
    }


def _messages(view: View, reasons: dict[str, set[str]]) -> dict[str, int]:
    """How many messages came to each disposition, for which reasons."""
    told: Counter[str] = Counter()
    for item in view.inbox.find(limit=100_000):
        if item.kind == "message":
            said = ", ".join(sorted(reasons.get(item.id, set()) | set(item.reason.split())))
            told[f"{item.source} {item.state}" + (f": {said}" if said else "")] += 1
    return dict(sorted(told.items()))


def _once(folder: Path, name: str, paths: list[Path], overlay: Path | None) -> Verdicts:
    """The verdicts of a run that is made once for all workers."""
    told = folder / f"verdicts-{name}.json"
    with (folder / f"verdicts-{name}.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not told.exists():
            told.write_text(json.dumps(_run(folder / f"verdicts-{name}", paths, overlay)))
    found: Verdicts = json.loads(told.read_text())
    return found


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers share; or a skip that says where the files should be."""
    if len(files()) < 100:
        pytest.skip(f"the real sample files are not at hand (looked in {SHARED.name}; set HUB_SHARED_DATA)")
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def plain(shared: Path) -> Verdicts:
    """The files as they are."""
    return _once(shared, "plain", files(), None)


@pytest.fixture(scope="session")
def overlaid(shared: Path) -> Verdicts:
    """The files as the demonstration's overlay alters them."""
    return _once(shared, "overlaid", files(), DEMO)


def _golden() -> dict[str, Verdicts]:
    found: dict[str, Verdicts] = json.loads(GOLDEN.read_text())
    return found


def test_verdicts_as_they_are(plain: Verdicts) -> None:
    """Each real file, message and encounter comes to the state and the reasons that the golden names."""
    assert plain == _golden()["plain"]


def test_verdicts_with_the_overlay(overlaid: Verdicts) -> None:
    """The same for the files as the overlay alters them."""
    assert overlaid == _golden()["overlaid"]


def test_nothing_bills_as_it_is(plain: Verdicts) -> None:
    """Even where nothing is history, no real file makes a claim: each encounter is held, waits or never bills."""
    assert plain["claims"] == {}
    assert plain["troubles"] == []
    states = Counter(one["state"] for one in plain["encounters"])
    assert states["held"] > 20
    assert not set(states) & {"claimed", "coded"}
    assert all(one["reasons"] for one in plain["encounters"] if one["state"] == "held")


def test_the_overlay_lets_them_bill(overlaid: Verdicts) -> None:
    """With the overlay at least fifteen claims are answered, and a statement is printed."""
    assert overlaid["claims"].get("paid", 0) + overlaid["claims"].get("denied", 0) >= 15
    assert sum(overlaid["statements"].values()) > 0
    assert overlaid["printed"] > 0
    assert overlaid["troubles"] == []


def test_charges_outside_dft_and_bar_never_bill(shared: Path) -> None:
    """Results, orders and vaccinations make no encounter and no charge, with the overlay and with FT1 in them."""
    paths = files(NEVER)
    assert any(b"\rFT1|" in path.read_bytes().replace(b"\n", b"\r") for path in paths)
    found = _once(shared, "never", paths, DEMO)
    assert (found["encounters"], found["claims"], found["troubles"]) == ([], {}, [])


def main(words: list[str]) -> int:
    """Write the golden anew."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        made = {"plain": _run(work / "plain", files(), None), "overlaid": _run(work / "overlaid", files(), DEMO)}
    text = json.dumps(made, indent=1, sort_keys=True) + "\n"
    if GOLDEN.exists() and GOLDEN.read_text() != text and "--force" not in words:
        sys.stderr.write("the golden says otherwise; look why, then give --force\n")
        return 1
    GOLDEN.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
