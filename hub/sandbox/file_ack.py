"""Writes the TA1 and the 999: whether an interchange and each of its transaction sets could be taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from hub.sandbox.reader import Group, Interchange

READS = ("005010X222A1", "005010X222A2", "005010X222")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One 5010 fault of a set: segment id, its position in the set (ST is 1), loop, IK304, and where an element
    is at fault its position and IK403. Never a value.
    """

    segment: str
    position: int
    loop: str = ""
    code: str = "8"
    element: int = 0
    element_code: str = ""


def write_ta1(interchange: Interchange) -> str:
    """TA1: accepted (A) when the note is 000, else rejected (R) with its note."""
    header = interchange.header
    verdict = "A" if interchange.note == "000" else "R"
    return f"TA1*{interchange.control}*{header[9]}*{header[10]}*{verdict}*{interchange.note}"


def write_file_ack(group: Group, refused: Mapping[str, Sequence[Fault]]) -> list[str]:
    """The segments of one 999 between ST and SE; `refused` maps ST02 to the faults that refuse that set.

    A set that the reader found broken is refused with the code (IK502) that it found.
    """
    out = [f"AK1*{group.functional}*{group.control}*{group.version}"]
    if group.version not in READS:
        return [*out, f"AK9*R*{max(group.declared, 0)}*{len(group.sets)}*0*2"]
    taken = 0
    for one in group.sets:
        faults = refused.get(one.control, ())
        out.append(f"AK2*837*{one.control}*{one.version or group.version}")
        for fault in faults:
            out.extend(_fault(fault))
        if one.broken or one.control in refused:
            out.append(f"IK5*R*{one.broken or '5'}")
        else:
            out.append("IK5*A")
            taken += 1
    declared = group.declared if group.declared >= 0 else len(group.sets)
    verdict = "A" if taken == len(group.sets) else "P" if taken else "R"
    wrong = "" if group.declared == len(group.sets) else "*5" if group.declared >= 0 else "*3"
    out.append(f"AK9*{verdict}*{declared}*{len(group.sets)}*{taken}{wrong}")
    return out


def _fault(fault: Fault) -> list[str]:
    loop = fault.loop if fault.loop.isalnum() and len(fault.loop) <= 6 else ""
    out = [f"IK3*{fault.segment}*{fault.position}*{loop}*{fault.code}"]
    if fault.element:
        out.append(f"IK4*{fault.element}**{fault.element_code or '7'}")
    return out
