"""Made-up records for tests of the flow: one of each, right in every part, to be altered with `replace`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from hub.config import Settings, load
from hub.flow.building import billing_provider
from hub.flow.claim_837 import Route
from hub.flow.entries import Account, Posting
from hub.flow.rules import Desk
from hub.flow.visits.assembly import Policy
from hub.model.claim import Adjustment, Claim, ClaimLine
from hub.model.coverage import Coverage, Subscriber
from hub.model.encounter import Charge, Coding, Diagnosis, Encounter
from hub.model.facts import ChargeFact, CoverageFact, DiagnosisFact, EncounterFact, PatientFact
from hub.model.people import Address, Identifier, Name, Patient, Provider
from hub.model.remit import ClaimPayment, ServicePayment

D = Decimal
ON = date(2026, 2, 27)
NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)
HOME = Address(line1="5 Reed Street", city="Exampleton", state="OH", zip="44099")
LARKSPUR = Provider(npi="1999999034", last="Larkspur", first="Maren", taxonomy="207Q00000X")
FENNIMORE = Provider(npi="1999999059", last="Fennimore", first="Odette", taxonomy="1041C0700X")


@cache
def settings() -> Settings:
    """The example practice."""
    loaded = load(Path(__file__).resolve().parents[2] / "config")
    assert loaded.ok, loaded.faults
    return loaded.settings


def desk(**changes: object) -> Desk:
    """What a scrub rule may know."""
    it = Desk(settings=settings(), today=NOW.date(), practice="lakeside", clearinghouse="clearinghouse")
    return replace(it, **changes)


def route() -> Route:
    """To the example's clearinghouse."""
    known = settings()
    return Route(clearinghouse="clearinghouse", mailbox=known.mailboxes["clearinghouse"], settings=known)


def patient(**changes: object) -> Patient:
    """A patient of whom everything is known."""
    it = Patient(
        name=Name(last="Bittern", first="Orla"),
        birth_date=date(1950, 2, 3),
        sex="F",
        address=HOME,
        identifiers=(Identifier(authority="EAST", value="B-100"),),
    )
    return replace(it, **changes)


def holder() -> Subscriber:
    """Somebody else who holds the policy."""
    return Subscriber(name=Name(last="Bittern", first="Hugh"), birth_date=date(1949, 5, 6), sex="M", address=HOME)


def coverage(payer: str = "ppo", rank: int = 1, **changes: object) -> Coverage:
    """A policy of that payer, with a member id in its form."""
    member = {"medicare": "9A00A00EX01", "medicaid": "990000000001"}.get(payer, "BHP990000011")
    it = Coverage(key=f"cov{rank}", payer_token=payer.upper(), payer=payer, member_id=member, rank=rank)
    return replace(it, **changes)


def line(number: int = 1, hcpcs: str = "T1015", amount: str = "165.00", **changes: object) -> ClaimLine:
    """A service line."""
    it = ClaimLine(
        number=number,
        charge_ids=(f"chg{number}",),
        service_from=ON,
        hcpcs=hcpcs,
        amount=D(amount),
        units=D(1),
        control_number=f"L{number}",
        pointers=(1,),
    )
    return replace(it, **changes)


def claim(**changes: object) -> Claim:
    """A claim of two lines to the PPO, which every rule lets pass."""
    it = Claim(
        encounter_ids=("enc1",),
        patient_id="pat1",
        patient=patient(),
        payer="ppo",
        coverage=coverage(),
        billing=billing_provider(settings().practices["lakeside"]),
        rendering=LARKSPUR,
        lines=(line(), line(2, "G0008", "30.00")),
        diagnoses=("E119", "I10"),
        place_of_service="11",
    )
    return replace(it, **changes)


def adjustment(group: str, reason: str, amount: str | Decimal) -> Adjustment:
    """One CAS triplet."""
    return Adjustment(group=group, reason=reason, amount=D(amount))


def service(of: ClaimLine, *adjustments: Adjustment, **changes: object) -> ServicePayment:
    """What a payer did with a line: the rest is paid."""
    paid = of.amount - sum((one.amount for one in adjustments), D(0))
    it = ServicePayment(
        hcpcs=of.hcpcs,
        charge=of.amount,
        paid=paid,
        service_date=of.service_from,
        control_number=of.control_number,
        adjustments=adjustments,
    )
    return replace(it, **changes)


def payment_of(lines: tuple[ServicePayment, ...], *adjustments: Adjustment, **changes: object) -> ClaimPayment:
    """A balanced payment of these lines, with adjustments of the claim as a whole."""
    every = [*adjustments, *(one for each in lines for one in each.adjustments)]
    it = ClaimPayment(
        patient_control_number="LF1",
        status="1",
        charge=sum((each.charge for each in lines), D(0)),
        paid=sum((each.paid for each in lines), D(0)) - sum((one.amount for one in adjustments), D(0)),
        patient_responsibility=sum((one.amount for one in every if one.group == "PR"), D(0)),
        payer_control_number="ICN1",
        adjustments=adjustments,
        lines=lines,
        position=1,
    )
    return replace(it, **changes)


def account(of: Claim | None = None, **changes: object) -> Account:
    """Whose claim a payment is for."""
    of = of or claim()
    it = Account(claim_id="clm1", claim=of, guarantor_id="pat1", payer=of.payer, rank=of.rank)
    return replace(it, **changes)


def at(key: str = "k1", remit_id: str = "rem1") -> Posting:
    """Where a posting stands in the books."""
    return Posting(practice="lakeside", key=key, cause="c1", on=NOW.date(), remit_id=remit_id)


def policy(**changes: object) -> Policy:
    """What is configured of a source."""
    it = Policy(
        source="ehr",
        bill_from=date(2026, 1, 1),
        zone="America/New_York",
        payers={"blueheron": "ppo", "harbor": "ppo_second"},
    )
    return replace(it, **changes)


def patient_fact(key: str = "P1", version: str = "1", **changes: object) -> PatientFact:
    """A patient as a source tells of them."""
    return PatientFact(key=key, version=version, patient=patient(**changes))


def encounter_fact(key: str = "E1", **changes: object) -> EncounterFact:
    """A visit that is over."""
    it = EncounterFact(
        key=key,
        version="1",
        patient_key="P1",
        kind="ambulatory",
        status="finished",
        started_at=datetime(2026, 2, 27, 15, tzinfo=UTC),
        ended_at=datetime(2026, 2, 27, 16, tzinfo=UTC),
        rendering=LARKSPUR,
        diagnoses=(Diagnosis(coding=Coding(system="ICD10", code="E11.9"), rank=1),),
        ready=True,
    )
    return replace(it, **changes)


def charge_fact(key: str = "C1", code: str = "T1015", **changes: object) -> ChargeFact:
    """A charge of that visit."""
    it = ChargeFact(
        key=key,
        version="1",
        patient_key="P1",
        encounter_key="E1",
        service_from=ON,
        codings=(Coding(system="HCPCS", code=code),),
    )
    return replace(it, **changes)


def coverage_fact(key: str = "V1", plan: str = "BLUEHERON", **changes: object) -> CoverageFact:
    """A policy of that patient."""
    it = CoverageFact(key=key, version="1", patient_key="P1", payer_token=plan, member_id="BHP990000011", rank=1)
    return replace(it, **changes)


def diagnosis_fact(key: str = "D1", code: str = "I10", **changes: object) -> DiagnosisFact:
    """A diagnosis that came apart from that visit."""
    it = DiagnosisFact(
        key=key, version="1", encounter_key="E1", diagnosis=Diagnosis(coding=Coding(system="ICD10", code=code))
    )
    return replace(it, **changes)


def encounter(**changes: object) -> Encounter:
    """A visit as put together, with a coverage."""
    it = Encounter(
        source="ehr",
        key="E1",
        patient_id="pat1",
        status="finished",
        place_of_service="11",
        rendering=LARKSPUR,
        diagnoses=(Diagnosis(coding=Coding(system="ICD10", code="E11.9"), rank=1),),
        coverages=(coverage(),),
    )
    return replace(it, **changes)


def charge(key: str = "C1", code: str = "T1015", system: str = "HCPCS", **changes: object) -> Charge:
    """A charge of that visit as the source had it."""
    it = Charge(
        source="ehr",
        key=key,
        patient_id="pat1",
        encounter_id="enc1",
        service_from=ON,
        codings=(Coding(system=system, code=code),),
    )
    return replace(it, **changes)


def priced(key: str = "C1", code: str = "T1015", amount: str = "165.00", **changes: object) -> tuple[str, Charge]:
    """A charge, coded and priced, under an id of ours."""
    it = charge(key, code, hcpcs=code, amount=D(amount), pointers=(1,))
    return f"chg-{key}", replace(it, **changes)
