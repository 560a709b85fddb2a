"""`make bench`: runs the benches, prints what they measured and against what, writes bench/results.json.

A bench is a module of this folder with `measure(quick) -> list[Figure]`. Each runs in a process of its own, so
that memory is its own. Figures are numbers of this machine at this hour: compare ratios.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BENCHES = ("path", "nodes", "runner", "cli", "x12", "hl7_feeds", "fhir_ingest", "million")


def main() -> int:
    """Run the chosen benches; 0 when all of them measured something."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=BENCHES)
    parser.add_argument("--quick", action="store_true", help="within about a minute")
    chosen = parser.parse_args()
    figures: list[dict[str, object]] = []
    for name in (chosen.only,) if chosen.only else BENCHES:
        command = [sys.executable, str(HERE / f"{name}.py"), *(["--quick"] if chosen.quick else [])]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
        if done.returncode:
            print(f"bench {name} failed", file=sys.stderr)
            return 1
        figures += json.loads(done.stdout.splitlines()[-1])
    results = HERE / "results.json"
    results.write_text(json.dumps({str(f["name"]): f["value"] for f in figures}, indent=2) + "\n")
    draw(figures)
    print(f"written to {results.relative_to(Path.cwd()) if results.is_relative_to(Path.cwd()) else results}")
    return 0


def draw(figures: list[dict[str, object]]) -> None:
    """One line a figure: name, value, unit, and what it stands beside."""
    width = max(len(str(f["name"])) for f in figures)
    for figure in figures:
        print(f"{figure['name']:<{width}}  {figure['value']:>12,} {figure['unit']:<10} {figure['beside']}")


if __name__ == "__main__":
    sys.exit(main())
