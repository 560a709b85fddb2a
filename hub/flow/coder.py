"""Makes billable codes, units and prices of what the source charged; what it cannot, it says and holds.

Nothing is defaulted: a code is either HCPCS already, or a row of the charge map says what it is. A row that is
not exact is a proposal for the coder, and so is every mapped visit level.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import msgspec

from hub.codes import is_hcpcs, is_icd10
from hub.config.settings import Settings
from hub.errors import Problem
from hub.model.encounter import Charge, Coding, Drug, Encounter
from hub.model.people import Record
from hub.money import from_cents

MAX_DIAGNOSES = 12
MAX_POINTERS = 4
WITHOUT_POINT = str.maketrans("", "", ".")


class Coded(Record, frozen=True, kw_only=True):
    """An encounter's codes and charges, with what is wrong. `proposals` says that a coder must confirm."""

    encounter: Encounter
    charges: tuple[Charge, ...]
    problems: tuple[Problem, ...] = ()
    proposals: tuple[Problem, ...] = ()


class Found(Record, frozen=True, kw_only=True):
    """One coded thing, or why there is none."""

    code: str = ""
    modifiers: tuple[str, ...] = ()
    units: str = "source"
    proposal: bool = False


def code_encounter(encounter: Encounter, charges: Iterable[Charge], settings: Settings, practice: str) -> Coded:
    """Code every diagnosis and charge of one encounter. Pure: the same input gives the same result."""
    charges = tuple(charges)
    on = min((charge.service_from for charge in charges), default=date.max)
    problems: list[Problem] = []
    proposals: list[Problem] = []
    if encounter.of_another:
        problems.append(_of_another())
    icd10, by_coding = _diagnoses(encounter, settings, on, problems, proposals)
    coded = tuple(
        _charge(charge, number, icd10, by_coding, settings, practice, problems, proposals)
        for number, charge in enumerate(charges, 1)
    )
    return Coded(
        encounter=msgspec.structs.replace(encounter, icd10=icd10),
        charges=coded,
        problems=tuple(problems),
        proposals=() if encounter.codes_confirmed else tuple(proposals),
    )


def _diagnoses(
    encounter: Encounter, settings: Settings, on: date, problems: list[Problem], proposals: list[Problem]
) -> tuple[tuple[str, ...], dict[tuple[str, str], str]]:
    """ICD-10-CM codes without points, best rank first, each once; and which source coding became which."""
    codes: dict[str, None] = {}
    by_coding: dict[tuple[str, str], str] = {}
    for number, diagnosis in enumerate(encounter.diagnoses, 1):
        coding = diagnosis.coding
        code, proposed = _icd10(coding, settings, on)
        if not code:
            problems.append(_unmapped_diagnosis(number, coding.system))
            continue
        if proposed:
            proposals.append(_proposal(f"diagnosis[{number}]", coding.system))
        codes[code] = None
        by_coding[coding.system, coding.code] = code
    return tuple(codes)[:MAX_DIAGNOSES], by_coding


def _icd10(coding: Coding, settings: Settings, on: date) -> tuple[str, bool]:
    if coding.system == "ICD10":
        code = coding.code.upper().translate(WITHOUT_POINT)
        return (code, False) if is_icd10(code) else ("", False)
    row = settings.diagnosis_row(coding.system, coding.code, on)
    return (row.icd10.translate(WITHOUT_POINT), not row.exact) if row else ("", False)


def _charge(
    charge: Charge,
    number: int,
    icd10: tuple[str, ...],
    by_coding: dict[tuple[str, str], str],
    settings: Settings,
    practice: str,
    problems: list[Problem],
    proposals: list[Problem],
) -> Charge:
    """One charge with its code, units, price, drug and pointers; unchanged where it cannot be coded."""
    where = f"charge[{number}]"
    found = find_code(charge, settings)
    if found is None:
        problems.append(_unmapped_charge(where, charge.codings))
        return charge
    if found.proposal:
        proposals.append(_proposal(where, charge.codings[0].system if charge.codings else "source"))
    modifiers = tuple(dict.fromkeys((*charge.modifiers, *found.modifiers)))
    units = _units(charge, found, settings, where, problems)
    amount = _price(charge, found.code, modifiers, units, settings, practice)
    if amount is None:
        problems.append(_unpriced(where))
    return msgspec.structs.replace(
        charge,
        hcpcs=found.code,
        modifiers=modifiers,
        units=units,
        unit_basis="UN",
        amount=amount,
        pointers=_pointers(charge, icd10, by_coding),
        drug=_drug(charge, found.code, units, settings),
        proposal=found.proposal,
    )


def find_code(charge: Charge, settings: Settings) -> Found | None:
    """The HCPCS code of a charge: the one it was given before (its units are counted already, so that a coder's
    word does not count them again), else the first coding that the charge map knows on that day."""
    if charge.hcpcs:
        return Found(code=charge.hcpcs, proposal=charge.proposal)
    for coding in charge.codings:
        row = settings.charge_row(coding.system, coding.code, charge.service_from)
        if row is not None:
            return Found(code=row.hcpcs, modifiers=row.modifiers, units=row.units, proposal=not row.exact)
    for coding in charge.codings:
        if coding.system == "HCPCS" and is_hcpcs(coding.code):
            timed = settings.timed_rule(coding.code) is not None and charge.unit_basis == "MJ"
            return Found(code=coding.code, units="minutes" if timed else "source")
    return None


def _units(charge: Charge, found: Found, settings: Settings, where: str, problems: list[Problem]) -> Decimal:
    if found.units == "one":
        return Decimal(1)
    rule = settings.timed_rule(found.code)
    minutes = found.units == "minutes" or charge.unit_basis == "MJ"
    if not minutes:
        return charge.units
    if rule is None:
        problems.append(_no_time_rule(where))
        return charge.units
    return rule.units(charge.units)


def _price(
    charge: Charge, hcpcs: str, modifiers: tuple[str, ...], units: Decimal, settings: Settings, practice: str
) -> Decimal | None:
    """The source's own amount for the line, else units times the fee; None when neither is known or exact."""
    if charge.amount is not None:
        return charge.amount
    cents = settings.fee(hcpcs, modifiers, charge.service_from, practice)
    if cents is None:
        return None
    whole = units * cents
    return from_cents(int(whole)) if whole == int(whole) else None


def _drug(charge: Charge, hcpcs: str, units: Decimal, settings: Settings) -> Drug | None:
    if charge.drug is not None:
        return charge.drug
    row = settings.drug(hcpcs, charge.service_from)
    return Drug(ndc=row.ndc, quantity=row.per_unit * units, unit=row.unit) if row else None


def _pointers(charge: Charge, icd10: tuple[str, ...], by_coding: dict[tuple[str, str], str]) -> tuple[int, ...]:
    """The charge's own diagnoses as places in the claim's list; without any, the principal one."""
    own = [by_coding.get((coding.system, coding.code), "") for coding in charge.diagnoses]
    places = [icd10.index(code) + 1 for code in dict.fromkeys(own) if code in icd10]
    return tuple(places[:MAX_POINTERS]) or ((1,) if icd10 else ())


def _of_another() -> Problem:
    return Problem(
        code="encounter.of_another",
        where="charges, diagnoses",
        why="a charge, a diagnosis or the policies that the visit names are of another patient than the visit",
        fix="find out whose they are, and correct the visit or what is charged to it at the source",
    )


def _unmapped_diagnosis(number: int, system: str) -> Problem:
    return Problem(
        code="coding.diagnosis_unmapped",
        where=f"diagnosis[{number}]",
        why=f"a {system} diagnosis has no ICD-10-CM code in charge_map.toml",
        fix="add a [[diagnoses]] row for it, or correct the code at the source, then replay",
    )


def _unmapped_charge(where: str, codings: tuple[Coding, ...]) -> Problem:
    systems = ", ".join(sorted({coding.system for coding in codings})) or "no"
    return Problem(
        code="coding.charge_unmapped" if codings else "coding.charge_without_code",
        where=where,
        why=f"the charge carries {systems} codes only, and no row of charge_map.toml says what to bill",
        fix="add a [[charges]] row for it, or correct the code at the source, then replay",
    )


def _unpriced(where: str) -> Problem:
    return Problem(
        code="coding.unpriced",
        where=where,
        why="neither the source nor fee_schedule.toml gives a price for this code on this day",
        fix="add a [[fees]] row, then replay",
    )


def _no_time_rule(where: str) -> Problem:
    return Problem(
        code="coding.no_time_rule",
        where=where,
        why="the charge is in minutes and fee_schedule.toml has no [[timed]] row for its code",
        fix="add a [[timed]] row, then replay",
    )


def _proposal(where: str, system: str) -> Problem:
    return Problem(
        code="coding.proposal",
        where=where,
        why=f"the code was proposed from a {system} code and a coder must confirm it",
        fix="confirm or correct it; or mark its row in charge_map.toml exact = true",
        severity="warning",
    )
