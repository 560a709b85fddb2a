"""One checked tree of settings, read once.

    loaded = load(folder)            never raises: `loaded.faults` tells all at once
    loaded.settings.payers["ppo"]    the checked tree
    loaded.locate(("hub", "data"))   file and line, for checks that come later

The questions that the flow asks (fee, route, payer of a token) are methods of `Settings`.
"""

from __future__ import annotations

from hub.config.faults import Fault, Path, dotted
from hub.config.load import Loaded, load
from hub.config.schema import json_schema
from hub.config.secrets import SecretStore
from hub.config.settings import FILES, Settings

__all__ = ["FILES", "Fault", "Loaded", "Path", "SecretStore", "Settings", "dotted", "json_schema", "load"]
