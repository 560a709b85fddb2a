"""Makes the runner that the settings name, and lets the store tell it of nudges."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hub.errors import Misconfigured
from hub.runner.local import LocalRunner, log_trouble
from hub.runner.port import Retry, Runner, Steps, Trouble
from hub.store import Store, jobs

DISTRIBUTED = "distributed"


def share_nudges(kind: str, store: Store) -> None:
    """Let what this process commits be nudged on the queue that all nodes share, though it runs no step itself: a
    person's command does so. Where no node has begun yet there is no queue, and the first asks for everything.
    """
    if kind == DISTRIBUTED and jobs.installed(store.engines):
        store.in_commit(jobs.defer)


def make(
    kind: str,
    steps: Steps,
    *,
    store: Store,
    node: str = "",
    threads: int = 4,
    retry: Retry | None = None,
    on_trouble: Callable[[Trouble], None] = log_trouble,
    stopping: threading.Event | None = None,
) -> Runner:
    """A runner of `steps` that hears the store's nudges; it runs nothing before `start` or `run_until_idle`.

    `kind` is `[run] runner`: `local` runs here; `distributed` shares the work with every node on the same
    PostgreSQL. A node that only schedules, listens or serves pages makes one too and never starts it, so that what
    it commits is nudged. Raises `Misconfigured` for `distributed` on another database.
    """
    stop = stopping or threading.Event()
    if kind != DISTRIBUTED:
        runner = LocalRunner(
            steps, threads=threads, retry=retry, on_trouble=on_trouble, stopping=stop, store=store
        )
        store.on_commit(runner.told)
        return runner
    if store.dialect != "postgresql":
        raise Misconfigured(
            "run.runner is distributed, and the database is an SQLite file",
            fix='set hub.store to a postgresql:// address, or run.runner to "local"',
        )
    from hub.runner.distributed import DistributedRunner

    return DistributedRunner(
        steps, store=store, node=node, threads=threads, retry=retry, on_trouble=on_trouble, stopping=stop
    )
