"""Statements -> a PDF and its manifest for the print vendor, and what became of each."""

from __future__ import annotations

import hashlib

import msgspec

from hub.errors import Refused
from hub.flow.after_restore import statements_wait
from hub.flow.aside import each
from hub.flow.base import Hub, Outcome, chunks
from hub.flow.dispatch import settle
from hub.flow.fetch import bring, journal
from hub.model.statement import Statement
from hub.model.work import WorkItem
from hub.plugin.api import PrintResult
from hub.render import Batch, statements_pdf
from hub.store import Nudge, Tx
from hub.store.documents import Change, Row
from hub.store.inbox import InboxItem

RETURNED = {
    "returned": "the statement came back undelivered",
    "rejected": "the print vendor refused the statement",
}


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One statement in the manifest: where its pages are, and what it asks for."""

    number: str
    first_page: int
    pages: int
    total_cents: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the print vendor checks the PDF against; it names nobody."""

    run: str
    file: str
    sha256: str
    pages: int
    count: int
    total_cents: int
    statements: tuple[Page, ...]


def freeze(hub: Hub, vendor: str) -> Outcome:
    """Freeze the statements that were made into runs of one practice each: a PDF and a manifest. After a restore
    those of a practice wait for a person's word, since they may be printed already.
    """
    with hub.store.view() as view:
        made = [
            name for name in view.statements.tally("practice", state="made") if not statements_wait(hub, name)
        ]
        rows = view.statements.waiting("made", 10_000, practice=made) if made else []
    own: dict[str, list[Row[Statement]]] = {}
    for row in rows:
        own.setdefault(row.practice, []).append(row)
    for part in (part for rows_of_one in own.values() for part in chunks(rows_of_one, hub.settings.print.batch)):
        batch = statements_pdf([row.record for row in part])
        with hub.store.begin("printing.freeze") as tx:
            _freeze_run(tx, hub, vendor, list(part), batch)
    return Outcome(done=len(rows))


def _freeze_run(tx: Tx, hub: Hub, vendor: str, rows: list[Row[Statement]], batch: Batch) -> None:
    run = f"{tx.registry.take(f'print:{vendor}')[0]:06}"
    name = f"statements_{run}.pdf"
    manifest = manifest_of(run, name, rows, batch)
    practice = rows[0].practice
    about = {"practice": practice, "mailbox": vendor, "usage": hub.settings.usage(vendor)}
    pdf = tx.files.freeze(batch.pdf, kind="statements", name=name, sets=len(rows), **about)
    body = msgspec.json.encode(manifest)
    tx.files.freeze(body, kind="manifest", name=f"statements_{run}.json", sets=len(rows), **about)
    tx.statements.put_many([Change(row, state="frozen", file_id=pdf.id) for row in rows])
    tx.event("file.frozen", "file", pdf.id, practice=practice, statements=len(rows), bytes=len(batch.pdf))
    tx.then(Nudge("dispatch.send", vendor))


def manifest_of(run: str, name: str, rows: list[Row[Statement]], batch: Batch) -> Manifest:
    """The manifest of one run. Pure."""
    cents = {row.record.number: row.col("total_cents") for row in rows}
    return Manifest(
        run=run,
        file=name,
        sha256=hashlib.sha256(batch.pdf).hexdigest(),
        pages=batch.page_count,
        count=len(rows),
        total_cents=sum(cents.values()),
        statements=tuple(
            Page(number=p.number, first_page=p.first, pages=p.count, total_cents=cents[p.number])
            for p in batch.pages
        ),
    )


def results(hub: Hub, vendor: str) -> Outcome:
    """Fetch the vendor's result files and record what became of each statement."""
    with hub.store.view() as view:
        cursor = (view.plugin_state(vendor).get("results-cursor") or b"").decode()
    listing = hub.host.printer(vendor).results(cursor)
    journal(hub, vendor, listing.refs, listing.cursor if listing.cursor != cursor else "", "results-cursor")
    bring(hub, vendor, kind="print_results")
    with hub.store.view() as view:
        waiting = view.inbox.waiting("received", 50, source=vendor, kind="print_results")
    each(hub, "printing.results", waiting, lambda item: _apply(hub, vendor, item))
    return Outcome(done=len(waiting), more=len(waiting) == 50)


def _apply(hub: Hub, vendor: str, item: InboxItem) -> None:
    with hub.store.view() as view:
        raw = view.blobs.content(item.blob_id)
    try:
        told = hub.host.printer(vendor).read_results(raw)
    except Refused as error:
        _unreadable(hub, item, error)
        return
    by_number = {result.number: result for result in told}
    with hub.store.begin("printing.results") as tx:
        _arrived(tx, hub, item, tx.statements.heads(number=list(by_number), limit=100_000))
        rows = tx.statements.find(number=list(by_number), limit=100_000)
        tx.statements.put_many([Change(row, state=by_number[row.col("number")].verdict) for row in rows])
        for row in rows:
            tx.met("print_result", row.col("file_id") or "", item.id)
            if why := RETURNED.get(by_number[row.col("number")].verdict):
                tx.work.open(_returned(row, why, by_number[row.col("number")]), practice=row.practice)
        tx.event("print.results", "message", item.id, practice=item.practice, actor=vendor, statements=len(rows))
        tx.inbox.put_state(item, "read")


def _arrived(tx: Tx, hub: Hub, item: InboxItem, answered: list[Row[None]]) -> None:
    """A result proves that its PDF and the manifest arrived: what was in doubt is sent, on that evidence."""
    for pdf in filter(None, map(tx.files.get, {row.col("file_id") or "" for row in answered})):
        manifest = tx.files.find(mailbox=pdf.mailbox, name=pdf.name.replace(".pdf", ".json"))
        for file in (pdf, *manifest):
            if file.state in {"in_doubt", "published", "staged"}:
                tx.work.resolve_for(file.id, "dispatch.", "the print vendor answered it")
                settle(tx, hub, tx.files.put_state(file, "sent"))
                tx.expect("print_result", file.id, tx.now, practice=file.practice)
                tx.met("print_result", file.id, item.id)


def _unreadable(hub: Hub, item: InboxItem, error: Refused) -> None:
    with hub.store.begin("printing.results") as tx:
        tx.inbox.put_state(item, "set_aside", "print.results")
        work = WorkItem(
            reason="print.results",
            aggregate="message",
            aggregate_id=item.id,
            why=str(error),
            fix=error.fix or "ask the print vendor for its result file",
            owner="it",
        )
        tx.work.open(work, practice=item.practice)


def _returned(row: Row[Statement], why: str, result: PrintResult) -> WorkItem:
    return WorkItem(
        reason=f"print.{result.verdict}",
        aggregate="statement",
        aggregate_id=row.id,
        why=why,
        fix="correct the address at the source; the next statement goes there",
        where=result.reason,
        owner="front-desk",
        amount_cents=row.col("total_cents"),
    )
