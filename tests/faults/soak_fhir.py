"""`make soak`, its fifth part: a practice's EHR that tells a hub by REST, Bulk Data and push what changes, through a
network that spoils it, while the hub is killed again and again.

    python tests/faults/soak_fhir.py [--changes 20000] [--kills 100] [--rate 10] [--seed 1] [--json report.json]

Everything that EHRs do happens: late charges and diagnoses, corrections, cancellations, deletions, re-creations.
Then `hub verify` must be clean, and visits, charges, diagnoses, coverages and claims those of a hub that is given the
EHR's last state once; nothing of a patient and no secret is in the logs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import msgspec

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "plugins" / "ehr_fhir" / "tests")]

from faultlab.fhir_soak import FhirSoak, Plan  # noqa: E402


def main() -> None:
    """Ends with 1 when something is not as it must be."""
    told = _arguments()
    with ExitStack() as ending:
        folder = Path(told.keep or ending.enter_context(tempfile.TemporaryDirectory(prefix="hub-fhir-")))
        plan = Plan(
            changes=told.changes,
            kills=told.kills if told.kills >= 0 else told.changes // 130,
            rate=told.rate,
            faults=told.faults,
            seed=told.seed,
        )
        report = FhirSoak(folder, plan, _say).run()
    for line in report.lines():
        _say(line)
    if told.json:
        Path(told.json).write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    _say("FAILED" if report.wrong else "nothing lost, nothing twice, all as undisturbed")
    sys.exit(1 if report.wrong else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Live through an EHR's weeks, and prove that all is well.")
    parser.add_argument("--changes", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=-1, help="default: one of 130 changes")
    parser.add_argument("--rate", type=float, default=10.0, help="changes a second")
    parser.add_argument("--faults", type=float, default=0.06, help="the part of answers that is spoilt")
    parser.add_argument("--seed", type=int, default=1, help="the same seed changes the same")
    parser.add_argument("--keep", default="", help="a folder that stays, to look at")
    parser.add_argument("--json", default="", help="write the report there too")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
