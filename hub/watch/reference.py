"""Writes the reference page of findings and metrics from the code: `python -m hub.watch.reference FILE`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from hub.watch.catalogue import KINDS
from hub.watch.metrics import COUNTERS, GAUGES

HEAD = """# Findings and metrics

Made from the code by `python -m hub.watch.reference docs/reference/findings.md`; a test keeps it current. How to
watch a hub: [watch](../how-to/watch.md).

## Findings

What `hub doctor` says, what becomes an alarm or stands in the daily digest, and what `hub_findings` counts: the code
is the name of the alarm. Behind a colon stands which one it is about, as in `disk.low:data` or
`lane.held:clearinghouse:dispatch.send`. An alarm goes out at once, a warning waits for the digest. Words in braces
differ from case to case. Open work items for IT are alarms too, under `work.` and their
[reason](reasons.md), as in `work.dispatch.in_doubt:clearinghouse`.

| code | level | who | when | why it matters | do |
|---|---|---|---|---|---|
"""
METRICS = """
## Metrics

What `/metrics` tells, in the text format of Prometheus, beside the usual `process_` ones. A label's value is a name
of the settings, a step or a code; whatever else would stand there is `other`. Those of one node are counted since its
start; those of the store are the same on every node, and are kept for ten seconds or longer.

| metric | kind | labels | what it says |
|---|---|---|---|
| `hub_build_info` | gauge | version | The hub's version |
"""


def reference() -> str:
    """The page, in Markdown."""
    return HEAD + "\n".join(_findings()) + "\n" + METRICS + "\n".join(_metrics()) + "\n"


def _findings() -> Iterator[str]:
    for kind in KINDS.values():
        cells = (f"`{kind.code}`", kind.level, kind.owner, kind.when, kind.why, kind.fix)
        yield f"| {' | '.join(cells)} |"


def _metrics() -> Iterator[str]:
    for kind, suffix, table in (("gauge", "", GAUGES), ("counter", "_total", COUNTERS)):
        for name, (said, labels) in table.items():
            yield f"| `{name}{suffix}` | {kind} | {', '.join(labels)} | {said} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
