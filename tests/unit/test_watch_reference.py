"""The page of findings and metrics is the code's own, and the how-to names only what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.watch.catalogue import KINDS, bad, good
from hub.watch.metrics import COUNTERS, GAUGES
from hub.watch.reference import reference

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_current() -> None:
    """docs/reference/findings.md is what `python -m hub.watch.reference` writes."""
    assert (DOCS / "reference" / "findings.md").read_text() == reference()


@pytest.mark.parametrize("page", ["watch.md", "when-something-breaks.md"])
def test_the_how_to_names_findings_and_metrics_that_exist(page: str) -> None:
    """A metric that a page names is measured, and a finding that the section on the doctor names is one."""
    text = (DOCS / "how-to" / page).read_text()
    metrics = set(re.findall(r"\bhub_[a-z_]+", text))
    assert {name.removesuffix("_total") for name in metrics} <= {*GAUGES, *COUNTERS}
    section = text.partition("## What the doctor says")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([a-z]+\.[a-z]+)`", section)) <= set(KINDS)


@pytest.mark.parametrize("code", KINDS)
def test_every_row_is_whole(code: str) -> None:
    """Each finding says when it is made, why it matters and what to do, in words that end nowhere in the middle."""
    kind = KINDS[code]
    assert re.fullmatch(r"[a-z]+\.[a-z]+", code)
    assert kind.when
    assert kind.why
    assert kind.fix
    for words in (kind.when, kind.why, kind.fix):
        assert "|" not in words
        assert not words.endswith((".", " "))


def test_a_finding_is_made_from_its_row() -> None:
    """What a finding says comes from its row, filled in; what is well says neither why nor what to do."""
    wrong = bad("outbox.waiting", "clearinghouse", "3 files", name="clearinghouse")
    assert wrong.key == "outbox.waiting:clearinghouse"
    assert wrong.code == "outbox.waiting"
    assert wrong.fix == "run: hub connector test clearinghouse; see hub files list"
    right = good("outbox.waiting", "", "none")
    assert (right.key, right.ok, right.level, right.why, right.fix) == ("outbox.waiting", True, "ok", "", "")
