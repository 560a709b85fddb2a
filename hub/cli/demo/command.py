"""`hub demo`: runs the job with progress bars, proves the promises, and ends with a summary and all places."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from hub.cli.demo.job import File, Job
from hub.cli.ui import say
from hub.errors import Misconfigured
from hub.sandbox.options import SandboxOptions

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from hub.app import App

SETTLE_DAYS = 45


def demo(
    out: Path,
    inputs: list[Path],
    overlay: Path | None,
    *,
    keep: bool,
    seed: int,
    days: int,
    clearinghouse: str,
    as_json: bool,
) -> None:
    """Run the whole path and tell how it ended; exit code 1 when a promise is broken."""
    from hub.cli.demo.report import conclude
    from hub.testing.practice import OUTCOMES

    job = Job(
        work=out.resolve(),
        seed=seed,
        keep=keep,
        clearinghouse=clearinghouse,
        all_history=bool(inputs),
        options=SandboxOptions(outcomes=OUTCOMES),
    )
    altered: Counter[str] = Counter()
    feed = read_inputs(inputs, overlay, job.start, altered) if inputs else practice(seed, days, job.start)
    total = (1 if inputs else days) + SETTLE_DAYS
    try:
        app = _watched(job, feed, total, quiet=as_json)
        failed = conclude(app, job, altered, as_json=as_json)
    finally:
        job.close()
    sys.exit(1 if failed else 0)


def practice(seed: int, days: int, start: date) -> Iterator[tuple[date, Iterable[File]]]:
    """The synthetic practice."""
    from hub.testing.practice import make_practice

    yield from make_practice(seed=seed, start=start, days=days)


def read_inputs(
    paths: list[Path], overlay: Path | None, on: date, altered: Counter[str]
) -> Iterator[tuple[date, list[File]]]:
    """Every file of `paths` on one day, altered only as the overlay says; counts what was altered."""
    from hub.testing.overlay import apply, load_overlay

    told = load_overlay(overlay) if overlay else None
    if told is not None and told.faults:
        first = told.faults[0]
        raise Misconfigured(f"{first.where}: {first.why}", fix=first.fix)
    taken: list[File] = []
    for path in sorted(_files(paths)):
        source = kind_of(path)
        if source is None:
            continue
        body = path.read_bytes()
        if told is not None:
            body, counted = apply(told, source, body)
            altered.update(counted)
        taken.append((source, f"{len(taken):04}-{path.name}", body))
    if not taken:
        raise Misconfigured("there is no FHIR or HL7 file in what --input names", fix="name a folder or file")
    yield on, taken


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.exists():
            raise Misconfigured(f"{path} is not there", fix="name a folder or file that exists")
        yield from (p for p in path.rglob("*") if p.is_file()) if path.is_dir() else (path,)


def kind_of(path: Path) -> str | None:
    """`fhir` or `hl7` by how a file begins, else None."""
    head = path.read_bytes()[:200].lstrip(b"\xef\xbb\xbf\x0b \r\n\t")
    if head.startswith(b"{"):
        return "fhir"
    return "hl7" if head.startswith((b"MSH", b"FHS", b"BHS")) else None


def _watched(job: Job, feed: Iterable[tuple[date, Iterable[File]]], total: int, *, quiet: bool) -> App:
    """Run the job under a progress bar (none when quiet or when nobody watches)."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(stderr=True, quiet=quiet)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("simulated days", total=total, told="")
        job.on_day = lambda on: _tell(progress, task, job, on)
        app = job.run(feed, settle_days=SETTLE_DAYS)
        progress.update(task, completed=total)
    if not quiet:
        say()
    return app


def _tell(progress: Progress, task: TaskID, job: Job, on: date) -> None:
    with job.app.store.view() as view:
        claims, remits = view.claims.count(), view.remits.count(state="posted")
    progress.update(task, advance=1, told=f"{on:%b %d}: {claims} claims, {remits} remittances posted")


__all__ = ["demo", "kind_of", "practice", "read_inputs"]
