"""Claims -> ready to send, or held with what would be rejected and how to mend it.

Nothing is nudged after it: files are frozen when the schedule says so, not one for every claim.
"""

from __future__ import annotations

from hub.clock import today
from hub.flow.base import CHUNK, Hub, Outcome, move_claims, route_of
from hub.flow.overlays import broken_rules
from hub.flow.rules import Desk, scrub
from hub.model.claim import Claim
from hub.model.work import WorkItem
from hub.money import to_cents
from hub.plugin.api import ScrubFinding, ScrubRule
from hub.plugin.host import PluginFault
from hub.store.documents import Change, Row

FAULT = "scrub.plugin_fault"


def check(hub: Hub, practice: str) -> Outcome:
    """Scrub the new claims of `practice` with our rules and those of plugins."""
    with hub.store.view() as view:
        rows = view.claims.waiting("new", limit=CHUNK, practice=practice)
    if not rows:
        return Outcome()
    routed = [(row, route_of(hub, row.record)) for row in rows]
    found = [(row, route, _findings(hub, row, practice, route)) for row, route in routed]
    with hub.store.begin("scrub.check") as tx:
        move_claims(
            tx,
            [
                Change(row, state="held" if any(f.hold for f in findings) else "ready", route=route)
                for row, route, findings in found
            ],
        )
        tx.work.resolve_many([row.id for row in rows], "scrub.", "scrubbed again")
        for row, _, findings in found:
            tx.work.open_many([_item(row, finding) for finding in findings], practice=practice)
    return Outcome(done=len(rows), more=len(rows) == CHUNK)


def _findings(hub: Hub, row: Row[Claim], practice: str, route: str) -> tuple[ScrubFinding, ...]:
    desk = Desk(settings=hub.settings, today=today(hub.clock), practice=practice, clearinghouse=route)
    theirs = (_by_plugin(name, rule, row.record) for name, rule in hub.host.scrub_rules().items())
    ours = (*scrub(row.record, desk), *broken_rules(hub, row.record, route, hub.clock))
    return (*ours, *(finding for found in theirs for finding in found))


def _by_plugin(name: str, rule: ScrubRule, claim: Claim) -> tuple[ScrubFinding, ...]:
    """What a plugin's rule finds. One that fails has not judged the claim: it is held, and the others go on."""
    try:
        return tuple(rule(claim))
    except PluginFault as fault:
        return (
            ScrubFinding(
                rule=FAULT,
                where=f"rule {name}",
                why=f"a plugin's scrub rule failed on this claim: {fault}",
                fix="mend or remove the plugin, then: hub replay held",
            ),
        )


def _item(row: Row[Claim], finding: ScrubFinding) -> WorkItem:
    # whatever a plugin calls its rule, its items must be found again when the claim is scrubbed anew
    rule = finding.rule if finding.rule.startswith("scrub.") else f"scrub.{finding.rule}"
    return WorkItem(
        reason=rule if finding.hold else f"{rule}.warning",
        aggregate="claim",
        aggregate_id=row.id,
        why=finding.why,
        fix=finding.fix,
        where=finding.where,
        owner="it" if finding.rule == FAULT else "biller",
        amount_cents=to_cents(row.record.total) if finding.hold else 0,
    )
