"""What a claim or a line may say besides who, what and how much: dates, numbers, notes, certificates, reports.

A `kind` is a word of ours (`hub/flow/claim_837/words.py` lists them with their qualifiers); a qualifier for which
there is no word stands there as it is, in capitals.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hub.model.people import Address, Record


class Dated(Record, frozen=True, kw_only=True):
    """A day, a span or an hour of some kind (DTP): `to` for spans (RD8), `at` HHMM where the hour is told."""

    kind: str
    on: date | None = None
    to: date | None = None
    at: str = ""


class Amount(Record, frozen=True, kw_only=True):
    """Dollars of some kind (AMT)."""

    kind: str
    dollars: Decimal


class Quantity(Record, frozen=True, kw_only=True):
    """A count of some kind (QTY)."""

    kind: str
    count: Decimal


class Note(Record, frozen=True, kw_only=True):
    """Free text of some kind (NTE)."""

    kind: str
    text: str


class Attachment(Record, frozen=True, kw_only=True):
    """A report that follows or is on file (PWK): its kind and way (their codes), our control number for it."""

    report: str
    way: str
    control_number: str = ""


class Contract(Record, frozen=True, kw_only=True):
    """What was agreed with the payer (CN1): kind of contract (a code), dollars, percent, its number and version."""

    kind: str
    amount: Decimal | None = None
    percent: Decimal | None = None
    code: str = ""
    discount_percent: Decimal | None = None
    version: str = ""


class Ambulance(Record, frozen=True, kw_only=True):
    """A transport (CR1): the patient's weight in pounds, the reason (A to E), miles, and why, in words."""

    weight: Decimal | None = None
    reason: str = ""
    miles: Decimal | None = None
    round_trip: str = ""
    stretcher: str = ""


class Stop(Record, frozen=True, kw_only=True):
    """Where an ambulance picked the patient up or dropped him off (2310E/F, 2420G/H)."""

    address: Address
    name: str = ""


class Chiropractic(Record, frozen=True, kw_only=True):
    """Spinal manipulation (CR2): the nature of the condition (A to M) and words about it."""

    condition: str
    description: str = ""
    more: str = ""


class Certification(Record, frozen=True, kw_only=True):
    """Conditions that are certified or denied (CRC); `kind` such as ambulance, vision, homebound, equipment."""

    kind: str
    holds: str
    codes: tuple[str, ...]


class Equipment(Record, frozen=True, kw_only=True):
    """Durable equipment (SV5): its code, days needed, what rent and purchase cost, how often rent is billed."""

    code: str
    days: Decimal
    rental: Decimal | None = None
    purchase: Decimal | None = None
    frequency: str = ""


class EquipmentNeed(Record, frozen=True, kw_only=True):
    """The certificate for equipment (CR3): I initial, R renewal, S revised; months it is needed."""

    kind: str
    months: Decimal


class TestResult(Record, frozen=True, kw_only=True):
    """A measured value (MEA): what for (OG, TR), of what (a code), the value."""

    __test__ = False

    reference: str
    measured: str
    value: Decimal


class PurchasedService(Record, frozen=True, kw_only=True):
    """A service that was bought (PS1): the seller's number and what it cost."""

    seller: str
    charge: Decimal


class Repricing(Record, frozen=True, kw_only=True):
    """What a repricer made of a claim or line (HCP), by its element's order."""

    method: str
    allowed: Decimal
    saved: Decimal | None = None
    organization: str = ""
    rate: Decimal | None = None
    group: str = ""
    group_amount: Decimal | None = None
    revenue: str = ""
    code_kind: str = ""
    code: str = ""
    unit_basis: str = ""
    units: Decimal | None = None
    reject: str = ""
    compliance: str = ""
    exception: str = ""


class Answer(Record, frozen=True, kw_only=True):
    """One answer on a form (FRM): yes, no or not applicable (Y, N, W), a text, a day or a percentage."""

    question: str
    choice: str = ""
    text: str = ""
    on: date | None = None
    percent: Decimal | None = None


class Form(Record, frozen=True, kw_only=True):
    """A form behind a line (2440): the list its number is from (AS, UT), the number, the answers."""

    listed: str
    number: str
    answers: tuple[Answer, ...] = ()
