"""Builds claims from coded encounters, purely; what is missing for a claim is said, never filled in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec.structs import replace

from hub.codes import ELSEWHERE, is_npi, place_suits
from hub.config.people import Practice
from hub.config.settings import Settings
from hub.errors import Problem
from hub.flow.crediting import Priced, net_of_credits
from hub.flow.visits.assembly import local_day
from hub.flow.visits.ranking import is_unclear
from hub.model.claim import BillingProvider, Claim, ClaimLine
from hub.model.coverage import Coverage
from hub.model.encounter import Charge, Encounter
from hub.model.people import Address, Facility, Patient, Provider, Record
from hub.model.services import Dated

MAX_LINES = 50
"""Service lines in one 837P claim (2400 repeats 50 times)."""


class Built(Record, frozen=True, kw_only=True):
    """What an encounter came to: claims (lines still without control numbers), a bill to the patient, or problems.

    `self_pay` says that the charges go straight to the guarantor, who owes `kept`: what their credits left of them.
    `settled` are charges that their credits undid, and those credits.
    """

    claims: tuple[Claim, ...] = ()
    self_pay: bool = False
    kept: tuple[Priced, ...] = ()
    settled: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def build(
    encounters: Sequence[tuple[str, Encounter]],
    charges: Sequence[Priced],
    patient: Patient,
    settings: Settings,
    practice: str,
    billed: Sequence[Priced] = (),
) -> Built:
    """The claims of one billing group: the encounters that share it, and their priced charges.

    The first encounter leads: its providers, place and coverages stand on the claim. `billed` are charges of the
    group that went out before: a credit of theirs is a person's decision.
    """
    _, lead = encounters[0]
    kept, settled, problems = net_of_credits(charges, billed)
    if _is_self_pay(lead.coverages, settings) and not is_unclear(lead.coverages):
        return Built(self_pay=True, kept=tuple(kept), settled=settled, problems=tuple(problems))
    kept = whereabouts(encounters, kept)
    problems += missing(lead, kept, settings)
    nowhere = {charge.encounter_id for _, charge in kept if not charge.place_of_service}
    problems += [_no_place(one.kind) for id_, one in encounters[1:] if id_ in nowhere and one.kind in ELSEWHERE]
    if problems or not kept:
        return Built(settled=settled, problems=tuple(problems))
    rendering, _ = rendering_of(lead, kept, settings)
    place, coverages = place_of(lead, kept), lead.coverages
    house = settings.practices[practice]
    claims = tuple(
        Claim(
            encounter_ids=tuple(id_ for id_, _ in encounters),
            patient_id=lead.patient_id,
            patient=patient,
            payer=coverages[0].payer,
            coverage=coverages[0],
            other_coverages=coverages[1:],
            billing=billing_provider(house),
            rendering=rendering,
            referring=_told(lead.referring, settings),
            facility=_elsewhere(lead.facility, house),
            place_of_service=place,
            diagnoses=lead.icd10,
            lines=_lines(part, rendering, place, settings),
            accident=lead.accident,
            authorization=lead.authorization,
            admitted_on=lead.admitted_on,
            supervising=_told(lead.supervising, settings),
            dates=dates_of(lead, settings.hub.zone),
            references=lead.references,
            notes=lead.notes,
            attachments=lead.attachments,
        )
        for part in _parts(kept)
    )
    return Built(claims=claims, settled=settled)


def missing(encounter: Encounter, charges: Sequence[Priced], settings: Settings) -> list[Problem]:
    """What a claim would still lack, all of it at once: coverage, provider, place, diagnosis."""
    problems = _coverage_problems(encounter.coverages, settings)
    problems += rendering_of(encounter, charges, settings)[1]
    if not place_of(encounter, charges):
        problems.append(_no_place(encounter.kind))
    if not encounter.icd10 and not encounter.diagnoses:
        problems.append(_no_diagnosis())
    return problems


def billing_provider(practice: Practice) -> BillingProvider:
    """Loop 2010AA from configuration."""
    return BillingProvider(
        npi=practice.npi,
        name=practice.legal_name or practice.name,
        tax_id=practice.tax_id,
        tax_id_kind=practice.tax_id_kind,
        taxonomy=practice.taxonomy,
        phone=practice.phone,
        address=Address(
            line1=practice.address.line1,
            line2=practice.address.line2,
            city=practice.address.city,
            state=practice.address.state,
            zip=practice.address.zip,
        ),
    )


def rendering_of(
    encounter: Encounter, charges: Iterable[Priced], settings: Settings
) -> tuple[Provider | None, list[Problem]]:
    """Who rendered: the encounter's provider, else the one that all its charges name; completed from
    providers.toml by NPI or by the source's own id. A provider without a good NPI holds the claim."""
    named = encounter.rendering
    if named is None:
        of_charges = {charge.rendering for _, charge in charges if charge.rendering}
        named = of_charges.pop() if len(of_charges) == 1 else None
    if named is None:
        return None, [_no_provider()]
    known = known_provider(named, settings)
    if known is None or not is_npi(known.npi):
        return None, [_bad_npi()]
    return known, []


def known_provider(named: Provider | None, settings: Settings) -> Provider | None:
    """A person as a claim may name them: completed from providers.toml by NPI or by the source's own id, and without
    that id. None for nobody, and for an id that providers.toml does not know."""
    if named is None:
        return None
    known = settings.provider(named.npi or named.id) if named.npi or named.id else None
    if known is not None:
        return Provider(npi=known.npi, last=known.last, first=known.first, taxonomy=known.taxonomy)
    return replace(named, id="") if named.npi or named.last else None


def place_of(encounter: Encounter, charges: Iterable[Priced]) -> str:
    """Place of service: the encounter's, else the one that all its charges name."""
    if encounter.place_of_service:
        return encounter.place_of_service
    of_charges = {charge.place_of_service for _, charge in charges}
    place = of_charges.pop() if len(of_charges) == 1 else ""
    return place if place_suits(encounter.kind, place) else ""


def whereabouts(encounters: Sequence[tuple[str, Encounter]], charges: Sequence[Priced]) -> list[Priced]:
    """The charges, each with its own place of service or that of its visit, where several visits are on one claim.
    Where all charges of a visit that was elsewhere (virtual, home) name one place of a practice's, it is that of
    their department: it counts for nothing.
    """
    visits = dict(encounters)
    told: dict[str, set[str]] = {}
    for _, charge in charges:
        told.setdefault(charge.encounter_id, set()).add(charge.place_of_service)

    def place(charge: Charge) -> str:
        visit, own = visits.get(charge.encounter_id), charge.place_of_service
        if visit is None:
            return own
        house = len(told[charge.encounter_id] - {""}) == 1 and not place_suits(visit.kind, own)
        return visit.place_of_service if not own or house else own

    return [(id_, replace(charge, place_of_service=place(charge))) for id_, charge in charges]


def dates_of(encounter: Encounter, zone: str) -> tuple[Dated, ...]:
    """What the source told, and the local day of discharge where an inpatient has gone home (DTP*096)."""
    stayed = encounter.admitted_on is not None and encounter.status == "finished"
    told = any(one.kind == "discharge" for one in encounter.dates)
    if told or not stayed or encounter.ended_at is None or encounter.admitted_on is None:
        return encounter.dates
    left = local_day(encounter.ended_at, zone)
    if left < encounter.admitted_on:
        return encounter.dates
    return (*encounter.dates, Dated(kind="discharge", on=left))


def _elsewhere(facility: Facility | None, practice: Practice) -> Facility | None:
    """The service facility (2310C) stands on a claim only where it is not the billing provider's address."""
    if facility is None or facility.address is None:
        return None
    here = (practice.address.line1.casefold(), practice.address.zip[:5])
    return None if (facility.address.line1.casefold(), facility.address.zip[:5]) == here else facility


def _is_self_pay(coverages: tuple[Coverage, ...], settings: Settings) -> bool:
    payer = settings.payers.get(coverages[0].payer) if coverages else None
    return payer is not None and payer.kind == "self_pay"


def _coverage_problems(coverages: tuple[Coverage, ...], settings: Settings) -> list[Problem]:
    if not coverages:
        return [
            Problem(
                code="claim.no_coverage",
                where="coverage",
                why="no coverage holds on the day of service, and nothing says that the patient pays",
                fix="add the coverage (or self pay) at the source, then replay",
            )
        ]
    unknown = [_unknown_payer(coverage.rank) for coverage in coverages if coverage.payer not in settings.payers]
    return [*unknown, _no_order()] if is_unclear(coverages) else unknown


def _parts(charges: list[Priced]) -> list[list[Priced]]:
    """At most 50 lines a claim, in order of service day, the charges of one encounter kept side by side."""
    ordered = sorted(charges, key=lambda pair: (pair[1].service_from, pair[1].encounter_id, pair[1].key))
    return [ordered[start : start + MAX_LINES] for start in range(0, len(ordered), MAX_LINES)]


def _told(named: Provider | None, settings: Settings) -> Provider | None:
    """Who is named beside the rendering provider: as told, but an id of the source is what providers.toml says."""
    return known_provider(named, settings) if named is not None and named.id else named


def _lines(
    charges: Sequence[Priced], rendering: Provider | None, place: str, settings: Settings
) -> tuple[ClaimLine, ...]:
    return tuple(
        ClaimLine(
            number=number,
            charge_ids=(id_,),
            service_from=charge.service_from,
            service_to=charge.service_to if charge.service_to != charge.service_from else None,
            hcpcs=charge.hcpcs,
            modifiers=charge.modifiers,
            amount=_price(charge),
            units=charge.units,
            unit_basis=charge.unit_basis,
            pointers=charge.pointers,
            place_of_service=charge.place_of_service if charge.place_of_service != place else "",
            drug=charge.drug,
            rendering=_another(_told(charge.rendering, settings), rendering),
            ordering=_told(charge.ordering, settings),
            description=charge.description,
            notes=charge.notes,
            control_number="",
        )
        for number, (id_, charge) in enumerate(charges, 1)
    )


def _another(one: Provider | None, other: Provider | None) -> Provider | None:
    """Who rendered a line, where that is not who rendered the claim."""
    return None if one is None or (other is not None and one.npi in {other.npi, ""}) else one


def _price(charge: Charge) -> Decimal:
    if charge.amount is None:
        raise AssertionError("a charge reached its claim without a price")
    return charge.amount


def doubled(lines: Iterable[ClaimLine]) -> tuple[int, ...]:
    """Numbers of lines that repeat an earlier one in code, modifiers and day."""
    seen: Counter[tuple[object, ...]] = Counter()
    twice = []
    for line in lines:
        key = (line.hcpcs, line.modifiers, line.service_from)
        seen[key] += 1
        if seen[key] > 1:
            twice.append(line.number)
    return tuple(twice)


def _unknown_payer(rank: int) -> Problem:
    return Problem(
        code="claim.payer_unmapped",
        where=f"coverage[{rank}]",
        why="the source's plan is not mapped to a payer",
        fix="add the plan's token under [sources.NAME.payers] in practices.toml, then replay",
    )


def _no_order() -> Problem:
    return Problem(
        code="claim.payer_order",
        where="coverage",
        why="several policies of different payers hold on the day of service, and nothing says which pays first",
        fix="rank them, or end the one that is over, at the source; or list these payers in payer_order under "
        "[sources.NAME] in practices.toml; then replay",
    )


def _no_provider() -> Problem:
    return Problem(
        code="claim.no_provider",
        where="rendering provider",
        why="the source names nobody who rendered the service",
        fix="name the provider at the source, then replay",
    )


def _bad_npi() -> Problem:
    return Problem(
        code="claim.npi",
        where="rendering provider",
        why="the provider has no NPI with a good check digit, and providers.toml does not know this provider",
        fix="correct the NPI at the source, or list the provider in providers.toml, then replay",
    )


def _no_place(kind: str) -> Problem:
    if kind == "virtual":
        return Problem(
            code="claim.no_place_virtual",
            where="place of service",
            why="the visit was virtual, and no setting says at which place such visits are billed: no facility's",
            fix='set virtual = "10" (patient at home; else "02") under [sources.NAME.places], then replay',
        )
    if kind == "home":
        return Problem(
            code="claim.no_place_home",
            where="place of service",
            why="the visit was at a home, and no setting says at which place such visits are billed: no facility's",
            fix='set home = "12" (or the kind of home that it is) under [sources.NAME.places], then replay',
        )
    return Problem(
        code="claim.no_place",
        where="place of service",
        why="neither the encounter nor its source's settings say where the service was given",
        fix="map the place under [sources.NAME.places] or name a facility in practices.toml, then replay",
    )


def _no_diagnosis() -> Problem:
    return Problem(
        code="claim.no_diagnosis",
        where="diagnoses",
        why="no diagnosis came with the encounter; the hub never supplies one",
        fix="add the diagnosis at the source, then replay",
    )
