"""What `hub keys` says; never a key."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hub.cli.keeping import watched
from hub.cli.opened import opened
from hub.cli.ui import print_json, say, table, when
from hub.keep import keys


def show(folder: Path, *, as_json: bool) -> None:
    """The keys there are."""
    with opened(folder) as hub:
        found = keys.known(hub.store)
    if as_json:
        print_json(found)
        return
    say(f"the master key is {found.master}")
    rows = [(one.key_id, one.purpose, when(one.created_at), when(one.retired_at)) for one in found.keys]
    table("Keys under it", ("key", "for", "since", "retired"), rows)
    for name, number in found.left.items():
        say(f"{number:,} rows of {name} are under a retired key: hub keys reencrypt, or wait for the nights")


def rotate(folder: Path, purpose: str, *, by: str, dry_run: bool, as_json: bool) -> None:
    """A new key."""
    with opened(folder) as hub:
        key = keys.rotate(hub.store, purpose, by=by, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "purpose": purpose, "key": key})
        return
    if dry_run:
        say(f"would retire {purpose} key {key} and make a new one; nothing stops, nothing is rewritten")
        return
    say(f"{purpose} key {key} is in use; every running node takes it up within a minute")
    if purpose == "data":
        say("What is there is encrypted anew a part each night; all of it now: hub keys reencrypt")


def reencrypt(folder: Path, *, by: str, dry_run: bool, as_json: bool) -> None:
    """Everything under the present key."""
    with opened(folder) as hub:
        if dry_run:
            left = keys.known(hub.store).left
            done = sum(left.values())
        else:
            with watched() as told:
                done = keys.reencrypt(hub.store, by=by, told=lambda n, of: told("encrypting anew", n, of))
    if as_json:
        print_json({"dry_run": dry_run, "rows": done})
        return
    say(f"{done:,} rows {'would be' if dry_run else 'were'} encrypted anew")


def change_master(folder: Path, to: Path, *, by: str, dry_run: bool, as_json: bool) -> None:
    """Another master key."""
    with opened(folder) as hub:
        before = hub.store.keyring.mark
        if dry_run:
            said = (
                f"would wrap every key, now under master key {before}, under that in {to}; with --yes it is done"
            )
            print_json({"dry_run": True, "former": before}) if as_json else say(said)
            return
        mark = keys.change_master(hub.store, keys.new_master(to), by=by)
        reference = hub.settings.hub.master_key
    if as_json:
        print_json(msgspec.to_builtins({"dry_run": False, "former": before, "master": mark, "file": str(to)}))
        return
    say(
        f"every key is wrapped under master key {mark}; {before} opens this database no more. Now, in this order:"
    )
    say(
        f"  1. name it in hub.toml: [hub] master_key (now {reference}) = file:{to.name}, or put it where that reads"
    )
    say("  2. start every node again; those that run go on with the keys they have opened")
    say("  3. print its page: hub backup key --show; keep the former page as long as backups made under it")
    say("  4. make a backup under it: hub backup")
