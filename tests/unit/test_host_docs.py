"""The pages for plugin authors say what the code does."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hub.plugin.host import ConnectorSpec, PluginHost, contexts
from hub.testing import reference
from hub.testing.fakes import FakeContext, FakeSecrets
from hub.testing.installed import install, on_path

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"^`([\w/.]+)`\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", reference.hooks())
def test_every_hook_is_documented(name: str) -> None:
    """Each hook has its heading with exactly the arguments that it has."""
    arguments = ", ".join(
        f"{it.name}: {it.annotation}" for it in inspect.signature(reference.hooks()[name]).parameters.values()
    )
    assert f"### `{name}({arguments}) -> " in (DOCS / "reference" / "hooks.md").read_text()


def test_the_page_is_as_written() -> None:
    """The page is what `python -m hub.testing.reference docs/reference/hooks.md` writes."""
    assert (DOCS / "reference" / "hooks.md").read_text() == reference.page()


def test_every_method_of_every_port_is_documented() -> None:
    """Nothing that the host calls is missing from the page."""
    page = reference.page()
    for port in reference.PORTS:
        for name, member in vars(port).items():
            if not name.startswith("_") and inspect.isfunction(member):
                assert f"{reference.signature(name, member)}`" in page


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The how-to's files, as a reader would type them."""
    project = tmp_path / "rental-csv"
    for name, text in FENCE.findall((DOCS / "how-to" / "write-a-plugin.md").read_text()):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    return project


def _load(folder: Path) -> Any:
    maker = contexts(clock=FakeContext().clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None)
    spec = ConnectorSpec(plugin="rental_csv", settings={"folder": str(folder)})
    return PluginHost.load({"shop": spec}, context_for=maker)


def test_the_example_loads_and_works(example: Path, tmp_path: Path) -> None:
    """What the how-to shows is installed, found by its entry point, and does what it says."""
    (tmp_path / "march.csv").write_bytes(
        b"key,patient,day,code,amount\nr1,p1,2026-03-01,E0601,89.50\nr2,p1,2026-02-30,E0601,1.00\n"
    )
    with on_path(install(example, tmp_path / "installed")):
        host, faults = _load(tmp_path)
        assert faults == ()
        shop = host.source("shop")
        (message,) = shop.changes("").messages
        reading = shop.read(message.body, message.content_type)
        assert [fact.key for fact in reading.facts] == ["r1"]
        assert [problem.where for problem in reading.problems] == ["line 3"]
        lines = (SimpleNamespace(modifiers=("RR",), units=2), SimpleNamespace(modifiers=(), units=2))
        claim: Any = SimpleNamespace(lines=lines)
        assert [finding.where for finding in host.scrub_rules()["rental.units"](claim)] == ["line 1 units"]
        host.close()


@pytest.mark.campaign
def test_the_example_passes_its_kit(example: Path, tmp_path: Path) -> None:
    """The example's own tests, run as its author would run them, all pass."""
    with on_path(install(example, tmp_path / "installed")):
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(example),
            str(example),
        ]
        said = subprocess.run(command, check=False, capture_output=True, text=True, cwd=example)
    assert said.returncode == 0, said.stdout
    assert "skipped" not in said.stdout
