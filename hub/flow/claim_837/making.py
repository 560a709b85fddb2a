"""Claim -> 837P (005010X222A1): one loop tree per transaction set; knows both our records and the guide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from hub.config.connectors import Mailbox
from hub.config.settings import Settings
from hub.flow.base import chunks
from hub.model.claim import Adjustment, Claim, ClaimLine, LineAdjudication, OtherPayer
from hub.model.coverage import Coverage
from hub.model.people import Address, Facility, Name, Patient, Provider, Record
from hub.x12.tree import Node, node
from hub.x12.write import basic, money

RANKS = {1: "P", 2: "S", 3: "T"}
RELATIONSHIPS = {"spouse": "01", "child": "19", "other": "G8"}


class Sending(Record, frozen=True, kw_only=True):
    """One claim as it goes out: `pcn` is its patient control number (CLM01), one per submission."""

    pcn: str
    claim: Claim


class Route(Record, frozen=True, kw_only=True):
    """Whom a set goes to: the clearinghouse connector, and its mailbox's names."""

    clearinghouse: str
    mailbox: Mailbox
    settings: Settings

    def payer_id(self, payer: str) -> str:
        """The payer's id at this clearinghouse (2010BB NM109), empty when there is none."""
        known = self.settings.payers.get(payer)
        return known.ids.get(self.clearinghouse, "") if known else ""

    def payer_name(self, coverage: Coverage) -> str:
        """The payer's name as configured, else as its source called it."""
        known = self.settings.payers.get(coverage.payer)
        return basic(known.name if known else coverage.payer_name)[:60]

    def filing_code(self, payer: str) -> str:
        """SBR09."""
        known = self.settings.payers.get(payer)
        return known.filing_code if known else "ZZ"


def claims_837p(sendings: Iterable[Sending], route: Route, *, reference: str, at: datetime) -> Node:
    """The tree of one transaction set. `reference` is BHT03, `at` local to the site."""
    mailbox = route.mailbox
    by_billing = groupby(sendings, key=lambda one: one.claim.billing)
    return node(
        "",
        ("BHT", "0019", "00", reference, f"{at:%Y%m%d}", f"{at:%H%M}", "CH"),
        node(
            "1000A",
            ("NM1", "41", "2", basic(mailbox.submitter_name), *[None] * 4, "46", mailbox.submitter_id),
            ("PER", "IC", basic(mailbox.contact_name), "TE", mailbox.contact_phone),
        ),
        node(
            "1000B",
            ("NM1", "40", "2", basic(mailbox.receiver_name), *[None] * 4, "46", _receiver(mailbox)),
        ),
        *[_billing(list(group), route) for _, group in by_billing],
    )


def _receiver(mailbox: Mailbox) -> str:
    return mailbox.receiver_number or mailbox.receiver_id


def _billing(sendings: Sequence[Sending], route: Route) -> Node:
    billing = sendings[0].claim.billing
    return node(
        "2000A",
        ("HL", None, None, "20", None),
        ("PRV", "BI", "PXC", billing.taxonomy) if billing.taxonomy else None,
        node(
            "2010AA",
            ("NM1", "85", "2", basic(billing.name)[:60], *[None] * 4, "XX", billing.npi),
            *_where(billing.address),
            ("REF", billing.tax_id_kind, billing.tax_id),
        ),
        *[_subscriber(one, route) for one in sendings],
    )


def _subscriber(one: Sending, route: Route) -> Node:
    claim, coverage = one.claim, one.claim.coverage
    itself = coverage.relationship == "self"
    patient = claim.patient
    body = _claim(one, route)
    holder = patient if itself else coverage.subscriber
    name = holder.name if holder else patient.name
    return node(
        "2000B",
        ("HL", None, None, "22", None),
        _sbr(claim.rank, coverage, route, itself=itself),
        node(
            "2010BA",
            _insured(name, coverage),
            *(_person(patient) if itself else ()),
        ),
        node(
            "2010BB",
            ("NM1", "PR", "2", route.payer_name(coverage), *[None] * 4, "PI", route.payer_id(claim.payer)),
        ),
        body if itself else None,
        None if itself else _dependent(claim, body),
    )


def _insured(name: Name, coverage: Coverage) -> tuple[str | None, ...]:
    person = (basic(name.last), basic(name.first), basic(name.middle), None, None)
    return ("NM1", "IL", "1", *person, "MI", basic(coverage.member_id))


def _sbr(rank: int, coverage: Coverage, route: Route, *, itself: bool) -> tuple[str | None, ...]:
    group = basic(coverage.group_number) or None
    relationship = "18" if itself else None
    return ("SBR", RANKS[rank], relationship, group, *[None] * 5, route.filing_code(coverage.payer))


def _dependent(claim: Claim, body: Node) -> Node:
    name = claim.patient.name
    return node(
        "2000C",
        ("HL", None, None, "23", None),
        ("PAT", RELATIONSHIPS.get(claim.coverage.relationship, "G8")),
        node(
            "2010CA",
            ("NM1", "QC", "1", basic(name.last), basic(name.first), basic(name.middle)),
            *_person(claim.patient),
        ),
        body,
    )


def _person(patient: Patient) -> tuple[tuple[str, ...], ...]:
    """N3, N4 and DMG of a patient; scrub has seen that they are there."""
    born = f"{patient.birth_date:%Y%m%d}" if patient.birth_date else ""
    where = _where(patient.address) if patient.address else ()
    return (*where, ("DMG", "D8", born, patient.sex))


def _where(address: Address) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (
        ("N3", basic(address.line1)[:55], basic(address.line2)[:55]),
        ("N4", basic(address.city)[:30], address.state, address.zip),
    )


def _claim(one: Sending, route: Route) -> Node:
    claim = one.claim
    place = (claim.place_of_service, "B", claim.frequency)
    accident = claim.accident
    causes = (accident.kind, None, None, accident.state) if accident else None
    return node(
        "2300",
        ("CLM", one.pcn, money(claim.total), None, None, place, "Y", "A", "Y", "Y", None, causes),
        ("DTP", "439", "D8", _d8(accident.on)) if accident and accident.on else None,
        ("DTP", "435", "D8", _d8(claim.admitted_on)) if claim.admitted_on else None,
        ("REF", "G1", basic(claim.authorization)) if claim.authorization else None,
        ("REF", "F8", claim.original_reference) if claim.original_reference else None,
        ("HI", *[("ABF" if n else "ABK", code) for n, code in enumerate(claim.diagnoses)]),
        _provider("2310A", "DN", claim.referring),
        None if _bills_itself(claim) else _provider("2310B", "82", claim.rendering, specialty=True),
        _facility(claim.facility),
        *[_other(other.coverage, claim, route, other) for other in claim.other_payers],
        *[_other(coverage, claim, route) for coverage in claim.other_coverages if not _answered(coverage, claim)],
        *[_line(line, claim, route) for line in claim.lines],
    )


def _bills_itself(claim: Claim) -> bool:
    return claim.rendering is None or claim.rendering.npi == claim.billing.npi


def _answered(coverage: Coverage, claim: Claim) -> bool:
    return any(other.coverage.payer == coverage.payer for other in claim.other_payers)


def _provider(loop: str, role: str, provider: Provider | None, *, specialty: bool = False) -> Node | None:
    if provider is None:
        return None
    kind = "1" if provider.first else "2"
    name = ("NM1", role, kind, basic(provider.last), basic(provider.first), None, None, None, "XX", provider.npi)
    taxonomy = ("PRV", "PE", "PXC", provider.taxonomy) if specialty and provider.taxonomy else None
    return node(loop, name, taxonomy)


def _facility(facility: Facility | None) -> Node | None:
    if facility is None or facility.address is None:
        return None
    npi = ("XX", facility.npi) if facility.npi else ()
    return node(
        "2310C", ("NM1", "77", "2", basic(facility.name)[:60], *[None] * 4, *npi), *_where(facility.address)
    )


def _other(coverage: Coverage, claim: Claim, route: Route, told: OtherPayer | None = None) -> Node:
    """2320 with its 2330A and 2330B: another policy and, where its payer has answered, what it did."""
    itself = coverage.relationship == "self"
    holder = claim.patient if itself or coverage.subscriber is None else coverage.subscriber
    name = holder.name
    sbr = list(_sbr(coverage.rank, coverage, route, itself=True))
    sbr[2] = "18" if itself else RELATIONSHIPS.get(coverage.relationship, "G8")
    payer = ("NM1", "PR", "2", route.payer_name(coverage), *[None] * 4, "PI", _other_id(coverage, route))
    return node(
        "2320",
        tuple(sbr),
        *(_adjustments(told.adjustments) if told else ()),
        ("AMT", "D", money(told.paid)) if told else None,
        ("OI", None, None, "Y", None, None, "Y"),
        node(
            "2330A",
            _insured(name, coverage),
        ),
        node(
            "2330B",
            payer,
            ("DTP", "573", "D8", _d8(told.on)) if told and told.on and not _line_level(told, claim) else None,
            ("REF", "F8", told.control_number) if told and told.control_number else None,
        ),
    )


def _line_level(told: OtherPayer, claim: Claim) -> bool:
    """Whether the other payer's date stands on the lines (2430) and so not on the claim."""
    return any(a.payer == told.coverage.payer for line in claim.lines for a in line.adjudications)


def _other_id(coverage: Coverage, route: Route) -> str:
    """2330B NM109, the same text that SVD01 repeats."""
    return route.payer_id(coverage.payer) or basic(coverage.payer)


def _line(line: ClaimLine, claim: Claim, route: Route) -> Node:
    service = ("HC", line.hcpcs, *line.modifiers)
    pointers = tuple(str(pointer) for pointer in line.pointers)
    span = f"{_d8(line.service_from)}-{_d8(line.service_to)}" if line.service_to else ""
    return node(
        "2400",
        ("LX", None),
        (
            "SV1",
            service,
            money(line.amount),
            line.unit_basis,
            money(line.units),
            line.place_of_service or None,
            None,
            pointers,
        ),
        ("DTP", "472", "RD8", span) if span else ("DTP", "472", "D8", _d8(line.service_from)),
        ("REF", "6R", line.control_number) if line.control_number else None,
        _drug(line),
        _provider("2420A", "82", line.rendering, specialty=True),
        *[_adjudicated(told, claim, route) for told in line.adjudications],
    )


def _drug(line: ClaimLine) -> Node | None:
    if line.drug is None:
        return None
    quantity = ("CTP", None, None, None, money(line.drug.quantity), (line.drug.unit,))
    return node("2410", ("LIN", None, "N4", line.drug.ndc), quantity)


def _adjudicated(told: LineAdjudication, claim: Claim, route: Route) -> Node:
    """2430: what an earlier payer did with this line."""
    other = next(o for o in claim.other_payers if o.coverage.payer == told.payer)
    service = ("HC", told.hcpcs, *told.modifiers)
    return node(
        "2430",
        ("SVD", _other_id(other.coverage, route), money(told.paid), service, None, money(told.units)),
        *_adjustments(told.adjustments),
        ("DTP", "573", "D8", _d8(told.on or other.on)),
    )


def _adjustments(adjustments: Iterable[Adjustment]) -> list[tuple[str | None, ...]]:
    """CAS segments: one per group and six triplets; amounts of zero are left out."""
    told = [one for one in adjustments if one.amount]
    told.sort(key=lambda one: one.group)
    segments: list[tuple[str | None, ...]] = []
    for group, ones in groupby(told, key=lambda one: one.group):
        for six in chunks(list(ones), 6):
            triplets = [part for one in six for part in (one.reason, money(one.amount), _quantity(one.quantity))]
            segments.append(("CAS", group, *triplets))
    return segments


def _quantity(quantity: Decimal | None) -> str | None:
    return None if quantity is None else money(quantity)


def _d8(day: date | None) -> str:
    return f"{day:%Y%m%d}" if day else ""
