"""What a user installs is a wheel, not this folder: it must carry its templates and work in an empty place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.testing.installed import install

pytestmark = pytest.mark.campaign

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = (ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml")))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All our distributions, built as wheels and unpacked side by side."""
    into = tmp_path_factory.mktemp("wheels")
    for project in DISTRIBUTIONS:
        install(project, into)
    return into / "site"


def hub(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the installed `hub` in `folder`, with nothing of the repository on its path but its dependencies."""
    environment = {**os.environ, "PYTHONPATH": str(site), "HUB_SFTP_KEY": "none", "HUB_MASTER_KEY": ""}
    command = [sys.executable, "-c", "from hub.cli.main import main; main()", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_wheels_are_what_runs(site: Path, tmp_path: Path) -> None:
    """The installed packages are imported, not the editable ones of the repository."""
    code = "import hub, hub_ehr_fhir, hub_sftp_transfer; print(hub.__file__, hub_ehr_fhir.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(site)}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.count(str(site)) == 2


def test_init_and_check_work_in_an_empty_folder(site: Path, tmp_path: Path) -> None:
    """`hub init` writes the templates that came in the wheel, and `hub check` finds them good."""
    made = hub(site, tmp_path, "init")
    assert made.returncode == 0, made.stderr
    assert {path.name for path in (tmp_path / "config").glob("*.toml")} >= {"hub.toml", "payers.toml"}
    checked = hub(site, tmp_path, "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_check_tells_the_line_of_a_fault(site: Path, tmp_path: Path) -> None:
    """A misspelt key is told with its file and line, and the exit code says that the hub may not start."""
    hub(site, tmp_path, "init")
    settings = tmp_path / "config" / "hub.toml"
    lines = settings.read_text().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if line.startswith("zone ="))
    settings.write_text(settings.read_text().replace("zone =", "zoen =", 1))
    checked = hub(site, tmp_path, "check")
    assert checked.returncode == 1
    assert f"hub.toml:{number}" in checked.stdout


def test_init_never_overwrites(site: Path, tmp_path: Path) -> None:
    """A second `hub init` in the same place refuses and says what to do."""
    hub(site, tmp_path, "init")
    again = hub(site, tmp_path, "init")
    assert again.returncode == 2
    assert "already stands there" in again.stderr
