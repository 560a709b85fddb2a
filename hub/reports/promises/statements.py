"""Promise 7: a statement asks for exactly the guarantor's billable receivable at a stated ledger entry."""

from __future__ import annotations

from collections.abc import Sequence

from hub.ledger import AccountKind
from hub.model.statement import Statement, StatementLine
from hub.money import to_cents
from hub.reports.promises.room import Room
from hub.store.documents import Row

A = AccountKind
CORRECT = "do not mail it, or send a corrected one; then find out which entries it was made from"


def owed(room: Room) -> None:
    """Each statement against the book as it stood, its own lines, and its registered number."""
    last = room.view.book.last_no()
    with room.guarded("statements"):
        for page in room.documents(room.view.statements, "statement"):
            room.count("statements", len(page))
            for (practice, through), rows in _together(page).items():
                _against_book(room, practice, through, rows)
            _numbered(room, page)
            for row in page:
                _itself(room, row, last)


def _together(page: Sequence[Row[Statement]]) -> dict[tuple[str, int], list[Row[Statement]]]:
    """Statements of one run were made at one entry: one query for all of them."""
    groups: dict[tuple[str, int], list[Row[Statement]]] = {}
    for row in page:
        groups.setdefault((row.practice, row.col("through_entry")), []).append(row)
    return groups


def _against_book(room: Room, practice: str, through: int, rows: Sequence[Row[Statement]]) -> None:
    guarantors = {one for row in rows for one in _accounts(row)}
    balances = room.view.book.balances
    due = balances("guarantor_id", guarantors, through=through, practice=practice, account=A.PATIENT_RECEIVABLE)
    pending = balances(
        "guarantor_id", guarantors, through=through, practice=practice, account=A.INSURANCE_RECEIVABLE
    )
    for row in rows:
        accounts = _accounts(row)
        if to_cents(row.record.total_due) != sum(due[one] for one in accounts):
            why = "it does not ask for what the guarantor owed at its ledger entry"
            room.breach(f"statement {row.id} total", why, CORRECT)
        if to_cents(row.record.pending) != sum(pending[one] for one in accounts):
            room.breach(f"statement {row.id} pending", "it does not show what insurance still had", CORRECT)


def _accounts(row: Row[Statement]) -> tuple[str, ...]:
    """The ids whose books a statement sums: several, where patients were one when it was made."""
    return row.record.accounts or (row.col("guarantor_id"),)


def _itself(room: Room, row: Row[Statement], last: int) -> None:
    told = row.record
    room.count("statement lines", len(told.lines))
    if (to_cents(told.total_due), told.through_entry) != (row.col("total_cents"), row.col("through_entry")):
        room.breach(f"statement {row.id}", "its columns and its document differ")
    if sum(to_cents(line.due) for line in told.lines) != to_cents(told.total_due):
        room.breach(f"statement {row.id} lines", "they do not sum to its total", CORRECT)
    for number, line in enumerate(told.lines, 1):
        if line.due != _left(line):
            room.breach(f"statement {row.id} line {number}", "it does not add up", CORRECT)
    if row.col("through_entry") > last:
        room.breach(f"statement {row.id}", "its ledger entry is not in the book")


def _left(line: StatementLine) -> object:
    return line.charge - line.insurance_paid - line.adjusted - line.patient_paid - line.pending


def _numbered(room: Room, page: Sequence[Row[Statement]]) -> None:
    numbers = [row.col("number") for row in page]
    rows = room.scan.among("control_numbers", "value", numbers, "ref", scope="statement")
    known = {row.value: row.ref for row in rows}
    for row in page:
        if known.get(row.col("number")) != row.col("guarantor_id"):
            room.breach(f"statement {row.id}", "the registry handed its number out for nobody, or for another")
