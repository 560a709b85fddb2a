"""`make soak`, its second part: three nodes, fifty mailboxes, one node killed every 20 seconds for five minutes.

    python tests/faults/soak_nodes.py [--claims 100000] [--feed-seconds 0] [--json report.json]

All nodes share one PostgreSQL that writes every commit through to the disk. Encounters come as files to fifty
practices as fast as the nodes take them; the kills begin with the first. When five minutes are over the rest is done
in peace. `--feed-seconds` bounds how long encounters come, for a machine that cannot carry them all.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent))

from faultlab.nodes import Campaign, Plan

from hub.testing.postgres import DURABLE, OwnServer

PRACTICES = 50


def main() -> None:
    """Ends with 1 when something is not as it must be."""
    told = _arguments()
    plan = Plan(
        feed_each=25,
        claims=told.claims,
        practices=PRACTICES,
        kill_seconds=told.kill_seconds,
        every_seconds=20,
        feed_seconds=told.feed_seconds,
        seed=told.seed,
    )
    with tempfile.TemporaryDirectory(prefix="hub-nodes-") as folder, OwnServer(DURABLE) as server:
        report = Campaign(Path(folder), server.database(), plan, _say).run()
    for line in report.lines():
        _say(line)
    if told.json:
        Path(told.json).write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    _say("FAILED" if report.wrong else "every claim where it must be; no lane ran twice at once; no stale write")
    sys.exit(1 if report.wrong else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Kill nodes of a hub while it works, and prove that nothing is lost."
    )
    parser.add_argument("--claims", type=int, default=100_000)
    parser.add_argument("--kill-seconds", type=float, default=300)
    parser.add_argument(
        "--feed-seconds", type=float, default=0, help="encounters come at most so long; 0: all come"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed strikes the same nodes")
    parser.add_argument("--json", default="", help="write the report there too")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
