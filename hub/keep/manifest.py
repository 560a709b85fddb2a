"""What a backup says of itself: which hub made it, when, of what, and what must be found in it again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from hub.errors import Misconfigured
from hub.keep.archive import Header, Member
from hub.store import Damaged
from hub.store.copies import Held
from hub.store.migrations import HEAD

Told = Callable[[str, int, int], None]
"""Hears which part of the work is under way, how much of it is done, and of how much."""


def unheard(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The last member of a backup; it is encrypted as the others are."""

    id: str
    made_at: datetime
    hub: str
    held: Held
    settings: Member
    database: Member
    left_out: tuple[str, ...]
    secrets: tuple[str, ...]
    master_key: str
    """Where the settings look for the master key: the reference, never the key."""


def not_newer(header: Header) -> None:
    """Refuse a backup whose tables a newer hub has made."""
    if header.schema > HEAD:
        raise Misconfigured(
            f"the backup was made by a newer hub ({header.hub}, tables at {header.schema}; this hub knows {HEAD})",
            fix=f"install that version of the hub, or a later one, and restore with it: {header.hub}",
        )


def same_members(manifest: Manifest, found: dict[str, Member]) -> None:
    """Every member is what the manifest says."""
    for name, wanted in (("settings", manifest.settings), ("database", manifest.database)):
        if found.get(name) != wanted:
            raise Damaged(f"member {name} is not what the manifest of the backup says")


def differences(wanted: Held, found: Held) -> list[str]:
    """What was restored against what was backed up, in words; empty when they agree."""
    told = []
    if wanted.schema != found.schema:
        told.append(f"the tables stand at {found.schema or 'nothing'}, not at {wanted.schema or 'nothing'}")
    for name in sorted(wanted.counts.keys() | found.counts.keys()):
        before, after = wanted.counts.get(name, 0), found.counts.get(name, 0)
        if before != after:
            told.append(f"table {name} has {after} rows, not {before}")
    if (wanted.position, wanted.hash) != (found.position, found.hash):
        told.append(f"the audit trail ends at {found.position}, not at {wanted.position}, or with another hash")
    return told
