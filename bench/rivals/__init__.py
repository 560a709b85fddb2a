"""Counterparts that cannot live in our environment: each gets one of its own, where it can be made."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
HOME = HERE.parents[1] / ".bench"


class Rival:
    """A package with a lock beside this module and a script that times it; `missing` says why it is not there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.missing = ""
        self._python = HOME / name / "bin" / "python"
        if not self._python.exists():
            self._make()

    def seconds(self, data: bytes) -> float:
        """How long the rival takes for a file, without its start and without its imports."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            command = [str(self._python), str(HERE / f"{self.name}.py"), file.name]
            return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    def _make(self) -> None:
        home = self._python.parents[1]
        uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
        if uv is None:
            self.missing = "no uv to make its environment with"
            return
        lock = str(HERE / f"{self.name}.lock")
        steps = (
            [uv, "venv", "-q", "--python", sys.executable, str(home)],
            [uv, "pip", "install", "-q", "--require-hashes", "--python", str(self._python), "-r", lock],
        )
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True, check=False)
            if done.returncode:
                self.missing = "its environment could not be made"
                shutil.rmtree(home, ignore_errors=True)
                return
