"""The queue of nudges on PostgreSQL: the tables and functions of Procrastinate, used inside our own transactions.

The library's schema and statements are given by `hub/runner/queue.py`, which alone knows the library. A nudge is a
job: its step the task, its lane the lock (one job of a lock is `doing` at a time, by a unique index), step and lane
together the queueing lock (one such job waits at a time, by another).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from hub.errors import Misconfigured, Stale
from hub.store.engine import Engines, told_apart
from hub.store.holding import Overtaken
from hub.store.lanes import STILL
from hub.store.nudge import Nudge
from hub.store.rows import is_taken
from hub.store.session import Session

QUEUE = "hub"
CHANNEL = f"procrastinate_queue_v1#{QUEUE}"
DEFER_TRIES = 20
#: PostgreSQL advisory lock: nodes that start together do not both make the tables.
_LOCK = 0x7175_6575
_MARK = "billing-hub "
_HERE = "SELECT to_regclass('procrastinate_jobs') IS NOT NULL"
_VERSION = "SELECT obj_description(to_regclass('procrastinate_jobs'), 'pg_class')"
# the library looks for others of a lane among all that wait: half a second a job when five thousand wait
_BY_LANE = """
CREATE INDEX IF NOT EXISTS hub_jobs_by_lane ON procrastinate_jobs (lock, id) WHERE status IN ('todo', 'doing')
"""
# Jobs that wait already are locked in share until our commit: whoever takes one of them afterwards sees what we
# commit, and nobody takes one before. Locks are taken in one order everywhere, so that they never meet crosswise.
_DEFER = f"""
WITH waiting AS (
    SELECT queueing_lock FROM procrastinate_jobs
    WHERE status = 'todo' AND queueing_lock = ANY(%(keys)s) ORDER BY queueing_lock FOR SHARE
), added AS (
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
    SELECT '{QUEUE}', step, lane, key, jsonb_build_object('lane', lane)
    FROM unnest(%(steps)s::text[], %(lanes)s::text[], %(keys)s::text[]) AS asked (step, lane, key)
    WHERE key NOT IN (SELECT queueing_lock FROM waiting) ORDER BY key
    ON CONFLICT DO NOTHING RETURNING queueing_lock
), counted AS (
    SELECT (SELECT count(*) FROM waiting) AS folded, (SELECT count(*) FROM added) AS fresh
)
SELECT folded + fresh,
       set_config('idle_in_transaction_session_timeout', '{STILL}', true),
       CASE WHEN folded > 0 THEN pg_notify('{CHANNEL}', '{{"type":"job_inserted","job_id":0}}')::text END
FROM counted
"""  # noqa: S608 - our own names
_BRIEFLY = f"""
SELECT job.*, set_config('idle_in_transaction_session_timeout', '{STILL}', true) FROM ({{}}) AS job
"""  # noqa: S608 - our own words
_DONE = text("DELETE FROM procrastinate_jobs WHERE id = :id AND status = 'doing'")
_BEAT = text("UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = :id RETURNING id")
# after the database's clock was set back: who lives arrives again, who is dead would else live until then
_AHEAD = text("DELETE FROM procrastinate_workers WHERE last_heartbeat > now() + make_interval(secs => :seconds)")
_MINE = text("SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = :worker")
_ORPHANS = text("""
    SELECT id, task_name, lock, queueing_lock FROM procrastinate_jobs
    WHERE status = 'doing' AND (worker_id IS NULL OR id = ANY(:ids)) ORDER BY id FOR UPDATE SKIP LOCKED
""")
_SIBLING = text("SELECT 1 FROM procrastinate_jobs WHERE status = 'todo' AND queueing_lock = :key")
_BACK = text("""
    UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL, attempts = attempts + 1 WHERE id = :id
""")
_RING = f"""SELECT pg_notify('{CHANNEL}', '{{"type":"job_inserted","job_id":0}}')"""
_ALL = text("""
    SELECT status = 'doing', task_name, lock FROM procrastinate_jobs WHERE status IN ('todo', 'doing') ORDER BY id
""")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A nudge that was taken out of the queue, or lost with its node."""

    id: int
    step: str
    lane: str


class Jobs:
    """The queue inside one transaction or view; `library` holds Procrastinate's statements by name."""

    def __init__(self, session: Session, library: Mapping[str, str]) -> None:
        self._conn = session.conn
        self._library = library

    def take(self, worker: int) -> Job | None:
        """The oldest job whose lane is free; it is `doing` from this commit on. `Stale`: another node was first;
        `Overtaken`: the others count this worker as dead.
        """
        asked = {"queues": [QUEUE], "worker_id": worker}
        try:
            row = self._conn.exec_driver_sql(
                _BRIEFLY.format(self._library["fetch_job"].rstrip(" \n;")), asked
            ).first()
        except IntegrityError as error:
            if is_taken(error.orig):
                raise Stale("another node took the lane first") from None
            raise Overtaken("the other nodes count this one as dead") from None
        if row is None or row.id is None:
            return None
        return Job(id=row.id, step=row.task_name, lane=row.lock)

    def done(self, job_id: int) -> None:
        """The job was run: it leaves the queue. Harmless twice."""
        self._conn.execute(_DONE, {"id": job_id})

    def arrive(self) -> int:
        """A worker begins; returns its number."""
        row = self._ask("register_worker")
        return int(row.worker_id)

    def beat(self, worker: int) -> bool:
        """The worker lives; False when others counted it as dead."""
        return self._conn.execute(_BEAT, {"id": worker}).one_or_none() is not None

    def leave(self, worker: int) -> None:
        """The worker ends; what it still does is taken over by others."""
        self._ask("unregister_worker", worker_id=worker)

    def mine(self, worker: int) -> set[int]:
        """The jobs that are marked as done by this worker at present."""
        return set(self._conn.execute(_MINE, {"worker": worker}).scalars())

    def bury(self, dead_seconds: float) -> None:
        """Count workers as dead that gave no sign of life for so long."""
        self._ask("prune_stalled_workers", seconds_since_heartbeat=dead_seconds)
        self._conn.execute(_AHEAD, {"seconds": dead_seconds})

    def put_back(self, forgotten: Sequence[int] = ()) -> list[Job]:
        """Let the jobs of dead workers, and the `forgotten`, wait again; returns them. One whose nudge waits a
        second time is folded into that.
        """
        lost = []
        for row in self._conn.execute(_ORPHANS, {"ids": list(forgotten)}).all():
            lost.append(Job(id=row.id, step=row.task_name, lane=row.lock))
            folded = self._conn.execute(_SIBLING, {"key": row.queueing_lock}).one_or_none() is not None
            self._conn.execute(_DONE if folded else _BACK, {"id": row.id})
        if lost:
            self._conn.exec_driver_sql(_RING)
        return lost

    def all(self) -> tuple[list[Nudge], list[Nudge]]:
        """What waits, and what runs anywhere."""
        waits: tuple[list[Nudge], list[Nudge]] = ([], [])
        for doing, step, lane in self._conn.execute(_ALL):
            waits[doing].append(Nudge(step, lane))
        return waits

    def _ask(self, name: str, **parameters: Any) -> Any:
        return self._conn.exec_driver_sql(self._library[name], parameters).first()


def defer(connection: Connection, nudges: Sequence[Nudge]) -> None:
    """Queue the nudges with the caller's transaction. One that waits already is folded into that, and then nobody
    takes it before the caller's commit.
    """
    wanted = {f"{one.step}|{one.lane}": one for one in nudges}
    keys = sorted(wanted)
    asked = {
        "keys": keys,
        "steps": [wanted[key].step for key in keys],
        "lanes": [wanted[key].lane for key in keys],
    }
    for _ in range(DEFER_TRIES):
        if connection.exec_driver_sql(_DEFER, asked).scalar_one() == len(keys):
            return
    raise Stale("the queue of nudges is too busy")


def install(connection: Connection, schema: str, steps: Mapping[str, str]) -> None:
    """Make the tables of the queue, or bring them up to the library's version, inside the caller's transaction.

    `steps` are the library's migrations by name, in order; the name of the last one stands in the comment of the
    table. A database with a later one raises `Misconfigured`.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    newest = max(steps)
    if connection.scalar(text(_HERE)):
        found = (connection.scalar(text(_VERSION)) or "").removeprefix(_MARK) or newest
        if found > newest:
            raise Misconfigured("the queue was changed by a newer hub", fix="run the newer hub on this database")
        missing = [step for name, step in sorted(steps.items()) if name > found]
    else:
        missing = [schema]
    for script in missing:
        _driver(connection).execute(script)
    if missing:
        connection.exec_driver_sql(_BY_LANE)
        connection.exec_driver_sql(f"COMMENT ON TABLE procrastinate_jobs IS '{_MARK}{newest}'")


def installed(store_engines: Engines) -> bool:
    """Whether the database has a queue."""
    if store_engines.dialect != "postgresql":
        return False
    with told_apart(), store_engines.reader.connect() as connection:
        return bool(connection.scalar(text(_HERE)))


class Ear:
    """A connection of its own that hears when jobs are queued."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def hear(self, seconds: float) -> bool:
        """Wait for a nudge, so long at most; False when none came. Notes that came together are one."""
        return any(True for _ in self._driver.notifies(timeout=seconds, stop_after=1))

    def alive(self) -> None:
        """Ask the server for a sign of life; raises when there is none."""
        self._driver.execute("SELECT 1")


@contextmanager
def listening(engines: Engines) -> Iterator[Ear]:
    """An ear, as long as the block runs; what breaks it is the driver's own error."""
    with told_apart(), engines.writer.connect() as connection:
        driver = _driver(connection)
        connection.detach()  # a connection that listens never goes back to the pool
        driver.rollback()
        driver.autocommit = True
        driver.execute(f'LISTEN "{CHANNEL}"')
        yield Ear(driver)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
