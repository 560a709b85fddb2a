"""The money of an 835: each line, each claim and the whole payment balance; nothing is forced."""

from __future__ import annotations

from decimal import Decimal

from hub.x12.rules.reporting import ZERO, Reporter, adjustments, decimal, first, own, text
from hub.x12.tree import Node
from hub.x12.walk import Closer


def rules_835(report: Reporter) -> dict[str, Closer]:
    """The closers of one 835; they keep the running sum of CLP04 between them."""
    rules = _Rules(report)
    return {"2110": rules.line, "2100": rules.claim, "": rules.payment}


class _Rules:
    def __init__(self, report: Reporter) -> None:
        self.report = report
        self.paid = ZERO
        self.line_adjustments = ZERO
        self.line_patient_share = ZERO
        self.readable = True

    def line(self, node: Node) -> None:
        """SVC03 = SVC02 - sum of the line's CAS."""
        svc = first(node, "SVC")
        charge, paid = decimal(svc, 2), decimal(svc, 3)
        moved, share = adjustments(node)
        self.line_adjustments += moved
        self.line_patient_share += share
        if charge is not None and paid is not None and charge - moved != paid:
            message = "the line's payment is not its charge less its adjustments"
            self.report(node, svc, "835.line_balance", message, snip=3, element=3)

    def claim(self, node: Node) -> None:
        """CLP04 = CLP03 - sum of claim and line CAS, and the signs and statuses make sense."""
        clp = first(node, "CLP")
        charge, paid = decimal(clp, 3), decimal(clp, 4)
        moved, share = adjustments(node)
        moved += self.line_adjustments
        share += self.line_patient_share
        self.line_adjustments = self.line_patient_share = ZERO
        if clp is None or charge is None or paid is None:
            self.readable = False
            return
        self.paid += paid
        if charge - moved != paid:
            message = "the claim's payment is not its charge less all adjustments"
            self.report(node, clp, "835.claim_balance", message, snip=3, element=4)
        self._status(node, clp, charge, paid)
        self._patient_share(node, clp, share)

    def _status(self, node: Node, clp: list[str], charge: Decimal, paid: Decimal) -> None:
        status = text(clp, 2)
        if status == "22" and (charge > 0 or paid > 0):
            message = "a reversal carries the opposite signs of what it reverses"
            self.report(node, clp, "835.reversal_sign", message, snip=4, element=4)
        if status == "4" and paid > 0:
            message = "the patient is said to be unknown, yet money is paid"
            self.report(node, clp, "835.denied_paid", message, snip=4, element=2)

    def _patient_share(self, node: Node, clp: list[str], share: Decimal) -> None:
        told = decimal(clp, 5)
        if told is None or text(clp, 2) == "22":
            return
        if share != told:
            message = "the patient's share is not the sum of the PR adjustments"
            self.report(node, clp, "835.patient_share", message, snip=4, element=5, severity="warning")

    def payment(self, root: Node) -> None:
        """BPR02 = sum of CLP04 - sum of PLB; without payment (NON) it is 0, and it is never negative."""
        bpr = first(root, "BPR")
        total = decimal(bpr, 2)
        if bpr is None or total is None or not self.readable:
            return
        provider = ZERO
        for plb in own(root, "PLB"):
            for position in range(4, len(plb), 2):
                provider += decimal(plb, position) or ZERO
        if total != self.paid - provider:
            message = "the payment is not the sum of the claims less the provider adjustments"
            self.report(root, bpr, "835.payment_balance", message, snip=3, element=2)
        if total < 0:
            self.report(root, bpr, "835.payment_negative", "a payment is never negative", snip=4, element=2)
        if text(bpr, 4) == "NON" and total != 0:
            message = "a notice without payment carries an amount"
            self.report(root, bpr, "835.non_payment", message, snip=4, element=2)
