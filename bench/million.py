"""A store with very many claims: how long a page of work and `hub status` take, and what a proof costs.

A real run of a few hundred claims (the whole path, simulated partners) is copied by `hub.testing.mass` until the
store is large; every copy has its own ids, control numbers, frozen bytes, ledger and events, and `hub verify` must
find the whole sound. About 30 KB a claim: a million takes 30 GB of disk and half an hour of a quiet machine, so it
is measured only where the environment says `MILLION=1000000`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from figures import Figure, peak_rss_mb, tell

from hub.app import App, open_app
from hub.cli.demo.job import Job
from hub.clock import TurnedClock
from hub.reports.promises import prove
from hub.testing.mass import Mass
from hub.testing.practice import make_load, make_practice

HUB = Path(sys.executable).with_name("hub")
START = date(2026, 1, 5)
LOADED_AFTER = 28
"""The day of the run on which the clean visits come: after the first statements, so that few are set."""
SIZES = {True: (2_500, 15_000), False: (20_000, 100_000)}
PAGE = 50
RUNS = 5


def measure(quick: bool) -> list[Figure]:
    """The smaller store is proved, grows, and is looked at and proved again."""
    small, large = SIZES[quick]
    large = int(os.environ.get("MILLION", large))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        end = run_path(work, 240 if quick else 480)
        grown, seconds = fill(work, end, small)
        first = in_own_process(work, end)
        grown_by, more = fill(work, end, large)
        found = in_own_process(work, end)
        size = sum(path.stat().st_size for path in (work / "data").glob("hub.db*"))
        status = command_seconds(work, "status")
        listed = command_seconds(work, "work", "list")
    count = found["claims"]
    bare = f"{count:,} claims, {size / count / 1024:.1f} KiB each"
    return [
        figure("fill_claims_s", (grown + grown_by) / (seconds + more), "claims/s", bare),
        figure(
            "work_page_ms", found["page_ms"], "ms", f"of {found['open']:,} open; deep {found['deep_ms']:.1f} ms"
        ),
        figure("work_list_s", listed, "s", "the whole command"),
        figure("status_s", status, "s", f"the whole command; its questions {found['status_ms']:.0f} ms"),
        figure("claims_page_ms", found["claims_ms"], "ms", "the last 50 claims that were paid"),
        figure("verify_us_per_claim", found["verify_us"], "us", f"{count:,} claims; peak {found['rss_mb']} MB"),
        figure(
            "verify_growth",
            found["verify_us"] / first["verify_us"],
            "times",
            f"a claim's cost beside that among {first['claims']:,}: {first['verify_us']:.0f} us, "
            f"peak {first['rss_mb']} MB",
        ),
    ]


def figure(name: str, value: float, unit: str, beside: str) -> Figure:
    """One figure of this bench, with as many digits as mean something."""
    return Figure(name=f"million.{name}", value=round(value, 2 if value < 100 else 0), unit=unit, beside=beside)


def run_path(work: Path, clean: int) -> datetime:
    """The run that is copied: some days of the practice with its stories, then `clean` ordinary visits at once.

    Returns when it ended.
    """
    job = Job(work=work)
    try:
        job.run(_days(clean), settle_days=10)
        return job.clock.now()
    finally:
        job.close()


def _days(clean: int) -> Iterator[tuple[date, list[tuple[str, str, bytes]]]]:
    last = START
    for last, files in make_practice(1, start=START, days=4, patients=8):
        yield last, files
    loaded = START + timedelta(days=LOADED_AFTER)
    while last < loaded - timedelta(days=1):
        last += timedelta(days=1)
        yield last, []
    yield loaded, list(make_load(clean))


def fill(work: Path, end: datetime, claims: int) -> tuple[int, float]:
    """Copy until there are so many; returns how many were added, and in how many seconds."""
    app = open_app(work / "config", clock=TurnedClock(end))
    try:
        mass = Mass(app.store)
        mass.hurry()
        before, began = mass.claims, time.perf_counter()
        return mass.grow(claims) - before, time.perf_counter() - began
    finally:
        app.close()


def in_own_process(work: Path, end: datetime) -> dict[str, Any]:
    """What `look` finds, in a process whose memory is its own."""
    command = [sys.executable, __file__, "--look", str(work), (end + timedelta(hours=3)).isoformat()]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def look(work: Path, at: datetime) -> dict[str, Any]:
    """Time the questions of lists and of `hub status`, then prove every promise."""
    app = open_app(work / "config", clock=TurnedClock(at))
    try:
        found = _asked(app)
        began = time.process_time()
        proofs = prove(app.store, app.settings)
        seconds = time.process_time() - began
    finally:
        app.close()
    broken = [proof for proof in proofs if not proof.ok]
    if broken:
        raise RuntimeError(f"promise {broken[0].number}: {broken[0].exceptions[0].why}")
    for proof in proofs:
        print(f"  promise {proof.number:>2} {proof.seconds:8.2f} s {proof.checked:>10,} checked", file=sys.stderr)
    return {**found, "verify_us": seconds / found["claims"] * 1e6, "rss_mb": peak_rss_mb()}


def _asked(app: App) -> dict[str, Any]:
    from hub.cli.status import _status

    with app.store.view() as view:
        deep = _deep(view)
        return {
            "claims": view.claims.count(),
            "open": view.work.count(),
            "page_ms": median_ms(lambda: view.work.page(PAGE)),
            "deep_ms": median_ms(lambda: view.work.page(PAGE, after=deep)),
            "claims_ms": median_ms(lambda: view.claims.heads(limit=PAGE, newest=True, state="paid")),
            "status_ms": median_ms(lambda: _status(app, view)),  # type: ignore[arg-type]
        }


def _deep(view: Any) -> str:
    """The item behind which the last pages of work begin: as many pages down as a person never goes."""
    last = ""
    for _ in range(100):
        page = view.work.page(PAGE, after=last)
        if len(page) < PAGE:
            break
        last = page[-1].id
    return last


def median_ms(ask: Callable[[], object]) -> float:
    """Median of several askings, after one that is not counted."""
    seconds = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:]) * 1000


def command_seconds(work: Path, *words: str) -> float:
    """Median wall time of a whole command, after one that is not counted."""
    command = [str(HUB), *words, "--config", str(work / "config")]
    return median_ms(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True)) / 1000


if __name__ == "__main__":
    if "--look" in sys.argv:
        at = sys.argv.index("--look")
        print(json.dumps(look(Path(sys.argv[at + 1]), datetime.fromisoformat(sys.argv[at + 2]))))
    else:
        tell(measure)
