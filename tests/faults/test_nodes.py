"""Three nodes on one PostgreSQL: whatever dies, every claim ends where it must, no lane ever runs twice at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from faultlab.nodes import Campaign, Plan

pytestmark = pytest.mark.campaign

FEW = Plan(claims=96, practices=6, feed_each=6, kill_seconds=7, every_seconds=3, sleep_each=2, dead_seconds=1.5)


def test_nodes_die_and_nothing_is_lost(tmp_path: Path, pg_url: str) -> None:
    """Nodes are killed and put to sleep while six mailboxes are at work: the partners received what the hub sent,
    once each, all of it is paid and posted, every promise holds; the journal of lanes shows no two runs at once and
    no transfer under an older token; what the dead had begun was taken over soon.
    """
    report = Campaign(tmp_path, pg_url, FEW).run()
    assert report.wrong == [], "\n".join([*report.lines(), *_logs(tmp_path)])
    assert report.claims == FEW.claims
    assert report.kills >= 2
    assert all(seconds < 30 for seconds in report.take_over_seconds)


def _logs(folder: Path) -> list[str]:
    return [log.read_text()[-2000:] for log in sorted(folder.glob("node-*.log"))]
