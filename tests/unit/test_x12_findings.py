"""The page of X12 findings is what the code says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _page() -> str:
    spec = importlib.util.spec_from_file_location("x12_findings", ROOT / "tools" / "x12_findings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.page())


def test_the_page_of_findings_is_current() -> None:
    """docs/reference/x12-findings.md is what `python tools/x12_findings.py` writes: run it after adding a rule."""
    assert (ROOT / "docs" / "reference" / "x12-findings.md").read_text() == _page()


def test_every_finding_that_a_fixture_expects_is_on_the_page() -> None:
    """No code that a file with one fault shows is missing from the page, nor without words."""
    page = (ROOT / "docs" / "reference" / "x12-findings.md").read_text()
    codes = {
        one["code"]
        for path in (ROOT / "tests" / "x12" / "fail").glob("*.json")
        for one in json.loads(path.read_text())
    }
    assert {code for code in codes if f"| `{code}` |" not in page} == set()
