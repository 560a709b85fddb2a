"""The money of an 835 and what its claims say: each line, each claim and the whole payment; nothing is forced.

A sum that is off is told where it went wrong, and not again at every sum above it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from hub.x12.formats import is_date, is_npi
from hub.x12.rules.remittance_header import HeaderRules
from hub.x12.rules.reporting import ZERO, Reporter, adjustments, decimal, exact, first, own, text
from hub.x12.tree import Node
from hub.x12.walk import Closer

_CHARGED = frozenset(("1", "2", "3", "4", "19", "20", "21", "23", "25"))
_PAYS_NOTHING = {
    "4": "the patient is said to be unknown, yet money is paid",
    "23": "the claim is said to be another payer's, yet money is paid",
    "25": "this is a predetermination, yet money is paid",
}
_GROUPS = frozenset(("CO", "OA", "PI", "PR"))
_HCPCS = re.compile(r"[0-9A-Z]\d{3}[0-9A-Z]")
_NDC = re.compile(r"\d{11}")
_REMARK = re.compile(r"(?:MA?|N)\d{1,4}")
_REMARKS = {"MIA": (5, 20, 21, 22, 23), "MOA": (3, 4, 5, 6, 7)}
_PLAIN = frozenset(("AMT", "QTY", "REF"))  # what stands in a line without a rule of its own
_MOST_DAYS = 2  # DTM of a line
_LONG_NUMBER = 4  # digits from which LX01 is a number of the payer's own and no count


def rules_835(report: Reporter) -> dict[str, Closer]:
    """The closers of one 835; they keep the running sums between them."""
    header = HeaderRules(report)
    rules = _Rules(report, header)
    return {
        "1000A": header.payer,
        "1000B": header.payee,
        "2110": rules.line,
        "2100": rules.claim,
        "2000": rules.group,
        "": rules.payment,
    }


class _Rules:
    def __init__(self, report: Reporter, header: HeaderRules) -> None:
        self.report = report
        self.header = header
        self.paid = ZERO
        self.off_by_claims = ZERO
        self.interest = ZERO
        self.readable = True
        self.groups: list[str] = []
        self._new_group()
        self._new_claim()

    def _new_group(self) -> None:
        self.claims, self.charges = 0, ZERO
        self.doubtful = False

    def _new_claim(self) -> None:
        self.line_adjustments = self.line_patient_share = self.off_by_lines = ZERO
        self.undated: Node | None = None
        self.blurred = False

    def line(self, node: Node) -> None:  # noqa: C901, PLR0912 - the hot loop, kept in one
        """SVC03 = SVC02 - sum of the line's CAS; its dates come in pairs, its codes have their forms."""
        svc: list[str] | None = None
        day: list[str] | None = None
        plain = True
        moved = share = ZERO
        for item in node.items:  # one pass, since there are more lines than anything else
            if item.__class__ is not list or len(item) < 3:
                plain = False
                continue
            tag = item[0]
            if tag == "CAS":
                if len(item) > 3:
                    amount = exact(item[3]) or ZERO
                    if len(item) > 6:
                        amount += sum([exact(value) or ZERO for value in item[6::3]], ZERO)
                    moved += amount
                    if item[1] == "PR":
                        share += amount
            elif tag == "SVC":
                svc = item
            elif tag == "DTM" and day is None:
                day = item
            elif tag not in _PLAIN or (tag == "REF" and item[1] == "HPI"):
                plain = False
        self.line_adjustments += moved
        self.line_patient_share += share
        if svc is None:
            return
        charge, paid = decimal(svc, 2), decimal(svc, 3)
        if charge is not None and paid is not None and charge - moved != paid:
            self._line_off(node, svc, charge - moved - paid)
        wrong = _procedure_fault(svc[1], node.delimiters.component)
        if wrong or len(svc) > 6:
            self._procedures(node, svc)
        if not plain or day is None or day[1] != "472":
            self._line_details(node)

    def _line_off(self, node: Node, svc: list[str], off: Decimal) -> None:
        if not _readable(node):
            self.blurred = True
            return
        self.off_by_lines += off
        message = "the line's payment is not its charge less its adjustments"
        self.report(node, svc, "835.line_balance", message, snip=3, element=3)

    def _procedures(self, node: Node, svc: list[str]) -> None:
        for position in (1, 6):
            wrong = _procedure_fault(text(svc, position), node.delimiters.component)
            if wrong:
                self.report(node, svc, *wrong, snip=5, element=position, part=2)

    def _line_details(self, node: Node) -> None:
        days: dict[str, list[str]] = {}
        twice: list[str] | None = None
        told = 0
        for item in node.items:
            if item.__class__ is not list:
                continue
            tag = item[0]
            if tag == "DTM":
                twice = item if text(item, 1) in days else twice
                days[text(item, 1)] = item
                told += 1
            elif tag == "LQ" and text(item, 1) == "HE" and text(item, 2) and not _REMARK.fullmatch(item[2]):
                self.report(node, item, "835.remark", "this is not a remark code", snip=5, element=2)
            elif tag == "REF" and text(item, 1) == "HPI" and len(item) > 2 and not is_npi(item[2]):
                message = "the NPI does not pass its check digit"
                self.report(node, item, "element.npi", message, snip=5, element=2)
        if twice is not None and told == _MOST_DAYS:  # of more the guide itself says that they are too many
            message = "a line has one day of service (472), or the first and the last of a range (150, 151)"
            self.report(node, twice, "835.date_pair", message, snip=4)
        self._line_dates(node, days)

    def _line_dates(self, node: Node, days: dict[str, list[str]]) -> None:
        begin, end = days.get("150"), days.get("151")
        self._range(node, begin, end, "150", "151")
        if end is not None and begin is None:
            message = "the last day of a service (151) stands without its first (150)"
            self.report(node, end, "835.date_pair", message, snip=4, element=1)
        if begin is not None and end is None:
            message = "the first day of a service (150) stands without its last (151)"
            self.report(node, begin, "835.date_pair", message, snip=4, element=1)
        if not days and self.undated is None:
            self.undated = node

    def _range(self, node: Node, begin: list[str] | None, end: list[str] | None, *codes: str) -> None:
        opens, closes = text(begin, 2), text(end, 2)
        if end is not None and is_date(opens) and is_date(closes) and closes < opens:
            message = f"the last day ({codes[1]}) lies before the first ({codes[0]})"
            self.report(node, end, "835.date_order", message, snip=4, element=2)

    def claim(self, node: Node) -> None:
        """CLP04 = CLP03 - sum of claim and line CAS, and the signs and statuses make sense."""
        clp = first(node, "CLP")
        charge, paid = decimal(clp, 3), decimal(clp, 4)
        moved, share = adjustments(node)
        off_by_lines = self.off_by_lines
        moved += self.line_adjustments
        share += self.line_patient_share
        if clp is not None:
            self._details(node)
        blurred = self.blurred
        self._new_claim()
        self.claims += 1
        if clp is None or charge is None or paid is None:
            self.readable = False
            return
        self.paid += paid
        self.charges += charge
        off = charge - moved - paid
        if off not in (ZERO, off_by_lines) and not blurred and _readable(node):
            self.off_by_claims += off
            self.doubtful = True
            message = "the claim's payment is not its charge less all adjustments"
            self.report(node, clp, "835.claim_balance", message, snip=3, element=4)
        status = clp[2]
        if status == "22" or charge < 0:
            self._signs(node, clp, charge, paid)
        if paid > 0 and status in _PAYS_NOTHING:
            self.report(node, clp, "835.denied_paid", _PAYS_NOTHING[status], snip=4, element=2)
        if not off:
            self._patient_share(node, clp, share)

    def _signs(self, node: Node, clp: list[str], charge: Decimal, paid: Decimal) -> None:
        """A reversal (22) has the opposite signs, claim and lines; nothing else charges less than nothing."""
        status = text(clp, 2)
        if status != "22":
            if charge < 0 and status in _CHARGED:
                message = "a charge below zero belongs to a reversal (CLP02=22)"
                self.report(node, clp, "835.charge_sign", message, snip=4, element=3)
            return
        self.doubtful = True
        message = "a reversal carries the opposite signs of what it reverses"
        if charge > 0:
            self.report(node, clp, "835.reversal_sign", message, snip=4, element=3)
        if paid > 0 and charge >= 0:
            self.report(node, clp, "835.reversal_sign", message, snip=4, element=4)
        for line in node.children("2110") if charge <= 0 else ():
            svc = first(line, "SVC")
            if (decimal(svc, 2) or ZERO) > 0:
                self.report(line, svc, "835.reversal_sign", message, snip=4, element=2)

    def _details(self, node: Node) -> None:
        """The dates, the provider's NPI and the remarks of a claim."""
        days: dict[str, list[str]] = {}
        met: dict[str, list[str]] = {}
        for item in node.items:
            if item.__class__ is not list:
                continue
            tag = item[0]
            if tag == "DTM":
                days[text(item, 1)] = item
            elif tag in _REMARKS:
                met[tag] = item
            elif tag == "AMT" and item[1] == "I":
                self.interest += decimal(item, 2) or ZERO
        for tag, item in met.items():
            self._remarks(node, tag, item)
        if len(met) > 1:
            message = "an inpatient (MIA) and an outpatient (MOA) adjudication exclude each other"
            self.report(node, met["MOA"], "835.both_adjudications", message, snip=4)
        begin = days.get("232")
        self._range(node, begin, days.get("233"), "232", "233")
        if begin is None and self.undated is not None:
            message = "neither the line nor the claim has a date of service"
            self.report(self.undated, None, "835.service_date", message, snip=4, missing="DTM")

    def _remarks(self, node: Node, tag: str, item: list[str]) -> None:
        for position in _REMARKS[tag]:
            code = text(item, position)
            if code and not _REMARK.fullmatch(code):
                self.report(node, item, "835.remark", "this is not a remark code", snip=5, element=position)

    def _patient_share(self, node: Node, clp: list[str], share: Decimal) -> None:
        told = decimal(clp, 5) if text(clp, 5) else ZERO
        if told is None or text(clp, 2) == "22" or (share < 0 and not text(clp, 5)):
            return
        if share != told and all(_grouped(part) for part in (node, *node.children("2110"))):
            message = "the patient's share is not the sum of the PR adjustments"
            self.report(node, clp, "835.patient_share", message, snip=4, element=5, severity="warning")

    def group(self, node: Node) -> None:
        """LX01 tells groups apart and counts them; TS3 counts and sums the claims below it."""
        lx, ts3 = first(node, "LX"), first(node, "TS3")
        self._number(node, lx, text(lx, 1))
        if ts3 is not None:
            self.header.provider(node, ts3)
        if ts3 is not None and not self.doubtful and self.readable:
            message = "the totals of the provider are not those of the claims below"
            if decimal(ts3, 4) not in (None, Decimal(self.claims)):
                self.report(node, ts3, "835.provider_totals", message, snip=4, element=4)
            if decimal(ts3, 5) not in (None, self.charges):
                self.report(node, ts3, "835.provider_totals", message, snip=4, element=5)
        self._new_group()

    def _number(self, node: Node, lx: list[str] | None, number: str) -> None:
        last = self.groups[-1] if self.groups else "0"
        known = number.isdecimal() and last.isdecimal()
        counts = known and max(len(number), len(last)) < _LONG_NUMBER
        wrong = counts and int(number) != int(last) + 1 and (self.groups or number != "0")
        if lx is not None and (wrong or (known and number in self.groups)):
            message = "the numbers of the groups of claims count up from 1"
            self.report(node, lx, "835.group_number", message, snip=1, element=1)
        self.groups.append(number)

    def payment(self, root: Node) -> None:
        """BPR02 = sum of CLP04 - sum of PLB; without payment (NON) it is 0, and it is never negative."""
        bpr = first(root, "BPR")
        self.header.payment(root, bpr)
        total = decimal(bpr, 2)
        if bpr is None or total is None:
            return
        provider, interest = ZERO, []
        mark = root.delimiters.component
        for plb in own(root, "PLB"):
            for position in range(4, len(plb), 2):
                provider += decimal(plb, position) or ZERO
                if plb[position - 1].partition(mark)[0] == "L6":
                    interest.append((plb, position))
        if interest and self.interest:
            self._interest(root, interest)
        off = total - (self.paid - provider)
        if self.readable and off not in (ZERO, self.off_by_claims) and _paired(root):
            message = "the payment is not the sum of the claims less the provider adjustments"
            self.report(root, bpr, "835.payment_balance", message, snip=3, element=2)
        self.header.amount(root, bpr, total)

    def _interest(self, root: Node, told: list[tuple[list[str], int]]) -> None:
        """L6 pays the interest that the claims tell (AMT*I), with its sign turned."""
        if sum((decimal(plb, at) or ZERO for plb, at in told), self.interest) != ZERO and _paired(root):
            message = "the interest that is paid (L6) is not what the claims tell (AMT*I)"
            plb, at = told[0]
            place = self.header.place_from_end(root, plb)
            self.report(
                root, plb, "835.interest", message, snip=4, element=at, position=place, severity="warning"
            )


@lru_cache(maxsize=4096)
def _procedure_fault(procedure: str, component: str) -> tuple[str, str] | None:
    """Code and message for a procedure whose code has not the form of its kind; the same ones come often."""
    kind, code = [*procedure.split(component, 2), ""][:2]
    if kind == "HC" and code and not _HCPCS.fullmatch(code):
        return "835.hcpcs", "this is not a HCPCS code"
    if kind == "N4" and code and not _NDC.fullmatch(code):
        return "835.ndc", "an NDC has eleven digits, without hyphens"
    return None


def _readable(node: Node) -> bool:
    """Whether every adjustment in the CAS segments of a loop has an amount: else its row has told the fault."""
    for cas in own(node, "CAS"):
        for at in range(3, len(cas) + 1, 3):
            amount = text(cas, at)
            if exact(amount) is None if amount else cas[at - 1] and not text(cas, at + 1):
                return False
    return True


def _grouped(node: Node) -> bool:
    """Whether every CAS of a loop belongs to a group of adjustments that there is."""
    return all(text(cas, 1) in _GROUPS for cas in own(node, "CAS"))


def _paired(root: Node) -> bool:
    """Whether every reason of the PLB segments has an amount that can be read, and each amount its reason."""
    for plb in own(root, "PLB"):
        for at in range(3, len(plb), 2):
            amount = text(plb, at + 1)
            if bool(plb[at]) != bool(amount) or (amount and exact(amount) is None):
                return False
    return True
