"""PostgreSQL through its own tools: dumps, restores and throw-away databases; a password never stands in argv."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy import URL, Connection, Engine, create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

from hub.errors import Misconfigured, Refused, RetryLater
from hub.store.copied import BESIDE, PIECE, Copy, Held, Told, held
from hub.store.engine import told_apart

_ENVIRONMENT = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "options": "PGOPTIONS",
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
_PACKAGES = Path("/usr/lib/postgresql")
_RIGHTS = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"


def environment(url: URL) -> dict[str, str]:
    """What libpq reads from the environment, with the password, and nothing of it on a command line."""
    given: dict[str, str] = {name: str(value) for name, value in url.query.items()}
    given |= {"user": url.username or "", "password": str(url.password or "")}
    given |= {"host": url.host} if url.host else {}
    given |= {"port": str(url.port)} if url.port else {}
    told = {_ENVIRONMENT[name]: value for name, value in given.items() if name in _ENVIRONMENT and value}
    return {**os.environ, **told, "LC_ALL": "C"}


def tool(name: str, folder: str, server: int) -> str:
    """The path of `name` (pg_dump, pg_restore), at least as new as the server; else who has to install what."""
    places = [Path(folder) / name] if folder else [*_found(name)]
    told = [(version, path) for path in places if (version := _version(path))]
    for version, path in sorted(told):
        if version >= server:
            return str(path)
    fix = f"install the package postgresql-client-{server} (or newer) on this machine, or name backup.pg_tools"
    if not told:
        raise Misconfigured(f"{name} is not on this machine", fix=fix)
    newest = max(version for version, _ in told)
    raise Misconfigured(f"{name} {newest} is older than the server, which is PostgreSQL {server}", fix=fix)


def _found(name: str) -> Iterator[Path]:
    if on_path := shutil.which(name):
        yield Path(on_path)
    yield from sorted(_PACKAGES.glob(f"*/bin/{name}"))


def _version(path: Path) -> int:
    """The major version that a tool says of itself; 0 when it cannot be run."""
    try:
        said = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    return int(found[1]) if found else 0


def _engine(url: str, level: str = "AUTOCOMMIT") -> Engine:
    parsed = make_url(url).set(drivername="postgresql+psycopg")
    return create_engine(parsed, poolclass=NullPool, hide_parameters=True, isolation_level=level)


@contextmanager
def connected(url: str, level: str = "AUTOCOMMIT") -> Iterator[Connection]:
    """A connection of its own that is closed at the end."""
    engine = _engine(url, level)
    try:
        with told_apart():  # not around the block: a disk that is full there is another disk
            connection = engine.connect()
        with connection:
            yield connection
    finally:
        engine.dispose()


def _server(connection: Connection) -> int:
    return int(connection.scalar(text("SHOW server_version_num")) or 0) // 10_000


def size_of(url: str) -> int:
    """How many bytes the database has on its server's disk."""
    with connected(url) as connection:
        return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)


@contextmanager
def copying(url: str, tools: str, told: Told) -> Iterator[Copy]:
    """A dump in the custom format and what it holds, both of one snapshot."""
    with connected(url, "REPEATABLE READ") as connection:
        snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
        size = int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
        path = tool("pg_dump", tools, _server(connection))
        holds = held(connection, "postgresql", size)
        command = [path, "--format=custom", "--compress=0", "--no-owner", "--no-privileges", "--no-password"]
        parsed = make_url(url)
        command += ["--lock-wait-timeout=60000", f"--snapshot={snapshot}", f"--dbname={parsed.database}"]
        command += [f"--exclude-table={BESIDE[1]}"]
        with _running(command, parsed, stdout=subprocess.PIPE) as dumping:
            yield Copy(holds, _pieces(dumping, size, told))


@dataclass(frozen=True)
class _Running:
    """A tool at work, and where it says what is wrong."""

    process: subprocess.Popen[bytes]
    said: IO[bytes]


def _pieces(running: _Running, size: int, told: Told) -> Iterator[bytes]:
    out: IO[bytes] = running.process.stdout  # type: ignore[assignment]
    done = 0
    while piece := out.read(PIECE):
        done += len(piece)
        told(min(done, size), size)
        yield piece
    _ended(running)


def restore(url: str, tools: str, pieces: Iterator[bytes]) -> None:
    """Put a dump into the database at `url`, whole or (killed, damaged, refused) not at all: one transaction."""
    with connected(url) as connection:
        path = tool("pg_restore", tools, _server(connection))
    command = [path, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password"]
    parsed = make_url(url)
    command += [f"--dbname={parsed.database}"]
    with _running(command, parsed, stdin=subprocess.PIPE) as running:
        _feed(running, pieces)
        _ended(running)


def _feed(running: _Running, pieces: Iterator[bytes]) -> None:
    into: IO[bytes] = running.process.stdin  # type: ignore[assignment]
    try:
        for piece in pieces:
            into.write(piece)
        into.close()
    except BrokenPipeError:
        _ended(running)
        raise Refused("pg_restore ended before it had read everything") from None


@contextmanager
def _running(command: list[str], url: URL, **pipes: int) -> Iterator[_Running]:
    """A tool at work; whatever happens here, it is not left running."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stderr=errors, env=environment(url), **pipes)  # type: ignore[call-overload] # noqa: S603
        try:
            yield _Running(process, errors)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    _let_go(pipe)


def _let_go(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:
        return


def _ended(running: _Running) -> None:
    """Raise unless the tool ended well; only its own first line is told: what follows may show rows."""
    if running.process.wait() == 0:
        return
    running.said.seek(0)
    lines = running.said.read(65_536).decode(errors="replace").splitlines()
    said = next((line for line in lines if " error: " in line), "it said nothing")
    tool_name, _, rest = said.partition(": error: ")
    why = re.sub(r"\(.*?\)=\(.*?\)|\"[^\"]*\"", "...", rest or said)[:160]
    raise RetryLater(f"{tool_name or 'the tool'} failed: {why}", fix="see the log of the PostgreSQL server")


def tables_of(url: str) -> set[str]:
    """Tables of the database, without those that say that a restore began."""
    with connected(url) as connection:
        return set(inspect(connection).get_table_names()) - set(BESIDE)


def wipe(url: str) -> None:
    """Remove everything of a database whose restore did not end; the caller has seen the mark that says so."""
    with connected(url, "READ COMMITTED") as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        connection.commit()


def look(url: str) -> Held:
    """What a database that nobody writes to holds."""
    with connected(url, "REPEATABLE READ") as connection:
        return held(connection, "postgresql", 0)


@contextmanager
def throw_away(url: str, purpose: str) -> Iterator[str]:
    """The address of an empty database beside that of `url`; it is dropped at the end, and those that a killed
    process left are dropped first (the caller is alone). Raises `Misconfigured` when the role may make none.
    """
    parsed = make_url(url)
    stem = f"{parsed.database}_{purpose}_"
    with connected(url) as connection:
        if not connection.scalar(text(_RIGHTS)):
            fix = f"as the server's administrator: ALTER ROLE {parsed.username or 'hub'} CREATEDB"
            raise Misconfigured("the hub's role may not make a database to try the backup in", fix=fix)
        _sweep(connection, stem)
        name = f"{stem}{secrets.token_hex(4)}"
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE template0'))
        try:
            yield parsed.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


def sweep(url: str, purpose: str) -> None:
    """Drop the databases that a killed process, or one that lost the server, left; the caller is alone."""
    with connected(url) as connection:
        _sweep(connection, f"{make_url(url).database}_{purpose}_")


def _sweep(connection: Connection, stem: str) -> None:
    names = connection.scalars(text("SELECT datname FROM pg_database")).all()
    for name in names:
        if re.fullmatch(re.escape(stem) + "[0-9a-f]{8}", name):
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
