"""How drawn examples are made in every test here, and what no test leaves to the machine's speed."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# a machine that is busy with something else makes an example slow: that proves nothing, and may not fail a test
settings.register_profile(
    "hub",
    settings.get_profile("ci" if os.environ.get("CI") else "default"),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("hub")
