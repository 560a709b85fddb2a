"""`claims show`, `files show`, `work show`: one thing with its whole history; looking at a patient's is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hub.cli import contents
from hub.cli.opened import Opened, opened
from hub.cli.show import file_record
from hub.cli.ui import print_json, say, table, when
from hub.errors import HubError
from hub.ledger import AccountKind
from hub.model.claim import Adjustment, Claim
from hub.model.people import Name
from hub.model.remit import ClaimPayment
from hub.money import dollars, to_cents
from hub.store import Store, View
from hub.store.documents import Row
from hub.store.submissions import Submission
from hub.store.work import OpenItem

PATIENT_DATA = "it shows patient data: who looked is recorded"


def claim(folder: Path, wanted: str, *, by: str, as_json: bool) -> None:
    """One claim by its id or a patient control number; records `claim.viewed`."""
    with opened(folder) as hub:
        with hub.store.view() as view:
            row = find_claim(view, wanted)
            told = _claim(view, row)
        _looked(hub.store, "claim.viewed", "claim", row.id, row.practice, by)
    if as_json:
        print_json(told)
    else:
        _draw_claim(told)


def find_claim(view: View, wanted: str) -> Row[Claim]:
    """The claim of that id, or the one that a submission with that patient control number was for."""
    row = view.claims.get(wanted)
    if row is None and (sent := view.submissions.by_pcn(wanted)):
        row = view.claims.get(sent.claim_id)
    if row is None:
        raise HubError("there is no claim with this id or patient control number", fix="hub claims list")
    return row


def _looked(store: Store, kind: str, aggregate: str, about: str, practice: str, by: str) -> None:
    with store.begin("admin") as tx:
        tx.event(kind, aggregate, about, practice=practice, actor=by)


def _claim(view: View, row: Row[Claim]) -> dict[str, Any]:
    it = row.record
    sent = sorted(view.submissions.of_claim(row.id), key=lambda one: one.opened_at)
    books = view.book.accounts(claim_id=it.origin or row.id)
    abouts = [*(one.id for one in sent), *(f"{one.id}:{one.rank}" for one in sent)]
    events = view.events.find(aggregate_id=[row.id, *it.encounter_ids, *{one.file_id or "" for one in sent}])
    return {
        "id": row.id,
        "state": row.state,
        "state_since": row.state_since,
        "practice": row.practice,
        "patient": _name(it.patient.name),
        "patient_id": it.patient_id,
        "payer": it.payer,
        "rank": it.rank,
        "version": it.version,
        "frequency": it.frequency,
        "original_reference": it.original_reference,
        "cents": row.col("cents"),
        "place_of_service": it.place_of_service,
        "rendering": it.rendering.npi if it.rendering else "",
        "diagnoses": it.diagnoses,
        "lines": [_line(line) for line in it.lines],
        "submissions": [_submission(view, one) for one in sent],
        "answers": [
            {"kind": one.kind, "due_at": one.due_at, "met_at": one.met_at, "met_by": one.met_by}
            for one in (view.expectations.find(about=abouts) if abouts else ())
        ],
        "payments": [_payment(one) for one in view.remit_claims.find(claim_id=row.id)],
        "balance": {account.value: books.get(account, 0) for account in AccountKind if books.get(account)},
        "work": view.work.list(aggregate_id=row.id, open_only=False),
        "events": [
            {"at": one.at, "kind": one.kind, "actor": one.actor, "id": one.aggregate_id} for one in events
        ],
    }


def _name(name: Name) -> str:
    return ", ".join(part for part in (name.last, " ".join(filter(None, (name.first, name.middle)))) if part)


def _line(line: Any) -> dict[str, Any]:
    return {
        "line": line.number,
        "service_date": line.service_from,
        "hcpcs": line.hcpcs,
        "modifiers": line.modifiers,
        "units": str(line.units),
        "cents": to_cents(line.amount),
        "pointers": line.pointers,
        "control_number": line.control_number,
    }


def _submission(view: View, one: Submission) -> dict[str, Any]:
    file = view.files.get(one.file_id) if one.file_id else None
    names = [name for name in one.__struct_fields__ if name not in {"practice", "claim_id"}]
    return {**{name: getattr(one, name) for name in names}, "file": file.name if file else None}


def _payment(row: Row[ClaimPayment]) -> dict[str, Any]:
    paid = row.record
    return {
        "id": row.id,
        "remit": row.col("remit_id"),
        "state": row.state,
        "status": paid.status,
        "charge_cents": row.col("charge_cents"),
        "paid_cents": row.col("paid_cents"),
        "payer_control_number": paid.payer_control_number,
        "adjustments": _adjustments(paid.adjustments, 0)
        + [told for number, line in enumerate(paid.lines, 1) for told in _adjustments(line.adjustments, number)],
        "remarks": [*paid.remarks, *(code for line in paid.lines for code in line.remarks)],
    }


def _adjustments(given: Sequence[Adjustment], line: int) -> list[dict[str, Any]]:
    return [
        {"line": line, "group": one.group, "reason": one.reason, "cents": to_cents(one.amount)} for one in given
    ]


def _draw_claim(told: dict[str, Any]) -> None:
    say(f"Claim {told['id']}: {told['state']} since {when(told['state_since'])}")
    say(f"  patient {told['patient']} ({told['patient_id']})")
    say(f"  {dollars(told['cents'])} to {told['payer']} (rank {told['rank']})")
    replaces = f", replaces {told['original_reference']}" if told["original_reference"] else ""
    say(f"  version {told['version']}, frequency {told['frequency']}{replaces}")
    say(f"  place of service {told['place_of_service']}; diagnoses {' '.join(told['diagnoses'])}")
    say()
    columns: tuple[str, ...] = ("line", "service", "code", "units", "amount")
    table("Lines", columns, map(_line_row, told["lines"]), right=(0, 3, 4))
    columns = ("control number", "file", "ST02", "version", "state", "opened", "closed", "by")
    table("Submissions", columns, map(_submission_row, told["submissions"]), right=(3,))
    rows = (
        (one["kind"], when(one["due_at"]), when(one["met_at"]), one["met_by"] or "-") for one in told["answers"]
    )
    table("Answers", ("what", "due", "came", "with"), rows)
    columns = ("CLP02", "charge", "paid", "payer's number", "adjustments", "remarks", "state")
    table("Payments", columns, map(_payment_row, told["payments"]), right=(1, 2))
    sums = ((name.replace("_", " "), dollars(cents)) for name, cents in told["balance"].items())
    table("Ledger", ("account", "dollars"), sums, right=(1,))
    table("Work", ("item", "reason", "why", "stand", "by"), map(_item_row, told["work"]))
    history = ((when(one["at"]), one["kind"], one["actor"], one["id"]) for one in told["events"])
    table("History", ("at", "what", "by", "about"), history)


def _line_row(one: dict[str, Any]) -> tuple[Any, ...]:
    code = " ".join((one["hcpcs"], *one["modifiers"]))
    return (one["line"], one["service_date"], code, one["units"], dollars(one["cents"]))


def _submission_row(one: dict[str, Any]) -> tuple[Any, ...]:
    head = (one["pcn"] or "-", one["file"] or "-", one["st02"] or "-", one["version"], one["state"])
    return (*head, when(one["opened_at"]), when(one["closed_at"]), one["close_reason"] or "-")


def _payment_row(one: dict[str, Any]) -> tuple[Any, ...]:
    adjusted = ", ".join(f"{a['group']}-{a['reason']} {dollars(a['cents'])}" for a in one["adjustments"])
    head = (one["status"], dollars(one["charge_cents"]), dollars(one["paid_cents"]))
    return (*head, one["payer_control_number"] or "-", adjusted, " ".join(one["remarks"]), one["state"])


def _item_row(one: OpenItem) -> tuple[str, ...]:
    stand = "open" if one.resolved_at is None else one.how or "resolved"
    return (one.id, one.reason, one.why, stand, one.resolved_by or "-")


def file(folder: Path, wanted: str, *, content: bool, by: str, as_json: bool) -> None:
    """A frozen file with its journal, or a message; its bytes only when asked, which records `file.viewed`."""
    with opened(folder) as hub:
        told, blob_id, practice = _file(hub, wanted)
        if content:
            with hub.store.view() as view:
                told |= contents.record(view.blobs.content(blob_id))
            kind = "file" if "journal" in told else "message"
            _looked(hub.store, "file.viewed", kind, told["id"], practice, by)
    if as_json:
        print_json(told)
    else:
        _draw_file(told)


def _file(hub: Opened, wanted: str) -> tuple[dict[str, Any], str, str]:
    with hub.store.view() as view:
        if found := view.files.get(wanted):
            journal = view.outbox.journal(found.id)
            claims = len(view.submissions.of_file(found.id))
            told = {**file_record(found), "claims": claims, "journal": [_phase(one) for one in journal]}
            return told, found.blob_id, found.practice
        item = view.inbox.get(int(wanted)) if wanted.isdigit() else view.inbox.by_id(wanted)
        if item is None:
            raise HubError("there is no file or message with this id", fix="hub files list")
        names = [n for n in item.__struct_fields__ if n not in {"external", "digest", "blob_id"}]
        remits = view.remits.heads(blob_id=item.blob_id)
        told = {
            **{name: getattr(item, name) for name in names},
            "size": view.blobs.size(item.blob_id),
            "remittances": [{"id": r.id, "state": r.state, "cents": r.col("amount_cents")} for r in remits],
            "work": view.work.list(aggregate_id=[item.id, *(r.id for r in remits)], open_only=False),
        }
        return told, item.blob_id, item.practice


def _phase(one: Any) -> dict[str, Any]:
    return {"at": one.at, "phase": one.phase, "evidence": one.evidence, "note": one.note, "fence": one.fence}


def _draw_file(told: dict[str, Any]) -> None:
    for name, value in told.items():
        if name not in {"journal", "content", "content_base64", "work", "remittances"}:
            say(f"{name.replace('_', ' '):<14} {'-' if value is None else value}")
    say()
    if "journal" in told:
        rows = ((when(one["at"]), one["phase"], one["evidence"], one["note"]) for one in told["journal"])
        table("Journal", ("at", "phase", "evidence", "note"), rows)
    if told.get("remittances"):
        remits = ((one["id"], one["state"], dollars(one["cents"])) for one in told["remittances"])
        table("Remittances", ("remittance", "state", "BPR02"), remits, right=(2,))
    if told.get("work"):
        table("Work", ("item", "reason", "why", "stand", "by"), map(_item_row, told["work"]))
    contents.draw(told)


def work_item(folder: Path, wanted: str, *, as_json: bool) -> None:
    """One work item in full, with what to type next."""
    with opened(folder) as hub, hub.store.view() as view:
        item = view.work.get(wanted)
        if item is None:
            raise HubError("there is no work item with this id", fix="hub work list")
        others = [one for one in view.work.list(aggregate_id=item.aggregate_id) if one.id != item.id]
        following = next_commands(item.aggregate, item.aggregate_id, item.id, item.reason)
    if as_json:
        print_json({"item": item, "others": others, "next": following})
        return
    names = ("id", "reason", "owner", "why", "fix", "where", "aggregate", "aggregate_id")
    for name in names:
        say(f"{name.replace('_', ' '):<13} {getattr(item, name)}")
    say(f"{'worth':<13} {dollars(item.amount_cents)}")
    say(f"{'open since':<13} {when(item.opened_at)}")
    if item.resolved_at:
        say(f"{'resolved':<13} {when(item.resolved_at)} by {item.resolved_by}: {item.how}")
    say()
    if others:
        rows = [(one.id, one.reason, one.why) for one in others]
        table("Also open about it", ("item", "reason", "why"), rows)
    for command in following if item.resolved_at is None else ():
        say(f"  {command}")


OF_SOURCES = ("feed.", "fhir.", "hl7.")
"""Reasons about messages of sources; other messages are files of partners."""


def next_commands(aggregate: str, about: str, item_id: str, reason: str) -> list[str]:
    """What a person may type about an item."""
    resolve = f'hub work resolve {item_id} --how "..."'
    look = {"claim": "hub claims show", "file": "hub files show", "message": "hub files show"}
    found = [f"{look[aggregate]} {about}"] if aggregate in look else []
    if aggregate == "message" and reason.startswith(OF_SOURCES):
        found = [f"hub messages show {about}"]
    if aggregate == "source":
        found = [f"hub messages list --source {about} --reason {reason}"]
    if aggregate in {"claim", "submission"} or reason in {"dispatch.in_doubt", "dispatch.refused"}:
        found.append(f"{resolve} --resend")
    if reason == "coding.proposal":
        found.append(f"{resolve} --confirm")
    if aggregate == "remit":
        found.append(f"{resolve} --release")
    if aggregate == "connector":
        found.append(f"hub connector test {about}")
    if aggregate in {"encounter", "message", "remit"}:
        found.append(f"hub replay {about}")
    return [*found, resolve]
