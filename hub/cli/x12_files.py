"""The files that the X12 commands are given: paths, folders, ZIP archives and standard input, opened one by one."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import IO, BinaryIO, cast

import msgspec

from hub.errors import HubError, Misconfigured, Problem

STDIN = "-"
_HELD_BYTES = 1 << 24
_BAR_BYTES = 1 << 24
_ZIP = b"PK\x03\x04"
_NO_X12 = Problem(
    code="x12.unreadable",
    where="file",
    why="holds no X12: nothing in it begins with an ISA segment",
    fix="give the file as the partner sent it; an interchange begins with the letters ISA",
)


class Unreadable(HubError):
    """A file cannot be opened, or holds no X12."""


class Input(msgspec.Struct, kw_only=True):
    """One file to read: what to call it, its bytes from the start, its size (0: not known), or why there is none."""

    name: str
    file: BinaryIO | None = None
    size: int = 0
    problem: Problem | None = None


def inputs(paths: Sequence[str], *, most: int = 0) -> Iterator[Input]:
    """Opens each path in turn and closes it when the next is asked for.

    A folder gives every file below it, a ZIP each member (`FILE!MEMBER`), `-` what comes on standard input. What
    cannot be opened comes with its problem, and the others all the same. An archive of more members than `most`
    (0: no limit) is a problem.
    """
    for path in paths:
        if path == STDIN:
            with _spooled(sys.stdin.buffer) as file:
                yield from _unpacked(STDIN, file, 0, most)
            continue
        files = _files(Path(path))
        if not files:
            why, fix = "is a folder without files", "look at the path"
            problem = Problem(code="x12.unreadable", where="folder", why=why, fix=fix)
            yield Input(name=_shown(path), problem=problem)
        for one in files:
            yield from _opened(one, most)


def printable(text: str) -> str:
    """A text from a file as a terminal may see it: what would steer the terminal is written out."""
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _shown(path: str | Path) -> str:
    """A path as it can be written anywhere, whatever bytes it is made of."""
    return printable(os.fsencode(path).decode("utf-8", "replace"))


@contextmanager
def only(path: str) -> Iterator[Input]:
    """Opens one file that can be read twice; raises Unreadable where it cannot be read, or is many files."""
    if path != STDIN and Path(path).is_dir():
        raise Unreadable(f"{_shown(path)} is a folder", fix="give one of the files in it")
    for given in inputs([path], most=1):
        if given.file is None:
            raise unreadable(given.name, given.problem)
        with nullcontext(given.file) if given.file.seekable() else _spooled(given.file) as file:
            yield Input(name=given.name, file=file, size=given.size)
        return


def unreadable(name: str, problem: Problem | None = None) -> Unreadable:
    """The error for a file that cannot be read: what is wrong, and what to do."""
    told = problem or _NO_X12
    return Unreadable(f"{name}: {told.why}", fix=told.fix)


def no_x12() -> Problem:
    """What is said of a file without any interchange."""
    return _NO_X12


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))


def _opened(path: Path, most: int) -> Iterator[Input]:
    try:
        file = path.open("rb")
    except OSError as error:
        yield Input(name=_shown(path), problem=closed(error))
        return
    with file:
        yield from _unpacked(_shown(path), file, path.stat().st_size, most)


def closed(error: OSError) -> Problem:
    """Why a file cannot be opened or read, without its content."""
    fixes = {
        FileNotFoundError: ("is not there", "look at the path, and at its capitals"),
        PermissionError: (
            "may not be read by you",
            "ask for the right to read it, or copy it to a folder of yours",
        ),
    }
    why, fix = fixes.get(type(error), ("cannot be opened", "look at the path, and at the disk that it lies on"))
    return Problem(code="x12.unreadable", where="file", why=why, fix=fix)


def _unpacked(name: str, file: BinaryIO, size: int, most: int) -> Iterator[Input]:
    from hub.x12.zipped import members

    try:
        packed = file.read(4) == _ZIP
        file.seek(0)
        if not packed:
            yield Input(name=name, file=file, size=size)
            return
        if most and _held(file) > most:
            why, fix = "holds several files", "unpack it and give one of them"
            yield Input(name=name, problem=Problem(code="x12.unreadable", where="archive", why=why, fix=fix))
            return
        for member in members(file):
            if isinstance(member, Problem):
                told = Problem(code=member.code, where=name, why=f"{member.where} {member.why}", fix=member.fix)
                yield Input(name=name, problem=told)
            else:
                yield Input(name=f"{name}!{_shown(getattr(member, 'name', ''))}", file=member)
    except OSError as error:
        yield Input(name=name, problem=closed(error))


def _held(file: BinaryIO) -> int:
    """How many files an archive holds; 0 where it cannot be read."""
    try:
        with zipfile.ZipFile(file) as archive:
            return sum(not info.is_dir() for info in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return 0
    finally:
        file.seek(0)


@contextmanager
def _spooled(source: IO[bytes]) -> Iterator[BinaryIO]:
    """What can be read once only, kept where it can be read again: in memory while it is small."""
    with tempfile.SpooledTemporaryFile(max_size=_HELD_BYTES) as kept:
        shutil.copyfileobj(source, kept, 1 << 20)
        kept.seek(0)
        yield cast("BinaryIO", kept)


@contextmanager
def fresh(path: str) -> Iterator[BinaryIO]:
    """A new file to write, which only its owner may read, or standard output for `-`; never one that is there.

    What goes wrong on the way leaves no half file behind.
    """
    if path == STDIN:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Misconfigured(f"{path} is there already", fix="name another file with --output") from None
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written", fix=closed(error).fix) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


def beside(path: str, ending: str) -> str:
    """Where to write what is made of a file when nothing is said: beside it, or to standard output."""
    return STDIN if path == STDIN else path + ending


@contextmanager
def telling(output: str) -> Iterator[None]:
    """What is said goes to standard error while standard output carries the file."""
    if output != STDIN:
        yield
        return
    with redirect_stdout(sys.stderr):
        yield


class _Watched:
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, tell: Callable[[int], None]) -> None:
        self._file = file
        self._tell = tell

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._tell(len(data))
        return data


@contextmanager
def watched(given: Input) -> Iterator[BinaryIO]:
    """The file of `given`; a person at a terminal sees how far a large one is read."""
    file = cast("BinaryIO", given.file)
    if given.size < _BAR_BYTES or not sys.stderr.isatty():
        yield file
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(Path(given.name).name, total=given.size)
        yield cast("BinaryIO", _Watched(file, lambda count: bar.advance(task, count)))
