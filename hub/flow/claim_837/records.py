"""The fields that were read of a claim -> its record: dates, stay, mouth and payers find their places."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from msgspec.structs import replace

from hub.flow.claim_837.codec import Fields
from hub.flow.claim_837.values import Unreadable
from hub.model.claim import BillingProvider, Claim, ClaimLine, OtherPayer
from hub.model.coverage import Coverage
from hub.model.dental import Dental, DentalService
from hub.model.institutional import Institutional
from hub.model.people import Patient
from hub.model.services import Dated
from hub.model.transmission import Transmission

_OF_CLAIM = frozenset(Claim.__struct_fields__)
_OF_STAY = (
    "admission_hour",
    "discharge_hour",
    "admission",
    "source",
    "status",
    "present",
    "admitting",
    "reasons",
    "external_causes",
    "group",
    "procedures",
    "spans",
    "occurrences",
    "values",
    "treatments",
)


def claim_of(
    f: Fields, told: Transmission, opens: str, billing: BillingProvider, patient: Patient, coverage: Coverage
) -> Claim:
    """The claim of the fields that its 2300 came to; raises `Unreadable` where it lacks what no claim can lack."""
    lines = f.pop("lines", ())
    place = f.pop("place", "")
    if "charge" not in f:
        raise Unreadable("CLM02")
    admitted = _sort_dates(f, told.kind) if "dates" in f else None
    begins = told.created
    if told.kind == "I":
        stay = f["institutional"] = _stay(f, place)
        begins, place = stay.statement_from, ""
    elif told.kind == "D":
        begins = next((it.on for it in f.get("dates", ()) if it.kind == "service" and it.on), begins)
        _mouth(f)
    if "other_payers" in f:
        _sort_payers(f, patient)
    for name in [name for name in f if name not in _OF_CLAIM]:
        del f[name]
    return Claim(
        encounter_ids=(),
        patient_id="",
        patient=patient,
        payer="",
        coverage=coverage,
        billing=billing,
        lines=tuple([_line(line, begins) for line in lines]),
        diagnoses=f.pop("diagnoses", ()),
        place_of_service=place,
        rank=coverage.rank,
        kind=told.kind,
        opens=opens,
        admitted_on=admitted,
        **f,
    )


def _sort_dates(f: Fields, kind: str) -> date | None:
    """Gives the dates that have fields of their own to these, and says when the patient was admitted."""
    admitted: date | None = None
    others: list[Dated] = []
    for told in f["dates"]:
        if told.kind == "accident" and "accident" in f and told.to is None and f["accident"].on is None:
            f["accident"] = replace(f["accident"], on=told.on)
        elif told.kind == "admission" and told.to is None and admitted is None and _plain(told, kind):
            admitted, f["admission_hour"] = told.on, told.at
        elif kind == "I" and told.kind == "statement" and "statement" not in f:
            f["statement"] = told
        elif kind == "I" and told.kind == "discharge" and told.on is None and told.at:
            f["discharge_hour"] = told.at
        else:
            others.append(told)
    f["dates"] = tuple(others)
    return admitted


def _plain(told: Dated, kind: str) -> bool:
    return told.on is not None and (kind == "I" or not told.at)


def _line(f: Fields, begins: date) -> ClaimLine:
    if "amount" not in f:
        raise Unreadable("SV1")
    if f.get("service_from") is None:
        f["service_from"], f["is_dated"] = begins, False
    areas, prosthesis, teeth = f.pop("areas", ()), f.pop("prosthesis", ""), f.pop("teeth", ())
    if areas or prosthesis or teeth:
        f["dental"] = DentalService(areas=areas, prosthesis=prosthesis, teeth=teeth)
    return ClaimLine(**f)


def _stay(f: Fields, facility_code: str) -> Institutional:
    told = {name: f.pop(name) for name in _OF_STAY if name in f}
    statement = f.pop("statement", None)
    if statement is None or statement.on is None:
        raise Unreadable("DTP*434")
    return Institutional(
        facility_code=facility_code, statement_from=statement.on, statement_to=statement.to, **told
    )


def _mouth(f: Fields) -> None:
    teeth, braces = f.pop("tooth_status", ()), f.pop("orthodontic", None)
    if teeth or braces is not None:
        f["dental"] = Dental(orthodontic=braces, teeth=teeth)


def _sort_payers(f: Fields, patient: Patient) -> None:
    """Policies whose payer has not answered are coverages, unless one that has stands after them."""
    told: list[OtherPayer] = [_of_patient(other, patient) for other in f["other_payers"]]
    answered = max((nth for nth, other in enumerate(told, 1) if other.is_answered), default=0)
    f["other_payers"] = tuple(told[:answered])
    waiting = told[answered:]
    bare = all(
        other == OtherPayer(coverage=other.coverage, paid=Decimal(0), is_answered=False) for other in waiting
    )
    if bare:
        f["other_coverages"] = tuple(other.coverage for other in waiting)
    else:
        f["other_payers"] = tuple(told)


def _of_patient(other: OtherPayer, patient: Patient) -> OtherPayer:
    """A policy of the patient's own says so once: in its relationship."""
    held = other.coverage.subscriber
    plain = held is not None and held.address is None and not held.is_organization and held.birth_date is None
    if other.coverage.relationship != "self" or not plain or held is None or held.name != patient.name:
        return other
    return replace(other, coverage=replace(other.coverage, subscriber=None))
