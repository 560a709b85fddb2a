"""ChargeItem, Procedure and Immunization: what was done, as charges."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hub.model.encounter import Coding, Drug
from hub.model.facts import ChargeFact
from hub.model.people import Provider
from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.notes import SEND_AGAIN
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.scene import Scene, provider

Done = shapes.ChargeItem | shapes.Procedure | shapes.Immunization
Dates = tuple[date, date | None]
_VOID = frozenset(("not-billable", "aborted", "entered-in-error"))
_UNDONE = frozenset(("not-done", "entered-in-error"))


class SetAside(Exception):
    """A resource that cannot be a charge; carries what the problem says."""

    def __init__(self, code: str, element: str, why: str, fix: str = SEND_AGAIN) -> None:
        super().__init__(code)
        self.code, self.element, self.why, self.fix = code, element, why, fix


def charge_facts(scene: Scene) -> list[ChargeFact]:
    """A fact for each thing that was done; one that cannot be read is a problem, the others go on, and its
    encounter is then not ready.
    """
    found: list[ChargeFact | None] = []
    charged = _charged(scene)
    for part in scene.resources.parts:
        if part.key in charged:
            continue
        try:
            found.append(_charge(scene, part))
        except SetAside as held:
            scene.short.add(context_of(scene, part))
            scene.notes.error(held.code, part.at(held.element), held.why, held.fix)
    return [fact for fact in found if fact is not None]


def context_of(scene: Scene, part: Part) -> str:
    """The key of the encounter in which something was done, empty for none."""
    record = part.record
    if isinstance(record, shapes.ChargeItem):
        return scene.resources.key(record.context, "Encounter")
    if isinstance(record, shapes.Procedure | shapes.Immunization):
        return scene.resources.key(record.encounter, "Encounter")
    return ""


def _charged(scene: Scene) -> set[str]:
    """Keys of what a ChargeItem of this message charges for: it is not charged a second time."""
    items = scene.resources.of(shapes.ChargeItem)
    return {scene.resources.key(each, "Procedure") for _, item in items for each in item.service}


def _charge(scene: Scene, part: Part) -> ChargeFact | None:
    record = part.record
    if isinstance(record, shapes.ChargeItem):
        return _item(scene, part, record)
    if isinstance(record, shapes.Procedure) and scene.settings.procedures_are_charges:
        return _procedure(scene, part, record)
    if isinstance(record, shapes.Immunization):
        return _immunization(scene, part, record)
    if isinstance(record, shapes.Encounter) and scene.settings.visit_types_are_charges:
        return _visit(scene, part, record)
    return None


def _item(scene: Scene, part: Part, item: shapes.ChargeItem) -> ChargeFact | None:
    if item.status == "planned" or not _is_ours(scene, part, item):
        return None
    found = codes.codings(item.code)
    modifiers = _modifiers(scene, item)
    plain = tuple(c for c in found if not _is_modifier(c))
    if not plain:
        raise SetAside("fhir.charge.code", "code", "the charge has no code")
    start, end = _dates(scene, part, item.occurrence_date_time, item.occurrence_period, "occurrence")
    drug, ndc = _drug(scene, item)
    return ChargeFact(
        key=part.key,
        version=part.version,
        patient_key=_patient(scene, item.subject, "subject"),
        encounter_key=context_of(scene, part),
        account=scene.resources.key(item.account[0], "Account") if item.account else "",
        service_from=start,
        service_to=end,
        codings=(*plain, *ndc),
        modifiers=(*(c.code for c in found if _is_modifier(c)), *modifiers),
        units=_units(scene, item),
        unit_basis="MJ" if item.quantity.code == "min" or item.quantity.unit in ("min", "minutes") else "UN",
        amount=_amount(scene, item),
        diagnoses=_reasons(scene, item.reason, item.supporting_information),
        drug=drug,
        rendering=_performer(scene, item.performer),
        active=item.status not in _VOID,
    )


def _is_ours(scene: Scene, part: Part, item: shapes.ChargeItem) -> bool:
    """A billed item was billed by somebody: to take it again bills twice, to withdraw it undoes our own."""
    if item.status == "billed" and not scene.settings.billed_are_charges:
        why = "the item is billed already and changes nothing here"
        fix = "nothing; or set billed_are_charges if this source says billed when it hands a charge to the hub"
        scene.notes.warn("fhir.charge.billed", part.at("status"), why, fix)
        return False
    if item.status in _VOID or item.status in ("billable", "billed"):
        return True
    raise SetAside("fhir.charge.status", "status", "the status does not say whether this is to be billed")


def _procedure(scene: Scene, part: Part, done: shapes.Procedure) -> ChargeFact | None:
    if done.status not in _UNDONE and done.status != "completed":
        return None
    found = codes.codings(done.code)
    if not found:
        raise SetAside("fhir.procedure.code", "code", "the procedure has no code")
    start, end = _dates(scene, part, done.performed_date_time, done.performed_period, "performed")
    return ChargeFact(
        key=part.key,
        version=part.version,
        patient_key=_patient(scene, done.subject, "subject"),
        encounter_key=context_of(scene, part),
        service_from=start,
        service_to=end,
        codings=found,
        diagnoses=_reasons(scene, done.reason_code, done.reason_reference),
        rendering=_performer(scene, done.performer),
        active=done.status == "completed",
    )


def _immunization(scene: Scene, part: Part, shot: shapes.Immunization) -> ChargeFact | None:
    """A vaccine that was given here; one that is only reported (primarySource false) was billed elsewhere."""
    if not shot.primary_source or (shot.status not in _UNDONE and shot.status != "completed"):
        return None
    found = codes.codings(shot.vaccine_code)
    if not found:
        raise SetAside("fhir.immunization.code", "vaccineCode", "the vaccine has no code")
    start, end = _dates(scene, part, shot.occurrence_date_time, shapes.Period(), "occurrence")
    return ChargeFact(
        key=part.key,
        version=part.version,
        patient_key=_patient(scene, shot.patient, "patient"),
        encounter_key=context_of(scene, part),
        service_from=start,
        service_to=end,
        codings=found,
        diagnoses=_reasons(scene, shot.reason_code, shot.reason_reference),
        rendering=_performer(scene, shot.performer),
        active=shot.status == "completed",
    )


def _visit(scene: Scene, part: Part, encounter: shapes.Encounter) -> ChargeFact | None:
    """The visit itself, by its type, for sources that send no visit level."""
    found = tuple(coding for concept in encounter.type for coding in codes.codings(concept))
    patient_key = scene.resources.key(encounter.subject, "Patient")
    if encounter.status != "finished" or not found or not patient_key:
        return None
    start, _ = _dates(scene, part, encounter.period.start, shapes.Period(), "period")
    return ChargeFact(
        key=f"{part.key}#type",
        version=part.version,
        patient_key=patient_key,
        encounter_key=part.key,
        service_from=start,
        codings=found,
    )


def _patient(scene: Scene, reference: shapes.Reference, element: str) -> str:
    key = scene.resources.key(reference, "Patient")
    if not key:
        raise SetAside("fhir.charge.patient", element, "the charge does not say whose it is")
    return key


def _dates(scene: Scene, part: Part, at: str, period: shapes.Period, element: str) -> Dates:
    """When it was done: its own date or period, else the day on which its encounter began."""
    try:
        start, end = codes.day(at or period.start), codes.day(period.end)
        if start is None:
            start = _encounter_day(scene, part)
    except codes.Unreadable as why:
        raise SetAside("fhir.charge.date", element, f"the date is {why}") from None
    if start is None:
        raise SetAside("fhir.charge.date", element, "there is no date, and no encounter that has one")
    if end is not None and end < start:
        raise SetAside("fhir.charge.date", element, "it ends before it begins")
    return start, end if end != start else None


def _encounter_day(scene: Scene, part: Part) -> date | None:
    encounter = scene.resources.get(shapes.Reference(reference=context_of(scene, part)), shapes.Encounter)
    return codes.day(encounter.period.start) if encounter else None


def _is_modifier(coding: Coding) -> bool:
    """HCPCS codes have five characters and its modifiers two: a two-character code of the system is one."""
    return coding.system == "HCPCS" and len(coding.code) == 2


def _named(item: shapes.ChargeItem, names: tuple[str, ...]) -> list[shapes.Extension]:
    return [e for e in item.extension if e.url in names or e.url.rpartition("/")[2] in names]


def _modifiers(scene: Scene, item: shapes.ChargeItem) -> list[str]:
    found = []
    for each in _named(item, scene.settings.modifier_extensions):
        concept = each.value_codeable_concept or shapes.CodeableConcept()
        codings = [*concept.coding, *([each.value_coding] if each.value_coding else [])]
        found += [code for code in (each.value_code, each.value_string, *(c.code for c in codings)) if code]
    return found


def _units(scene: Scene, item: shapes.ChargeItem) -> Decimal:
    value = item.quantity.value
    if value is None:
        value = scene.settings.units_when_empty
    if value is None:
        why = "there is no quantity, and R4 gives it no default"
        fix = "set units_when_empty if this source leaves it out for one, or send it again"
        raise SetAside("fhir.charge.units", "quantity", why, fix)
    try:
        value = codes.sane(value)
    except codes.Unreadable as why:
        raise SetAside("fhir.charge.units", "quantity.value", f"the quantity is {why}") from None
    if value <= 0:
        raise SetAside("fhir.charge.units", "quantity.value", "the quantity is not above zero")
    return value


def _amount(scene: Scene, item: shapes.ChargeItem) -> Decimal | None:
    """ChargeItem.priceOverride (R4: the total price), else an extension; None where the fee schedule prices."""
    extended = [e.value_money for e in _named(item, scene.settings.amount_extensions) if e.value_money]
    money = item.price_override or (extended[0] if extended else None)
    try:
        return codes.dollars(money) if money else None
    except codes.Unreadable as why:
        raise SetAside("fhir.charge.amount", "priceOverride", f"the amount is {why}") from None


_DRUG_UNITS = {"ml": "ML", "mL": "ML", "ML": "ML", "UN": "UN", "1": "UN", "{unit}": "UN", "[iU]": "F2", "F2": "F2",
               "g": "GR", "GR": "GR", "mg": "ME", "ME": "ME"}  # fmt: skip


def _drug(scene: Scene, item: shapes.ChargeItem) -> tuple[Drug | None, tuple[Coding, ...]]:
    """The NDC of ChargeItem.product, as a drug where its own quantity is given too, and always as a coding."""
    concept = codes.codings(item.product_codeable_concept)
    number = next((c.code for c in concept if c.system == "NDC"), "")
    if not number:
        return None, ()
    code = codes.ndc(number)
    coding = (Coding(system="NDC", code=code or number),)
    quantities = [e.value_quantity for e in _named(item, scene.settings.drug_quantity_extensions)]
    for quantity in quantities:
        unit = _DRUG_UNITS.get(quantity.code or quantity.unit, "") if quantity else ""
        if code and quantity and quantity.value is not None and quantity.value > 0 and unit:
            return Drug(ndc=code, quantity=_sane(quantity.value), unit=unit), coding
    return None, coding


def _sane(quantity: Decimal) -> Decimal:
    try:
        return codes.sane(quantity)
    except codes.Unreadable as why:
        raise SetAside("fhir.charge.drug", "extension", f"the drug quantity is {why}") from None


def _reasons(
    scene: Scene, concepts: tuple[shapes.CodeableConcept, ...], references: tuple[shapes.Reference, ...]
) -> tuple[Coding, ...]:
    """The diagnoses for which something was done, from its codes and from the conditions it points to."""
    conditions = (scene.resources.get(reference, shapes.Condition) for reference in references)
    found = [codes.best_diagnosis(concept) for concept in concepts]
    found += [codes.best_diagnosis(condition.code) for condition in conditions if condition]
    return tuple(dict.fromkeys(coding for coding in found if coding))


def _performer(scene: Scene, performers: tuple[shapes.Performer, ...]) -> Provider | None:
    found = (provider(scene, each.actor) for each in performers)
    return next((one for one in found if one), None)
