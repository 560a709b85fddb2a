"""The private key as a file that only its owner reads, and the JWKS beside it: made, kept, changed."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

from hub.plugin.api import Misconfigured
from hub_ehr_fhir.connect import keys


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What stands there now: both files, the `kid` and `kind` of the key that signs, the kid of the one before
    (`previous`, may be empty), and whether the key is `new`.
    """

    key: Path
    jwks: Path
    kid: str
    kind: str
    previous: str = ""
    new: bool = True


def make(path: Path, name: str, kind: str, *, rotate: bool, dry_run: bool, key_id: str = "") -> Made:
    """A key at `path`, never in the place of another: with `rotate` the new one signs and the old one stays below it
    until the next time, so that both stand in the JWKS. Without, what is there is left, and its JWKS written anew.
    """
    old = _there(path)
    if old and not rotate:
        text, known, new = "".join(old), keys.read("".join(old), key_id), False
    else:
        text, new = keys.made(kind) + "".join(old[:1]), True
        known = keys.read(text)
    jwks = path.parent / f"{name}.jwks.json"
    if not dry_run:
        if new:
            _write(path, text.encode(), 0o600, replace=bool(old))
        _write(jwks, keys.public(known), 0o644, replace=True)
    before = known[1].kid if known[1:] else ""
    return Made(key=path, jwks=jwks, kid=known[0].kid, kind=known[0].algorithm, previous=before, new=new)


def _there(path: Path) -> tuple[str, ...]:
    """The keys that are there already, each with its line end."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError):
        raise Misconfigured(
            f"{path.name} is there and cannot be read", fix="look what it is; it is left"
        ) from None
    keys.read(text)
    return tuple(f"{block}\n" for block in keys.blocks(text))


def _write(path: Path, content: bytes, mode: int, *, replace: bool) -> None:
    """The whole content or nothing, durable; without `replace` never over another file."""
    beside = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            _give(file.fileno(), path.parent)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            beside.replace(path)
        else:
            path.hardlink_to(beside)
    except OSError as error:
        why = error.strerror or "unknown reason"
        raise Misconfigured(
            f"{path.name} cannot be written ({why})", fix=f"see whether {path.parent} is writable"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def _give(handle: int, folder: Path) -> None:
    """What root makes belongs to who owns the folder: the hub's own user must read it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)
