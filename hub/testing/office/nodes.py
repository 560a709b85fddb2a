"""Nodes of an office as processes of their own, on one clock that a test turns for all of them."""

from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import os
import signal
import struct
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from hub.clock import TurnedClock

_CELL = struct.Struct("<q")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
PRELOADED = (
    "hub.testing.office.nodes",
    "hub.node",
    "hub.runner.distributed",
    "hub_clearinghouse_sftp.plugin",
    "hub_ehr_fhir.source",
    "hub_hl7_adt.source",
    "psycopg",
    "pydantic.networks",
)
"""What every node loads: once, in the process that nodes are forked from."""


class SharedClock(TurnedClock):
    """A turned clock of several processes: its time stands in a file that all of them map."""

    def __init__(self, path: Path, start: datetime | None = None) -> None:
        if start is not None:
            path.write_bytes(_CELL.pack((start - _EPOCH) // _MICRO))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _CELL.size)

    @property
    def _now(self) -> datetime:
        return _EPOCH + int(_CELL.unpack_from(self._memory)[0]) * _MICRO

    @_now.setter
    def _now(self, instant: datetime) -> None:
        _CELL.pack_into(self._memory, 0, (instant - _EPOCH) // _MICRO)


def live(
    config: Path, clock: Path | None, roles: str, log: Path, dead_seconds: float, up: Connection[Any, Any]
) -> None:
    """One node, in this process, until it is told to stop or killed; what it says goes to `log`."""
    out = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(out, 1)
    os.dup2(out, 2)
    from hub import log as hub_log
    from hub.node import Node

    hub_log.configure(level="warning")
    if dead_seconds:
        _hurry(dead_seconds)
    node = Node(
        config,
        roles=roles,
        clock=SharedClock(clock) if clock else None,
        say=_say,
        on_running=lambda _: up.send("up"),
    )
    node.run()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _hurry(dead_seconds: float) -> None:
    """Nodes of this process count others as dead sooner than in life, as short tests need it."""
    from functools import partial

    from hub.runner import distributed

    pulse = distributed.Pulse(beat_seconds=dead_seconds / 5, dead_seconds=dead_seconds, look_seconds=0.2)
    distributed.DistributedRunner = partial(distributed.DistributedRunner, pulse=pulse)  # type: ignore[misc,assignment]


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


class NodeProcess:
    """A node that may be killed, put to sleep and started again; `name` is for people, `pid` for the journal."""

    def __init__(
        self,
        name: str,
        config: Path,
        *,
        clock: Path | None = None,
        roles: str = "worker",
        log: Path,
        dead_seconds: float = 0.0,
    ) -> None:
        self.name = name
        self._given = (config, clock, roles, log, dead_seconds)
        self.start()

    def start(self) -> None:
        """A new process."""
        context = _context()
        self._up, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=live, args=(*self._given, theirs), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid or 0

    @property
    def alive(self) -> bool:
        """Whether its process has not ended."""
        return self._process.is_alive()

    def wait(self, seconds: float = 120.0) -> None:
        """Until all its roles run."""
        if not self._up.poll(seconds):
            raise TimeoutError(f"{self.name} does not run after {seconds:.0f} s: see its log")
        self._up.recv()

    def kill(self) -> float:
        """SIGKILL; returns the time (seconds since 1970) at which it was dead."""
        self._process.kill()
        self._process.join()
        return time.time()

    def sleep(self) -> float:
        """SIGSTOP; returns the time."""
        os.kill(self.pid, signal.SIGSTOP)
        return time.time()

    def wake(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def ask_to_stop(self) -> None:
        """SIGTERM; one that sleeps is woken for it. Harmless where it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self.wake()
        self._process.terminate()

    def ended(self, seconds: float) -> int | None:
        """Its exit code, once it has ended; None where it did not in time: it is killed then."""
        self._process.join(seconds)
        code = self._process.exitcode
        if code is None:
            self.kill()
        return code


def stop(nodes: Iterable[NodeProcess], seconds: float = 30.0) -> list[int | None]:
    """Let all of them end at the same time; their exit codes, None for those that had to be killed."""
    for node in nodes:
        node.ask_to_stop()
    return [node.ended(seconds) for node in nodes]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, in user mode and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
