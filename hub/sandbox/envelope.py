"""Puts transaction sets into the partner's envelopes: ISA, GS, ST to SE, GE, IEA."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from hub.sandbox.reader import Group, Interchange

VERSIONS = {"999": "005010X231A1", "277": "005010X214", "835": "005010X221A1"}
_FUNCTIONAL = {"999": "FA", "277": "HN", "835": "HP"}


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """Both ends of the wire as the answers name them: the partner sends, the practice receives."""

    sender: tuple[str, str]
    receiver: tuple[str, str]
    group_sender: str
    group_receiver: str
    usage: str


def answer_envelope(interchange: Interchange, group: Group | None) -> Envelope:
    """The envelope that goes back to whoever sent this interchange."""
    header = interchange.header
    return Envelope(
        sender=(header[7], header[8]),
        receiver=(header[5], header[6]),
        group_sender=group.receiver if group else header[8].strip(),
        group_receiver=group.sender if group else header[6].strip(),
        usage=header[15] if header[15] in {"P", "T"} else "P",
    )


def write_interchange(
    envelope: Envelope,
    kind: str,
    sets: Sequence[Sequence[str]],
    *,
    at: datetime,
    control: int,
    ta1: str = "",
    line_breaks: bool = False,
) -> bytes:
    """Bytes of one interchange with one group; `sets` hold the segments between ST and SE, `ta1` a whole TA1
    segment that stands between ISA and GS. No sets: the TA1 alone.
    """
    day, clock = at.strftime("%Y%m%d"), at.strftime("%H%M")
    header = (
        f"ISA*00*          *00*          *{envelope.sender[0]:2.2}*{envelope.sender[1]:15.15}"
        f"*{envelope.receiver[0]:2.2}*{envelope.receiver[1]:15.15}*{day[2:]}*{clock}*^*00501"
        f"*{control:09d}*0*{envelope.usage}*:"
    )
    out = [header]
    if ta1:
        out.append(ta1)
    if sets:
        out.extend(_group(envelope, kind, sets, day=day, clock=clock, control=control))
    out.append(f"IEA*{int(bool(sets))}*{control:09d}")
    ending = "~\n" if line_breaks else "~"
    return (ending.join(out) + ending).encode()


def _group(
    envelope: Envelope, kind: str, sets: Sequence[Sequence[str]], *, day: str, clock: str, control: int
) -> list[str]:
    version = VERSIONS[kind]
    suffix = "" if kind == "835" else f"*{version}"
    ends = f"{envelope.group_sender}*{envelope.group_receiver}"
    out = [f"GS*{_FUNCTIONAL[kind]}*{ends}*{day}*{clock}*{control}*X*{version}"]
    for number, body in enumerate(sets, 1):
        out.append(f"ST*{kind}*{number:04d}{suffix}")
        out.extend(body)
        out.append(f"SE*{len(body) + 2}*{number:04d}")
    out.append(f"GE*{len(sets)}*{control}")
    return out
