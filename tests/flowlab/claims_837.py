"""Sets of an 837 written by hand, and what the hub makes of them: read, written again, compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from hub.errors import Problem
from hub.flow.claim_837 import read_claims, write_claims
from hub.model.claim import Claim
from hub.model.transmission import Transmission
from hub.x12.envelope import TransactionSet, X12Reader
from hub.x12.wire import STANDARD, Delimiters

GUIDES = {"P": "005010X222A1", "I": "005010X223A2", "D": "005010X224A2"}
BEGIN = (
    "BHT*0019*00*R1*20260301*0930*CH",
    "NM1*41*2*SAMPLE OFFICE*****46*SUB1",
    "PER*IC*DESK*TE*5555550123*EX*7",
    "NM1*40*2*SAMPLE HOUSE*****46*REC1",
)
BILLING = (
    "HL*1**20*1",
    "NM1*85*2*SAMPLE CLINIC*****XX*1999999018",
    "N3*12 MAIN STREET",
    "N4*EXAMPLETON*OH*440991234",
    "REF*EI*999001234",
)
SUBSCRIBER = (
    "HL*2*1*22*0",
    "SBR*P*18*******CI",
    "NM1*IL*1*BITTERN*ORLA****MI*M1",
    "N3*5 REED STREET",
    "N4*EXAMPLETON*OH*44099",
    "DMG*D8*19500203*F",
    "NM1*PR*2*SAMPLE PLAN*****PI*PLAN1",
)
CLM = "CLM*A1*100***11:B:1*Y*A*Y*Y"
LINE = ("LX*1", "SV1*HC:T1015*100*UN*1***1", "DTP*472*D8*20260227")
STAY = ("CLM*A1*100***11:A:1**A*Y*Y", "DTP*434*RD8*20260201-20260205", "CL1*1*7*01", "HI*ABK:E119")
STAY_LINE = ("LX*1", "SV2*0120**100*DA*5")
DENTAL = "CLM*A1*100***11:B:1*Y*A*Y*Y"
DENTAL_LINE = ("LX*1", "SV3*AD:D0000*100", "DTP*472*D8*20260227")


def file_of(kind: str, body: Iterable[str], marks: Delimiters = STANDARD) -> bytes:
    """An interchange with one set of these segments, which are given with `*` and `:`."""
    texts, version = list(body), GUIDES[kind]
    isa = (
        "ISA",
        "00",
        " " * 10,
        "00",
        " " * 10,
        "ZZ",
        f"{'SENDER':15}",
        "ZZ",
        f"{'RECEIVER':15}",
        "260301",
        "0930",
    )
    whole = [
        f"GS*HC*SENDER*RECEIVER*20260301*0930*1*X*{version}",
        f"ST*837*0001*{version}",
        *texts,
        f"SE*{len(texts) + 2}*0001",
        "GE*1*1",
        "IEA*1*000000001",
    ]
    table = str.maketrans({"*": marks.element, ":": marks.component})
    first = marks.element.join((*isa, marks.repetition, "00501", "000000001", "0", "T", marks.component))
    return "".join(text + marks.segment for text in (first, *[text.translate(table) for text in whole])).encode()


class ReadSet(NamedTuple):
    """A set as it stood in its file, and what was read of it."""

    marks: Delimiters
    texts: list[str]
    told: list[tuple[Transmission, Claim | Problem]]

    @property
    def claims(self) -> list[Claim]:
        """The claims that could be read."""
        return [one for _, one in self.told if isinstance(one, Claim)]

    @property
    def problems(self) -> list[Problem]:
        """Those that could not."""
        return [one for _, one in self.told if isinstance(one, Problem)]

    def written(self) -> list[str]:
        """The set again, of its claims."""
        return write_claims(self.told[0][0], self.claims, delimiters=self.marks)


def read_sets(data: bytes) -> list[ReadSet]:
    """Every set of a file, read into claims."""
    texts = [_body(one) for one in X12Reader(data)]
    told = [list(read_claims(one)) for one in X12Reader(data)]
    marks = [one.delimiters for one in X12Reader(data)]
    return [ReadSet(*one) for one in zip(marks, texts, told, strict=True)]


def read_one(
    kind: str, *claim: str, subscriber: Iterable[str] = SUBSCRIBER, marks: Delimiters = STANDARD
) -> Claim:
    """One claim of these segments, which is written again as it was and goes through a document unchanged."""
    (one,) = read_sets(file_of(kind, (*BEGIN, *BILLING, *subscriber, *claim), marks))
    assert one.problems == []
    assert one.written() == one.texts
    (made,) = one.claims
    assert msgspec.json.decode(msgspec.json.encode(made), type=Claim) == made
    return made


def _body(one: TransactionSet) -> list[str]:
    marks = one.delimiters
    texts = [marks.element.join(str(value) for value in segment.values) for segment in one.segments()]
    return [text for text in texts[1:] if not text.startswith(f"SE{marks.element}")]
