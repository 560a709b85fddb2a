"""How soon a step begins after its nudge was committed, and what a hub costs that has nothing to do.

Nudges: a node rests, the nudge is committed by another process (distributed) or by another thread (local, where
nobody else may run), and its step says when it began. The time counts from before the transaction of the nudge, so it
holds one commit that is written through to the disk. Idle: `hub run` with every role on the example practice, its
schedules and its partners; processor time over 30 seconds, as a share of one core.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from figures import Figure, tell
from partner import Partner

from hub.app import App, open_app
from hub.cli.demo.settings import write_settings
from hub.clock import SystemClock
from hub.config.template import template
from hub.runner import LocalRunner, Nudge, Outcome, Step
from hub.testing.office import cpu_seconds
from hub.testing.postgres import DURABLE, OwnServer

HUB = Path(sys.executable).with_name("hub")
NUDGES = {True: 20, False: 100}
IDLE_SECONDS = {True: 5, False: 30}
SETTLE_SECONDS = {True: 2, False: 15}
BETWEEN_SECONDS = 0.05
MARK = Nudge("bench.mark", "bench")
DISTRIBUTED = '\n[run]\nrunner = "distributed"\nlisten = "127.0.0.1:0"\n'
LOCAL = DISTRIBUTED.replace("distributed", "local")


def measure(quick: bool) -> list[Figure]:
    """Nudges and idleness, both runners."""
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="hub-bench-")))
        server = ending.enter_context(OwnServer(DURABLE))
        partner = Partner(folder / "partner", datetime.now(UTC))
        ending.callback(partner.stop)
        shared = _practice(folder / "shared", partner, server.database(), DISTRIBUTED)
        alone = _practice(folder / "alone", partner, "", LOCAL)
        figures = [
            *_waits("", _distributed(shared, NUDGES[quick])),
            *_waits("_local", _local(alone, NUDGES[quick])),
        ]
        for name, config, said in (("", shared, "distributed, PostgreSQL"), ("_local", alone, "local, SQLite")):
            share = _idle(config, SETTLE_SECONDS[quick], IDLE_SECONDS[quick])
            beside = f"of one core over {IDLE_SECONDS[quick]} s: hub run, every role, {said}"
            figures.append(Figure(name=f"runner.idle_cpu_pct{name}", value=share, unit="%", beside=beside))
        return figures


def _practice(work: Path, partner: Partner, store: str, run: str) -> Path:
    """The example practice at the simulated partners, with the schedules of the template."""
    for part in ("config", "ehr/fhir", "ehr/hl7"):
        (work / part).mkdir(parents=True)
    config = write_settings(work / "config", work, partner.sandbox, store=store)
    schedules = (template() / "hub.toml").read_text().partition("[schedules.pull]")
    with (config / "hub.toml").open("a") as settings:
        settings.write(run + "\n" + "".join(schedules[1:]))
    return config


def _waits(name: str, waits: list[float]) -> list[Figure]:
    late = quantiles(waits, n=20)[-1]
    said = f"{len(waits)} nudges to an idle node; one in twenty took more than {late:.0f} ms"
    return [Figure(name=f"runner.nudge_ms_p50{name}", value=round(median(waits), 1), unit="ms", beside=said)]


def _marks(told: Callable[[float], object]) -> dict[str, Step]:
    def step(_lane: str) -> Outcome:
        told(time.monotonic())
        return Outcome(done=1)

    return {MARK.step: step}


def _node(config: Path, marks: Connection[Any, Any]) -> None:
    """A node that runs the marking step beside the hub's own, in this process, until it is ended."""
    from hub import app
    from hub.node import Node

    step = _marks(marks.send)[MARK.step]
    app.STEPS[MARK.step] = (lambda _hub, lane: step(lane), "hub")
    Node(config, roles="worker", on_running=lambda _: marks.send(0.0)).run()


def _distributed(config: Path, count: int) -> list[float]:
    """Milliseconds from nudges of this process to steps of another."""
    context = get_context("spawn")
    marks, theirs = context.Pipe(duplex=False)
    node = context.Process(target=_node, args=(config, theirs), daemon=True)
    node.start()
    marks.recv()
    with _opened(config) as app:
        waits = _nudged(app, marks.recv, count)
    node.terminate()
    node.join(30)
    return waits


def _local(config: Path, count: int) -> list[float]:
    """Milliseconds from nudges of one thread to steps of another."""
    began: list[float] = []
    came = threading.Semaphore(0)

    def tell_it(at: float) -> None:
        began.append(at)
        came.release()

    def wait() -> float:
        came.acquire()
        return began.pop()

    with _opened(config) as app:
        runner = LocalRunner(_marks(tell_it))
        app.store.on_commit(runner.told)
        runner.start()
        try:
            return _nudged(app, wait, count)
        finally:
            runner.stop()


@contextmanager
def _opened(config: Path) -> Iterator[App]:
    app = open_app(config, clock=SystemClock())
    try:
        yield app
    finally:
        app.close()


def _nudged(app: App, wait: Callable[[], float], count: int) -> list[float]:
    waits = []
    for _ in range(count):
        time.sleep(BETWEEN_SECONDS)
        began = time.monotonic()
        with app.store.begin("admin") as tx:
            tx.then(MARK)
        waits.append((wait() - began) * 1000)
    return waits


def _idle(config: Path, settle: float, seconds: float) -> float:
    """Percent of one core that `hub run` uses while nothing comes."""
    command = [str(HUB), "run", "--config", str(config)]
    node = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert node.stdout is not None
        for line in node.stdout:
            if line.startswith("running;"):
                break
        time.sleep(settle)
        before, began = cpu_seconds(node.pid), time.monotonic()
        time.sleep(seconds)
        return round(100 * (cpu_seconds(node.pid) - before) / (time.monotonic() - began), 2)
    finally:
        node.terminate()
        node.wait(30)


if __name__ == "__main__":
    tell(measure)
