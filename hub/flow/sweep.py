"""Silence is an alarm: what was expected and did not come becomes work."""

from __future__ import annotations

from hub.flow import listeners
from hub.flow.base import Hub, Outcome
from hub.model.work import WorkItem
from hub.store import Nudge
from hub.store.expectations import Expectation

SEAL = 1_000
TOLD = {
    "acknowledgement": (
        "the clearinghouse has not answered a file",
        "file",
        "ask the clearinghouse whether it came",
    ),
    "claim_ack": (
        "nobody has acknowledged a claim",
        "submission",
        "ask the clearinghouse for the claim's status",
    ),
    "adjudication": (
        "the payer has neither paid nor denied a claim",
        "submission",
        "ask the payer for its status",
    ),
    "print_result": ("the print vendor has not reported on a run", "file", "ask the print vendor"),
}


def expect(hub: Hub, practice: str) -> Outcome:
    """Turn overdue expectations of `practice` into work items, once each."""
    done = 0
    while True:
        with hub.store.begin("sweep.expect") as tx:
            overdue = tx.expectations.overdue(tx.now, practice=practice)
            for one in overdue:
                tx.expectations.link(one.id, tx.work.open(_item(one), practice=practice))
        done += len(overdue)
        if not overdue:
            return Outcome(done=done)


def seal(hub: Hub, lane: str) -> Outcome:  # noqa: ARG001 - every step is given its lane
    """Chain what the log has gathered, let listeners hear of it, and bring the ledger's sums up to date."""
    with hub.store.begin("audit.seal") as tx:
        done = tx.events.seal(SEAL)
        if done:
            tx.then(Nudge("events.tell", listeners.LANE))
        if done < SEAL:
            tx.ledger_sums.fold()
    return Outcome(done=done, more=done == SEAL)


def _item(one: Expectation) -> WorkItem:
    why, aggregate, fix = TOLD[one.kind]
    return WorkItem(
        reason=f"overdue.{one.kind}",
        aggregate=aggregate,
        aggregate_id=one.about.partition(":")[0],
        why=why,
        fix=fix,
        where=f"expected by {one.due_at:%Y-%m-%d}",
        owner="it" if aggregate == "file" else "biller",
    )
