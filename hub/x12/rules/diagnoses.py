"""The codes of a claim's HI segments: their form, their edition, and whether they hold on the days of service."""

from __future__ import annotations

import re
from functools import lru_cache

from hub.x12.formats import is_date
from hub.x12.rules.reporting import Reporter, text
from hub.x12.tree import Node

_ICD10 = re.compile(r"[A-Z]\d[0-9AB][0-9A-Z]{0,4}")
_ICD10_SINCE = "20151001"
_ICD9 = frozenset(("BK", "BF", "BJ", "PR", "BN"))
_ICD10_KINDS = frozenset(("ABK", "ABF", "ABJ", "APR", "ABN"))
_NOT_POINTED = frozenset(("BP", "BO", "BG"))


class Diagnoses:
    """Checks the HI segments of one claim after another."""

    def __init__(self, report: Reporter) -> None:
        self.report = report

    def places(self, node: Node, segments: list[list[str]]) -> int:
        """Checks the form of every code; gives the places that a line may point to as bits (the first is bit 1).

        All bits are set where no diagnosis is told: that it is missing is said elsewhere.
        """
        mark, places, before = node.delimiters.component, 0, 0
        for hi in segments:
            pointed = text(hi, 1).partition(mark)[0] not in _NOT_POINTED
            if pointed:
                places |= 1 << before + 1  # required: its row says so where it is not there
            for position in range(1, len(hi)):
                if not hi[position]:
                    continue
                if not code_of(hi[position], mark)[2]:
                    message = "this is not an ICD-10-CM code without its point"
                    self.report(node, hi, "hi.icd10", message, snip=5, element=position, part=2, status="A7:255")
                if pointed:
                    places |= 1 << before + position
            before += len(hi) - 1 if pointed else 0
        return places or -1

    def on_their_days(self, node: Node, segments: list[list[str]], begin: str, last: str) -> None:
        """ICD-9 ended, and ICD-10 began, with the services of 2015-10-01; a code holds on the days of service."""
        if not is_date(last):
            return
        wrong, mark = _ICD9 if last >= _ICD10_SINCE else _ICD10_KINDS, node.delimiters.component
        for hi in segments:
            for position in range(1, len(hi)):
                kind, code, fits = code_of(hi[position], mark)
                if kind in wrong:
                    self._version(node, hi, position, ended=wrong is _ICD9)
                elif self.report.diagnoses is not None and fits and code and kind in _ICD10_KINDS:
                    self._known(node, hi, position, (code, begin, last))

    def _version(self, node: Node, hi: list[str], position: int, *, ended: bool) -> None:
        if ended:
            message = "ICD-9 ended on 2015-09-30; this service needs ICD-10 (ABK, ABF)"
            self.report(node, hi, "hi.icd9", message, snip=2, element=position, part=1)
        else:
            message = "ICD-10 began on 2015-10-01; this service needs ICD-9 (BK, BF)"
            self.report(node, hi, "hi.icd10_early", message, snip=5, element=position, part=1)

    def _known(self, node: Node, hi: list[str], position: int, what: tuple[str, str, str]) -> None:
        """Asks for the last day, and for the first too: a claim may lie on both sides of a new edition."""
        code, begin, last = what
        judge = self.report.diagnoses
        severity, words = judge(code, last) if judge is not None else ("", "")
        if severity and judge is not None and begin != last and is_date(begin):
            other = judge(code, begin)[0]
            severity = max(severity, other) if other else ""
        if severity:
            self.report(
                node,
                hi,
                "hi.icd10_unknown",
                words,
                snip=5,
                element=position,
                part=2,
                severity=severity,
                status="A7:255",
            )


@lru_cache(maxsize=65536)
def code_of(value: str, mark: str) -> tuple[str, str, bool]:
    """One part of an HI: its kind, its code, and whether this has the form of its kind (ICD-10-CM, ICD-10-PCS)."""
    kind, code = [*value.split(mark), ""][:2]
    return kind, code, kind not in _ICD10_KINDS or not code or _ICD10.fullmatch(code) is not None
