"""PV1, DRG, UB1, UB2, PR1: what an institution's claim says of a stay, as far as the sender told it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import TypedDict

from hub.model.encounter import Coding, Procedure
from hub.model.institutional import CodedValue, Occurrence
from hub.money import NotMoney, to_cents
from hub_hl7_adt import values
from hub_hl7_adt.names import CWE, DG1, DRG, OCD, OSP, PV1, PV2, UB1, UB2, UVC
from hub_hl7_adt.procedures import procedures_of
from hub_hl7_adt.scene import Scene, text_at
from hub_hl7_adt.wire import Segment

# Table 0007 (suggested values) to the UB-04's types of admission; routine, labor and accident have none.
_ADMISSIONS = {"E": "1", "U": "2", "C": "3", "N": "4"}
_TYPES = frozenset("123459")
_ORIGINS = frozenset("123456789ABCDEFG")
_STATUSES = frozenset(f"{n:02}" for n in range(1, 100))
_PRESENT = "1YNUW"
# Fields of UB2 and UB1 that count days, and the value codes that a UB-04 gives them.
_DAYS = {
    "80": (UB2.covered_days_7, UB1.covered_days),
    "81": (UB2.non_covered_days_8, UB1.non_covered_days),
    "82": (UB2.co_insurance_days_9, UB1.co_insurance_days),
}
EMPTIED: Mapping[int, tuple[str, ...]] = {
    PV1.admission_type: ("admission_type",),
    PV1.admit_source: ("admission_source",),
    PV1.discharge_disposition: ("discharge_status",),
}
"""Fields of PV1 whose explicit null empties a field of the visit."""


class StayFields(TypedDict, total=False):
    """The fields of an `EncounterFact` that tell of a stay."""

    bill_type: str
    admission_type: str
    admission_source: str
    discharge_status: str
    drg: str
    admitting: Coding | None
    reasons: tuple[Coding, ...]
    conditions: tuple[str, ...]
    occurrences: tuple[Occurrence, ...]
    spans: tuple[Occurrence, ...]
    coded_values: tuple[CodedValue, ...]
    procedures: tuple[Procedure, ...]


def stay_fields(scene: Scene) -> StayFields:
    """What the message tells of the stay; fields that it does not tell are left out."""
    found = _codes(scene)
    names = scene.message.names
    if "DRG" in names and (drg := scene.message.first("DRG")):
        found["drg"] = drg.text(DRG.diagnostic_related_group)
    if "DG1" in names:
        found["admitting"] = _admitting(scene)
    if "PV2" in names:
        found["reasons"] = _reasons(scene)
    if "PR1" in names:
        found["procedures"] = procedures_of(scene)
    if "UB1" in names or "UB2" in names:
        _uniform_bill(scene, found)
    return found


def _codes(scene: Scene) -> StayFields:
    """Type of bill, admission, point of origin and discharge status, in the UB-04's own codes; a code that is none of
    them, and that the profile does not translate, is left out.
    """
    settings, message = scene.settings, scene.message
    found = StayFields()
    if kind := text_at(message, settings.admission_type_places):
        code = _ADMISSIONS.get(kind.upper(), kind)
        found["admission_type"] = settings.admission_types.get(kind) or _told(code, _TYPES)
    if source := text_at(message, settings.admission_source_places):
        found["admission_source"] = settings.admission_sources.get(source) or _told(source.upper(), _ORIGINS)
    if status := text_at(message, settings.discharge_status_places):
        found["discharge_status"] = settings.discharge_statuses.get(status) or _told(status.zfill(2), _STATUSES)
    if bill := text_at(message, settings.bill_type_places):
        found["bill_type"] = bill
    return found


def _told(code: str, known: frozenset[str]) -> str:
    """A code that the UB-04 has, else nothing."""
    return code if code in known else ""


def present(dg1: Segment) -> str:
    """Whether a diagnosis was present on admission (DG1-26): Y, N, U, W, 1 (exempt), or empty."""
    told = dg1.text(DG1.present_on_admission_poa_indicator)
    return told.upper() if told and told.upper() in _PRESENT else ""


def _admitting(scene: Scene) -> Coding | None:
    for dg1 in scene.message.all("DG1"):
        if dg1.text(DG1.diagnosis_type).upper() in ("A", "AD"):
            method = values.system_name(dg1.text(DG1.diagnosis_coding_method))
            if codings := dg1.read(DG1.diagnosis_code_dg1, values.codings, method):
                return codings[0]
    return None


def _reasons(scene: Scene) -> tuple[Coding, ...]:
    """Why the patient came (PV2-3), where it is a diagnosis code and not words."""
    pv2 = scene.message.first("PV2")
    codings = pv2.read(PV2.admit_reason, values.codings) if pv2 is not None else ()
    return tuple(coding for coding in codings if coding.system in ("ICD10", "ICD9"))


def _uniform_bill(scene: Scene, found: StayFields) -> None:
    """UB2, and UB1 where UB2 is silent: conditions, occurrences, spans, and values with the days that are values."""
    ub2, ub1 = scene.message.first("UB2"), scene.message.first("UB1")
    both = ((ub2, UB2.condition_code_24_30), (ub1, UB1.condition_code_35_39))
    found["conditions"] = tuple(value for segment, at in both for value in _words(segment, at))
    both = ((ub2, UB2.occurrence_code_date_32_35), (ub1, UB1.occurrence_28_32))
    found["occurrences"] = tuple(one for segment, at in both for one in _occurrences(scene, segment, at))
    found["spans"] = (*_spans(scene, ub2), *_span(scene, ub1))
    both = ((ub2, UB2.value_amount_code), (ub1, UB1.value_amount_code_46_49))
    amounts = [one for segment, at in both for one in _amounts(scene, segment, at)]
    told = {one.code for one in amounts}
    found["coded_values"] = (*amounts, *(one for one in _counted(scene, ub2, ub1) if one.code not in told))


def _words(segment: Segment | None, position: int) -> list[str]:
    found = [value.text(CWE.identifier) for value in segment.values(position)] if segment is not None else []
    return [text for text in found if text]


def _occurrences(scene: Scene, segment: Segment | None, position: int) -> list[Occurrence]:
    """OCD: a code and its day; one without a day says nothing."""
    found = []
    for value in segment.values(position) if segment is not None else ():
        code = value.text(OCD.occurrence_code)
        on = scene.tried(partial(values.day, value.text(OCD.occurrence_date)), _at(segment, position))
        if code and on is not None:
            found.append(Occurrence(code=code, on=on))
    return found


def _spans(scene: Scene, segment: Segment | None) -> list[Occurrence]:
    """OSP: a code with its first and last day."""
    found, at = [], UB2.occurrence_span_code_dates_36
    for value in segment.values(at) if segment is not None else ():
        code = value.text(OSP.occurrence_span_code)
        on = scene.tried(partial(values.day, value.text(OSP.occurrence_span_start_date)), _at(segment, at))
        to = scene.tried(partial(values.day, value.text(OSP.occurrence_span_stop_date)), _at(segment, at))
        if code and on is not None:
            found.append(Occurrence(code=code, on=on, to=to))
    return found


def _span(scene: Scene, ub1: Segment | None) -> list[Occurrence]:
    if ub1 is None or not (code := ub1.text(UB1.occurrence_span)):
        return []
    on = scene.day(ub1, UB1.occur_span_start_date)
    return [Occurrence(code=code, on=on, to=scene.day(ub1, UB1.occur_span_end_date))] if on is not None else []


def _amounts(scene: Scene, segment: Segment | None, position: int) -> list[CodedValue]:
    """UVC: a code and its dollars, or the number that is no money."""
    found = []
    for value in segment.values(position) if segment is not None else ():
        code = value.text(UVC.value_code)
        told = value.text(UVC.value_amount) or value.text(UVC.non_monetary_value_amount_quantity)
        amount = scene.tried(partial(_exact, told), _at(segment, position))
        if code and amount is not None:
            found.append(CodedValue(code=code, amount=amount))
    return found


def _counted(scene: Scene, ub2: Segment | None, ub1: Segment | None) -> list[CodedValue]:
    """Covered, not covered and co-insurance days as the values that a UB-04 makes of them."""
    found = []
    for code, (newer, older) in _DAYS.items():
        for segment, position in ((ub2, newer), (ub1, older)):
            text = segment.text(position) if segment is not None else ""
            days = scene.tried(partial(_exact, text), _at(segment, position)) if text else None
            if days is not None:
                found.append(CodedValue(code=code, amount=days))
                break
    return found


def _exact(text: str) -> Decimal | None:
    """A number that stands in a field of two decimals."""
    found = values.number(text)
    try:
        return found if found is None or to_cents(found) >= 0 else None
    except NotMoney:
        raise values.Unreadable("not a number with at most two decimals") from None


def _at(segment: Segment | None, position: int) -> str:
    return segment.at(position) if segment is not None else ""
