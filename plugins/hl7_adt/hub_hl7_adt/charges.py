"""FT1: charges, credits, and the payments, copays and adjustments that are money to post."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

from hub.model.encounter import Coding, Drug
from hub.model.facts import ChargeFact
from hub_hl7_adt import values
from hub_hl7_adt.names import CQ, CWE, DR, FT1, MSH
from hub_hl7_adt.scene import Scene, at
from hub_hl7_adt.visit import place_of_service
from hub_hl7_adt.wire import Segment

# Table 0017.
_KINDS = {"CG": "charge", "CD": "credit", "PY": "payment", "CO": "copay", "AJ": "adjustment"}
_BILLED = ("charge", "credit")
_FIX = "correct the line at the sender and send it again, or set the profile of this sender"


class SetAside(Exception):
    """A line that cannot be a fact; carries what the problem says."""

    def __init__(self, code: str, where: str, why: str, fix: str = _FIX) -> None:
        super().__init__(code)
        self.code, self.where, self.why, self.fix = code, where, why, fix


def charge_facts(scene: Scene) -> list[ChargeFact]:
    """A fact for each FT1; a line that cannot be read is a problem, the others go on, and the visit is then
    not ready: a claim without the line would be short.
    """
    lines = scene.message.all(b"FT1")
    ids = Counter(line.text(FT1.transaction_id) for line in lines)
    found = []
    for line in lines:
        try:
            found.append(_charge(scene, line, ids))
        except SetAside as held:
            scene.whole = False
            scene.notes.error(held.code, held.where, held.why, held.fix)
    return found


def _charge(scene: Scene, line: Segment, ids: Counter[str]) -> ChargeFact:
    kind = _kind(line)
    start, end = _dates(line)
    units = _units(scene, line, kind)
    amount = _amount(scene, line, units)
    if kind == "charge" and amount is not None and amount < 0:
        kind = "credit"
    if kind == "credit" and amount is not None:
        amount = -abs(amount)
    codes = _codings(scene, line, kind)
    return ChargeFact(
        key=_key(scene, line, ids),
        version=scene.version,
        patient_key=scene.patient_key,
        encounter_key=scene.visit,
        account=scene.account,
        service_from=start,
        service_to=end,
        kind=kind,
        codings=codes,
        modifiers=tuple(v.text() for v in line.values(FT1.procedure_code_modifier) if v.text()),
        units=abs(units),
        amount=amount,
        diagnoses=_diagnoses(line),
        drug=_drug(line),
        rendering=values.provider(line.values(FT1.performed_by_code)),
        place_of_service=place_of_service(scene, line, FT1.assigned_patient_location),
    )


def _key(scene: Scene, line: Segment, ids: Counter[str]) -> str:
    """FT1-2 within its visit; with its line number where one message repeats it; MSH-10 and the line where
    it is empty, so that two equal charges stay two.
    """
    number = line.text(FT1.transaction_id)
    scope = scene.visit or scene.patient_key
    if number and scene.settings.charge_key == "transaction":
        return f"{scope}/{number}" if ids[number] == 1 else f"{scope}/{number}/{line.number}"
    return f"{scope}/message/{scene.message.header.text(MSH.message_control_id)}/{line.number}"


def _kind(line: Segment) -> str:
    kind = _KINDS.get(line.text(FT1.transaction_type).upper())
    if kind is None:
        where = line.at(FT1.transaction_type)
        why = "the transaction type is not CG, CD, PY, CO or AJ, so it is not known whether this bills or pays"
        raise SetAside("hl7.charge.type", where, why)
    return kind


def _dates(line: Segment) -> tuple[date, date | None]:
    where = line.at(FT1.transaction_date)
    try:
        start = values.day(line.text(FT1.transaction_date, DR.range_start_date_time))
        end = values.day(line.text(FT1.transaction_date, DR.range_end_date_time))
    except values.Unreadable as why:
        raise SetAside("hl7.charge.date", where, f"the service date is {why}") from None
    if start is None:
        raise SetAside("hl7.charge.date", where, "there is no service date")
    if end is not None and end < start:
        raise SetAside("hl7.charge.date", where, "the service ends before it begins")
    return start, end if end != start else None


def _units(scene: Scene, line: Segment, kind: str) -> Decimal:
    """FT1-10. HL7 states no default for it (optional in every version), so an empty one is 1 only where the
    profile says so, where unit and line amount are equal, or where there is nothing to count (payments).
    """
    where = line.at(FT1.transaction_quantity)
    try:
        stated = values.number(line.text(FT1.transaction_quantity))
    except values.Unreadable as why:
        raise SetAside("hl7.charge.units", where, f"the quantity is {why}") from None
    if stated is not None and stated != 0:
        return stated
    if stated is None and scene.settings.units_when_empty is not None:
        return scene.settings.units_when_empty
    extended = line.text(FT1.transaction_amount_extended)
    if kind not in _BILLED or (
        stated is None and extended and extended == line.text(FT1.transaction_amount_unit)
    ):
        return Decimal(1)
    said = "the quantity is zero" if stated is not None else "there is no quantity, and HL7 gives it no default"
    fix = "set units_when_empty if this sender leaves it out for one, or correct the line and send it again"
    raise SetAside("hl7.charge.units", where, said, fix)


def _amount(scene: Scene, line: Segment, units: Decimal) -> Decimal | None:
    """Dollars of the whole line, or None where the fee schedule shall price it."""
    settings = scene.settings
    total, total_at = _dollars(line, settings.amount_place)
    each, each_at = _dollars(line, settings.unit_amount_place)
    if settings.amount_is == "unit" and total is not None:
        total, each, each_at = None, total, total_at
    if each is None:
        return total
    try:
        product = values.times(each, units)
    except values.Unreadable as why:
        if total is not None:
            return total
        raise SetAside("hl7.charge.amount", each_at, f"the amount cannot be made: {why}") from None
    if total is not None and abs(total) != abs(product):
        scene.notes.warn(
            "hl7.charge.amounts",
            total_at,
            "the line amount is not units times unit amount; the line amount stands",
            "check which of the two this sender means, and set amount_is or the amount places",
        )
    return product if total is None else total


def _dollars(line: Segment, where: str) -> tuple[Decimal | None, str]:
    value, spot = at((line,), where)
    place = line.at(spot.field, spot.component)
    if value is None:
        return None, place
    try:
        return values.amount(value, spot.component or 1), place
    except values.Unreadable as why:
        raise SetAside("hl7.charge.amount", place, f"the amount is {why}") from None


def _codings(scene: Scene, line: Segment, kind: str) -> tuple[Coding, ...]:
    """The codes of every place in the profile, best first, then the NDC."""
    settings = scene.settings
    found: dict[Coding, None] = {}
    for where in settings.charge_code_places:
        value, spot = at((line,), where)
        if value is None:
            continue
        default = settings.code_systems.get(where, "LOCAL")
        if spot.component:
            code = value.text(spot.component, spot.sub)
            found |= {Coding(system=default, code=code): None} if code else {}
        else:
            found |= dict.fromkeys(values.codings(value, default))
    if not found and kind in _BILLED:
        raise SetAside(
            "hl7.charge.code", f"FT1[{line.number}]", "the line has no charge code in any place of the profile"
        )
    if drug := line.text(FT1.ndc_code, CWE.identifier):
        found[Coding(system="NDC", code=values.ndc(drug) or drug)] = None
    return tuple(found)


def _diagnoses(line: Segment) -> tuple[Coding, ...]:
    found = (values.codings(value)[:1] for value in line.values(FT1.diagnosis_code_ft1))
    return tuple(dict.fromkeys(code for codes in found for code in codes))


# UCUM and table 0396 units to those of X12 CTP05-1 (2410).
_DRUG_UNITS = {"ML": "ML", "UN": "UN", "EA": "UN", "GR": "GR", "GM": "GR", "G": "GR", "ME": "ME", "MG": "ME",
               "F2": "F2", "IU": "F2", "[IU]": "F2"}  # fmt: skip


def _drug(line: Segment) -> Drug | None:
    """NDC with quantity and unit (FT1-29, FT1-43); without a quantity only the coding is kept."""
    code = values.ndc(line.text(FT1.ndc_code, CWE.identifier))
    unit = _DRUG_UNITS.get(line.text(FT1.ndc_qty_and_uom, CQ.units).upper())
    try:
        quantity = values.number(line.text(FT1.ndc_qty_and_uom, CQ.quantity))
    except values.Unreadable as why:
        raise SetAside("hl7.charge.drug", line.at(FT1.ndc_qty_and_uom), f"the drug quantity is {why}") from None
    if not code or not unit or quantity is None or quantity <= 0:
        return None
    return Drug(ndc=code, quantity=quantity, unit=unit)
