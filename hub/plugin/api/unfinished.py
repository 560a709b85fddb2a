"""What the settings of a plugin raise where nothing in them is wrong, and something is still to be filled in."""

from __future__ import annotations


class Unfinished(ValueError):
    """Raised by a validator of a whole table, as in `auth = secret needs client_secret`: `hub connector add` then
    writes the connector, not yet enabled, and says what it lacks. Any other `ValueError` says that what was given is
    wrong, and nothing is written. `hub check` tells both as faults.
    """
