"""`hub verify`: a line for each promise, every exception by name, and an exit code that scripts can use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from hub.app import App, open_app
from hub.cli.ui import print_json, say, table
from hub.reports.promises import PROMISES, Profile, Proof, prove

FAILED = 1


def verify(folder: Path, *, as_json: bool = False) -> None:
    """Prove the eleven promises on the database of `folder`; ends the process with 1 when one is broken."""
    app = open_app(folder, migrate=False)
    try:
        with progress() as begun:
            logs = log_files(folder, app)
            proofs = prove(app.store, app.settings, log_files=logs, profiles=profiles(app), begun=begun)
    finally:
        app.close()
    if as_json:
        print_json([_plain(proof) for proof in proofs])
    else:
        show(proofs)
    if not all(proof.ok for proof in proofs):
        sys.exit(FAILED)


@contextmanager
def progress() -> Iterator[Callable[[int, str], None]]:
    """In a terminal a line says which promise is being proved, and since when; elsewhere nothing is said."""
    if not sys.stderr.isatty():
        yield lambda _number, _title: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        line = drawn.add_task("opening the database")
        yield lambda number, title: drawn.reset(line, description=f"{number} of {len(PROMISES)}: {title}")


def show(proofs: tuple[Proof, ...]) -> None:
    """The promises as a table, then what is broken, one line of where and why and one of what to do."""
    table(
        "The eleven promises",
        ("", "promise", "verdict", "checked", "seconds", "of which"),
        [_row(proof) for proof in proofs],
        right=(0, 3, 4),
        styles=["green" if proof.ok else "bold red" for proof in proofs],
    )
    for proof in proofs:
        for one in proof.exceptions:
            say(f"{proof.number:>2}  {one.where}: {one.why}")
            say(f"      what to do: {one.fix}")
        if proof.more:
            say(f"{proof.number:>2}  and {proof.more:,} more")


def profiles(app: App) -> dict[str, Profile]:
    """What the plugin of each mailbox says of evidence and of files in doubt; of one that is switched off or does not
    work nothing is known, and what is usual counts.
    """
    working = set(app.host.names("Clearinghouse"))
    ports = {
        name: app.host.clearinghouse(name).capabilities for name in app.settings.clearinghouses if name in working
    }
    if (vendor := app.settings.print.vendor) in app.host.names("PrintVendor"):
        ports[vendor] = app.host.printer(vendor).capabilities
    return {name: Profile(evidence=told.evidence, in_doubt=told.in_doubt) for name, told in ports.items()}


def log_files(folder: Path, app: App) -> list[Path]:
    """Logs that stand beside the settings or the data."""
    places = {folder, app.loaded.data_folder, app.loaded.data_folder.parent}
    return sorted({path for place in places for path in place.glob("*.log*") if path.is_file()})


def _row(proof: Proof) -> tuple[Any, ...]:
    told = (proof.number, proof.title, _verdict(proof), f"{proof.checked:,}", f"{proof.seconds:,.1f}")
    return (*told, proof.what)


def _verdict(proof: Proof) -> str:
    if proof.ok:
        return "kept"
    return f"BROKEN: {len(proof.exceptions) + proof.more:,}"


def _plain(proof: Proof) -> dict[str, object]:
    return {"ok": proof.ok, **msgspec.to_builtins(proof)}
