"""The nursery's own process: reads one order a line (JSON) and forks a hub for each, so that a killed hub's successor
need not import everything again; a hub that was killed is a process that was killed.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from functools import partial
from importlib import import_module
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from faultlab import extras
from faultlab.board import OPENING, Board, Recorded, watched
from faultlab.life import Life
from faultlab.orders import ASLEEP, Ended, Order, Told, Wake

IMPORTED = (
    "alembic.command",
    "alembic.autogenerate",
    "alembic.ddl.sqlite",
    "hub.render",
    "hub.runner.distributed",
    "hub_clearinghouse_sftp.plugin",
    "hub_ehr_fhir.source",
    "hub_hl7_adt.source",
    "hub_statements_print.plugin",
    "mako.template",
    "psycopg",
    "pydantic.networks",
    "sqlalchemy.ext.compiler",
    "sqlite3",
    "typst",
)
"""What every hub loads, imported once before hubs are forked."""
TICK_SECONDS = 0.002


def live(order: Order, board: Board) -> None:
    """One life, in this process; dies where the order says."""
    work = Path(order.place.work)
    os.environ["HUB_FAULT_HEARD"] = str(work / "heard")
    line = Client(order.place.address, authkey=order.place.secret)
    with extras.installed(work), line:
        life = Life(
            order.place,
            partial(_over, line),
            threads=order.threads,
            node=order.node,
            wrap=partial(watched, board),
        )
        try:
            life.app.store._crash = Recorded(board, order.kill, order.crash)
            board.stand("idle")
            board.opened()
            life.run(order.days)
            told = Told(points=life.app.store.commit_points, troubles=life.troubles)
            (work / "life.json").write_bytes(msgspec.json.encode(told))
        finally:
            life.close()


def _over(line: Connection[Any, Any], asked: Any) -> Any:
    line.send(asked)
    return line.recv()


def main() -> None:
    """One order a line in, one line with the end of its hub out."""
    for needed in IMPORTED:
        import_module(needed)
    gc.collect()
    gc.freeze()
    board = Board()
    for line in sys.stdin.buffer:
        order: Order | Wake = msgspec.json.decode(line, type=Order | Wake)
        ended = _woken(order, board) if isinstance(order, Wake) else _one(order, board)
        sys.stdout.buffer.write(msgspec.json.encode(ended) + b"\n")
        sys.stdout.buffer.flush()


def _one(order: Order, board: Board) -> Ended:
    board.clear()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _child(order, board)
    if order.kill_after_seconds or order.kill_opening:
        _kill(child, order, board, began)
    return _ended(child, board, began)


def _woken(order: Wake, board: Board) -> Ended:
    began = time.monotonic()
    os.kill(order.process, signal.SIGCONT)
    return _ended(order.process, board, began)


def _ended(child: int, board: Board, began: float) -> Ended:
    _, status = os.waitpid(child, os.WUNTRACED)
    ended = time.monotonic()
    return Ended(
        code=ASLEEP if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status),
        process=child,
        where=board.where,
        opening_seconds=board.opened_at - began if board.opened_at else 0.0,
        seconds=ended - began,
        commits=board.commits,
    )


def _kill(child: int, order: Order, board: Board, began: float) -> None:
    """Kill a hub wherever it stands so long after it was opened, or after it was begun; one that has ended stays a
    zombie until it is waited for.
    """
    while not order.kill_opening and board.where == OPENING and not _gone(child):
        time.sleep(TICK_SECONDS)
    since = began if order.kill_opening else board.opened_at
    time.sleep(max(0.0, since + order.kill_after_seconds - time.monotonic()))
    os.kill(child, signal.SIGKILL)


def _gone(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _child(order: Order, board: Board) -> None:
    """Never returns: a failure is told on the log of the life."""
    log = os.open(Path(order.place.work) / "life.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        live(order, board)
        code = 0
    except BaseException:  # noqa: BLE001 - whatever ended this life is told
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
