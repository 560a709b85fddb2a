"""Lets the tests of the flow import `flowlab`, which stands beside this folder, and type command lines."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


@pytest.fixture
def hub(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Runs one command line on the hub of `folder`: exit code, standard output, standard error."""
    from flowlab.command_line import typed

    return typed(folder, capsys, monkeypatch)
