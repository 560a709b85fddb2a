"""`hub restore`: a backup put back into a fresh place, whole or not at all, and marked so that it does not run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from hub.clock import Clock
from hub.config import load
from hub.errors import Misconfigured
from hub.keep import proving
from hub.keep.archive import Reader
from hub.keep.manifest import Manifest, Told, not_newer, same_members, unheard
from hub.keep.settings_member import resettle, stays_inside, unpack
from hub.store import Damaged, Keyring, marks, open_store, pg_tools
from hub.store.copies import kind_of, path_of
from hub.store.engine import Engines

FRESH = "name a fresh place: a restore overwrites nothing"
NO_SETTINGS = "take the backup before; the settings in this one were not whole"
TEMPORARY = ".restoring"
_LARGEST_SETTINGS = 100 << 20


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was put back: the settings folder, the address of the database, and what the backup said of itself."""

    folder: Path
    url: str
    manifest: Manifest
    missing: tuple[str, ...]
    """Secrets that the settings name and that were in no backup."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a person asks for: which file, into which folder, into which database (PostgreSQL only), and the key."""

    file: Path
    into: Path
    keyring: Keyring
    key_text: str = ""
    store: str = ""
    tools: str = ""


def restore(wanted: Wanted, clock: Clock, told: Told = unheard) -> Restored:
    """Put a backup back. Raises `Damaged` (which member and chunk), `Misconfigured` (key, newer hub, place in use);
    then nothing is there that could be taken for a hub, and the same command may be said again.
    """
    into = wanted.into.resolve()
    _fresh_folder(into)
    working = into.with_name(f".{into.name}{TEMPORARY}")
    shutil.rmtree(working, ignore_errors=True)
    working.mkdir(parents=True, mode=0o700)
    try:
        with wanted.file.open("rb") as file:
            found = _Restoring(wanted, working, clock, told).run(file)
        _into_place(working, into)
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise
    if found.url.startswith("sqlite"):
        found = _moved(found, working, into)
    return Restored(folder=into, url=found.url, manifest=found.manifest, missing=_missing(found.manifest, into))


def _moved(found: Restored, working: Path, into: Path) -> Restored:
    url = found.url.replace(str(working), str(into), 1)
    return Restored(folder=into, url=url, manifest=found.manifest, missing=())


def _fresh_folder(into: Path) -> None:
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise Misconfigured(f"{into} is there already and is not empty", fix=FRESH)
    if not into.parent.is_dir():
        raise Misconfigured(f"{into.parent} is no folder", fix="make it, or name another place")


def _into_place(working: Path, into: Path) -> None:
    """The one moment in which the restored hub begins to be there."""
    if into.exists():
        into.rmdir()
    working.rename(into)
    descriptor = os.open(into.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


class _Restoring:
    """One restore under way, in a folder that nobody takes for a hub."""

    def __init__(self, wanted: Wanted, working: Path, clock: Clock, told: Told) -> None:
        self.wanted, self.working, self.clock, self.told = wanted, working, clock, told

    def run(self, file: IO[bytes]) -> Restored:
        """Member by member, in the order of the file."""
        reader = Reader(file, self.wanted.keyring)
        header = reader.header
        not_newer(header)
        self._agree(header.kind)
        unpack(b"".join(reader.member("settings")), self.working)
        url = self._settle(header.kind)
        mark = marks.Mark(
            state=marks.RESTORING, backup=header.id, made_at=header.made_at, restored_at=self.clock.now()
        )
        if header.kind == "postgresql":
            begin_postgresql(url, mark)
        put_back(url, self.wanted.tools, self._heard(reader), self.told)
        manifest = finish(reader)
        wrong = proving.compared(url, manifest)
        if wrong:
            raise Damaged("what was restored is not what was backed up: " + "; ".join(wrong[:5]))
        head = {"position": manifest.held.position, "hash": manifest.held.hash}
        marks.mark(url, msgspec.structs.replace(mark, state=marks.RESTORED, **head))
        return Restored(folder=self.working, url=url, manifest=manifest, missing=())

    def _agree(self, kind: str) -> None:
        if kind == "postgresql" and not self.wanted.store:
            fix = "make an empty database and name it: --store postgresql://USER@HOST/DATABASE"
            raise Misconfigured("this is the backup of a PostgreSQL database", fix=fix)
        if kind == "sqlite" and self.wanted.store:
            raise Misconfigured("this is the backup of an SQLite database", fix="leave --store out")
        if self.wanted.store and kind_of(self.wanted.store) != "postgresql":
            raise Misconfigured("--store must name a PostgreSQL database", fix="postgresql://USER@HOST/DATABASE")

    def _settle(self, kind: str) -> str:
        """Let the settings name the new place; the address of the database to fill."""
        path = self.working / "hub.toml"
        if not path.is_file():
            raise Damaged("the backup holds no hub.toml, and nothing runs without", fix=NO_SETTINGS)
        text = path.read_text()
        data = load(self.working).settings.hub.data if load(self.working).ok else "data"
        values = {} if stays_inside(data) else {"data": "data"}
        data = data if stays_inside(data) else "data"
        folder = self.working / data
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if kind == "postgresql":
            values["store"] = self._store_reference()
            url = self.wanted.store
        else:
            values["store"] = ""
            url = f"sqlite:///{folder / 'hub.db'}"
        path.write_text(resettle(text, values))
        self._write_key()
        return url

    def _store_reference(self) -> str:
        """An address with a password stands in a file of its own that only the hub's user reads."""
        _private(self.working / "store.url", self.wanted.store)
        return "file:store.url"

    def _write_key(self) -> None:
        """The key where the settings look for it, if that is within their folder."""
        loaded = load(self.working)
        reference = loaded.settings.hub.master_key if loaded.ok else ""
        name = reference.removeprefix("file:")
        if reference.startswith("file:") and stays_inside(name) and self.wanted.key_text:
            _private(self.working / name, self.wanted.key_text)

    def _heard(self, reader: Reader) -> Iterator[bytes]:
        done, total = 0, max(self.wanted.file.stat().st_size, 1)
        for piece in reader.member("database"):
            done += len(piece)
            self.told("restoring", min(done, total), total)
            yield piece


def _private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")


def begin_postgresql(url: str, mark: marks.Mark) -> None:
    """Refuse a database that holds anything; mark it before anything comes in, so that a kill leaves it unusable."""
    engines = Engines(url)
    try:
        found = marks.of(engines)
    finally:
        engines.dispose()
    if found is not None and found.state == marks.RESTORING:
        pg_tools.wipe(url)  # what an unfinished restore of ours brought, and nothing else, since it began empty
    elif found is not None or pg_tools.tables_of(url):
        raise Misconfigured("the database that --store names is not empty", fix=FRESH)
    marks.mark(url, mark)


def put_back(url: str, tools: str, pieces: Iterator[bytes], told: Told) -> None:
    """The database member into an SQLite file that is not there yet, or into an empty PostgreSQL database."""
    if kind_of(url) == "postgresql":
        pg_tools.restore(url, tools, pieces)
        return
    path = path_of(url)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    told("restoring", 1, 1)


def finish(reader: Reader) -> Manifest:
    """The manifest, after every other member; what came before must be what it says."""
    body = b"".join(reader.member("manifest"))
    reader.end()
    manifest = msgspec.json.decode(body, type=Manifest)
    same_members(manifest, reader.members)
    return manifest


def _missing(manifest: Manifest, into: Path) -> tuple[str, ...]:
    def there(reference: str) -> bool:
        kind, _, name = reference.partition(":")
        return (into / name).is_file() if kind == "file" else bool(os.environ.get(name))

    return tuple(one for one in manifest.secrets if not there(one))


def verify(restored: Restored, keyring: Keyring) -> proving.Verdict:
    """The eleven promises and the audit chain on what was restored, by the settings that came with it."""
    return proving.examine(restored.url, keyring, load(restored.folder).settings, restored.manifest)


def migrate(restored: Restored, keyring: Keyring, clock: Clock) -> None:
    """Bring the tables of what was restored up to this hub: only when a person asked for it."""
    store = open_store(restored.url, keyring, clock)
    try:
        store.migrate()
    finally:
        store.close()
