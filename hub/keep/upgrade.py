"""`hub db upgrade`: a backup first, then the steps; and its rehearsal on a copy, which leaves nothing behind."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from hub.errors import Misconfigured
from hub.keep import proving
from hub.keep.backup import adopt, make
from hub.keep.manifest import Told, unheard
from hub.keep.place import Place
from hub.reports.promises import prove
from hub.store import open_store, pg_tools
from hub.store.alone import take
from hub.store.copies import COPY, alone, copy_sqlite, copying, kind_of, path_of, size_of, sweep
from hub.store.keeping import Backup, running_nodes
from hub.store.migrations import HEAD


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a migration and how long it took."""

    step: str
    seconds: float


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """What a migration of a copy was like: from and to which step, how long each took, what the copy came to."""

    before: str
    after: str
    steps: tuple[Step, ...]
    copy_seconds: float
    bytes_before: int
    bytes_after: int
    verdict: proving.Verdict

    @property
    def bytes_needed(self) -> int:
        """Disk that should be free: the backup that is made first, and what the tables grow by."""
        return self.bytes_before + max(self.bytes_after - self.bytes_before, 0)


def rehearse(place: Place, told: Told = unheard) -> Rehearsed:
    """Copy the database, migrate the copy, prove it, and drop it; the database itself is only read."""
    before, size = schema_now(place), size_of(place.url)
    began = time.perf_counter()
    with alone("the rehearsal", place.data), _copy(place, told) as url:
        copied = time.perf_counter() - began
        told("migrating the copy", 0, 1)
        steps = migrated(place, url)
        told("proving the copy", 0, 1)
        verdict = _proved(place, url)
        return Rehearsed(
            before=before,
            after=HEAD,
            steps=tuple(steps),
            copy_seconds=copied,
            bytes_before=size,
            bytes_after=size_of(url),
            verdict=verdict,
        )


def schema_now(place: Place) -> str:
    """The step that the tables stand at; empty where there are none. A newer hub's are refused."""
    engines = place.store.engines
    found = proving.schema_at(engines)
    if found > HEAD:
        raise Misconfigured("the database was changed by a newer hub", fix="run the newer hub on this database")
    return found


@contextmanager
def _copy(place: Place, told: Told) -> Iterator[str]:
    def copied(done: int, total: int) -> None:
        told("copying the database", done, total)

    sweep(place.data)
    if kind_of(place.url) == "sqlite":
        with tempfile.TemporaryDirectory(prefix=COPY, dir=place.data) as folder:
            target = Path(folder) / "rehearsal.db"
            copy_sqlite(path_of(place.url), target, copied)
            yield f"sqlite:///{target}"
        return
    with pg_tools.throw_away(place.url, "rehearsal") as url:
        with copying(place.url, place.data, place.tools, copied) as copy:
            pg_tools.restore(url, place.tools, copy.pieces)
        yield url


def migrated(place: Place, url: str) -> list[Step]:
    """Run the steps that a database has not had; how long each took."""
    store = open_store(url, place.store.keyring, place.clock)
    steps: list[Step] = []
    last = time.perf_counter()

    def told(step: str) -> None:
        nonlocal last
        now = time.perf_counter()
        steps.append(Step(step=step, seconds=now - last))
        last = now

    try:
        store.migrate(told)
    finally:
        store.close()
    return steps


def _proved(place: Place, url: str) -> proving.Verdict:
    store = open_store(url, place.store.keyring, place.clock)
    try:
        proofs = prove(store, place.settings, sealed=False, profiles=place.profiles)
    finally:
        store.close()
    wrong = [f"promise {p.number}, {one.where}: {one.why}" for p in proofs for one in p.exceptions[:5]]
    kept = sum(proof.ok for proof in proofs)
    return proving.Verdict(checked=f"{kept} of {len(proofs)} promises kept", wrong=tuple(wrong))


@contextmanager
def closing_run(place: Place) -> Iterator[None]:
    """No hub runs on this database from here to the end of the block; raises where one does."""
    if names := running_nodes(place.store.engines, place.clock.now()):
        raise Misconfigured(f"a hub runs on this database: {', '.join(names)}", fix="stop it first")
    mine = take(place.store, place.clock.now())
    try:
        yield
    finally:
        mine.release()


def upgrade_at_start(place: Place) -> Backup | None:
    """What a starting hub does: fresh tables are made at once, older ones only behind a backup, as by `upgrade`."""
    if schema_now(place):
        return upgrade(place)[0]
    place.store.migrate()
    return None


def upgrade(place: Place, *, backup: bool = True, told: Told = unheard) -> tuple[Backup | None, list[Step]]:
    """Bring the tables up to this hub, after a backup of what is there. Safe to repeat: with nothing to do, nothing
    is done. Raises `Misconfigured` for a database of a newer hub and `RetryLater` where no backup could be made.
    """
    before = schema_now(place)
    if before == HEAD:
        return None, []
    made = None
    with closing_run(place):
        if before and backup:
            with alone("the backup", place.backups, place.data):
                made = make(place, place.backups, told)
        steps = migrated(place, place.url)
    if made is not None:
        adopt(place, place.backups)
    return made, steps
