"""What an 835 says around its claims: how it pays, who pays whom, and what it keeps or adds by provider."""

from __future__ import annotations

import re
from decimal import Decimal

from hub.x12.formats import is_npi
from hub.x12.rules.reporting import Reporter, first, own, text
from hub.x12.tree import Node

_TRANSFERS = frozenset(("ACH", "BOP", "FWT"))
_BANK = {
    6: "the kind of the payer's bank number",
    7: "the payer's bank",
    8: "the kind of the payer's account",
    9: "the payer's account",
    10: "the payer's identifier",
    12: "the kind of the payee's bank number",
    13: "the payee's bank",
    14: "the kind of the payee's account",
    15: "the payee's account",
}
_ORIGIN = re.compile(r"1\d{9}")
_ZIP = re.compile(r"\d{5}(?:\d{4})?")
_LOOKS_LIKE_NPI = re.compile(r"[12]\d{9}")


class HeaderRules:
    """The rules of the header and of the PLB segments of one 835."""

    def __init__(self, report: Reporter) -> None:
        self.report = report
        self.by_npi = False
        self._from_end: dict[int, int] = {}

    def payer(self, node: Node) -> None:
        """The payer's address."""
        self._address(node)

    def payee(self, node: Node) -> None:
        """The payee's address; whether providers are named by NPI."""
        self.by_npi = text(first(node, "N1"), 3) == "XX"
        self._address(node)

    def _address(self, node: Node) -> None:
        """A United States address has a state, and a ZIP of five or nine digits."""
        n4 = first(node, "N4")
        if n4 is None or text(n4, 4) not in ("", "US"):
            return
        if not text(n4, 2):
            self.report(node, n4, "n4.state", "a state is required in this country", snip=4, element=2)
        if not _ZIP.fullmatch(text(n4, 3)):
            self.report(node, n4, "n4.zip", "the ZIP has neither five nor nine digits", snip=5, element=3)

    def payment(self, root: Node, bpr: list[str] | None) -> None:
        """TRN, BPR and PLB name payer, banks and provider as their method asks."""
        trn = first(root, "TRN")
        origin = text(trn, 3)
        if trn is not None and len(origin) == 10 and not _ORIGIN.fullmatch(origin):
            message = "the payer's identifier is 1 and the nine digits of its tax id"
            self.report(root, trn, "835.origin", message, snip=5, element=3)
        if bpr is not None:
            self._method(root, bpr, origin)
        for plb in own(root, "PLB"):
            number = text(plb, 1)
            if self.by_npi and _LOOKS_LIKE_NPI.fullmatch(number) and not is_npi(number):
                self.report_tail(root, plb, "element.npi", "the NPI does not pass its check digit", element=1)

    def provider(self, node: Node, ts3: list[str]) -> None:
        """TS301 names a provider by NPI where the payee is named so."""
        number = text(ts3, 1)
        if self.by_npi and _LOOKS_LIKE_NPI.fullmatch(number) and not is_npi(number):
            message = "the NPI does not pass its check digit"
            self.report(node, ts3, "element.npi", message, snip=5, element=1)

    def report_tail(self, root: Node, segment: list[str], code: str, message: str, *, element: int) -> None:
        """Reports a PLB."""
        place = self.place_from_end(root, segment)
        self.report(root, segment, code, message, snip=5, element=element, position=place)

    def place_from_end(self, root: Node, segment: list[str]) -> int:
        """The place of a PLB, which is counted from the end of the set: its claims are gone by then."""
        if not self._from_end:
            self._from_end = {id(item): at for at, item in enumerate(reversed(root.items))}
        return self.report.position - self._from_end[id(segment)]

    def _method(self, root: Node, bpr: list[str], origin: str) -> None:
        method = text(bpr, 4)
        if method == "ACH" and not text(bpr, 5):
            message = "a payment by ACH names its format (CCP or CTX)"
            self.report(root, bpr, "835.bank", message, snip=4, element=5)
        for position, what in _BANK.items() if method in _TRANSFERS else ():
            if not text(bpr, position) and not _half_told(bpr, position):
                message = f"{what} is required where money is transferred"
                self.report(root, bpr, "835.bank", message, snip=4, element=position)
        named = text(bpr, 10)
        if named and origin and named != origin:
            message = "the payer's identifier is not that of the trace (TRN03)"
            self.report(root, bpr, "835.origin", message, snip=4, element=10)

    def amount(self, root: Node, bpr: list[str], total: Decimal) -> None:
        """A payment is never negative, and a mere notice (NON, or handling H) carries nothing."""
        if total < 0:
            self.report(root, bpr, "835.payment_negative", "a payment is never negative", snip=4, element=2)
        if total and (text(bpr, 4) == "NON" or text(bpr, 1) == "H"):
            message = "a notice without payment carries an amount"
            self.report(root, bpr, "835.non_payment", message, snip=4, element=2)


def _half_told(bpr: list[str], position: int) -> bool:
    """Whether the other half of a pair is there: then the row itself has said that this one is missing."""
    other = {6: 7, 7: 6, 9: 8, 12: 13, 13: 12, 15: 14}.get(position)
    return other is not None and bool(text(bpr, other))
