"""The restore drill: the newest backup, restored into a temporary place and proved there; nothing of it stays."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hub.config import load
from hub.errors import HubError, Misconfigured
from hub.keep import proving
from hub.keep.archive import Reader
from hub.keep.backup import Hashing
from hub.keep.manifest import Manifest, Told, not_newer, unheard
from hub.keep.place import Place
from hub.keep.restore import finish, put_back
from hub.keep.settings_member import unpack
from hub.model.work import WorkItem
from hub.store import pg_tools
from hub.store.copies import COPY, alone, kind_of, sweep
from hub.store.keeping import Backup

AHEAD = timedelta(hours=1)
ABOUT = "backup"
"""What work items about backups are about."""


@dataclass(frozen=True, kw_only=True)
class Drilled:
    """Which backup was tried, and what came of it."""

    backup: Backup
    verdict: proving.Verdict


def drill(place: Place, told: Told = unheard) -> Drilled:
    """Restore the newest backup, prove it, and write down which it was and how it went. What fails is a work item;
    only a thing that says nothing about the backup (no right to make a database, another drill) raises.
    """
    with alone("the drill", place.backups, place.data):
        sweep(place.data)
        newest = _newest(place)
        if newest is None:
            raise Misconfigured("there is no backup to try", fix="run: hub backup")
        verdict = _tried(place, newest, told)
    _record(place, newest, verdict)
    return Drilled(backup=newest, verdict=verdict)


def _newest(place: Place) -> Backup | None:
    """The latest backup; one that a wrong clock dated ahead would hide those that came after it, and is the last."""
    ahead = place.clock.now() + AHEAD
    with place.store.view() as view:
        rows = view.backups.list(state="made")
    return min(rows, key=lambda one: one.began_at > ahead, default=None)


def _tried(place: Place, backup: Backup, told: Told) -> proving.Verdict:
    try:
        with _temporary(place, backup.kind) as url:
            manifest, wrong = _restored(place, backup, url, told)
            if wrong:
                return proving.Verdict(checked="the restored copy against the manifest", wrong=tuple(wrong))
            told("proving", 0, 1)
            return proving.examine(url, place.store.keyring, place.settings, manifest, place.profiles)
    except FileNotFoundError:
        return proving.Verdict(checked="the file", wrong=("the file is not in its folder any more",))
    except Misconfigured:
        raise
    except HubError as error:
        return proving.Verdict(checked="the file, chunk by chunk", wrong=(str(error),))


@contextmanager
def _temporary(place: Place, kind: str) -> Iterator[str]:
    if kind == "postgresql":
        with pg_tools.throw_away(place.url, "drill") as url:
            yield url
        return
    with tempfile.TemporaryDirectory(prefix=COPY, dir=place.data) as folder:
        yield f"sqlite:///{Path(folder) / 'drill.db'}"


def _restored(place: Place, backup: Backup, url: str, told: Told) -> tuple[Manifest, list[str]]:
    """Every chunk of the file, put back; and how it differs from what was written down of it."""
    with (place.backups / backup.file).open("rb") as file:
        hashed = Hashing(file)
        reader = Reader(hashed, place.store.keyring)  # type: ignore[arg-type]
        not_newer(reader.header)
        wrong = _settings(b"".join(reader.member("settings")))
        put_back(url, place.tools, _heard(reader, backup, told), told)
        manifest = finish(reader)
    if (hashed.digest.hexdigest(), hashed.size) != (backup.digest, backup.size):
        wrong.append("the file is not the one that was recorded: its digest is another")
    return manifest, wrong + proving.compared(url, manifest)


def _heard(reader: Reader, backup: Backup, told: Told) -> Iterator[bytes]:
    done = 0
    for piece in reader.member("database"):
        done += len(piece)
        told("restoring", min(done, backup.size), backup.size)
        yield piece


def _settings(body: bytes) -> list[str]:
    """The settings in a backup can be read again."""
    with tempfile.TemporaryDirectory(prefix="hub-drill-") as folder:
        unpack(io.BytesIO(body).getvalue(), Path(folder))
        faults = [fault for fault in load(Path(folder)).faults if fault.severity == "error"]
    return [f"the settings in it have a fault: {fault.file} {fault.key}" for fault in faults[:3]]


def _record(place: Place, backup: Backup, verdict: proving.Verdict) -> None:
    with place.store.begin("backup.proved") as tx:
        if verdict.ok:
            tx.backups.prove(backup.id, verdict.checked)
            tx.work.resolve_for(ABOUT, "backup.not_proved", "a backup was restored and proved", by="hub")
        else:
            tx.backups.doubt(backup.id, "; ".join(verdict.wrong)[:500])
            tx.work.open(_item(backup, verdict), practice="")
        tx.event(
            "backup.proved" if verdict.ok else "backup.doubted",
            "backup",
            backup.id,
            practice="",
            wrong=len(verdict.wrong),
        )


def _item(backup: Backup, verdict: proving.Verdict) -> WorkItem:
    more = f" (and {len(verdict.wrong) - 1} more)" if len(verdict.wrong) > 1 else ""
    return WorkItem(
        reason="backup.not_proved",
        aggregate="backup",
        aggregate_id=ABOUT,
        why=f"the restore drill does not find backup {Path(backup.file).name} good: {verdict.wrong[0]}{more}",
        fix="run: hub verify; if that is clean, look at the backup's disk, then: hub backup, hub backup drill",
        owner="it",
    )


__all__ = ["ABOUT", "Drilled", "drill", "kind_of"]
