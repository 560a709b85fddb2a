"""`make soak`, its fourth part: the memory of what takes and reads a feed, over as many messages as are asked for.

    python tests/faults/soak_feed_memory.py [--messages 1000000] [--json report.json]

Ends with 1 when, in the second half of the messages, memory grows by more than `MOST_MB` for each 100,000.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent))

from faultlab.feed_memory import listener_memory, reader_memory

MOST_MB = 3.0


def main() -> None:
    """Both, one after the other."""
    parser = argparse.ArgumentParser(description="See whether the memory of listening and reading stays flat.")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--json", default="", help="write the report there too")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hub-feed-") as folder:
        courses = [listener_memory(Path(folder), told.messages, _say), reader_memory(told.messages, _say)]
    for course in courses:
        for line in course.lines():
            _say(line)
    if told.json:
        Path(told.json).write_bytes(msgspec.json.format(msgspec.json.encode(courses)))
    flat = all(course.grown_mb < MOST_MB for course in courses)
    _say("flat" if flat else "FAILED: it grows")
    sys.exit(0 if flat else 1)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
