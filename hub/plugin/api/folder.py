"""A folder that somebody drops files into, as a source of raw messages: for plugins whose `changes` reads files.

The contract, for any plugin that uses it:
1. Files come in a stable order (modification time then name, or name alone), each once; a file that changes comes
   again. Folders within the folder are left alone.
2. A file that is still being written never comes: its size and time must hold still for `settle_seconds`, and
   must be the same after it was read. Names with a leading dot or an ending of unfinished transfers are skipped.
3. What a call returned counts as taken when its cursor comes back: only then is a file archived. A crash in
   between brings the same files again.
4. `external_id` is a digest of name and bytes: a file name may hold a patient's name and never leaves here.
5. A call holds at most about `batch_bytes` of bodies (one file, or one piece of it, may be larger).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from threading import Event as ThreadEvent
from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from hub.errors import Misconfigured
from hub.plugin.api.ports import Changes, RawMessage, Step

_UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".writing", ".swp", "~")


class FolderSettings(BaseModel):
    """The settings of a folder drop; a plugin's own settings extend it. Without `folder` nothing is pulled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = Field(default=None, description="the folder that is watched")
    pattern: str = Field(default="*", description="which file names are taken, such as *.hl7")
    order: Literal["time", "name"] = Field(
        default="time", description="which file comes first: the oldest, or the first by name"
    )
    after: Literal["archive", "leave"] = Field(
        default="archive",
        description="what happens to a file that was taken: moved to `archive`, or left where it is",
    )
    archive: Path | None = Field(
        default=None, description="where taken files go; `archive` beside the files by default"
    )
    settle_seconds: float = Field(
        default=2.0, ge=0, description="how long a file must hold still; 0 trusts every file"
    )
    batch_bytes: int = Field(default=8 << 20, gt=0, description="about how many bytes one pull returns")


class _Cursor(msgspec.Struct):
    """What was taken: signatures of files that are still in the folder, and those to archive now."""

    taken: list[str] = []
    archive: list[str] = []
    partly: str = ""
    pieces: int = 0


class _File(msgspec.Struct, frozen=True):
    path: Path
    name: str
    size: int
    modified: int

    @property
    def signature(self) -> str:
        said = f"{self.name}\0{self.size}\0{self.modified}".encode()
        return hashlib.sha256(said).hexdigest()[:24]


class FolderDrop:
    """Reads `folder` for a plugin; `pieces` cuts a file's bytes into the bodies of its messages."""

    def __init__(
        self, settings: FolderSettings, content_type: Callable[[str, bytes], str], stop: ThreadEvent,
        pieces: Callable[[str, bytes], Iterable[bytes]] = lambda _name, body: (body,),
    ) -> None:  # fmt: skip
        self._settings = settings
        self._content_type = content_type
        self._pieces = pieces
        self._stop = stop

    def changes(self, cursor: str) -> Changes:
        """What is new since `cursor`; raises `Misconfigured` when the folder cannot be read."""
        if self._settings.folder is None:
            return Changes(messages=(), cursor=cursor)
        was = _decoded(cursor)
        files = self._files(self._settings.folder)
        self._put_away(files, set(was.archive))
        present = {file.signature for file in files} - set(was.archive)
        now = _Cursor(taken=sorted(present & set(was.taken)), partly=was.partly, pieces=was.pieces)
        fresh = [file for file in files if file.signature in present - set(now.taken)]
        messages, more = self._take(self._settled(fresh), now)
        now.taken.sort()
        return Changes(messages=tuple(messages), cursor=msgspec.json.encode(now).decode(), more=more)

    def _take(self, files: list[_File], now: _Cursor) -> tuple[list[RawMessage], bool]:
        messages: list[RawMessage] = []
        room = self._settings.batch_bytes
        for file in files:
            if room <= 0 or self._stop.is_set():
                return messages, True
            body = self._read(file)
            if body is None:
                continue
            skip = now.pieces if now.partly == file.signature else 0
            now.partly, now.pieces = "", 0
            for n, piece in enumerate(self._pieces(file.name, body)):
                if n < skip:
                    continue
                if room <= 0:
                    now.partly, now.pieces = file.signature, n
                    return messages, True
                messages.append(self._message(file, n, piece))
                room -= len(piece)
            (now.archive if self._settings.after == "archive" else now.taken).append(file.signature)
        return messages, False

    def _message(self, file: _File, nth: int, piece: bytes) -> RawMessage:
        digest = hashlib.sha256(f"{file.name}\0{nth}\0".encode() + piece).hexdigest()
        kind = self._content_type(file.name, piece)
        return RawMessage(external_id=digest[:40], content_type=kind, body=piece)

    def _files(self, folder: Path) -> list[_File]:
        try:
            found = [f for path in folder.iterdir() if (f := _seen(path)) and self._wanted(f.name)]
        except OSError as error:
            raise Misconfigured(
                f"the drop folder cannot be read ({type(error).__name__})",
                fix="check `folder` and the rights of the user that the hub runs as",
            ) from None
        by_name = self._settings.order == "name"
        return sorted(found, key=lambda f: (0 if by_name else f.modified, f.name))

    def _wanted(self, name: str) -> bool:
        unfinished = name.startswith(".") or name.lower().endswith(_UNFINISHED)
        return not unfinished and fnmatch(name, self._settings.pattern)

    def _settled(self, files: list[_File]) -> list[_File]:
        """Files that look the same after `settle_seconds`; waits only when there is something to wait for."""
        if not files or not self._settings.settle_seconds:
            return files
        if self._stop.wait(self._settings.settle_seconds):
            return []
        return [file for file in files if _seen(file.path) == file]

    def _read(self, file: _File) -> bytes | None:
        """The bytes, or None for a file that went away or changed while it was read: it comes next time."""
        try:
            body = file.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Misconfigured(
                f"a file in the drop folder cannot be read ({type(error).__name__})",
                fix="give the user that the hub runs as the right to read every file in `folder`",
            ) from None
        return body if _seen(file.path) == file and len(body) == file.size else None

    def _put_away(self, files: list[_File], signatures: set[str]) -> None:
        if not signatures or self._settings.folder is None:
            return
        target = self._settings.archive or self._settings.folder / "archive"
        try:
            target.mkdir(parents=True, exist_ok=True)
            for file in files:
                if file.signature in signatures:
                    file.path.rename(_free(target, file))
        except OSError as error:
            raise Misconfigured(
                f"taken files cannot be moved to the archive ({type(error).__name__})",
                fix="put `archive` on the same volume as `folder`, and let the hub write to both",
            ) from None

    def check(self) -> Iterator[Step]:
        """Whether the folder can be read and, when it is to archive, written."""
        folder = self._settings.folder
        if folder is None:
            yield Step(name="folder", ok=True, said="no folder is set: nothing is pulled")
            return
        try:
            waiting = len(self._files(folder))
        except Misconfigured as error:
            yield Step(name="folder", ok=False, said=str(error), fix=error.fix)
            return
        yield Step(name="folder", ok=True, said=f"{waiting} files match and wait or were left")


def _seen(path: Path) -> _File | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return _File(path, path.name, stat.st_size, stat.st_mtime_ns) if path.is_file() else None


def _free(target: Path, file: _File) -> Path:
    """The file's own name in the archive, with its signature when that name is taken: nothing is replaced."""
    plain = target / file.name
    return target / f"{file.name}.{file.signature}" if plain.exists() else plain


def _decoded(cursor: str) -> _Cursor:
    if not cursor:
        return _Cursor()
    try:
        return msgspec.json.decode(cursor, type=_Cursor)
    except msgspec.DecodeError:
        raise Misconfigured(
            "the cursor is not one of this source", fix="run: hub connector restart NAME"
        ) from None
