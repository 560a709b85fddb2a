"""Writes the 277CA: for each claim of a transaction set, whether it goes on to adjudication."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

import msgspec

from hub.sandbox.amounts import amount
from hub.sandbox.claims import Claim, Provider, TransactionSet

CLEARINGHOUSE_FAULTS = ("A7:562:82", "A7:507", "A6:511")
PAYER_FAULTS = ("A7:164:IL", "A3:33:IL", "A8:496")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks: entity AY (clearinghouse) or PR (payer), its name and id, and the status that accepts."""

    entity: str
    name: str
    id: str

    @property
    def accepts(self) -> str:
        """STC01 for a claim that goes on."""
        return "A1:19:40" if self.entity == "AY" else "A2:20:PR"


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One claim with the status (STC01) that refuses it, or "", and the number that the source gave it."""

    claim: Claim
    fault: str = ""
    number: str = ""


def write_claim_ack(
    source: Source, received: TransactionSet, judged: Sequence[Judged], *, at: datetime, reference: str
) -> list[str]:
    """The segments of one 277CA between ST and SE, levels in the order 20, 21, 19, PT."""
    day = at.strftime("%Y%m%d")
    taken = [one.claim.charge for one in judged if not one.fault]
    refused = [one.claim.charge for one in judged if one.fault]
    overall = source.accepts if taken or not refused else "A3:21"
    out = [
        f"BHT*0085*08*{reference}*{day}*{at:%H%M}*TH",
        "HL*1**20*1",
        f"NM1*{source.entity}*2*{source.name[:60]}*****46*{source.id}",
        f"TRN*1*{reference}",
        f"DTP*050*D8*{day}",
        f"DTP*009*D8*{day}",
        "HL*2*1*21*1",
        f"NM1*41*2*{received.submitter_name or 'SUBMITTER'}*****46*{received.submitter_id}",
        f"TRN*2*{received.reference}",
        f"STC*{overall}*{day}*{'WQ' if taken else 'U'}*{amount(sum(taken) + sum(refused))}",
        *_totals(taken, refused, "90", "AA"),
    ]
    number = 2
    for _, rows in groupby(judged, key=lambda one: id(one.claim.provider)):
        group = list(rows)
        number += 1
        out.extend(_provider(source, group[0].claim.provider, group, number))
        parent = number
        for one in group:
            number += 1
            out.extend(_claim(source, one, number, parent, day))
    return out


def _totals(taken: Sequence[int], refused: Sequence[int], accepted: str, rejected: str) -> list[str]:
    out = [f"QTY*{accepted}*{len(taken)}"] if taken else []
    out.extend([f"QTY*{rejected}*{len(refused)}"] if refused else [])
    out.extend([f"AMT*YU*{amount(sum(taken))}"] if taken else [])
    out.extend([f"AMT*YY*{amount(sum(refused))}"] if refused else [])
    return out


def _provider(source: Source, provider: Provider, group: Sequence[Judged], number: int) -> list[str]:
    taken = [one.claim.charge for one in group if not one.fault]
    refused = [one.claim.charge for one in group if one.fault]
    status = source.accepts if taken else "A3:21"
    identity = f"XX*{provider.npi}" if provider.npi else f"FI*{provider.tax_id}"
    return [
        f"HL*{number}*2*19*1",
        f"NM1*85*2*{provider.name[:60]}*****{identity}",
        "TRN*1*0",
        f"STC*{status}**{'WQ' if taken else 'U'}*{amount(sum(taken) + sum(refused))}",
        *_totals(taken, refused, "QA", "QC"),
    ]


def _claim(source: Source, one: Judged, number: int, parent: int, day: str) -> list[str]:
    claim, patient = one.claim, one.claim.patient
    when = f"D8*{claim.begins}" if claim.begins == claim.ends else f"RD8*{claim.begins}-{claim.ends}"
    out = [
        f"HL*{number}*{parent}*PT",
        f"NM1*QC*1*{patient.last}*{patient.first}*{patient.middle}***MI*{patient.id}",
        f"TRN*2*{claim.pcn}",
        f"STC*{one.fault or source.accepts}*{day}*{'U' if one.fault else 'WQ'}*{amount(claim.charge)}",
    ]
    if one.number:
        out.append(f"REF*{'1K' if source.entity == 'PR' else 'D9'}*{one.number}")
    out.append(f"DTP*472*{when}")
    return out
