"""Installs a plugin's distribution for a test, as a wheel in a folder of its own, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def install(project: Path, into: Path) -> Path:
    """Build `project` (a folder with a pyproject.toml) and unpack its wheel in `into`; needs hatchling.

    Returns the folder to put on the import path: its metadata, and so its entry points, are found there.
    """
    wheels = into / "wheels"
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(wheels)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)  # noqa: S603 - our own command
    site = into / "site"
    for wheel in wheels.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(site)
    return site


@contextmanager
def on_path(site: Path) -> Iterator[None]:
    """Put `site` on the import path, here and (by PYTHONPATH) in processes that are started meanwhile."""
    before = os.environ.get("PYTHONPATH")
    sys.path.insert(0, str(site))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(site), before)))
    try:
        yield
    finally:
        sys.path.remove(str(site))
        _forget(site)
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _forget(site: Path) -> None:
    """Unload what was imported from `site`."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(site)):
            del sys.modules[name]
