"""Whether a restored database is the one that was backed up, and keeps the eleven promises."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hub.clock import TurnedClock
from hub.config.settings import Settings
from hub.errors import HubError
from hub.keep.manifest import Manifest, differences
from hub.reports.promises import Profile, prove
from hub.store import Keyring, open_store, pg_tools
from hub.store.copies import Held, kind_of, look, path_of, schema_of, sound
from hub.store.engine import Engines, told_apart
from hub.store.migrations import HEAD

SHOWN = 5


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked, in words, and everything that was found wrong; none means that the backup is proved."""

    checked: str
    wrong: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the backup is proved."""
        return not self.wrong


def held_now(url: str) -> Held:
    """What a database that nobody writes to holds."""
    return look(path_of(url)) if kind_of(url) == "sqlite" else pg_tools.look(url)


def compared(url: str, manifest: Manifest) -> list[str]:
    """What the restored database has that the manifest has not, and the other way round."""
    damaged = kind_of(url) == "sqlite" and not sound(path_of(url))
    if damaged:
        return ["SQLite finds pages out of order in the restored file"]
    return differences(manifest.held, held_now(url))


def examine(
    url: str,
    keyring: Keyring,
    settings: Settings,
    manifest: Manifest,
    profiles: Mapping[str, Profile] | None = None,
) -> Verdict:
    """The promises on a restored database, as of the moment of its backup, and its audit chain up to the sealed
    head. Counts were compared before. Tables of an older hub are compared, not proved: the promises read this hub's.
    """
    rows = sum(manifest.held.counts.values())
    told = f"{rows:,} rows in {len(manifest.held.counts)} tables, audit trail to {manifest.held.position:,}"
    if manifest.held.schema not in (HEAD, ""):
        return Verdict(checked=f"{told}; the promises only after: hub db upgrade", wrong=())
    store = open_store(url, keyring, TurnedClock(manifest.made_at))
    try:
        chain = store.verify_chain()
        wrong = [f"audit trail, position {one.position}: {one.fault}" for one in chain.faults]
        proofs = prove(store, settings, sealed=False, profiles=profiles)
    except HubError as error:
        return Verdict(checked=told, wrong=(str(error),))
    finally:
        store.close()
    for proof in proofs:
        wrong += [f"promise {proof.number}, {one.where}: {one.why}" for one in proof.exceptions[:SHOWN]]
        if more := len(proof.exceptions[SHOWN:]) + proof.more:
            wrong.append(f"promise {proof.number}: and {more:,} more")
    kept = sum(proof.ok for proof in proofs)
    return Verdict(checked=f"{told}, {kept} of {len(proofs)} promises kept", wrong=tuple(wrong))


def schema_at(engines: Engines) -> str:
    """The step that the tables of an open database stand at; empty where there are none."""
    with told_apart(), engines.reader.connect() as connection:
        found = schema_of(connection)
        connection.rollback()
        return found
