"""What the claims of the samples would lack, counted, the weightiest first, each with its remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec

from hub.model.facts import ChargeFact, CoverageFact, EncounterFact
from hub.model.people import Provider
from hub_hl7_adt.linting.shapes import is_npi, shapes
from hub_hl7_adt.linting.visits import Visit


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What configuration maps already, where there is one: plan tokens and names (in lower case), charge codes by
    system, the places, departments and kinds of visit of which it knows the place of service, and who it is whom the
    source calls by a number of its own (`npi_of`, empty for nobody).
    """

    configured: bool = False
    payers: frozenset[str] = frozenset()
    codes: frozenset[tuple[str, str]] = frozenset()
    places: frozenset[str] = frozenset()
    npi_of: Callable[[str], str] = lambda _id: ""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Something that `count` of `of` visits (or charge lines) lack. `weight` 3 stops the claim, 2 most payers refuse
    it, 1 it may matter.
    """

    code: str
    what: str
    fix: str
    count: int
    of: int
    unit: str = "visits"
    weight: int = 3


class _Check(msgspec.Struct, frozen=True):
    code: str
    weight: int
    what: str
    fix: str
    lacks: Callable[[Visit], bool]
    unless: Callable[[Visit, Known], bool] = lambda _visit, _known: False


def _primary_lacks(field: str) -> Callable[[Visit], bool]:
    return lambda visit: bool(visit.coverages) and not any(getattr(one, field) for one in visit.coverages)


def _told(visit: Visit) -> list[ChargeFact | EncounterFact]:
    return [*visit.charges, *visit.encounters]


def _people(visit: Visit) -> list[Provider]:
    return [one.rendering for one in _told(visit) if one.rendering]


def _no_npi(visit: Visit) -> bool:
    return not any(one.npi for one in _people(visit))


def _bad_npi(visit: Visit) -> bool:
    return any(one.npi and not is_npi(one.npi) for one in _people(visit))


def _no_patient(field: str) -> Callable[[Visit], bool]:
    return lambda visit: bool(visit.patients) and not any(getattr(one.patient, field) for one in visit.patients)


def _no_address(visit: Visit) -> bool:
    found = [one.patient.address for one in visit.patients]
    return bool(visit.patients) and not any(
        one and one.line1 and one.city and one.state and one.zip for one in found
    )


def _is_known(visit: Visit, known: Known) -> bool:
    """Whether configuration knows where this was: by the visit's place, or by its kind."""
    names = {one.facility.name for one in visit.encounters if one.facility} | {
        one.kind for one in visit.encounters
    }
    return bool(names & known.places)


def _nameless_diagnoses(visit: Visit) -> bool:
    """Whether no diagnosis can go on a claim as it is, and one looks as if it could: it says no coding system."""
    found = [one.coding for told in visit.encounters for one in told.diagnoses or ()]
    found += [one for told in visit.charges for one in told.diagnoses]
    own = [one for one in found if one.system == "LOCAL"]
    return len(own) == len(found) and any("icd10" in shapes(one.code) for one in own)


def _no_subscriber(visit: Visit) -> bool:
    return any(one.relationship != "self" and one.subscriber is None for one in visit.coverages)


_CHECKS = (
    _Check("claim.patient", 3, "no patient with a name", "have the sender fill PID-5", lambda v: not v.patients),
    _Check("claim.coverage", 3, "no policy: the claim would go to the patient",
           "have the sender put IN1 into its DFT, or send the ADT of the visit as well; where policies come with "
           'another visit, set coverage_scope = "patient"', lambda v: not v.coverages),
    _Check("claim.member_id", 3, "no member id on any policy",
           "look where this sender puts it (IN1-36, IN1-49, IN2-61) and set member_id_places",
           _primary_lacks("member_id")),
    _Check("claim.diagnosis", 3, "no diagnosis", "have the sender fill DG1-3, or FT1-19 on the charge line",
           lambda v: not any(one.diagnoses for one in _told(v))),
    _Check("claim.diagnosis.system", 3, "no diagnosis says that it is ICD-10-CM: each would need a row of its own",
           'have the sender name the system (I10 in DG1-3.3, FT1-19.3); if all are ICD-10-CM: code_systems = '
           '{ "DG1-3" = "ICD10", "FT1-19" = "ICD10" }', _nameless_diagnoses),
    _Check("claim.npi", 3, "no NPI of whoever treated",
           "have the sender put the NPI into FT1-20 or PV1-7, or map its numbers by `ids` in providers.toml",
           _no_npi, lambda v, known: any(known.npi_of(one.id) for one in _people(v))),
    _Check("claim.npi.digit", 3, "an NPI whose check digit is wrong",
           "check that the field holds NPIs and not numbers of the sender's own", _bad_npi),
    _Check("claim.place", 2, "no place of service",
           "map the points of care by place_of_service in the profile, or by facilities and departments in hub.toml",
           lambda v: not any(one.place_of_service for one in _told(v)), _is_known),
    _Check("claim.birth_date", 3, "no birth date of the patient", "have the sender fill PID-7",
           _no_patient("birth_date")),
    _Check("claim.address", 2, "no whole address of the patient",
           "have the sender fill PID-11: street, city, state, ZIP", _no_address),
    _Check("claim.sex", 1, "the patient's sex is not M or F", "have the sender fill PID-8; payers take U seldom",
           lambda v: bool(v.patients) and all(one.patient.sex == "U" for one in v.patients)),
    _Check("claim.subscriber", 2, "the patient is not the insured, and the insured has no name",
           "have the sender fill IN1-16, IN1-18 and IN1-19", _no_subscriber),
    _Check("claim.ready", 1, "nothing says that the visit is complete",
           'send a DFT or a discharge, or set ready = "always"',
           lambda v: not any(one.ready for one in v.encounters)),
)  # fmt: skip


def gaps(visits: list[Visit], known: Known) -> list[Gap]:
    """What is missing, the heaviest first, then the most frequent."""
    counts = [
        (check, sum(check.lacks(visit) and not check.unless(visit, known) for visit in visits))
        for check in _CHECKS
    ]
    found = [
        Gap(code=check.code, what=check.what, fix=check.fix, count=count, of=len(visits), weight=check.weight)
        for check, count in counts
        if count
    ]
    if known.configured:
        found += _of_plans(visits, known)
    found += _of_lines([line for visit in visits for line in visit.charges if line.kind == "charge"], known)
    return sorted(found, key=lambda gap: (-gap.weight, -gap.count, gap.code))


def _of_lines(lines: list[ChargeFact], known: Known) -> list[Gap]:
    unmapped = sum(unmapped_codes(lines, known).values())
    unpriced = sum(line.amount is None for line in lines)
    told = (
        ("claim.code", 3, "charge code is no HCPCS and has no row in the charge map",
         "add a row for each to charge_map.toml (the list is below)", unmapped),
        ("claim.amount", 1, "no amount: the fee schedule prices the line",
         "set a price in fee_schedule.toml, or set amount_place to where this sender puts the money", unpriced),
    )  # fmt: skip
    return [
        Gap(code=code, what=what, fix=fix, count=count, of=len(lines), unit="lines", weight=weight)
        for code, weight, what, fix, count in told
        if count
    ]


def _of_plans(visits: list[Visit], known: Known) -> list[Gap]:
    """Visits none of whose plans means a payer to the hub."""
    count = sum(
        bool(one.coverages) and not any(_means_payer(policy, known) for policy in one.coverages) for one in visits
    )
    fix = "add each plan to [sources.NAME.payers] of practices.toml (the list is below)"
    what = "no plan of the visit is mapped to a payer"
    return [Gap(code="claim.payer", what=what, fix=fix, count=count, of=len(visits))] if count else []


def _means_payer(policy: CoverageFact, known: Known) -> bool:
    return bool({policy.payer_token.strip().casefold(), policy.payer_name.strip().casefold()} & known.payers)


def unmapped_codes(lines: Iterable[ChargeFact], known: Known) -> Counter[tuple[str, str]]:
    """The codes of lines of which no code is HCPCS or has a row in the charge map: (system, code), counted."""
    found: Counter[tuple[str, str]] = Counter()
    for line in lines:
        codes = [(one.system, one.code) for one in line.codings]
        if codes and not any(
            system in ("HCPCS", "CPT") or (system, code) in known.codes for system, code in codes
        ):
            found[codes[0]] += 1
    return found


def unmapped_plans(visits: Iterable[Visit], known: Known) -> Counter[str]:
    """Plan tokens of the samples that configuration maps to no payer."""
    found: Counter[str] = Counter()
    for visit in visits:
        for one in visit.coverages:
            if not _means_payer(one, known):
                found[one.payer_token] += 1
    return found


def of_payers(tokens: Mapping[str, str]) -> frozenset[str]:
    """Plan tokens and names as they are compared."""
    return frozenset(token.strip().casefold() for token in tokens)
