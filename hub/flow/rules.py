"""Scrub rules: each looks at one claim and says what a payer or clearinghouse would reject, and what to do.

A rule is a plain function `(claim, desk) -> findings`, listed once in `RULES`; plugins add theirs through the
hook `hub_scrub_rules`. A finding holds the claim unless it says otherwise. No rule repairs anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal

from hub.codes import is_hcpcs, is_icd10, is_npi, place_fault, state_fault, taxonomy_fault
from hub.codes.icd10cm import diagnosis_fault
from hub.config.settings import Settings
from hub.flow.building import doubled
from hub.model.claim import Claim
from hub.model.people import Address, Record
from hub.plugin.api import ScrubFinding

RENTAL_MONTHS = frozenset({"KH", "KI", "KJ"})


class Desk(Record, frozen=True, kw_only=True):
    """What a rule may know besides the claim: settings, the day, the practice and the clearinghouse."""

    settings: Settings
    today: date
    practice: str
    clearinghouse: str


Findings = Iterator[ScrubFinding]
Rule = Callable[[Claim, Desk], Findings]


def _finding(rule: str, where: str, why: str, fix: str, *, hold: bool = True) -> ScrubFinding:
    return ScrubFinding(rule=f"scrub.{rule}", where=where, why=why, fix=fix, hold=hold)


def npis(claim: Claim, desk: Desk) -> Findings:
    """Every NPI on the claim has a good check digit (SNIP 5)."""
    named = [("2010AA NM109", claim.billing.npi)]
    for loop, provider in (
        ("2310B NM109", claim.rendering),
        ("2310A NM109", claim.referring),
        ("2310D NM109", claim.supervising),
    ):
        if provider is not None:
            named.append((loop, provider.npi))
    if claim.facility is not None and claim.facility.npi:
        named.append(("2310C NM109", claim.facility.npi))
    named += [(f"2420A NM109 line {line.number}", line.rendering.npi) for line in claim.lines if line.rendering]
    named += [(f"2420E NM109 line {line.number}", line.ordering.npi) for line in claim.lines if line.ordering]
    for where, npi in named:
        if not is_npi(npi):
            yield _finding(
                "npi", where, "the NPI fails its check digit", "correct it in providers.toml or at the source"
            )


def taxonomies(claim: Claim, desk: Desk) -> Findings:
    """A taxonomy code has ten characters of the right form (SNIP 5)."""
    named = [("2000A PRV03", claim.billing.taxonomy)]
    if claim.rendering:
        named.append(("2310B PRV03", claim.rendering.taxonomy))
    for where, taxonomy in named:
        if taxonomy and taxonomy_fault(taxonomy):
            yield _finding(
                "taxonomy", where, "this is no taxonomy code", "correct it in practices.toml or providers.toml"
            )


def diagnoses(claim: Claim, desk: Desk) -> Findings:
    """One to twelve diagnoses, each a code of ICD-10-CM that holds on the days of service (2300 HI)."""
    if not 1 <= len(claim.diagnoses) <= 12:
        yield _finding(
            "diagnosis_count", "2300 HI", "a claim carries one to twelve diagnoses", "have the coder choose"
        )
    for number, code in enumerate(claim.diagnoses, 1):
        if not is_icd10(code):
            yield _finding(
                "diagnosis", f"2300 HI0{number}-2", "this is no ICD-10-CM code", "have the coder correct it"
            )
        elif doubt := _of_its_day(claim, code):
            severity, words = doubt
            where, hold = f"2300 HI0{number}-2", severity == "error"
            yield _finding("diagnosis", where, f"the diagnosis {words}", "have the coder correct it", hold=hold)


def _of_its_day(claim: Claim, code: str) -> tuple[str, str] | None:
    """What is wrong with a diagnosis on the first and also on the last day of service."""
    days = [
        f"{day:%Y%m%d}"
        for line in claim.lines
        for day in (line.service_from, line.service_to or line.service_from)
    ]
    found = [diagnosis_fault(code, day) for day in (min(days, default=""), max(days, default=""))]
    return found[1] if all(severity for severity, _ in found) else None


def pointers(claim: Claim, desk: Desk) -> Findings:
    """Each line points to one to four diagnoses that the claim carries (SV107)."""
    for line in claim.lines:
        good = 1 <= len(line.pointers) <= 4 and all(1 <= p <= len(claim.diagnoses) for p in line.pointers)
        if not good:
            yield _finding(
                "pointer",
                f"2400 SV107 line {line.number}",
                "the line points to no diagnosis of the claim",
                "have the coder point it",
            )


def services(claim: Claim, desk: Desk) -> Findings:
    """Codes of the right form, positive amounts and units, days that are not to come (2400)."""
    for line in claim.lines:
        at = f"line {line.number}"
        if not is_hcpcs(line.hcpcs):
            yield _finding("code", f"2400 SV101-2 {at}", "this is no HCPCS code", "have the coder correct it")
        if line.amount <= 0 or line.units <= 0:
            yield _finding(
                "amount", f"2400 SV102 {at}", "amount and units must be more than zero", "correct the charge"
            )
        if line.service_from > desk.today or (line.service_to or line.service_from) < line.service_from:
            yield _finding(
                "service_date",
                f"2400 DTP03 {at}",
                "the service lies in the future or ends before it began",
                "correct the date",
            )
        if len(line.modifiers) > 4:
            yield _finding(
                "modifiers", f"2400 SV101 {at}", "a line carries four modifiers at most", "have the coder choose"
            )


def timely(claim: Claim, desk: Desk) -> Findings:
    """An original claim leaves before the payer's filing limit has passed."""
    payer = desk.settings.payers.get(claim.payer)
    if payer is None or claim.rank > 1 or claim.frequency != "1":
        return
    oldest = min(line.service_from for line in claim.lines)
    if desk.today - oldest > timedelta(days=payer.timely_filing_days):
        yield _finding(
            "timely",
            "2400 DTP03",
            "the payer's filing limit has passed",
            "send it with proof of a delay, or write it off",
        )


def member(claim: Claim, desk: Desk) -> Findings:
    """Every coverage has a member id, in the payer's form where that is known (2010BA NM109)."""
    for coverage in (claim.coverage, *claim.other_coverages):
        payer = desk.settings.payers.get(coverage.payer)
        if not coverage.member_id:
            yield _finding(
                "member_id",
                f"coverage[{coverage.rank}]",
                "there is no member id",
                "ask the front desk for the card",
            )
        elif payer and payer.member_id and not re.fullmatch(payer.member_id, coverage.member_id):
            yield _finding(
                "member_id",
                f"coverage[{coverage.rank}]",
                "the member id has not this payer's form",
                "compare it with the card",
            )


def people(claim: Claim, desk: Desk) -> Findings:
    """Patient and subscriber have what 2010BA and 2010CA require: name, birth date, address."""
    patient = claim.patient
    if not patient.name.last or not patient.name.first:
        yield _finding("name", "2010BA NM103", "the patient's name is incomplete", "complete it at the source")
    if patient.birth_date is None:
        yield _finding(
            "birth_date", "2010BA DMG02", "the patient's birth date is missing", "complete it at the source"
        )
    if fault := _address_fault(patient.address):
        yield _finding("address", "2010BA N3/N4", f"the patient's address {fault}", "complete it at the source")
    if claim.coverage.relationship != "self":
        subscriber = claim.coverage.subscriber
        if subscriber is None or not subscriber.name.last:
            yield _finding(
                "subscriber",
                "2010BA NM103",
                "the subscriber is not named",
                "ask the front desk who holds the policy",
            )
    if patient.death_date and min(line.service_from for line in claim.lines) > patient.death_date:
        yield _finding(
            "after_death", "2400 DTP03", "the service lies after the patient's death", "correct one of the dates"
        )


def _address_fault(address: Address | None) -> str:
    if address is None or not (address.line1 and address.city):
        return "is missing or incomplete"
    if state_fault(address.state):
        return "has no US state"
    return "" if re.fullmatch(r"\d{5}(\d{4})?", address.zip) else "has no ZIP of five or nine digits"


def places(claim: Claim, desk: Desk) -> Findings:
    """Places of service are known codes (CLM05-1, SV105)."""
    named = [("2300 CLM05-1", claim.place_of_service)]
    named += [
        (f"2400 SV105 line {line.number}", line.place_of_service) for line in claim.lines if line.place_of_service
    ]
    for where, place in named:
        if place_fault(place):
            yield _finding("place", where, "this is no place of service", "correct it in practices.toml")


def drugs(claim: Claim, desk: Desk) -> Findings:
    """A drug code (J) carries its NDC and quantity (2410 LIN, CTP)."""
    for line in claim.lines:
        if line.hcpcs.startswith("J") and (
            line.drug is None or len(line.drug.ndc) != 11 or line.drug.quantity <= 0
        ):
            yield _finding(
                "ndc",
                f"2410 LIN03 line {line.number}",
                "a drug without its NDC and quantity",
                "add it to [[drugs]] or at the source",
            )


def rentals(claim: Claim, desk: Desk) -> Findings:
    """A rented device says so (RR) and which month it is (KH, KI, KJ)."""
    for line in claim.lines:
        if desk.settings.rental(line.hcpcs) is None or "RR" not in line.modifiers:
            continue
        if not RENTAL_MONTHS & set(line.modifiers):
            yield _finding(
                "rental",
                f"2400 SV101 line {line.number}",
                "a rental says which month it is (KH, KI, KJ)",
                "add the modifier",
            )


def accidents(claim: Claim, desk: Desk) -> Findings:
    """An auto accident has its date and state; workers' compensation has its date (CLM11, DTP*439)."""
    accident = claim.accident
    if accident and accident.kind == "AA" and not (accident.on and accident.state):
        yield _finding(
            "accident", "2300 CLM11", "an auto accident needs its date and state", "complete it at the source"
        )
    payer = desk.settings.payers.get(claim.payer)
    if payer and payer.kind == "workers_comp" and (accident is None or accident.on is None):
        yield _finding(
            "injury_date",
            "2300 DTP03",
            "workers' compensation needs the date of injury",
            "complete it at the source",
        )


def route(claim: Claim, desk: Desk) -> Findings:
    """The payer has an id at the clearinghouse, and the practice is enrolled where enrolment is recorded."""
    payer = desk.settings.payers.get(claim.payer)
    if payer is None or not payer.electronic:
        yield _finding(
            "paper", "2010BB NM109", "this payer takes no electronic claims", "send it on paper and record that"
        )
        return
    if not payer.ids.get(desk.clearinghouse):
        yield _finding(
            "payer_id",
            "2010BB NM109",
            "the payer has no id at this clearinghouse",
            "add it to ids in payers.toml",
        )
    status = desk.settings.enrolment(desk.practice, claim.payer, "837P", desk.clearinghouse, desk.today)
    if status and status != "active":
        yield _finding(
            "enrolment",
            "enrolments.toml",
            f"the enrolment for 837P is {status}, not active",
            "wait for the payer, then replay",
        )


def doubles(claim: Claim, desk: Desk) -> Findings:
    """Two lines alike without a modifier that tells them apart are probably one service twice (a warning)."""
    for number in doubled(claim.lines):
        yield _finding(
            "double",
            f"2400 line {number}",
            "the line repeats another of the same day",
            "void one, or add a modifier",
            hold=False,
        )


def stays(claim: Claim, desk: Desk) -> Findings:
    """Who was admitted was not in an office then: its place, taken from a setting, would be paid at its rate."""
    if claim.admitted_on is not None and claim.place_of_service == "11":
        yield _finding(
            "stay",
            "2300 CLM05-1",
            "the patient was admitted, and the place of service is an office",
            'set inpatient = "21" (or the place that it is) under [sources.NAME.places], then replay',
        )


def sums(claim: Claim, desk: Desk) -> Findings:
    """A secondary claim's lines add up with what the earlier payers did (SNIP 3)."""
    for other in claim.other_payers:
        told = [a for line in claim.lines for a in line.adjudications if a.payer == other.coverage.payer]
        if told and sum((a.paid for a in told), Decimal(0)) != other.paid + sum(
            (a.amount for a in other.adjustments), Decimal(0)
        ):
            yield _finding(
                "cob",
                "2320 AMT*D",
                "what the earlier payer paid does not add up with its lines",
                "look at its remittance",
            )


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        npis, taxonomies, diagnoses, pointers, services, timely, member, people, places, drugs, rentals, accidents,
        route, doubles, stays, sums,
    )
}  # fmt: skip


def scrub(claim: Claim, desk: Desk) -> tuple[ScrubFinding, ...]:
    """What our own rules find on a claim, in the order of `RULES`."""
    return tuple(finding for rule in RULES.values() for finding in rule(claim, desk))
