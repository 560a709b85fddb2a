"""Files as big as wanted: some true claims or payments, repeated with numbers of their own, as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import cycle, islice
from random import Random

from hub.x12.generate.valid import valid
from hub.x12.grammar import Guide
from hub.x12.tree import Node
from hub.x12.wire import STANDARD
from hub.x12.write import OutgoingSet, money, set_texts

CLAIMS_OF_A_SET = 5000
_BLOCK = 200
_UNIT = {"837P": "2000B", "837I": "2000B", "837D": "2000B", "835": "2100"}
_ISA = (
    "ISA*00*          *00*          *ZZ*GENERATED      *ZZ*READER         *260120*0930*^*00501*000000001*0*T*:~"
)


def big(
    guide: Guide, random: Random, *, claims: int, lines: int = 3, often: float = 0.15, variety: int = 20
) -> Iterator[bytes]:
    """Yields one interchange with this many claims of so many lines, valid and in constant memory.

    Of an 837 a set holds 5,000 claims at most; an 835 is one set however many claims it pays. `variety` is how
    many different claims are made before they repeat, each time with another patient control number (CLM01,
    CLP01) and claim control number (CLP07). Raises KeyError for guides that hold neither claims nor payments.
    """
    times = {"2000A": 1, "2000": 1, "2000B": variety, "2000C": 1, "2300": 1, "2100": variety}
    times |= {"2400": lines, "2110": lines}
    loop = _UNIT[guide.kind]
    root = valid(guide, random, often=often, most=2, times=times)
    for group in root.children("2000"):  # totals of a provider would be those of the first round only
        group.items[:] = [item for item in group.items if isinstance(item, Node) or item[0] not in ("TS2", "TS3")]
    yield f"{_ISA}GS*{guide.group}*GENERATED*READER*20260120*0930*1*X*{guide.version}~".encode()
    sets = 0
    for first in range(0, claims, claims if loop == "2100" else CLAIMS_OF_A_SET):
        sets += 1
        count = claims if loop == "2100" else min(CLAIMS_OF_A_SET, claims - first)
        yield from _one_set(guide, root, loop, f"{sets:04}", range(first, first + count))
    yield f"GE*{sets}*1~IEA*1*000000001~".encode()


def _one_set(guide: Guide, root: Node, loop: str, number: str, claims: range) -> Iterator[bytes]:
    texts = set_texts(guide, OutgoingSet(control_number=number, root=root), STANDARD)
    starts = [at for at, text in enumerate(texts) if _opens(text, loop)]
    ends = [*starts[1:], next(at for at in range(len(texts) - 1, 0, -1) if not _after(texts[at])) + 1]
    units = [_template(texts[a:b]) for a, b in zip(starts, ends, strict=True)]
    head, tail = texts[: starts[0]], texts[ends[-1] : -1]
    if loop == "2100":
        paid = [_paid(texts[a]) for a in starts]
        total = sum(islice(cycle(paid), len(claims)), Decimal(0))
        head[1] = _payment(head[1], total)
        tail = []
    yield _joined(head)
    segments, level, made = len(head) + len(tail) + 1, _levels(head), []
    for at, (size, levels, unit) in zip(claims, cycle(units), strict=False):
        made.append(unit % {"n": at + 1, "a": level + 1, "b": level + 2})
        segments += size
        level += levels
        if len(made) == _BLOCK:
            yield "".join(made).encode()
            made.clear()
    yield ("".join(made) + f"{'~'.join([*tail, f'SE*{segments}*{number}'])}~").encode()


def _opens(text: str, loop: str) -> bool:
    return text.startswith("CLP*") if loop == "2100" else text.startswith("HL*") and text.split("*")[3] == "22"


def _after(text: str) -> bool:
    return text.startswith(("SE*", "PLB*"))


def _template(texts: list[str]) -> tuple[int, int, str]:
    """One unit: its segments, its levels, and its text with places for the numbers that change."""
    made, levels = [], 0
    for text in texts:
        values = text.replace("%", "%%").split("*")
        if values[0] == "HL":
            levels += 1
            values[1] = "%(a)d" if levels == 1 else "%(b)d"
            values[2] = "1" if levels == 1 else "%(a)d"
        elif values[0] == "CLM":
            values[1] = "PCN%(n)09d"
        elif values[0] == "CLP":
            values[1], values[7] = "PCN%(n)09d", "ICN%(n)09d"
        made.append("*".join(values) + "~")
    return len(texts), levels, "".join(made)


def _levels(texts: list[str]) -> int:
    return sum(text.startswith("HL*") for text in texts)


def _paid(clp: str) -> Decimal:
    return Decimal(clp.split("*")[4])


def _payment(bpr: str, total: Decimal) -> str:
    """BPR with another total; what the claims do not pay is never below zero here."""
    values = bpr.split("*")
    values[1], values[2] = ("I", money(total)) if total else ("H", "0")
    if total and values[4] == "NON":
        values[4] = "CHK"
    return "*".join(values)


def _joined(texts: list[str]) -> bytes:
    return "".join([text + "~" for text in texts]).encode()
