"""Keys while the hub runs: what there are, a new one, another master key, old rows under the present key."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from hub.errors import Misconfigured, Refused
from hub.store import Keyring, Store, View, rekey
from hub.store.rekey import Key

CHANGED = "keys.master_changed"
STEP = 500
"""Rows sealed anew between two words of progress."""


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of a database: the master key's mark, the wrapped keys, rows by table still under retired ones."""

    master: str
    keys: tuple[Key, ...]
    left: dict[str, int]


def known(store: Store) -> KeyList:
    """What there is; no key is shown."""
    with store.view() as view:
        told = rekey.keys(view.session)
        return KeyList(master=store.keyring.mark, keys=told, left=rekey.left(view.session))


def rotate(store: Store, purpose: str, *, by: str, dry_run: bool = False) -> int:
    """A new key of `purpose` (data or lookup) from now on; returns its id, of a dry run that of the present one.

    Refused while a node runs with the former master key: it could not open the new one.
    """
    if purpose not in {"data", "lookup"}:
        raise Refused(f"a {purpose} key is not rotated", fix="data or lookup")
    with store.view() as view:
        if behind := _behind(view, store.keyring.mark):
            why = f"these nodes run since before the master key was changed: {', '.join(behind)}"
            raise Refused(why, fix="start them again with the new master key, then rotate")
        present = next(
            key.key_id for key in rekey.keys(view.session) if key.purpose == purpose and not key.retired_at
        )
    if dry_run:
        return present
    made = store.rotate_keys(purpose)
    with store.begin("admin") as tx:
        tx.event("keys.rotated", "key", str(made), practice="", actor=by, purpose=purpose, retired=present)
    return made


def _behind(view: View, master: str) -> list[str]:
    """Nodes that run since before the last change of the master key."""
    last = view.events.find(aggregate_id=master, kind=CHANGED, newest=True, limit=1)
    return sorted({node.node for node in view.nodes.alive() if last and node.started_at <= last[0].at})


def new_master(path: Path) -> str:
    """The master key in a file of its own, made there now (mode 600, on the disk) unless it stands there already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text("utf-8")
    except OSError as error:
        why = f"the key cannot be written ({error.strerror})"
        raise Misconfigured(why, fix="name a file in a folder of the hub's user") from None
    secret = base64.b64encode(os.urandom(32)).decode()
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    return secret


def change_master(store: Store, secret: str, *, by: str, dry_run: bool = False) -> str:
    """Wrap every key of the database under another master key, together; returns its mark."""
    keyring = Keyring.from_text(secret)
    if keyring.mark == store.keyring.mark:
        raise Refused("that is the master key already", fix="give another one")
    if not dry_run:
        before = store.keyring.mark
        store.change_master(keyring)
        with store.begin("admin") as tx:
            tx.event(CHANGED, "key", keyring.mark, practice="", actor=by, former=before)
    return keyring.mark


def reencrypt(store: Store, *, by: str, told: Callable[[int, int], None] = lambda _done, _all: None) -> int:
    """Seal everything under the present data key, while others work; returns how many rows. Killed, it goes on with
    the next call.
    """
    total, done = sum(known(store).left.values()), 0
    while moved := store.reencrypt(STEP):
        done += moved
        told(done, max(total, done))
    if done:
        with store.begin("admin") as tx:
            tx.event("keys.reencrypted", "key", str(store.keys.active_data_key), practice="", actor=by, rows=done)
    return done
