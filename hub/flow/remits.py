"""Inbound 835s -> remittances: each transaction set read claim by claim, balanced, told from its duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from msgspec.structs import replace

from hub.errors import Problem
from hub.flow.aside import each, failed
from hub.flow.base import Hub, Outcome
from hub.flow.remit_835 import (
    RemittanceReader,
    Unreadable,
    header,
    line_faults,
    payee,
    told_cents,
    total_fault,
)
from hub.model.remit import ClaimPayment, Remittance
from hub.model.work import WorkItem
from hub.money import to_cents
from hub.store import Nudge, Tx
from hub.store.documents import Change, New
from hub.store.inbox import InboxItem
from hub.x12.envelope import TransactionSet, X12Reader

PAGE = 200
"""Claim payments per transaction: memory and the write lock stay small however large the file is."""

MOST_TOLD = 20
"""Claims that cannot be read, or do not add up, that are told one by one."""

BALANCE = 3
"""The SNIP type of what does not add up: that is told by the sums, and is no sign that a set is cut."""

_WIDE = 1 << 256


class Tally:
    """What is learned while a set is read claim by claim: sums, faults, and a digest that no order changes."""

    def __init__(self) -> None:
        self.paid = Decimal("0.00")
        self.count = 0
        self.problems: list[Problem] = []
        self._digest = 0

    def add(self, paid: ClaimPayment) -> None:
        """Count one claim payment."""
        self.count += 1
        self.paid += paid.paid
        self.problems += line_faults(paid)[: MOST_TOLD - len(self.problems)]
        told = (paid.patient_control_number, paid.status, paid.charge, paid.paid, paid.payer_control_number)
        self._digest = (self._digest + _wide(repr([str(part) for part in told]))) % _WIDE

    def content(self, remittance: Remittance) -> str:
        """What makes two remittances the same: the key and every claim and PLB, in any order."""
        plbs = sorted((p.reason, str(p.amount), p.reference) for p in remittance.provider_adjustments)
        return f"{trace_key(remittance)}|{self._digest}|{plbs}"


def trace_key(remittance: Remittance) -> str:
    """Payer, TRN02, BPR16 and BPR02: what payers share between remittances that are not the same."""
    parts = (
        remittance.origin or remittance.payer_name,
        remittance.trace,
        remittance.payment_date,
        remittance.amount,
    )
    return "|".join(map(str, parts))


def _wide(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest())


def read(hub: Hub, mailbox: str) -> Outcome:
    """Read the 835 files that wait for one mailbox."""
    with hub.store.view() as view:
        waiting = view.inbox.waiting("received", 20, source=mailbox, kind="835")
    each(hub, "remit.read", waiting, lambda received: _read_file(hub, mailbox, received), _stranded)
    return Outcome(done=len(waiting), more=len(waiting) == 20)


def _read_file(hub: Hub, mailbox: str, received: InboxItem) -> None:
    with hub.store.view() as view:
        reader = X12Reader(view.blobs.read(received.blob_id))
        sets, strange = 0, []
        for index, transaction in enumerate(reader):
            if transaction.kind == "835" and transaction.guide is None:
                strange.append(f"ST03 of set {index + 1}")
            elif transaction.kind == "835":
                _Set(hub, mailbox, received, index).read(transaction)
                sets += 1
    wrong = [finding.where for finding in reader.findings if finding.severity == "error"] + strange
    with hub.store.begin("remit.read") as tx:
        whole = sets and not wrong
        tx.inbox.put_state(received, "read" if whole else "read_in_part" if sets else "set_aside")
        if strange:
            tx.work.open(_strange_version(received, strange[0]), practice=received.practice)
        elif not whole:
            tx.work.open(_broken_file(received, wrong[0] if wrong else "ST"), practice=received.practice)


def _stranded(tx: Tx, received: InboxItem, told: str) -> None:
    """What was read of a file that is set aside waits with it: `hub replay` goes on where it stopped."""
    for row in tx.remits.heads(blob_id=received.blob_id, state="reading"):
        tx.remits.put(row, state="set_aside")
        paid = tx.remit_claims.heads(remit_id=row.id, limit=1_000_000)
        tx.remit_claims.put_many([Change(one, state="set_aside") for one in paid])
        work = replace(failed(received, told), aggregate="remit", aggregate_id=row.id)
        tx.work.open(work, practice=row.practice)


class _Set:
    """One transaction set on its way into the store; reading it again after a crash goes on where it stopped."""

    def __init__(self, hub: Hub, mailbox: str, received: InboxItem, index: int) -> None:
        self.hub, self.mailbox, self.received, self.index = hub, mailbox, received, index
        self.tally = Tally()
        with hub.store.view() as view:
            known = view.remits.find(blob_id=received.blob_id, set_index=index, limit=1)
            self.row = known[0] if known else None
            begun = view.remit_claims.heads(remit_id=self.row.id, limit=1_000_000) if self.row else []
            self.stored = max([int(paid.col("position")) for paid in begun], default=0)

    def read(self, transaction: TransactionSet) -> None:
        """Store the claim payments page by page, then the header with its verdict.

        A claim that cannot be read is left out and holds the others until a person has seen it.
        """
        if self.row is not None and self.row.state != "reading":
            return
        page: list[ClaimPayment] = []
        self.told = RemittanceReader(transaction)
        try:
            for paid in self.told:
                self.tally.add(paid)
                page.append(paid)
                if len(page) == PAGE:
                    self._store(page)
                    page = []
            remittance = header(self.told)
        except Unreadable as unreadable:
            self._hold_unread(unreadable.problem)
            return
        with self.hub.store.begin("remit.read") as tx:
            self._add(tx, page, remittance)
            broken = [one for one in transaction.findings if one.severity == "error" and one.snip != BALANCE]
            self._finish(tx, remittance, _not_whole(broken[0].where) if broken else None)

    def _store(self, page: list[ClaimPayment]) -> None:
        with self.hub.store.begin("remit.read") as tx:
            self._add(tx, page, None)

    def _practice(self) -> str:
        """Whose remittance it is: the payee's; of a payee that nobody knows, that of who serves the mailbox."""
        found = self.hub.settings.practice_by_payee(*payee(self.told))
        return found or (self.row.practice if self.row else self.received.practice)

    def _add(self, tx: Tx, page: list[ClaimPayment], remittance: Remittance | None) -> None:
        if self.row is None:
            self.row = tx.remits.add(
                tx.new_id("rem"),
                remittance or _UNREAD,
                practice=self._practice(),
                state="reading",
                amount_cents=0,
                method="",
                blob_id=self.received.blob_id,
                set_index=self.index,
                content_key="",
            )
        fresh = [paid for paid in page if paid.position > self.stored]
        tx.remit_claims.add_many(
            [
                New(
                    tx.new_id("rcl"),
                    paid,
                    practice=self.row.practice,
                    state="read",
                    remit_id=self.row.id,
                    position=paid.position,
                    status=paid.status,
                    paid_cents=to_cents(paid.paid),
                    charge_cents=to_cents(paid.charge),
                )
                for paid in fresh
            ]
        )

    def _finish(self, tx: Tx, remittance: Remittance, cut: Problem | None) -> None:
        """Store the header with its verdict. A set that is cut is set aside: the whole one is not its double.

        From the look for others with this trace to the commit nobody else looks: of two readers of the same
        remittance, through two mailboxes or in two processes, the second sees the first.
        """
        assert self.row is not None  # noqa: S101 - _add has just made it
        content = tx.digest("remit-content", self.tally.content(remittance))
        trace = tx.digest("remit-trace", trace_key(remittance))
        tx.guard(trace)
        practice = self._practice()
        state, problems = ("set_aside", [cut]) if cut else self._verdict(tx, remittance, content, trace)
        tx.remits.put(
            self.row,
            record=remittance,
            state=state,
            practice=practice,
            payer=_payer(self.hub, self.mailbox, remittance),
            trace=trace,
            content_key=content,
            amount_cents=to_cents(remittance.amount),
            method=remittance.method,
            payment_date=remittance.payment_date,
        )
        for number, problem in enumerate(problems):  # the money is in work once, however much is wrong
            worth = 0 if number else to_cents(remittance.amount)
            tx.work.open(_item(self.row.id, problem, worth), practice=practice)
        if state in {"duplicate", "notified", "set_aside"}:
            self._settle_claims(tx, state=state, practice=practice)
        elif practice != self.row.practice:
            self._settle_claims(tx, practice=practice)
        tx.event(
            "remit.read",
            "remit",
            self.row.id,
            practice=practice,
            claims=self.tally.count,
            cents=to_cents(remittance.amount),
            state=state,
        )
        tx.then(Nudge("posting.post", practice))

    def _verdict(self, tx: Tx, told: Remittance, content: str, trace: str) -> tuple[str, list[Problem]]:
        """duplicate, notified, held (with why), or balanced: ready to be posted. What was set aside counts for
        nothing: it is posted by nobody.
        """
        assert self.row is not None  # noqa: S101
        told_before = tx.remits.heads(trace=trace)
        others = [row for row in told_before if row.id != self.row.id and row.state != "set_aside"]
        if any(row.col("content_key") == content and row.state != "reading" for row in others):
            return "duplicate", []
        if told.handling == "P":
            return "notified", []
        problems = [*_told_of(self.told.unread, self.told.position - self.tally.count), *self.tally.problems]
        fault = total_fault(told, self.tally.paid)
        if fault and not self.told.unread:  # what could not be read is missing in the sum
            problems.append(fault)
        if others and told.amount and any(row.state != "notified" for row in others):
            problems.append(_shared_trace())
        if not _payer(self.hub, self.mailbox, told):
            problems.append(_unknown_payer())
        if not self.hub.settings.practice_by_payee(told.payee_npi, told.payee_tax_id):
            problems.append(_unknown_payee())
        return ("held" if problems else "balanced"), problems

    def _settle_claims(self, tx: Tx, **change: str) -> None:
        assert self.row is not None  # noqa: S101
        rows = tx.remit_claims.heads(remit_id=self.row.id, limit=1_000_000)
        tx.remit_claims.put_many([Change(row, **change) for row in rows])

    def _hold_unread(self, problem: Problem) -> None:
        with self.hub.store.begin("remit.read") as tx:
            self._add(tx, [], None)
            assert self.row is not None  # noqa: S101
            cents, practice = told_cents(self.told), self._practice()
            tx.remits.put(self.row, state="set_aside", practice=practice, amount_cents=cents)
            self._settle_claims(tx, state="set_aside", practice=practice)
            tx.work.open(_item(self.row.id, problem, cents), practice=practice)


def _told_of(unread: Sequence[Problem], count: int) -> list[Problem]:
    """The first claims that cannot be read, each with its place, and how many there are beside them."""
    first = list(unread[:MOST_TOLD])
    if count > len(first) > 0:
        first.append(replace(first[-1], where=f"{count - len(first)} more claims"))
    return first


_UNREAD = Remittance(
    payer_name="",
    payer_ids=(),
    payee_npi="",
    trace="",
    amount=Decimal("0.00"),
    method="",
    payment_date=date.min,
)


def _payer(hub: Hub, mailbox: str, remittance: Remittance) -> str:
    """The configured payer that any of the remittance's identifiers names; empty when none does."""
    for identifier in remittance.payer_ids:
        if found := hub.settings.payers_of_remit(identifier, mailbox):
            return found[0]
    return ""


def _item(remit_id: str, problem: Problem, cents: int) -> WorkItem:
    return WorkItem(
        reason=problem.code,
        aggregate="remit",
        aggregate_id=remit_id,
        why=problem.why,
        fix=problem.fix,
        where=problem.where,
        amount_cents=cents,
    )


def _not_whole(where: str) -> Problem:
    return Problem(
        code="remit.not_whole",
        where=where,
        why="the transaction set is cut off or not well-formed",
        fix="ask the clearinghouse to send the file again; the whole one posts by itself",
    )


def _shared_trace() -> Problem:
    return Problem(
        code="remit.shared_trace",
        where="TRN02",
        why="another remittance has the same payer, trace, date and amount but other claims: a split or a re-issue",
        fix="compare the deposits at the bank, then post or discard it",
    )


def _unknown_payer() -> Problem:
    return Problem(
        code="remit.payer",
        where="1000A N104",
        why="no payer of payers.toml is known by the ids that this remittance carries",
        fix="add the id under remit_ids of the payer in payers.toml, then replay",
    )


def _unknown_payee() -> Problem:
    return Problem(
        code="remit.payee",
        where="1000B N104",
        why="the payee's NPI and tax id are those of no configured practice",
        fix="ask the clearinghouse why it came here; or add the practice, then replay",
    )


def _strange_version(received: InboxItem, where: str) -> WorkItem:
    return WorkItem(
        reason="remit.version",
        aggregate="message",
        aggregate_id=received.id,
        why="a remittance names another version than 005010X221, and nothing of it was read",
        fix="ask the payer or the clearinghouse for the 835 of 005010, and post this one by hand",
        where=where,
        owner="it",
    )


def _broken_file(received: InboxItem, where: str) -> WorkItem:
    return WorkItem(
        reason="remit.file",
        aggregate="message",
        aggregate_id=received.id,
        why="the file is not a whole, well-formed 835",
        fix="ask the clearinghouse to send it again",
        where=where,
        owner="it",
    )
