"""Checks of machines: disks, clocks, and nodes that gave no sign of life."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from hub.store.vitals import NodeRow, Vitals
from hub.watch.catalogue import bad, good
from hub.watch.finding import Finding
from hub.watch.looking import REMEMBERED, SILENT, Findings, Place, living
from hub.watch.words import at, megabytes, span


def disks(place: Place, vitals: Vitals) -> Findings:
    """The disk of each node as it last told; where there is one node or none, this machine's own data folder."""
    nodes = living(place, vitals)
    if place.alone or len(nodes) < 2:
        yield _disk(place, "data", place.data, "data folder")
    if len(nodes) > 1:
        for node in nodes:
            if (free := node.load.get("free_bytes")) is not None:
                yield _free(place, f"node.{node.node}", f"node {node.node}", int(free))


def disks_here(place: Place) -> Findings:
    """The disk of the data folder, where the database cannot be asked for nodes."""
    yield _disk(place, "data", place.data, "data folder")


def backup_disk(place: Place) -> Findings:
    """The disk that backups go to."""
    same = _device(place.backups) == _device(place.data)
    yield _disk(
        place,
        "backup",
        place.backups,
        f"backup folder{' (on the disk of the data: better apart)' if same else ''}",
    )


def _disk(place: Place, which: str, folder: Path, words: str) -> Finding:
    try:
        return _free(place, which, words, shutil.disk_usage(_there(folder)).free)
    except OSError as error:
        why = error.strerror or "unknown reason"
        return bad("disk.low", which, f"{words}: its disk cannot be looked at ({why})")


def _free(place: Place, which: str, words: str, free: int) -> Finding:
    least = place.settings.watch.free_megabytes * 1_000_000
    if free >= least:
        return good("disk.low", which, f"{words}: {megabytes(free)} free")
    return bad("disk.low", which, f"{words}: only {megabytes(free)} free, less than {megabytes(least)}")


def _there(folder: Path) -> Path:
    """The folder, or the nearest above it that exists: it is made there later."""
    return next(one for one in (folder, *folder.parents) if one.exists())


def _device(folder: Path) -> int:
    return _there(folder).stat().st_dev


def clock(place: Place, vitals: Vitals) -> Findings:
    """The clock here against the database's, against what the store has recorded, and every node's."""
    if not place.real_time:
        return
    now = place.now
    if (theirs := vitals.now()) is not None:
        yield _off(place, "database", "the database's clock", now - theirs)
    newest = max(filter(None, (vitals.newest_event(), _newest_sign(place, vitals))), default=now)
    yield _behind(place, newest, now)
    for node in living(place, vitals):
        if (off := node.load.get("clock_off_ms")) is not None:
            yield _off(place, f"node.{node.node}", f"clock of node {node.node}", timedelta(milliseconds=off))


def _newest_sign(place: Place, vitals: Vitals) -> datetime | None:
    return max((node.seen_at for node in vitals.nodes(place.now - SILENT)), default=None)


def _behind(place: Place, newest: datetime, now: datetime) -> Finding:
    """A clock that went back is behind what was written before."""
    if newest - now <= timedelta(seconds=place.settings.watch.clock_seconds):
        return good("clock.off", "store", f"clock: {now:%Y-%m-%d %H:%M:%S}Z, nothing recorded is later")
    what = f"clock: {at(now)}, but the store has records of {at(newest)}"
    return bad("clock.off", "store", what, why="the clock went back, or was wrong before: what is due may wait")


def _off(place: Place, which: str, words: str, off: timedelta) -> Finding:
    seconds = abs(off.total_seconds())
    if seconds <= place.settings.watch.clock_seconds:
        return good("clock.off", which, f"{words}: {seconds:.1f} s apart")
    return bad("clock.off", which, f"{words}: {span(abs(off)) if seconds >= 1 else f'{seconds:.1f} s'} apart")


def nodes(place: Place, vitals: Vitals) -> Findings:
    """Nodes that run, and those that went silent without a stop."""
    known = [one for one in vitals.nodes(place.now - REMEMBERED) if one.stopped_at is None]
    for node in known:
        yield _node(node, place.now)
    if place.alone and not any(place.now - node.seen_at <= SILENT for node in known):
        yield bad("node.none", "", "nodes: none runs")


def _node(node: NodeRow, now: datetime) -> Finding:
    silent = now - node.seen_at
    if silent > SILENT:
        return bad("node.dead", node.node, f"node {node.node}: silent for {span(silent)}")
    what = f"node {node.node}: runs since {at(node.started_at)} as {node.roles.replace(',', ', ')}"
    return good("node.dead", node.node, what)
