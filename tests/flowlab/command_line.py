"""The command line as a test types it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.cli import main

Ran = tuple[int, str, str]
"""Exit code, standard output, standard error."""


def typed(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """Runs one command line on the hub of a settings folder."""

    def run(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["hub", *words, "-c", str(folder)])
        with pytest.raises(SystemExit) as ended:
            main.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run
