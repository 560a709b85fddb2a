"""What the partner keeps of a claim it received: plain records that hold nothing but what the 837P said."""

from __future__ import annotations

import hashlib

import msgspec

Cas = tuple[str, str, int]


class Person(msgspec.Struct, kw_only=True, gc=False):
    """A name and its id (NM103, NM104, NM105, NM108, NM109)."""

    last: str = ""
    first: str = ""
    middle: str = ""
    qualifier: str = ""
    id: str = ""


class Provider(msgspec.Struct, kw_only=True):
    """The billing provider (2010AA): who will be paid."""

    name: str = ""
    npi: str = ""
    tax_id: str = ""
    street: str = ""
    city: str = ""
    state: str = ""
    postal: str = ""


class PriorLine(msgspec.Struct, kw_only=True):
    """What another payer did with a line (2430): cents, and its CAS triplets."""

    payer_id: str
    paid: int
    adjustments: list[Cas]


class Line(msgspec.Struct, kw_only=True):
    """One service line (2400); `procedure` is SV101 with `:` between its parts, `charge` is cents."""

    number: str
    procedure: str = ""
    charge: int = 0
    units: str = "1"
    begins: str = ""
    ends: str = ""
    control: str = ""
    prior: list[PriorLine] = msgspec.field(default_factory=list)


class OtherCover(msgspec.Struct, kw_only=True):
    """Another payer on the claim (2320, 2330A, 2330B); `paid` is cents, None when it has not paid yet."""

    rank: str
    filing: str = ""
    payer_id: str = ""
    payer_name: str = ""
    subscriber: Person = msgspec.field(default_factory=Person)
    paid: int | None = None
    adjustments: list[Cas] = msgspec.field(default_factory=list)


class Claim(msgspec.Struct, kw_only=True):
    """One claim (2300) with all that its surroundings said about it; amounts in cents, dates CCYYMMDD."""

    pcn: str
    charge: int
    place: str = ""
    frequency: str = "1"
    original: str = ""
    rank: str = "P"
    filing: str = ""
    payer_id: str = ""
    payer_name: str = ""
    provider: Provider
    subscriber: Person
    patient: Person
    rendering_npi: str = ""
    others: list[OtherCover] = msgspec.field(default_factory=list)
    lines: list[Line] = msgspec.field(default_factory=list)

    @property
    def begins(self) -> str:
        """The first service date."""
        return min((line.begins for line in self.lines), default="")

    @property
    def ends(self) -> str:
        """The last service date."""
        return max((line.ends for line in self.lines), default="")

    def content(self) -> str:
        """What makes it the same claim again, whatever its number: payer, member, provider, rank, services."""
        services = [f"{one.procedure}|{one.begins}|{one.ends}|{one.charge}|{one.units}" for one in self.lines]
        heads = (self.payer_id, self.rank, self.subscriber.id, self.patient.first, self.provider.npi)
        return "\n".join((*heads, *services))


class TransactionSet(msgspec.Struct, kw_only=True):
    """One ST to SE: its claims in order, and what the answers must echo; `broken` names why it is refused."""

    control: str
    version: str
    reference: str = ""
    submitter_id: str = ""
    submitter_name: str = ""
    claims: list[Claim] = msgspec.field(default_factory=list)
    segments: int = 0
    broken: str = ""


def fingerprint(seed: int, text: str) -> int:
    """A 64-bit number that only `seed` and `text` decide."""
    digest = hashlib.blake2b(text.encode(), digest_size=8, key=str(seed).encode()).digest()
    return int.from_bytes(digest)
