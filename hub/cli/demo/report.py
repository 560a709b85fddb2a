"""How the demonstration ends: the promises, the figures, what a person must do, and where every file lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hub.app import App
from hub.cli.demo.job import Job
from hub.cli.summary import draw, gist
from hub.cli.ui import say, table
from hub.cli.verify import profiles
from hub.cli.verify import show as show_proofs
from hub.reports.promises import Proof, prove
from hub.reports.summary import Summary, summarize


def conclude(app: App, job: Job, altered: Counter[str], *, as_json: bool) -> bool:
    """Prove and tell; True when a promise is broken."""
    practice = next(iter(app.settings.practices))
    with app.store.view() as view:
        summary = summarize(view, practice)
    proofs = prove(app.store, app.settings, profiles=profiles(app))
    places = list(_places(job))
    if as_json:
        _print_json(summary, proofs, altered, places)
    else:
        show_proofs(proofs)
        draw(summary)
        if altered:
            table("Altered by the overlay", ("field", "times"), sorted(altered.items()), right=(1,))
        table("Files", ("what", "where"), places)
        _troubles(job)
        say(gist(summary))
    return not all(proof.ok for proof in proofs)


def _places(job: Job) -> Iterator[tuple[str, str]]:
    """What the run made, and where."""
    partner = job.work / "partner"
    parts = (
        ("settings of this run", job.work / "config"),
        ("encounters as they came", job.work / "ehr"),
        ("database, encrypted", job.work / "data" / "hub.db"),
        ("claims the clearinghouse took (837P)", partner / "private" / "clearinghouse" / "received"),
        ("answers and remittances (TA1, 999, 277CA, 835)", partner / "clearinghouse" / "taken"),
        ("statements the print vendor took (PDF, manifest)", partner / "private" / "printer" / "received"),
        ("what the print vendor reported", partner / "printer" / "taken"),
    )
    for what, path in parts:
        yield f"{what}: {_count(path)}", _short(path)


def _count(path: Path) -> str:
    if path.is_dir():
        number = sum(1 for one in path.rglob("*") if one.is_file())
        return f"{number} files"
    return f"{path.stat().st_size / 1e6:.1f} MB" if path.exists() else "not in this folder"


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _troubles(job: Job) -> None:
    kinds = Counter(f"{one.step}: {one.said or one.error}" for one in job.troubles)
    if kinds:
        table("Trouble on the way", ("what", "times"), sorted(kinds.items()), right=(1,))


def _print_json(
    summary: Summary, proofs: tuple[Proof, ...], altered: Counter[str], places: list[tuple[str, str]]
) -> None:
    body = {"summary": summary, "promises": proofs, "altered": dict(altered), "files": dict(places)}
    print(msgspec.json.format(msgspec.json.encode(body)).decode())
