"""Ready claims -> a frozen 837 with registered control numbers: from here on its bytes never change."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from hub.errors import Problem
from hub.flow.after_restore import held_back
from hub.flow.base import Hub, Outcome, move_claims, route_of, work_for
from hub.flow.claim_837 import GUIDES, Route, Sending, Unwritable, claims_837
from hub.flow.overlays import overlays_of, sets_of, within_limits
from hub.model.claim import Claim
from hub.store import Nudge, Tx, View
from hub.store.documents import Change, Row
from hub.store.outbox import File
from hub.store.submissions import Submission
from hub.x12.write import (
    Envelope,
    OutgoingGroup,
    OutgoingSet,
    Party,
    RefusedByGuide,
    check_texts,
    write_interchange,
)

SET_CLAIMS = 100
"""Claims in one transaction set: a 999 that rejects a set takes no more than these with it."""

FILE_CLAIMS = 200
"""Claims frozen in one transaction, so that the write lock is held shortly; a mailbox may allow fewer."""


def freeze(hub: Hub, mailbox: str) -> Outcome:
    """Freeze the claims that are ready for one clearinghouse into one file; each practice has its own."""
    most = min(FILE_CLAIMS, hub.settings.mailboxes[mailbox].max_claims)
    with hub.store.view() as view:
        waiting = view.claims.waiting("ready", limit=most, route=mailbox)
        astray = _astray(view, hub, mailbox)
    moved = {row.id for row in (*waiting, *astray) if _goes_elsewhere(hub, row)}
    _reroute(hub, [row for row in (*waiting, *astray) if row.id in moved])
    asked = held_back(hub, [row for row in waiting if row.id not in moved])
    stay = [row for row in waiting if row.id not in moved | asked]
    rows = within_limits(hub, mailbox, [row for row in stay if _together(row, stay[0])], hub.clock)
    more = len(waiting) == most or len(rows) < len(stay)
    if not rows:
        return Outcome(done=len(moved) + len(asked), more=more)
    route = Route(clearinghouse=mailbox, mailbox=hub.settings.mailboxes[mailbox], settings=hub.settings)
    rows.sort(key=lambda row: (row.record.billing.npi, _rules_of(hub, row), row.id))
    parts = sets_of(hub, mailbox, rows, SET_CLAIMS)
    with hub.store.begin("batch.freeze") as tx:
        numbers = _Numbers(tx, hub, mailbox, parts)
        body, kept, refused = _write(hub, route, numbers, parts)
        for row, problem in refused:
            move_claims(tx, [Change(row, state="held")])
            tx.work.open(work_for([problem], "claim", row.id)[0], practice=row.practice)
        if kept:
            _store(tx, hub, mailbox, numbers, body, kept)
    return Outcome(done=len(moved) + len(asked) + len(rows), more=more)


def _together(row: Row[Claim], first: Row[Claim]) -> bool:
    """Whether two claims may stand in one file: a file has one practice and one guide."""
    return row.practice == first.practice and row.record.kind == first.record.kind


def _rules_of(hub: Hub, row: Row[Claim]) -> tuple[str, ...]:
    """The overlays of a claim's payer: claims with the same ones stand together."""
    payer = hub.settings.payers.get(row.record.payer)
    return payer.overlays if payer is not None else ()


def _astray(view: View, hub: Hub, mailbox: str) -> list[Row[Claim]]:
    """Ready claims of connectors that carry nothing any more; one lane looks after them for all."""
    carriers = hub.settings.clearinghouses
    if carriers[:1] != (mailbox,):
        return []
    gone = [route for route in view.claims.tally("route", state="ready") if route not in carriers]
    return view.claims.waiting("ready", limit=FILE_CLAIMS, route=gone) if gone else []


def _goes_elsewhere(hub: Hub, row: Row[Claim]) -> bool:
    """Whether the settings changed since the claim was scrubbed; a plugin is only asked where they differ."""
    route = row.col("route")
    return bool(hub.settings.clearinghouse(row.record.payer) != route and route_of(hub, row.record) != route)


def _reroute(hub: Hub, rows: Sequence[Row[Claim]]) -> None:
    """A claim that is to go elsewhere is scrubbed anew, for its payer's id and enrolment there are others. What is
    frozen is never touched: it goes where its bytes say.
    """
    if not rows:
        return
    with hub.store.begin("batch.freeze") as tx:
        move_claims(tx, [Change(row, state="new") for row in rows])
        for practice in {row.practice for row in rows}:
            tx.then(Nudge("scrub.check", practice))


class _Numbers:
    """The control numbers of one file, each taken from the registry for it and for nothing else."""

    def __init__(self, tx: Tx, hub: Hub, mailbox: str, parts: Sequence[Sequence[Row[Claim]]]) -> None:
        self.file_id = tx.new_id("file")
        for scope in (f"isa13:{mailbox}", f"gs06:{mailbox}"):
            tx.registry.at_least(scope, hub.settings.mailboxes[mailbox].first_control_number)
        self.isa13 = tx.registry.take(f"isa13:{mailbox}", ref=self.file_id)[0]
        self.gs06 = tx.registry.take(f"gs06:{mailbox}", ref=self.file_id)[0]
        sets = tx.registry.take(f"st02:{mailbox}", len(parts), ref=self.file_id)
        self.st02 = [f"{number:09}" for number in sets]
        self.submissions = {row.id: tx.new_id("sub") for part in parts for row in part}
        refs = list(self.submissions.values())
        prefix = hub.settings.mailboxes[mailbox].claim_prefix
        self.pcns = dict(zip(self.submissions, tx.registry.pcns(refs, prefix), strict=True))
        self.at = tx.now.astimezone(ZoneInfo(hub.settings.hub.zone))


Kept = tuple[Row[Claim], str]
"""A claim and the ST02 of the set that carries it."""


def _write(
    hub: Hub, route: Route, numbers: _Numbers, parts: Sequence[list[Row[Claim]]]
) -> tuple[bytes, list[Kept], list[tuple[Row[Claim], Problem]]]:
    """The bytes, the claims in them, and the claims that the guide refuses: then each is tried alone."""
    sets = list(zip(numbers.st02, parts, strict=True))
    refused: list[tuple[Row[Claim], Problem]] = []
    try:
        body = _interchange(hub, route, numbers, sets)
    except (RefusedByGuide, Unwritable):
        checked = [(st02, *_sorted_out(hub, route, numbers, part)) for st02, part in sets]
        refused = [one for _, _, bad in checked for one in bad]
        sets = [(st02, good) for st02, good, _ in checked if good]
        body = _interchange(hub, route, numbers, sets) if sets else b""
    return body, [(row, st02) for st02, part in sets for row in part], refused


def _interchange(hub: Hub, route: Route, numbers: _Numbers, sets: list[tuple[str, list[Row[Claim]]]]) -> bytes:
    mailbox = route.mailbox
    envelope = Envelope(
        sender=Party(id=mailbox.sender_id, qualifier=mailbox.sender_qualifier),
        receiver=Party(id=mailbox.receiver_id, qualifier=mailbox.receiver_qualifier),
        control_number=numbers.isa13,
        usage=hub.settings.usage(route.clearinghouse),
        at=numbers.at,
        acknowledgement_requested=mailbox.ta1,
    )
    group = OutgoingGroup(
        guide=GUIDES[sets[0][1][0].record.kind],
        sender=mailbox.group_sender or mailbox.sender_id,
        receiver=mailbox.group_receiver or mailbox.receiver_id,
        control_number=numbers.gs06,
        sets=[
            OutgoingSet(
                control_number=st02,
                texts=claims_837(
                    _sendings(numbers, rows), route, reference=f"{numbers.isa13}-{st02}", at=numbers.at
                ),
                overlays=overlays_of(hub, rows[0].record.payer, route.clearinghouse),
            )
            for st02, rows in sets
        ],
    )
    return b"".join(write_interchange(envelope, [group]))


def _sendings(numbers: _Numbers, rows: Sequence[Row[Claim]]) -> list[Sending]:
    return [Sending(pcn=numbers.pcns[row.id], claim=row.record) for row in rows]


def _sorted_out(
    hub: Hub, route: Route, numbers: _Numbers, rows: Sequence[Row[Claim]]
) -> tuple[list[Row[Claim]], list[tuple[Row[Claim], Problem]]]:
    """One bad claim never holds up the others: each claim is checked in a set of its own."""
    good, bad = [], []
    for row in rows:
        problem = _fault(hub, route, numbers, row)
        if problem is not None:
            bad.append((row, problem))
        else:
            good.append(row)
    return good, bad


def _fault(hub: Hub, route: Route, numbers: _Numbers, row: Row[Claim]) -> Problem | None:
    try:
        texts = claims_837(_sendings(numbers, [row]), route, reference="CHECK", at=numbers.at)
    except Unwritable as refused:
        return _guide_problem(refused.place, "it holds a delimiter")
    overlays = overlays_of(hub, row.record.payer, route.clearinghouse)
    guide = GUIDES[row.record.kind]
    errors = [one for one in check_texts(guide, texts, overlays=overlays) if one.severity == "error"]
    return _guide_problem(errors[0].where, errors[0].message) if errors else None


def _store(tx: Tx, hub: Hub, mailbox: str, numbers: _Numbers, body: bytes, kept: list[Kept]) -> File:
    usage = hub.settings.usage(mailbox)
    practice = kept[0][0].practice
    frozen = tx.files.freeze(
        body,
        id=numbers.file_id,
        practice=practice,
        mailbox=mailbox,
        kind=f"837{kept[0][0].record.kind}",
        usage=usage,
        name=_name(hub, mailbox, numbers, kept[0][0].record.kind),
        isa13=str(numbers.isa13),
        gs06=str(numbers.gs06),
        sets=len({st02 for _, st02 in kept}),
    )
    tx.submissions.open_many([_submission(tx, numbers, row, st02, usage) for row, st02 in kept])
    move_claims(tx, [Change(row, state="frozen") for row, _ in kept], cause=frozen.id)
    tx.event("file.frozen", "file", frozen.id, practice=practice, claims=len(kept), bytes=len(body))
    tx.then(Nudge("dispatch.send", mailbox))
    return frozen


def _submission(tx: Tx, numbers: _Numbers, row: Row[Claim], st02: str, usage: str) -> Submission:
    return Submission(
        id=numbers.submissions[row.id],
        practice=row.practice,
        claim_id=row.id,
        version=row.record.version,
        rank=row.record.rank,
        payer=row.record.payer,
        channel="electronic",
        usage=usage,
        opened_at=tx.now,
        file_id=numbers.file_id,
        st02=st02,
        pcn=numbers.pcns[row.id],
        state="frozen",
    )


def _name(hub: Hub, mailbox: str, numbers: _Numbers, kind: str) -> str:
    pattern = hub.settings.mailboxes[mailbox].file_name
    return pattern.format(kind=f"837{kind}", number=f"{numbers.isa13:09}", date=f"{numbers.at:%Y%m%d}")


def _guide_problem(where: str, message: str) -> Problem:
    return Problem(
        code="batch.guide",
        where=where,
        why=f"the claim cannot be written as an 837: {message}",
        fix="correct the named element at its source, then replay",
    )
