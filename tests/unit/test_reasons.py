"""The page of reasons is what the code says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from hub.watch.labels import AREAS, CALLS

ROOT = Path(__file__).parents[2]


def test_the_page_of_reasons_is_current() -> None:
    """docs/reference/reasons.md is what `python tools/reasons.py` writes: run it after adding a reason. Words that
    a line before gives a name to are told, too.
    """
    spec = importlib.util.spec_from_file_location("reasons", ROOT / "tools" / "reasons.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs" / "reference" / "reasons.md").read_text()
    assert page == module.reasons()
    assert page.count("\n| `") > 80
    for named_before in ("`fhir.json` | this is not a JSON object", "`visit.test` | the patient is marked"):
        assert named_before in page


def test_metrics_know_every_reason_and_every_call() -> None:
    """What a label may say (hub/watch/labels.py) has the first word of each reason, but for those that a preview
    alone tells, and each method that is called of a plugin.
    """
    page = (ROOT / "docs" / "reference" / "reasons.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `") and "/previewing/" not in line]
    assert {row[3:].partition(".")[0] for row in rows} <= {*AREAS}
    ports = (ROOT / "hub" / "plugin" / "host" / "ports.py").read_text()
    assert set(re.findall(r'_?guard\.(?:call|each|iterate|serve)\(\s*"(\w+)"', ports)) <= {*CALLS}
