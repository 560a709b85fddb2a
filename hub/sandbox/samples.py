"""Makes small synthetic 837P files, so that the partners can be tried without a hub."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hub.sandbox.amounts import amount

_FILING_PAYERS = {
    "MB": ("SANDBOX MEDICARE", "SBMCR"),
    "MC": ("SANDBOX MEDICAID", "SBMCD"),
    "WC": ("SANDBOX COMP FUND", "SBWCF"),
    "CI": ("SANDBOX HEALTH PLAN", "SBPPO"),
}
Service = tuple[str, int]


class SampleOther(msgspec.Struct, frozen=True, kw_only=True):
    """Another payer on a sample claim; when it has paid, `lines` is (paid cents, CAS segments) of each."""

    filing: str = "CI"
    name: str = "SANDBOX MEDIGAP"
    id: str = "SBGAP"
    lines: tuple[tuple[int, tuple[str, ...]], ...] = ()


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One claim for a subscriber who is the patient; services are (SV101, cents), `day` is CCYYMMDD."""

    pcn: str
    filing: str = "CI"
    member: str = "MEMBER1"
    last: str = "SAMPLE"
    first: str = "PAT"
    day: str = "20260105"
    services: tuple[Service, ...] = (("HC:G0438", 17500), ("HC:J1885", 2000), ("HC:T1015", 9000))
    frequency: str = "1"
    original: str = ""
    rank: str = "P"
    other: SampleOther | None = None
    charge: int | None = None


def sample_file(
    sets: Sequence[Sequence[Sample]], *, control: int = 1, usage: str = "P", day: str = "20260106"
) -> bytes:
    """One interchange with one group and a transaction set for each list of claims."""
    ends = "ZZ*SAMPLEPRACTICE *ZZ*SANDBOX        "
    out = [
        f"ISA*00*          *00*          *{ends}*{day[2:]}*0930*^*00501*{control:09d}*0*{usage}*:",
        f"GS*HC*SAMPLEPRACTICE*SANDBOX*{day}*0930*{control}*X*005010X222A1",
    ]
    for number, claims in enumerate(sets, 1):
        body = _set(claims, number, control, day)
        out += body
        out.append(f"SE*{len(body) + 1}*{number:04d}")
    out += [f"GE*{len(sets)}*{control}", f"IEA*1*{control:09d}"]
    return "".join(segment + "~" for segment in out).encode()


def _set(claims: Sequence[Sample], number: int, control: int, day: str) -> list[str]:
    out = [
        f"ST*837*{number:04d}*005010X222A1",
        f"BHT*0019*00*B{control:06d}{number:03d}*{day}*0930*CH",
        "NM1*41*2*SAMPLE PRACTICE*****46*SAMPLEPRACTICE",
        "PER*IC*OFFICE*TE*5555550123",
        "NM1*40*2*SANDBOX CLEARINGHOUSE*****46*SANDBOX",
        "HL*1**20*1",
        "NM1*85*2*SAMPLE PRACTICE*****XX*1234567893",
        "N3*12 MAIN STREET",
        "N4*SPRINGFIELD*IL*627010001",
        "REF*EI*987654321",
    ]
    for index, claim in enumerate(claims, 2):
        out += [f"HL*{index}*1*22*0", *_claim(claim)]
    return out


def _claim(claim: Sample) -> list[str]:
    payer, payer_id = _FILING_PAYERS[claim.filing]
    charge = claim.charge if claim.charge is not None else sum(cents for _, cents in claim.services)
    # a secondary claim is addressed to the other payer's place: the sample keeps one payer per filing code
    out = [
        f"SBR*{claim.rank}*18*******{claim.filing}",
        f"NM1*IL*1*{claim.last}*{claim.first}****MI*{claim.member}",
        "N3*1 ELM STREET",
        "N4*SPRINGFIELD*IL*62701",
        "DMG*D8*19500101*F",
        f"NM1*PR*2*{payer}*****PI*{payer_id}",
        f"CLM*{claim.pcn}*{amount(charge)}***11:B:{claim.frequency}*Y*A*Y*Y",
    ]
    if claim.original:
        out.append(f"REF*F8*{claim.original}")
    out += ["HI*ABK:E119", "NM1*82*1*RENDER*ROSE****XX*1245319599", "PRV*PE*PXC*207Q00000X"]
    if claim.other is not None:
        out += _other(claim, claim.other)
    for number, (service, cents) in enumerate(claim.services, 1):
        out += [
            f"LX*{number}",
            f"SV1*{service}*{amount(cents)}*UN*1***1",
            f"DTP*472*D8*{claim.day}",
            f"REF*6R*{claim.pcn}L{number}",
        ]
        if claim.other is not None and claim.other.lines:
            paid, adjustments = claim.other.lines[number - 1]
            out += [f"SVD*{claim.other.id}*{amount(paid)}*{service}**1", *adjustments, f"DTP*573*D8*{claim.day}"]
    return out


def _other(claim: Sample, other: SampleOther) -> list[str]:
    paid = [f"AMT*D*{amount(sum(cents for cents, _ in other.lines))}"] if other.lines else []
    return [
        f"SBR*{'P' if other.lines else 'S'}*18*******{other.filing}",
        *paid,
        "OI***Y***Y",
        f"NM1*IL*1*{claim.last}*{claim.first}****MI*{claim.member}X",
        f"NM1*PR*2*{other.name}*****PI*{other.id}",
    ]
