"""Claims -> ready to send, or held with what would be rejected and how to mend it.

Nothing is nudged after it: files are frozen when the schedule says so, not one for every claim.
"""

from __future__ import annotations

from hub.clock import today
from hub.flow.base import CHUNK, Hub, Judging, Outcome, move_claims, route_of
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
    found = [(row, route, findings(hub, row.record, practice, route)) for row, route in routed]
    with hub.store.begin("scrub.check") as tx:
        move_claims(
            tx,
            [
                Change(row, state="held" if any(f.hold for f in told) else "ready", route=route)
                for row, route, told in found
            ],
        )
        tx.work.resolve_many([row.id for row in rows], "scrub.", "scrubbed again")
        for row, _, told in found:
            tx.work.open_many([_item(row, finding) for finding in told], practice=practice)
    return Outcome(done=len(rows), more=len(rows) == CHUNK)


def findings(hub: Judging, claim: Claim, practice: str, route: str) -> tuple[ScrubFinding, ...]:
    """What is found on a claim that `route` carries: by our rules, by those of its payer and its mailbox (overlays),
    and by those of plugins.
    """
    desk = Desk(settings=hub.settings, today=today(hub.clock), practice=practice, clearinghouse=route)
    theirs = (_by_plugin(name, rule, claim) for name, rule in hub.host.scrub_rules().items())
    ours = (*scrub(claim, desk), *broken_rules(hub, claim, route))
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


def rule_of(finding: ScrubFinding) -> str:
    """Under which reason a finding is told. Whatever a plugin calls its rule, what it found must be found again when
    the claim is scrubbed anew.
    """
    return finding.rule if finding.rule.startswith("scrub.") else f"scrub.{finding.rule}"


def _item(row: Row[Claim], finding: ScrubFinding) -> WorkItem:
    rule = rule_of(finding)
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
