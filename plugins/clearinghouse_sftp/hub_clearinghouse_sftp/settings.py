"""A clearinghouse connection's settings: a preset, and what differs from it."""

from __future__ import annotations

import difflib
from typing import Any

from hub_sftp_transfer import MailboxSettings
from pydantic import model_validator

from hub_clearinghouse_sftp.presets import presets


class ClearinghouseSettings(MailboxSettings):
    """`preset` fills in what the partner is known for; every key stated beside it wins.

    `sends` and `receives` override which transactions the account is enabled for.
    """

    preset: str = "generic"
    sends: tuple[str, ...] = ()
    receives: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        known = presets()
        name = str(given.get("preset", "generic"))
        preset = known.get(name)
        if preset is None:
            close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.4)
            meant = f"; did you mean {close[0]}?" if close else ""
            raise ValueError(f"preset must be one of {', '.join(sorted(known))}{meant}")
        enabled = {"sends": preset.sends, "receives": preset.receives}
        return {**enabled, **preset.settings, **given}
