"""Loads a fuzzer beside this file as a module, under a name that nothing else has."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType


def fuzzer(name: str) -> ModuleType:
    """The program `name`.py of this folder."""
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
