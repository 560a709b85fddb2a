"""Lets the tests of the flow import `flowlab`, which stands beside this folder, and type command lines."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The contract tests hold both databases to the same; the flow runs on the second one with the campaigns."""
    for item in items:
        if HERE in item.path.parents and "postgresql" in item.name:
            item.add_marker(pytest.mark.campaign)


@pytest.fixture
def hub(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Runs one command line on the hub of `folder`: exit code, standard output, standard error."""
    from flowlab.command_line import typed

    return typed(folder, capsys, monkeypatch)
