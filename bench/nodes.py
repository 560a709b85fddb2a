"""The path on PostgreSQL: in one process, and on one, two and four worker processes that share its queue.

Eight practices, each with two EHR folders, its own contracts and its own SFTP mailbox, so that lanes can run side by
side. Every run has the same load, the same partners in a process of their own, and leaves out the time in which these
compute, as `path.py` does; SQLite with the same load stands beside. PostgreSQL is the wheel's server with its own
defaults: every commit is written through to the disk. Worker processes are whole nodes (`hub run --roles worker`);
the process that measures asks for the steps and runs none.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from figures import Figure, tell
from path import PathRun, Running, local

from hub.app import App, open_app
from hub.testing.office import Elsewhere, NodeProcess, Office, Partners, SharedClock, stop
from hub.testing.postgres import DURABLE, OwnServer
from hub.testing.practice import make_load

START = datetime(2026, 2, 2, 12, tzinfo=UTC)
PRACTICES = 8
CLAIMS = {True: 80, False: 1_600}
WORKERS = {True: (2,), False: (1, 2, 4)}


def measure(quick: bool) -> list[Figure]:
    """The same load again and again, each time in a new database."""
    claims = CLAIMS[quick]
    with OwnServer(DURABLE) as server:
        figures = [_figure("sqlite_local_claims_s", claims, _run("", 0, claims), "one process, SQLite")]
        seconds = _run(server.database(), 0, claims)
        figures.append(_figure("pg_local_claims_s", claims, seconds, "one process, PostgreSQL with fsync"))
        for workers in WORKERS[quick]:
            seconds = _run(server.database(), workers, claims)
            said = f"{workers} worker processes of 4 threads, PostgreSQL with fsync, {os.cpu_count()} cores"
            figures.append(_figure(f"pg_claims_s_{workers}w", claims, seconds, said))
    return figures


def _figure(name: str, claims: int, seconds: float, said: str) -> Figure:
    load = f"{claims} claims of {PRACTICES} practices in {seconds:.1f} s"
    return Figure(
        name=f"path.{name}", value=round(claims / seconds, 1), unit="claims/s", beside=f"{load}; {said}"
    )


def _run(store: str, workers: int, claims: int) -> float:
    """Seconds of one run; without `workers` the steps run here."""
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="hub-bench-")))
        office = Office(work=folder, practices=PRACTICES, store=store)
        partners = Partners(office.partner, office.mailboxes, START, sftp=True)
        ending.callback(partners.stop)
        office.furnish(partners.endpoints, runner="" if workers else "local")
        fill(office, claims)
        clock = SharedClock(folder / "clock", START)
        app = open_app(office.config, clock=clock)
        ending.callback(app.close)
        if workers:
            runner: Running = ending.enter_context(_elsewhere(app, office, workers))
        else:
            here = runner = local(app)
            ending.callback(here.stop)
        run = PathRun(app, clock, partners, claims, runner)
        seconds = run.walk()
        print(f"{workers or 'no'} workers, {app.store.dialect}: {seconds:.1f} s", file=sys.stderr)
        run.tell()
        return seconds


def fill(office: Office, claims: int) -> None:
    """Leave the files of so many encounters, spread over all practices."""
    for number in range(1, office.practices + 1):
        for kind, name, body in make_load(claims // office.practices, seed=number):
            office.drop(number, kind, name, body)


@contextmanager
def _elsewhere(app: App, office: Office, workers: int) -> Iterator[Elsewhere]:
    """So many nodes in processes of their own, all of them running."""
    asking = Elsewhere(app)
    nodes = [
        NodeProcess(f"node {n}", office.config, clock=office.work / "clock", log=office.work / f"node-{n}.log")
        for n in range(workers)
    ]
    try:
        for node in nodes:
            node.wait()
        yield asking
    finally:
        stop(nodes)


if __name__ == "__main__":
    tell(measure)
