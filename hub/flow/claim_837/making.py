"""The hub's own claims, made ready to be written: whom they go to, by which ids, in the basic character set."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from msgspec.structs import replace

from hub.config.connectors import Mailbox
from hub.config.settings import Settings
from hub.flow.claim_837.writing import write_claims
from hub.model.claim import Adjustment, BillingProvider, Claim, ClaimLine, LineAdjudication, OtherPayer
from hub.model.coverage import Coverage, Subscriber
from hub.model.people import Address, Contact, Facility, Name, Patient, Provider, Reach, Record, Reference
from hub.model.services import Note
from hub.model.transmission import Sender, Transmission
from hub.x12.guides.claim_837d import CLAIM_837D
from hub.x12.guides.claim_837i import CLAIM_837I
from hub.x12.guides.claim_837p import CLAIM_837P
from hub.x12.write import basic, money

GUIDES = {"P": CLAIM_837P, "I": CLAIM_837I, "D": CLAIM_837D}
"""The guide of each kind of claim."""

_KEPT = 20_000


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
        return _plain(known.name if known else coverage.payer_name)[:60]

    def filing_code(self, payer: str) -> str:
        """SBR09."""
        known = self.settings.payers.get(payer)
        return known.filing_code if known else "ZZ"


def claims_837(sendings: Iterable[Sending], route: Route, *, reference: str, at: datetime) -> list[str]:
    """The segment texts of one set between ST and SE. `reference` is BHT03, `at` local to the site.

    Raises `Unwritable` where a value holds a delimiter.
    """
    told = transmission(route.mailbox, reference=reference, at=at)
    return write_claims(told, [ready(one, route) for one in sendings])


def transmission(mailbox: Mailbox, *, reference: str, at: datetime) -> Transmission:
    """BHT, 1000A and 1000B as the mailbox says."""
    phone = Reach(kind="phone", value=mailbox.contact_phone)
    return Transmission(
        kind="P",
        reference=reference,
        created=at.date(),
        clock=f"{at:%H%M}",
        submitter=Sender(
            name=_plain(mailbox.submitter_name),
            id=mailbox.submitter_id,
            contacts=(Contact(name=_plain(mailbox.contact_name), reach=(phone,)),),
        ),
        receiver=_plain(mailbox.receiver_name),
        receiver_id=mailbox.receiver_number or mailbox.receiver_id,
    )


def ready(one: Sending, route: Route) -> Claim:
    """The claim as it is written: payers by their names and ids at the clearinghouse, names in basic characters.

    A claim that was read from a file keeps all that it says, but for its number and the payers that we know.
    """
    claim = one.claim
    if claim.opens:
        return replace(claim, control_number=one.pcn, coverage=_known(claim.coverage, claim.payer, route))
    itself = claim.coverage.relationship == "self"
    told = _answers(claim, route)
    return replace(
        claim,
        control_number=one.pcn,
        charge=_amount(claim.total),
        signature=claim.signature if claim.kind != "I" else "",
        patient=_patient(claim.patient),
        coverage=_coverage(claim.coverage, claim.payer, route, itself=itself),
        billing=_billing(claim.billing),
        rendering=None if _bills_itself(claim) else _provider(claim.rendering, specialty=True),
        referring=_provider(claim.referring),
        facility=_facility(claim.facility),
        supervising=_provider(claim.supervising),
        primary_care=_provider(claim.primary_care),
        attending=_provider(claim.attending, specialty=True),
        operating=_provider(claim.operating),
        other_operating=_provider(claim.other_operating),
        assistant=_provider(claim.assistant, specialty=True),
        authorization=_plain(claim.authorization),
        references=_references(claim.references),
        notes=_notes(claim.notes),
        lines=tuple([_line(line, nth, claim, route) for nth, line in enumerate(claim.lines, 1)]),
        other_payers=told,
        other_coverages=tuple(
            _other(coverage, route) for coverage in claim.other_coverages if not _answered(coverage, claim)
        ),
    )


def _known(coverage: Coverage, payer: str, route: Route) -> Coverage:
    """A coverage from a file, with the name and id of its payer where the settings know it."""
    if payer not in route.settings.payers:
        return coverage
    name = route.payer_name(replace(coverage, payer=payer))
    return replace(coverage, payer_name=name, payer_id=route.payer_id(payer) or coverage.payer_id)


def _bills_itself(claim: Claim) -> bool:
    return claim.rendering is None or claim.rendering.npi == claim.billing.npi


def _answered(coverage: Coverage, claim: Claim) -> bool:
    return any(other.coverage.payer == coverage.payer for other in claim.other_payers)


@lru_cache(maxsize=_KEPT)
def _plain(text: str) -> str:
    return basic(text)


@lru_cache(maxsize=_KEPT)
def _spelled(text: str) -> Decimal:
    return Decimal(money(Decimal(text)))


def _amount(value: Decimal) -> Decimal:
    """The same amount, as X12 spells it: 100 and not 100.00."""
    return _spelled(str(value))


def _name(name: Name) -> Name:
    last, first, middle = _plain(name.last), _plain(name.first), _plain(name.middle)
    return Name(last=last, first=first, middle=middle, suffix=_plain(name.suffix))


def _address(where: Address) -> Address:
    return Address(
        line1=_plain(where.line1)[:55],
        line2=_plain(where.line2)[:55],
        city=_plain(where.city)[:30],
        state=where.state,
        zip=where.zip,
    )


def _patient(patient: Patient) -> Patient:
    where = patient.address
    return replace(patient, name=_name(patient.name), address=_address(where) if where is not None else None)


@lru_cache(maxsize=256)
def _billing(billing: BillingProvider) -> BillingProvider:
    return replace(billing, name=_plain(billing.name)[:60], address=_address(billing.address))


def _coverage(coverage: Coverage, payer: str, route: Route, *, itself: bool) -> Coverage:
    """2000B, 2010BA and 2010BB; of a subscriber who is not the patient only the name goes out."""
    held = coverage.subscriber
    return replace(
        coverage,
        member_id=_plain(coverage.member_id),
        group_number=_plain(coverage.group_number),
        payer_name=route.payer_name(coverage),
        payer_id=route.payer_id(payer),
        filing_code=route.filing_code(coverage.payer),
        subscriber=None if itself or held is None else Subscriber(name=_name(held.name)),
    )


def _other(coverage: Coverage, route: Route) -> Coverage:
    """Another policy (2320, 2330A, 2330B)."""
    told = _coverage(coverage, coverage.payer, route, itself=coverage.relationship == "self")
    return replace(told, payer_id=_other_id(coverage, route))


def _other_id(coverage: Coverage, route: Route) -> str:
    """2330B NM109, the same text that SVD01 repeats."""
    return route.payer_id(coverage.payer) or _plain(coverage.payer)


def _answers(claim: Claim, route: Route) -> tuple[OtherPayer, ...]:
    return tuple(
        replace(
            told,
            coverage=_other(told.coverage, route),
            paid=_amount(told.paid),
            adjustments=_adjustments(told.adjustments),
            on=None if _line_level(told, claim) else told.on,
        )
        for told in claim.other_payers
    )


def _line_level(told: OtherPayer, claim: Claim) -> bool:
    """Whether the other payer's date stands on the lines (2430) and so not on the claim."""
    return any(a.payer == told.coverage.payer for line in claim.lines for a in line.adjudications)


def _adjustments(adjustments: Iterable[Adjustment]) -> tuple[Adjustment, ...]:
    """Group by group; amounts of zero are left out."""
    told = [
        replace(one, amount=_amount(one.amount), quantity=None if one.quantity is None else _amount(one.quantity))
        for one in adjustments
        if one.amount
    ]
    told.sort(key=lambda one: one.group)
    return tuple(told)


def _references(told: tuple[Reference, ...]) -> tuple[Reference, ...]:
    return tuple([replace(one, value=_plain(one.value)[:50]) for one in told])


def _notes(told: tuple[Note, ...]) -> tuple[Note, ...]:
    return tuple([replace(one, text=_plain(one.text)[:80].strip()) for one in told])


def _provider(provider: Provider | None, *, specialty: bool = False) -> Provider | None:
    return None if provider is None else _named(provider, specialty)


@lru_cache(maxsize=_KEPT)
def _named(provider: Provider, specialty: bool) -> Provider:
    return replace(
        provider,
        last=_plain(provider.last),
        first=_plain(provider.first),
        middle=_plain(provider.middle),
        taxonomy=provider.taxonomy if specialty else "",
    )


def _facility(facility: Facility | None) -> Facility | None:
    if facility is None or facility.address is None:
        return None
    return replace(facility, name=_plain(facility.name)[:60], address=_address(facility.address))


def _line(line: ClaimLine, number: int, claim: Claim, route: Route) -> ClaimLine:
    drug = line.drug
    return replace(
        line,
        number=number,
        amount=_amount(line.amount),
        units=_amount(line.units),
        drug=None if drug is None else replace(drug, quantity=_amount(drug.quantity)),
        rendering=_provider(line.rendering, specialty=True),
        ordering=_provider(line.ordering),
        code_kind=line.code_kind if line.hcpcs else "",
        description=_plain(line.description)[:80],
        notes=_notes(line.notes),
        references=_references(line.references),
        adjudications=tuple([_adjudicated(told, claim, route) for told in line.adjudications]),
    )


def _adjudicated(told: LineAdjudication, claim: Claim, route: Route) -> LineAdjudication:
    """2430: what an earlier payer did with this line."""
    other = next(o for o in claim.other_payers if o.coverage.payer == told.payer)
    return replace(
        told,
        payer_id=_other_id(other.coverage, route),
        code_kind=told.code_kind if told.hcpcs else "",
        paid=_amount(told.paid),
        units=_amount(told.units),
        adjustments=_adjustments(told.adjustments),
        on=told.on or other.on,
    )
