"""What stands under deploy/ fits the hub: units that systemd accepts, options that exist, no address of anybody."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from hub.cli.main import app
from hub.config.unattended import Run
from hub.node.plan import ROLES

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = ("hub.service", "hub@.service")
HUB = "/opt/billing-hub/bin/hub"


@pytest.fixture(autouse=True)
def there() -> None:
    """Installed packages do not carry this folder."""
    if not DEPLOY.is_dir():
        pytest.skip("deploy/ is not beside this checkout")


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_unit(name: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing wrong, and the sandbox of the service is a tight one."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not on this machine")
    text = (DEPLOY / "systemd" / name).read_text().replace(HUB, sys.executable)
    unit = tmp_path / name.replace("@.", "@worker.")
    unit.write_text(text)
    told = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False)
    about_ours = [line for line in told.stderr.splitlines() if "hub" in line]
    assert (about_ours, told.returncode) == ([], 0), told.stderr


@pytest.mark.parametrize("name", UNITS)
def test_the_drain_fits_into_the_stop(name: str) -> None:
    """Systemd waits longer than the drain; a reload is SIGHUP; a fault of the settings does not restart for ever."""
    text = (DEPLOY / "systemd" / name).read_text()
    stop = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert stop is not None
    assert int(stop[1]) > Run().drain_seconds + 10
    for line in (
        "Type=notify",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "RestartPreventExitStatus=2",
        "TimeoutStartSec=infinity",
        f"ExecStart={HUB} run",
    ):
        assert line in text.splitlines()


def test_backups_go_where_the_service_may_write() -> None:
    """Both recipes name a backup folder below the one folder that the service may write: the default counts from the
    settings, which are read-only there; and the units show how to open a further folder.
    """
    guide = DEPLOY.parent / "docs" / "how-to" / "run-unattended.md"
    for path in (guide, DEPLOY / "container" / "compose.yaml"):
        named = re.search(r"\[backup\]\W+folder = \"([^\"]+)\"", path.read_text())
        assert named is not None, path
        assert named[1].startswith("/var/lib/billing-hub/"), path
    for name in UNITS:
        assert "#ReadWritePaths=" in (DEPLOY / "systemd" / name).read_text()


def test_every_service_comes_back_after_a_reboot() -> None:
    """A machine that was started again starts every container that nobody stopped, also those that had ended well."""
    text = (DEPLOY / "container" / "compose.yaml").read_text()
    assert set(re.findall(r"^\s+restart: (\S+)", text, re.MULTILINE)) == {"unless-stopped"}


def test_named_options_exist() -> None:
    """Each variable of the environment and each role that deploy/ names is one that `hub run` reads."""
    command = typer.main.get_command(app)
    run = command.commands["run"]  # type: ignore[attr-defined]
    known = {str(one.envvar) for one in run.params if one.envvar} | {"HUB_STORE", "HUB_TRACE_PLUGINS", "HUB_USER"}
    for path in DEPLOY.rglob("*"):
        text = path.read_text() if path.is_file() else ""
        assert set(re.findall(r"\bHUB_[A-Z_]+\b", text)) <= known, path
        for roles in re.findall(r"--roles, \"([a-z,]+)\"|HUB_ROLES=([a-z,]+)", text):
            assert set(",".join(filter(None, roles)).split(",")) <= set(ROLES), path


def test_images_have_plain_names() -> None:
    """No registry and no address stands here: whoever builds says where from."""
    for path in DEPLOY.rglob("*"):
        text = path.read_text() if path.is_file() else ""
        found = set(re.findall(r"\b[a-z]+://[^\s'\"]+", text))
        assert all("127.0.0.1" in one or one.startswith(("file:///", "postgresql://")) for one in found), path
        for image in re.findall(r"^(?:FROM|\s+image:) (\S+)", text, re.MULTILINE):
            assert "/" not in image, path
