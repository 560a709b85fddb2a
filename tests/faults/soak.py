"""`make soak`: kills hubs at moments drawn by lot, each world put right by the next hub, and reports.

    python tests/faults/soak.py --kills 1000 [--workers 2] [--seed 1] [--json report.json]

Each world is the mini practice with all its extras, every fourth on PostgreSQL, every second with threads. It is
killed until it is done or the kills are used up; then one more hub lives to the end, and the books, the promises,
the partners' received files and what the listener heard are held against a life that nobody disturbed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from multiprocessing.queues import Queue
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).parent))

from faultlab.campaign import Undisturbed, at_random, finish, undisturbed
from faultlab.nursery import Nursery
from faultlab.orders import Ended
from faultlab.postgres import OwnServer
from faultlab.visits import drops
from faultlab.world import World

MOST_IN_A_WORLD = 200
POSTGRESQL_EVERY = 4
THREADS = 4
SHOWN_SECONDS = 5.0


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One world: its number (with the campaign's seed it says all that lots decide), and how often to kill."""

    number: int
    seed: int
    kills: int
    store: str
    threads: int


class Report(msgspec.Struct, kw_only=True):
    """What came of it all. `deaths` by where they struck; seconds by the wall clock."""

    deaths: Counter[str] = msgspec.field(default_factory=Counter)
    worlds: int = 0
    recoveries: int = 0
    opening_seconds: list[float] = []
    death_seconds: list[float] = []
    failures: list[str] = []
    seconds: float = 0.0
    databases: Counter[str] = msgspec.field(default_factory=Counter)


def main() -> None:
    """Ends with 1 when a world was not put right."""
    told = _arguments()
    report = Report()
    began = time.monotonic()
    with ExitStack() as ending:
        folder = Path(tempfile.mkdtemp(prefix="hub-soak-"))
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        server = ending.enter_context(OwnServer())
        _run(told, folder, server, report)
    report.seconds = time.monotonic() - began
    _show(report)
    if told.json:
        Path(told.json).write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    sys.exit(1 if report.failures else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill hubs at random moments and prove that nothing is lost.")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2, help="worlds at the same time")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same seed draws the same lots")
    parser.add_argument("--json", default="", help="write the report there too")
    return parser.parse_args()


def _run(told: argparse.Namespace, folder: Path, server: OwnServer, report: Report) -> None:
    with Nursery() as nursery, World(folder / "undisturbed", drops(), furnished=True) as world:
        expected = undisturbed(world, nursery)
    _say(f"{told.kills} kills with --seed {told.seed}, {told.workers} worlds at a time")
    spawning = multiprocessing.get_context("spawn")
    tasks, ends = spawning.Queue(), spawning.Queue()
    workers = [
        spawning.Process(target=_work, args=(tasks, ends, folder, expected), daemon=True)
        for _ in range(told.workers)
    ]
    for worker in workers:
        worker.start()
    try:
        _hand_out(told, server, tasks, ends, report)
    finally:
        for _ in workers:
            tasks.put(None)
        for worker in workers:
            worker.join(60)


def _hand_out(
    told: argparse.Namespace, server: OwnServer, tasks: Queue[Task | None], ends: Queue[Any], report: Report
) -> None:
    """Worlds until so many kills were made: what a world did not use up goes into the next."""
    left, out, number, shown = told.kills, 0, 0, time.monotonic()
    while left or out:
        while left and out < told.workers:
            kills = min(left, MOST_IN_A_WORLD)
            left, out, number = left - kills, out + 1, number + 1
            tasks.put(_task(number, told.seed, kills, server))
        one = ends.get(timeout=600)
        if isinstance(one, Ended):
            _count(report, one)
        else:
            unused, failure, database = one
            left, out = left + unused, out - 1
            report.worlds += 1
            report.databases[database] += 1
            report.failures += [failure] if failure else []
        if time.monotonic() - shown > SHOWN_SECONDS or not (left or out):
            shown = time.monotonic()
            _progress(report, told.kills)


def _task(number: int, seed: int, kills: int, server: OwnServer) -> Task:
    store = "" if number % POSTGRESQL_EVERY else server.database()
    return Task(number=number, seed=seed, kills=kills, store=store, threads=THREADS if number % 2 else 1)


def _count(report: Report, ended: Ended) -> None:
    report.deaths[ended.where] += 1
    report.death_seconds.append(ended.seconds)
    if ended.opening_seconds:
        report.recoveries += 1
        report.opening_seconds.append(ended.opening_seconds)


def _work(tasks: Queue[Task | None], ends: Queue[Any], folder: Path, expected: Undisturbed) -> None:
    """A worker: one world behind the other, each in a folder that stays only where something is wrong."""
    with Nursery() as nursery:
        while (task := tasks.get()) is not None:
            place = folder / f"world-{task.number}"
            deaths: list[Ended] = []
            failure = ""
            try:
                _one_world(task, place, nursery, expected, deaths, ends)
            except BaseException:  # noqa: BLE001 - one world that fails is told, the campaign goes on
                failure = f"world {task.number} of --seed {task.seed}:\n{traceback.format_exc()}"
            shutil.rmtree(place, ignore_errors=True)
            ends.put((task.kills - len(deaths), failure, "postgresql" if task.store else "sqlite"))


def _one_world(
    task: Task, place: Path, nursery: Nursery, expected: Undisturbed, deaths: list[Ended], ends: Queue[Any]
) -> None:
    def tell(ended: Ended) -> None:
        deaths.append(ended)
        ends.put(ended)

    rng = Random(f"{task.seed}/{task.number}")  # noqa: S311 - when to kill is no secret
    with World(place, drops(), store=task.store, furnished=True) as world:
        at_random(world, nursery, rng, kills=task.kills, threads=task.threads, tell=tell)
        finish(world, expected.books, threads=task.threads, nursery=nursery)


def _progress(report: Report, kills: int) -> None:
    made = sum(report.deaths.values())
    right = report.worlds - len(report.failures)
    _say(f"{made:>6} of {kills} kills, {right} worlds put right, {len(report.failures)} not")


def _show(report: Report) -> None:
    """Where the kills struck, how fast hubs came back, and whether everything came out equal."""
    for line in _lines(report):
        _say(line)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _lines(report: Report) -> Iterator[str]:
    made = sum(report.deaths.values())
    yield f"\n{'where it struck':<28}{'before':>8}{'during':>8}{'after':>8}"
    by_point: dict[str, Counter[str]] = {}
    between: Counter[str] = Counter()
    for where, times in report.deaths.items():
        side, _, name = where.partition(" ")
        if side in {"before", "during", "after"}:
            by_point.setdefault(name, Counter())[side] += times
        else:
            between[where] += times
    for name, sides in sorted(by_point.items()):
        yield f"{name:<28}{sides['before']:>8}{sides['during']:>8}{sides['after']:>8}"
    yield f"\n{'between commits':<28}{'times':>8}"
    for where, times in between.most_common():
        yield f"{where:<28}{times:>8}"
    databases = ", ".join(f"{times} on {name}" for name, times in sorted(report.databases.items()))
    yield f"\n{made} kills at {len(by_point)} commit points and between; {report.worlds} worlds: {databases}"
    yield f"{report.recoveries} of the killed hubs had opened on what another left"
    if report.opening_seconds:
        yield f"a hub was open again in {_spread(report.opening_seconds)}"
        yield f"from birth to death {_spread(report.death_seconds)}"
        yield f"{report.seconds:.0f} s in all, {report.seconds / max(1, made):.2f} s for each kill"
    for failure in report.failures:
        yield f"NOT PUT RIGHT: {failure}"
    yield (
        "FAILED"
        if report.failures
        else (
            "every world: promises hold, received = sent, books equal to an undisturbed life, every event heard"
        )
    )


def _spread(seconds: list[float]) -> str:
    late = quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
    return f"{median(seconds):.2f} s (median), {late:.2f} s (one in twenty is slower)"


if __name__ == "__main__":
    main()
