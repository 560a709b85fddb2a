"""A claim that never left is taken back where what it was made of is in question again: its books are undone, its
charges are open, and its visit is put together and billed anew as it then stands.

That is so while the source has the visit open again, where a charge of it stands on another visit now, is told
otherwise, credited, or turned out to be the same service as another charge, where its patient is a test, and where
nobody knows any more who pays first.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from hub.config.settings import Settings
from hub.errors import Problem, Refused
from hub.flow.after_restore import may_have_left
from hub.flow.base import move_claims, work_for
from hub.flow.source_lanes import assemble_soon
from hub.flow.visits.assembly import charge_of
from hub.flow.visits.differing import differs
from hub.flow.visits.ranking import is_unclear
from hub.flow.visits.storing import OPEN_CHARGE, OPEN_VISIT, WITHDRAWN, Known, Put
from hub.model.claim import Claim
from hub.model.encounter import Charge
from hub.model.facts import ChargeFact
from hub.store import Tx
from hub.store.documents import Change, Row

UNSENT = ("new", "ready", "held")
OURS = ("scrub.", "batch.")
"""What may hold a claim that is taken back; for all else that holds one a person has a word to say."""
BILLED = ("charge", "credit")
STANDS = frozenset({"claimed", "patient"})
REOPENED = "claim.reopened"
IN_DOUBT = frozenset({"claim.withdrawn", "claim.of_another", "claim.other_payer"})
"""What holds a claim until a person has said that the source is right: then it is taken back."""


def take_back(tx: Tx, settings: Settings, puts: Sequence[Put], known: Known) -> Known:
    """Take back the claims that these visits put in question; returns the known charges as they then stand. A claim
    that may have been with its payer before is held for a person instead.
    """
    waits = _unsent(tx, [row.id for put in puts for row, _ in _billed(put, known)])
    charges = {row.id for put in puts for row in _questioned(put, known, settings, waits)}
    unsent = list(tx.claims.get_many({claim for one in charges for claim in waits[one]}).values())
    asked, decided = _asked(tx, unsent), _decided(tx, unsent)
    _hold(tx, [row for row in unsent if row.id in decided or (row.id in asked and row.state != "held")])
    gone = [row for row in unsent if row.id not in asked | decided and _is_ours(tx, row)]
    if gone:
        _undo(tx, gone)
        known = known | _reopen(tx, gone, {put.row.id for put in puts})[0]
    return known | _reckoned_anew(tx, settings, puts, known)


def _reckoned_anew(tx: Tx, settings: Settings, puts: Sequence[Put], known: Known) -> Known:
    """What credits undid is open again, with them, where one of it is told otherwise and nothing of the visit stands
    on a claim or a bill.
    """
    found: list[Row[Charge]] = []
    for put in puts:
        rows = [known[key] for key, _ in put.charges if key in known]
        if not any(row.state in STANDS for row in rows) and _is_unsettled(put, known, settings):
            found += [row for row in rows if row.state == "settled"]
    return {row.col("key"): row for row in tx.charges.put_many([Change(row, state="new") for row in found])}


def _unsent(tx: Tx, charges: Sequence[str]) -> dict[str, set[str]]:
    """The claims of each charge of which nothing was written into a file; only of those that have one."""
    links = [link for link in tx.claim_charges.of_charges(charges) if link.rank == 1] if charges else []
    heads = tx.claims.heads_of({link.claim_id for link in links}) if links else {}
    found: dict[str, set[str]] = {}
    for link in links:
        if heads[link.claim_id].state in UNSENT:
            found.setdefault(link.charge_id, set()).add(link.claim_id)
    return found


def on_word(tx: Tx, row: Row[Claim], by: str) -> bool:
    """Take back a claim that is held since its source tells otherwise of it, on a person's word; False where another
    thing holds it. Raises `Refused` where it may be with its payer.
    """
    if not any(item.reason in IN_DOUBT for item in tx.work.list(aggregate_id=row.id, limit=100)):
        return False
    open_ = any(
        one.closed_at is None or one.close_reason == "adjudicated" for one in tx.submissions.of_claim(row.id)
    )
    if open_ or may_have_left(tx, [row]):
        fix = "ask the payer; if it never had it, as it stands: hub work resolve ITEM --how WHAT-IT-SAID --resend"
        raise Refused("the claim may be with its payer, so it is not made anew", fix=fix)
    _undo(tx, [row], by)
    for visit in tx.encounters.get_many(_reopen(tx, [row], set())[1]).values():
        tx.then(assemble_soon(visit.col("source")))
    return True


def _billed(put: Put, known: Known) -> list[tuple[Row[Charge], ChargeFact]]:
    """The charges of a visit that stand on a claim, and how they are told now."""
    told = ((known[key], fact) for key, fact in put.charges if key in known)
    return [(row, fact) for row, fact in told if row.state == "claimed" and row.record.kind in BILLED]


def _questioned(put: Put, known: Known, settings: Settings, waits: Container[str]) -> Iterator[Row[Charge]]:
    """The charges of a visit on whose claim, which waits, something is in question."""
    billed = [(row, fact) for row, fact in _billed(put, known) if row.id in waits]
    if not billed:
        return
    here = {put.row.id, *put.one_with}
    instead = {fact.replaces for _, fact in put.charges if fact.active and fact.kind == "charge"} - {""}
    whole = put.state in {OPEN_VISIT, "test"} or is_unclear(put.encounter.coverages)
    whole = whole or _is_unsettled(put, known, settings) or _is_other(put)
    credits_ = [
        fact for key, fact in put.charges if fact.kind == "credit" and fact.active and _is_open(known.get(key))
    ]
    for row, fact in billed:
        moved = fact.active and row.col("encounter_id") not in here
        replaced = not fact.active and fact.key in instead
        credited = any(_is_of(one, fact) for one in credits_)
        if whole or moved or replaced or credited or (fact.active and _is_changed(put, row, fact, settings)):
            yield row


def _is_other(put: Put) -> bool:
    """Whether something of the visit is of another patient now, or the visit was elsewhere."""
    was, now = put.row.record, put.encounter
    return put.state == "ready" and (now.of_another or was.place_of_service != now.place_of_service)


def _is_changed(put: Put, row: Row[Charge], fact: ChargeFact, settings: Settings) -> bool:
    """Whether the charge is told otherwise of a visit that is billed; one that is not has what holds it."""
    if put.state != "ready":
        return False
    about = {"patient_id": put.encounter.patient_id, "encounter_id": put.row.id, "source": put.encounter.source}
    return differs(row.record, put.encounter, charge_of(fact, **about), settings, row.practice)


def _is_unsettled(put: Put, known: Known, settings: Settings) -> bool:
    """Whether a credit that was counted, or a charge that one undid, is withdrawn or told otherwise."""
    told = ((known[key], fact) for key, fact in put.charges if key in known and known[key].state == "settled")
    return put.state == "ready" and any(
        not fact.active or _is_changed(put, row, fact, settings) for row, fact in told
    )


def _is_open(row: Row[Charge] | None) -> bool:
    return row is None or row.state in OPEN_CHARGE | WITHDRAWN


def _is_of(credit: ChargeFact, charge: ChargeFact) -> bool:
    """Whether a credit may be meant for a charge."""
    if credit.replaces:
        return credit.replaces == charge.key
    return credit.service_from == charge.service_from and not set(credit.codings).isdisjoint(charge.codings)


def _asked(tx: Tx, rows: Sequence[Row[Claim]]) -> set[str]:
    """Those that went out once already, or may have before a restore."""
    sent = {one.claim_id for one in tx.submissions.find(claim_id=[row.id for row in rows])} if rows else set()
    return sent | may_have_left(tx, rows)


def _decided(tx: Tx, rows: Sequence[Row[Claim]]) -> set[str]:
    """Those that are held though nothing is open about them: a person has said what becomes of them."""
    held = {row.id for row in rows if row.state == "held"}
    items = tx.work.list(aggregate_id=sorted(held), limit=100_000) if held else []
    return held - {item.aggregate_id for item in items}


def _is_ours(tx: Tx, row: Row[Claim]) -> bool:
    """Whether a claim waits for nothing that a person is to decide."""
    if row.state != "held":
        return True
    return all(item.reason.startswith(OURS) for item in tx.work.list(aggregate_id=row.id, limit=100))


def _hold(tx: Tx, rows: Sequence[Row[Claim]]) -> None:
    move_claims(tx, [Change(row, state="held") for row in rows])
    for row in rows:
        tx.work.open_many(work_for([_reopened()], "claim", row.id), practice=row.practice)


def _undo(tx: Tx, rows: Sequence[Row[Claim]], by: str = "hub") -> None:
    """The claims are void, and the books as if they had not been made."""
    move_claims(tx, [Change(row, state="void") for row in rows], cause="visit", actor=by)
    tx.work.resolve_many([row.id for row in rows], "", "taken back: its visit is billed anew", by)
    keys = {f"charge:{row.id}": row for row in rows}
    for practice in {row.practice for row in rows}:
        for key in sorted(tx.book.has(practice, [key for key, row in keys.items() if row.practice == practice])):
            tx.book.reverse(practice, key, posting_date=tx.now.date(), cause=keys[key].id)


def _reopen(tx: Tx, claims: Sequence[Row[Claim]], here: set[str]) -> tuple[dict[str, Row[Charge]], set[str]]:
    """The charges of these claims are open again, with what credits took of them, and visits that are not looked at
    just now will be, wherever they stand. Returns the charges by their keys, and those visits.
    """
    links = tx.claim_charges.of_claims([row.id for row in claims])
    charges = list(tx.charges.get_many({link.charge_id for link in links}).values())
    charges = [row for row in charges if row.state == "claimed"]
    visits = {one for row in claims for one in row.record.encounter_ids}
    visits |= {row.col("encounter_id") for row in charges}
    charges += _settled(tx, claims, visits)
    rows = tx.charges.put_many([Change(row, state="new") for row in charges])
    tx.work.resolve_many([row.id for row in rows], "ingest.", "its claim was taken back")
    others = tx.encounters.get_many(visits - here).values()
    tx.encounters.put_many([Change(row, state="gathering") for row in others if row.state != "gathering"])
    return {row.col("key"): row for row in rows}, visits - here


def _settled(tx: Tx, claims: Sequence[Row[Claim]], visits: set[str]) -> list[Row[Charge]]:
    """The credits that counted when these claims were made, and the charges that those undid."""
    made = {row.created_at for row in claims}
    rows = tx.charges.find(encounter_id=sorted(visits), state="settled", limit=1_000_000)
    return [row for row in rows if row.state_since in made]


def _reopened() -> Problem:
    return Problem(
        code=REOPENED,
        where="encounter",
        why="it left once, or a person dealt with it; its visit is open again, or a charge, the patient or who pays "
        "first is in doubt",
        fix="wait until the source has settled that; then release the claim with: hub replay CLAIM",
    )


__all__ = ["IN_DOUBT", "REOPENED", "on_word", "take_back"]
