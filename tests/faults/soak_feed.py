"""`make soak`, its third part: a hospital's day of HL7 messages over MLLP to a hub that is killed again and again.

    python tests/faults/soak_feed.py [--messages 100000] [--kills 20] [--postgres] [--json report.json]

Everything that senders do happens: repeats, wrong order, torn messages, noise, several connections, poison. What is
poisoned is mended by commands. Then `hub verify` must be clean, and the books, visits, charges and people those of a
hub that got each message once and in order.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent))

from faultlab.feed_day import FeedDay, Plan

from hub.testing.postgres import DURABLE, OwnServer


def main() -> None:
    """Ends with 1 when something is not as it must be."""
    told = _arguments()
    with ExitStack() as ending:
        folder = Path(told.keep or ending.enter_context(tempfile.TemporaryDirectory(prefix="hub-feed-")))
        store = ending.enter_context(OwnServer(DURABLE)).database() if told.postgres else ""
        plan = Plan(
            messages=told.messages,
            kills=told.kills,
            poison=told.poison,
            connections=told.connections,
            merges=told.merges,
            watch="10s",
            seed=told.seed,
            store=store,
        )
        report = FeedDay(folder, plan, _say).run()
    for line in report.lines():
        _say(line)
    if told.json:
        Path(told.json).write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    _say("FAILED" if report.wrong else "nothing lost, nothing twice, every promise kept, all as undisturbed")
    sys.exit(1 if report.wrong else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Send a day of HL7 to a hub that dies, and prove that all is well."
    )
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--poison", type=int, default=2, help="of a thousand messages")
    parser.add_argument("--connections", type=int, default=6)
    parser.add_argument(
        "--merges", type=int, default=2, help="weight among a hundred or so: see hub.testing.hl7_feed"
    )
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, not on SQLite")
    parser.add_argument("--seed", type=int, default=1, help="the same seed sends the same messages")
    parser.add_argument("--keep", default="", help="a folder that stays, to look at")
    parser.add_argument("--json", default="", help="write the report there too")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
