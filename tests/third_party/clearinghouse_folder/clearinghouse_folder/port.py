"""Files to and from a partner through two folders, in the hub's phases."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from hub.plugin.api import (
    Capabilities,
    Context,
    Evidence,
    InDoubt,
    Listing,
    Misconfigured,
    Outgoing,
    Ref,
    Refused,
    RetryLater,
    Step,
)

PIECE = 256 * 1024
UNFINISHED = (".part", ".tmp", ".filepart")


class FolderSettings(BaseModel):
    """`[connectors.NAME.settings]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to_partner: Path = Field(description="where the partner takes our files")
    from_partner: Path = Field(description="where the partner lays files out for us")
    archive: Path | None = Field(default=None, description="where taken files go; without it they are deleted")


class FolderClearinghouse:
    """A `Clearinghouse` over two folders."""

    Settings: ClassVar[type[BaseModel]] = FolderSettings

    def __init__(self, settings: FolderSettings, context: Context) -> None:
        self._to = settings.to_partner
        self._from = settings.from_partner
        self._archive = settings.archive
        self._log = context.log

    @property
    def capabilities(self) -> Capabilities:
        """X12 both ways; what is there can be read back, so the same bytes may go again."""
        return Capabilities(
            sends=("837P",),
            receives=("TA1", "999", "277CA", "835"),
            in_doubt="resend-same-bytes",
            evidence=("read-back-hash",),
        )

    def check(self) -> Iterator[Step]:
        """Whether the folders are there and may be used."""
        wanted = [("to_partner", self._to, os.W_OK), ("from_partner", self._from, os.R_OK | os.W_OK)]
        for name, folder, mode in wanted:
            ok = folder.is_dir() and os.access(folder, mode | os.X_OK)
            said = "the folder can be used" if ok else "the folder is not there, or may not be used"
            yield Step(
                name=name, ok=ok, said=said, fix="" if ok else f"mount it, or mend {name} or its permissions"
            )

    def close(self) -> None:
        """Nothing stays open."""

    def stage(self, file: Outgoing, body: Iterable[bytes]) -> Evidence:
        """Write the whole body under a hidden name."""
        with _folder_errors(), self._hidden(file).open("wb") as out:
            for piece in body:
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        return Evidence(kind="staged")

    def publish(self, file: Outgoing) -> Evidence:
        """Link it to its name: unlike a rename, a link never replaces a file."""
        with _folder_errors():
            try:
                self._shown(file).hardlink_to(self._hidden(file))
            except FileExistsError:
                self._must_be_same(file)
            except FileNotFoundError:
                self._must_be_there(file)
            self._hidden(file).unlink(missing_ok=True)
            _sync(self._to)
        return Evidence(kind="published")

    def confirm(self, file: Outgoing) -> Evidence | None:
        """Read it back."""
        with _folder_errors():
            _present(self._to)
            same = self._shown(file).is_file() and _digest(self._shown(file)) == file.digest
        return Evidence(kind="read-back-hash") if same else None

    def list(self, cursor: str) -> Listing:
        """Every finished file."""
        with _folder_errors():
            found = sorted(path for path in self._from.iterdir() if _finished(path) and path.is_file())
            return Listing(refs=tuple(_ref(path) for path in found))

    def open(self, ref: Ref) -> Iterator[bytes]:
        """Stream it, and see that it was whole."""
        left = ref.size
        with _folder_errors(), self._waiting(ref).open("rb") as source:
            while piece := source.read(PIECE):
                left -= len(piece)
                yield piece
        if left > 0:
            raise RetryLater("the file is shorter than it was listed", fix="wait for the next look")

    def done(self, ref: Ref) -> None:
        """Archive or delete it; harmless where it is gone."""
        with _folder_errors(), suppress(FileNotFoundError):
            if self._archive is None:
                self._waiting(ref).unlink()
            else:
                self._archive.mkdir(parents=True, exist_ok=True)
                self._waiting(ref).replace(self._archive / ref.token)

    def ask(self, kind: str, body: bytes, deadline: datetime) -> bytes:
        """A folder does not answer while somebody waits."""
        raise Refused(f"a folder does not answer {kind} in real time", fix="route it to another connector")

    def _hidden(self, file: Outgoing) -> Path:
        return self._to / f".{file.file_id}.part"

    def _shown(self, file: Outgoing) -> Path:
        return self._to / _plain(file.name)

    def _waiting(self, ref: Ref) -> Path:
        return self._from / _plain(ref.token)

    def _must_be_same(self, file: Outgoing) -> None:
        if _digest(self._shown(file)) != file.digest:
            raise Refused(
                "the partner's folder holds another file of this name", fix="ask the partner to move it"
            )

    def _must_be_there(self, file: Outgoing) -> None:
        _present(self._to)
        if not self._shown(file).is_file():
            raise InDoubt(
                "neither the staged nor the published file is there", fix="ask the partner if it was taken"
            )
        self._must_be_same(file)


def _plain(name: str) -> str:
    """A name that stays in its folder."""
    if name != Path(name).name or name in {"", ".", ".."}:
        raise Refused("a file name may hold no folder")
    return name


def _finished(path: Path) -> bool:
    return not path.name.startswith(".") and path.suffix not in UNFINISHED


def _ref(path: Path) -> Ref:
    stat = path.stat()
    modified_at = datetime.fromtimestamp(stat.st_mtime, UTC)
    return Ref(token=path.name, name=path.name, size=stat.st_size, modified_at=modified_at)


def _digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _present(folder: Path) -> None:
    if not folder.is_dir():
        raise RetryLater("the folder is away", fix="mount it")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _folder_errors() -> Iterator[None]:
    """The operating system's errors, as what the hub does next."""
    try:
        yield
    except PermissionError:
        raise Misconfigured(
            "the folder's permissions refuse it", fix="let the hub's user read and write it"
        ) from None
    except OSError as error:
        raise RetryLater(
            f"the folder is away or full ({type(error).__name__})", fix="mount it, make room"
        ) from None
