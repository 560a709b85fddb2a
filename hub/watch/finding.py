"""A finding: one thing that was looked at, how it stands, and what to do where it is not well."""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["ok", "warning", "alarm"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`key` is a code of `hub.watch.catalogue` and, behind a colon, which one (`disk.low:data`): the same when it
    is well and when it is not. `what` says what was looked at and how it stands, `why` what is wrong with that,
    `fix` what a person can do; none of them holds a patient's value.
    """

    key: str
    ok: bool
    level: Level
    what: str
    why: str = ""
    fix: str = ""
    owner: str = "it"

    @property
    def code(self) -> str:
        """The key without which one it is about."""
        return self.key.partition(":")[0]
