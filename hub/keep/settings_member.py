"""The settings folder as a member of a backup, without any secret; and put back so that it fits its new place."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import msgspec

from hub.config.checks import leaves
from hub.config.fields import SECRET
from hub.config.settings import FILES, Settings
from hub.errors import Misconfigured
from hub.keep import paper
from hub.keep.place import Place
from hub.store import Damaged, Keyring

_LARGEST = 20 << 20
_MOST = 64 << 20
_NAMED = 100
_SECRET_NAMES = re.compile(
    r".*\.(key|pem|p12|pfx|pgpass|env|secret)([^a-z].*)?$|id_[a-z0-9]+$|.*password.*", re.IGNORECASE
)
_SECRET_TEXT = b"PRIVATE KEY"
_KEY_TEXT = 8192
"""A file with a master key, or its page for paper, is no longer than so many bytes."""
_PASSING = re.compile(r".*\.(db|db-wal|db-shm|log|log\.\d+|part|hubbackup)$")
_HUB_TABLE = re.compile(r"^\s*\[hub\]\s*(#.*)?$")
_ANY_TABLE = re.compile(r"^\s*\[")


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """A tar of settings, the files that were left out, and the secrets that the settings name."""

    body: bytes
    left_out: tuple[str, ...]
    secrets: tuple[str, ...]


def pack(place: Place) -> Packed:
    """Every file of the settings folder but data, logs, backups and what holds (or may hold) a secret. The hub's own
    files come first; raises `Misconfigured` where one of them cannot be in it, for nothing runs without.
    """
    named = secrets_of(place.settings)
    hidden = {(place.folder / one.removeprefix("file:")).resolve() for one in named if one.startswith("file:")}
    apart = (place.data, place.backups, (place.folder / place.settings.hub.data).resolve())
    body, left, size = io.BytesIO(), list[str](), 0
    with tarfile.open(fileobj=body, mode="w") as tar:
        for path in sorted(_files(place.folder.resolve(), apart), key=_own_first(place.folder.resolve())):
            name = path.relative_to(place.folder.resolve()).as_posix()
            length = path.stat().st_size
            if path in hidden or size + length > _MOST or _keeps_secret(path, length):
                if name in FILES:
                    fix = "take keys and passwords out of it (file:NAME, env:NAME), or what makes it so large"
                    raise Misconfigured(f"{name} cannot be in a backup: it is too large or holds a key", fix=fix)
                left.append(name)
                continue
            size += length
            info = tarfile.TarInfo(name)
            info.size, info.mode = length, 0o600
            tar.addfile(info, io.BytesIO(path.read_bytes()))
    told = [*left[:_NAMED], f"and {len(left) - _NAMED} more"] if len(left) > _NAMED else left
    return Packed(body=body.getvalue(), left_out=tuple(told), secrets=named)


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Every reference to a secret, of connectors that are switched off too."""
    found = [settings.hub.master_key, settings.hub.store]
    for connector in settings.connectors.values():
        found += [value for _, value in leaves(connector.settings, ()) if isinstance(value, str)]
    return tuple(sorted({one for one in found if SECRET.fullmatch(one)}))


def _own_first(folder: Path) -> Callable[[Path], tuple[bool, Path]]:
    own = {folder / name for name in FILES}
    return lambda path: (path not in own, path)


def _files(folder: Path, apart: tuple[Path, ...]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name.startswith(".") or path in apart:
            continue
        if path.is_dir():
            yield from _files(path, apart)
        elif path.is_file() and not _PASSING.fullmatch(path.name):
            yield path


def _keeps_secret(path: Path, size: int) -> bool:
    if size > _LARGEST or _SECRET_NAMES.fullmatch(path.name):
        return True
    try:
        with path.open("rb") as file:
            head = file.read(_KEY_TEXT)
    except OSError:
        return True  # what the hub itself may not read is none of its settings
    return _SECRET_TEXT in head or (size <= _KEY_TEXT and _is_master_key(head))


def _is_master_key(body: bytes) -> bool:
    """Whether a line of a file, or a page for paper, reads as a master key: this hub's, an older or another one."""
    text = body.decode(errors="replace")
    try:
        said = paper.read(text)
    except Misconfigured:
        return True  # a page on which a digit is wrong
    return any(map(_opens, {said, *map(str.strip, text.splitlines())}))


def _opens(line: str) -> bool:
    try:
        Keyring.from_text(line)
    except (Misconfigured, ValueError):
        return False
    return True


def unpack(body: bytes, folder: Path) -> list[str]:
    """Write the settings into `folder`; returns the names."""
    names = []
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        for info in tar:
            name = PurePosixPath(info.name)
            if not info.isfile() or name.is_absolute() or ".." in name.parts:
                raise Damaged("the settings in the backup are no plain files")
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            content = tar.extractfile(info)
            target.write_bytes(content.read() if content else b"")
            target.chmod(0o600)
            names.append(info.name)
    return names


def resettle(text: str, values: dict[str, str]) -> str:
    """hub.toml with these keys of [hub] set (to an empty text: left out), everything else as it was."""
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if _HUB_TABLE.match(line)), None)
    if start is None:
        lines, start = ["[hub]", *lines] if not lines or _ANY_TABLE.match(lines[0]) else [*lines, "[hub]"], 0
        start = lines.index("[hub]")
    end = next((at for at in range(start + 1, len(lines)) if _ANY_TABLE.match(lines[at])), len(lines))
    keys = "|".join(map(re.escape, values))
    kept = [line for line in lines[start + 1 : end] if not re.match(rf"\s*({keys})\s*=", line)]
    said = [f'{key} = "{value}"' for key, value in values.items() if value]
    return "\n".join([*lines[: start + 1], *said, *kept, *lines[end:]]) + "\n"


def stays_inside(data: str) -> bool:
    """Whether the configured data folder lies within the settings folder."""
    path = PurePosixPath(data)
    return not path.is_absolute() and ".." not in path.parts
