"""Runs `hub` as a person would, in this process: what it prints, and how it ends."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hub.cli.main import main

X12 = Path(__file__).parents[1] / "x12"


class Ran(SimpleNamespace):
    """How a command ended: `code`, `out`, `err`."""

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """`hub("x12", "validate", path, stdin=b"...")`."""

    def run(*words: object, stdin: bytes = b"") -> Ran:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        monkeypatch.setattr(sys, "argv", ["hub", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as ended:
            main()
        monkeypatch.undo()
        code = ended.value.code
        return Ran(
            code=code if isinstance(code, int) else int(code is not None),
            out=out.buffer.getvalue().decode(),  # type: ignore[attr-defined]
            err=err.buffer.getvalue().decode(),  # type: ignore[attr-defined]
        )

    return run


@pytest.fixture(scope="session")
def good() -> Callable[[str], Path]:
    """A file without a fault by its name, such as `837p_two_claims`."""
    return lambda name: X12 / "pass" / f"{name}.x12"


@pytest.fixture(scope="session")
def bad() -> Callable[[str], Path]:
    """A file with one fault by its name, such as `837p_se_count`."""
    return lambda name: X12 / "fail" / f"{name}.x12"
