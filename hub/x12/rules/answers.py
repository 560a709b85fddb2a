"""What an answer must be true to in itself: the verdicts and counts of a 999, the sums of a 277CA."""

from __future__ import annotations

from hub.x12.rules.reporting import ZERO, Reporter, decimal, first, text
from hub.x12.tree import Node
from hub.x12.walk import Closer

_TAKEN = frozenset(("A", "E"))
_GOES_ON, _STOPS = frozenset(("A1", "A2")), frozenset(("A3", "A6", "A7", "A8"))


def rules_999(report: Reporter) -> dict[str, Closer]:
    """The closers of one 999."""
    rules = _Of999(report)
    return {"2000": rules.answer, "": rules.group}


class _Of999:
    def __init__(self, report: Reporter) -> None:
        self.report = report
        self.answers = self.taken = 0

    def answer(self, node: Node) -> None:
        """A set is accepted without errors, accepted with errors, or rejected for one."""
        ik5 = first(node, "IK5")
        verdict = text(ik5, 1)
        self.answers += 1
        self.taken += verdict in _TAKEN
        if ik5 is not None and verdict == "A" and (node.child("2100") is not None or text(ik5, 2)):
            message = "the set is said to be accepted without errors, yet errors are told"
            self.report(node, ik5, "999.verdict", message, snip=4, element=1)

    def group(self, root: Node) -> None:
        """AK9 counts the answers and follows them."""
        ak9 = first(root, "AK9")
        received, accepted = decimal(ak9, 3), decimal(ak9, 4)
        if ak9 is None or received is None or accepted is None:
            return
        if self.answers and received != self.answers:
            self._fault(root, ak9, 3, "does not count the sets that are answered")
        if accepted > received or (self.answers and accepted not in (self.taken, received, ZERO)):
            self._fault(root, ak9, 4, "does not count the sets that are accepted")
        elif text(ak9, 1) in _TAKEN and accepted < received:
            self._fault(root, ak9, 1, "accepts the group, yet sets of it are rejected")
        elif text(ak9, 1) == "R" and accepted:
            self._fault(root, ak9, 1, "rejects the group, yet counts sets as accepted")
        elif text(ak9, 1) == "P" and accepted in (ZERO, received):
            self._fault(root, ak9, 1, "accepts the group in part, yet counts all sets alike")

    def _fault(self, root: Node, ak9: list[str], element: int, message: str) -> None:
        # the sets are gone by now, so the place is counted from the end
        after = next(at for at, item in enumerate(reversed(root.items)) if item is ak9)
        place = self.report.position - after
        self.report(root, ak9, "999.group", message, snip=4, element=element, position=place)


def rules_277ca(report: Reporter) -> dict[str, Closer]:
    """The closers of one 277CA; what does not fit warns, since partners count in more than one way."""
    rules = _Of277CA(report)
    return {"2200D": rules.claim, "2000B": rules.receiver}


class _Of277CA:
    def __init__(self, report: Reporter) -> None:
        self.report = report
        self.claims = 0

    def claim(self, node: Node) -> None:
        """A claim goes on (WQ) or stops (U) as its status says."""
        self.claims += 1
        stc = first(node, "STC")
        if stc is None:
            return
        category = text(stc, 1).partition(node.delimiters.component)[0]
        against = _GOES_ON if text(stc, 3) == "U" else _STOPS
        if category in against:
            message = "says go (WQ) or stop (U) against the status"
            self.report(node, stc, "277ca.action", message, snip=4, element=3, severity="warning")

    def receiver(self, node: Node) -> None:
        """The claims and amounts of a transmission are those accepted and those rejected."""
        claims, self.claims = self.claims, 0
        told = node.child("2200B")
        if told is None:
            return
        counts = [decimal(first(told, "QTY", kind), 2) for kind in ("90", "AA")]
        counted = [count for count in counts if count is not None]
        if claims and counted and sum(counted) != claims:
            message = "accepted and rejected claims are not the claims below"
            self.report(told, first(told, "QTY"), "277ca.count", message, snip=4, element=2, severity="warning")
        total = decimal(first(told, "STC"), 4)
        amounts = [decimal(first(told, "AMT", kind), 2) for kind in ("YU", "YY")]
        summed = [amount for amount in amounts if amount is not None]
        if total is not None and summed and sum(summed) != total:
            message = "accepted and rejected amounts are not the total of the transmission"
            self.report(told, first(told, "STC"), "277ca.total", message, snip=3, element=4, severity="warning")
