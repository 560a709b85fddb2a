"""Tests of this folder have modules of their own beside them (`fhirlab`)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
if "fhirlab" not in sys.modules:  # tests of the flow use it too, and may have come first
    pytest.register_assert_rewrite("fhirlab")
