"""What notifications name without sending it: left for the next pull, which fetches it."""

from __future__ import annotations

import msgspec

from hub.plugin.api import Misconfigured


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Resources to fetch, as (type, id); `anew`: whatever changed since the last look is looked for again, since
    something was told of that nobody named. `why` is a code of ours.
    """

    refs: tuple[tuple[str, str], ...] = ()
    anew: bool = False
    why: str = ""

    def __repr__(self) -> str:
        return f"Wanted({len(self.refs)} resources, anew={self.anew})"

    def __bool__(self) -> bool:
        return bool(self.refs) or self.anew

    def encode(self) -> bytes:
        """As an errand's body."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, body: bytes) -> Wanted:
        """From an errand's body; raises `Misconfigured` for one that this plugin did not write."""
        try:
            return msgspec.json.decode(body, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Misconfigured(
                "an errand is not one of this source", fix="tell the author of the plugin"
            ) from None
