"""ChargeItem, Procedure and Immunization: what was done, as charges."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from hub.model.encounter import Coding, Drug
from hub.model.facts import ChargeFact
from hub.model.people import Provider
from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.alike import tell_of_alike
from hub_ehr_fhir.mapping.claims import claim_charges
from hub_ehr_fhir.mapping.extensions import codes_of, named
from hub_ehr_fhir.mapping.lines import (
    Later,
    SetAside,
    dates_of,
    dollars_of,
    is_credit,
    money_of,
    occurrence_of,
    patient_of,
    performer_of,
    quantity_of,
    reasons_of,
)
from hub_ehr_fhir.mapping.links import version_of
from hub_ehr_fhir.mapping.notes import ASK, MODIFIED
from hub_ehr_fhir.mapping.parts import Part
from hub_ehr_fhir.mapping.scene import Scene, provider

CHARGED = "~charged"
"""The version of a charge in whose place a ChargeItem stands: later than any that a source tells, before `GONE`."""
_VOID = frozenset(("not-billable", "aborted", "entered-in-error"))
_CHARGING = frozenset((shapes.ChargeItem, shapes.Procedure, shapes.Immunization, shapes.Encounter, shapes.Claim))
_DONE = (shapes.Procedure, shapes.Immunization)
_EXTENDED = (shapes.ChargeItem, shapes.Procedure, shapes.Immunization)
_UNDONE = frozenset(("not-done", "entered-in-error"))


def charge_facts(scene: Scene) -> list[ChargeFact]:
    """A fact for each thing that was done; one that cannot be read is a problem, the others go on, and its
    encounter is then not ready.
    """
    found: list[ChargeFact] = []
    tell_of_alike(scene)
    charged = _charged(scene)
    for part in scene.resources.parts:
        record = part.record
        if type(record) not in _CHARGING or part.key in charged:
            continue
        try:
            if isinstance(record, shapes.ChargeItem) and record.service:
                found += _in_place(scene, part, record)
            else:
                found += _charges(scene, part)
        except SetAside as held:
            scene.short.add(context_of(scene, part))
            scene.notes.error(held.code, part.at(held.element), held.why, held.fix)
        except Later:
            scene.missed(part.at("occurrence"), "the visit whose date the charge takes")
    return found


def context_of(scene: Scene, part: Part) -> str:
    """The key of the encounter in which something was done, empty for none."""
    record = part.record
    if isinstance(record, shapes.ChargeItem):
        return scene.resources.key(record.context, "Encounter")
    if isinstance(record, _DONE):
        return scene.resources.key(record.encounter, "Encounter")
    return ""


def _charged(scene: Scene) -> set[str]:
    """Keys of what a ChargeItem of this message charges for: it is not charged a second time."""
    items = (
        item for _, item in scene.resources.of(shapes.ChargeItem) if item.service and not is_credit(scene, item)
    )
    return {key for item in items for key in _services(scene, item)}


def _services(scene: Scene, item: shapes.ChargeItem) -> list[str]:
    keys = (scene.resources.key(each, "Procedure") for each in item.service)
    return [key for key in keys if key.startswith(("Procedure/", "Immunization/"))]


def _in_place(scene: Scene, part: Part, item: shapes.ChargeItem) -> Iterator[ChargeFact]:
    """A ChargeItem, after what it charges for."""
    instead = _replaced(scene, item)
    if instead:
        yield from _instead(scene, item, instead)
    for one in _charges(scene, part):
        yield msgspec.structs.replace(one, replaces=instead[0]) if instead else one


def _replaced(scene: Scene, item: shapes.ChargeItem) -> list[str]:
    """Keys of what would be a charge of its own without this item; one that was billed before it came stands."""
    if is_credit(scene, item):
        return []
    told = {
        "Procedure": scene.settings.procedures_are_charges,
        "Immunization": scene.settings.immunizations_are_charges,
    }
    return [key for key in _services(scene, item) if told[key.partition("/")[0]]]


def _instead(scene: Scene, item: shapes.ChargeItem, wanted: list[str]) -> list[ChargeFact]:
    """What a ChargeItem charges for is no charge of its own, in whatever message it comes, nor ever again."""
    visit = scene.resources.key(item.context, "Encounter")
    start, _ = dates_of(scene, visit, *occurrence_of(item), "occurrence")
    patient_key = patient_of(scene, item.subject, "subject")
    return [
        ChargeFact(
            key=key,
            version=CHARGED,
            patient_key=patient_key,
            encounter_key=visit,
            service_from=start,
            active=False,
        )
        for key in wanted
    ]


def _charges(scene: Scene, part: Part) -> list[ChargeFact]:
    record = part.record
    if isinstance(record, _EXTENDED) and record.modifier_extension:
        raise SetAside("fhir.modifier", "modifierExtension", MODIFIED, ASK)
    if isinstance(record, shapes.ChargeItem):
        return _one(_item(scene, part, record))
    if isinstance(record, shapes.Procedure) and scene.settings.procedures_are_charges:
        return _one(_procedure(scene, part, record))
    if isinstance(record, shapes.Immunization) and scene.settings.immunizations_are_charges:
        return _one(_immunization(scene, part, record))
    if isinstance(record, shapes.Encounter) and scene.settings.visit_types_are_charges:
        return _one(_visit(scene, part, record))
    if isinstance(record, shapes.Claim) and scene.settings.claims_are_charges:
        return claim_charges(scene, part, record)
    return []


def _one(fact: ChargeFact | None) -> list[ChargeFact]:
    return [] if fact is None else [fact]


def _item(scene: Scene, part: Part, item: shapes.ChargeItem) -> ChargeFact | None:
    if item.status == "planned" or not _is_ours(scene, part, item):
        return None
    void = item.status in _VOID
    found = codes.codings(item.code)
    plain, inside = _parted(found)
    if not plain and not void:
        raise SetAside("fhir.charge.code", "code", "the charge has no code")
    visit = context_of(scene, part)
    if visit.startswith("EpisodeOfCare"):
        why = "the charge names an episode of care, and no visit for which it could be billed"
        raise SetAside("fhir.charge.context", "context", why, "send the Encounter as ChargeItem.context")
    start, end = dates_of(scene, visit, *occurrence_of(item), "occurrence")
    drug, ndc = _drug(scene, item) if item.product_codeable_concept.coding else (None, ())
    back = is_credit(scene, item)
    try:
        units, basis = quantity_of(scene, part, item.quantity, "quantity", signed=True)
        amount = _amount(scene, item)
    except SetAside:
        if not void:
            raise
        units, basis, amount = Decimal(1), "UN", None  # to take it back nobody asks how many there were
    return ChargeFact(
        key=part.key,
        version=version_of(scene.resources, part),
        patient_key=patient_of(scene, item.subject, "subject"),
        encounter_key=visit,
        account=scene.resources.key(item.account[0], "Account") if item.account else "",
        service_from=start,
        service_to=end,
        kind="credit" if back else "charge",
        codings=(*plain, *ndc) if ndc else plain,
        modifiers=_modifiers(scene, inside, item.extension),
        units=abs(units),
        unit_basis=basis,
        amount=-abs(amount) if back and amount is not None else amount,
        diagnoses=reasons_of(scene, item.reason, item.supporting_information),
        drug=drug,
        rendering=_performer(scene, item.performer),
        replaces=_taken_back(scene, item) if back else "",
        service="" if item.service else "item",
        active=not void,
    )


def _taken_back(scene: Scene, item: shapes.ChargeItem) -> str:
    """The key of the charge that a credit says it is part of; empty where it names none, or several."""
    keys = {scene.resources.key(each, "ChargeItem") for each in item.part_of}
    return next(iter(keys)) if len(keys) == 1 else ""


def _is_ours(scene: Scene, part: Part, item: shapes.ChargeItem) -> bool:
    """A billed item was billed by somebody: to take it again bills twice, to withdraw it undoes our own."""
    if item.status == "billable":
        return True
    if item.status == "billed" and not scene.settings.billed_are_charges:
        why = "the item is billed already and changes nothing here"
        fix = "nothing; or set billed_are_charges if this source says billed when it hands a charge to the hub"
        scene.notes.warn("fhir.charge.billed", part.at("status"), why, fix)
        return False
    if item.status in _VOID or item.status == "billed":
        return True
    raise SetAside("fhir.charge.status", "status", "the status does not say whether this is to be billed")


def _procedure(scene: Scene, part: Part, done: shapes.Procedure) -> ChargeFact | None:
    if done.status not in _UNDONE and done.status != "completed":
        return None
    if done.status == "completed":
        _dated(done.performed_string or done.performed_age or bytes(done.performed_range), "performed")
    found = codes.codings(done.code)
    plain, inside = _parted(found)
    if not plain:
        raise SetAside("fhir.procedure.code", "code", "the procedure has no code")
    visit = context_of(scene, part)
    start, end = dates_of(scene, visit, done.performed_date_time, done.performed_period, "performed")
    return ChargeFact(
        key=part.key,
        version=version_of(scene.resources, part),
        patient_key=patient_of(scene, done.subject, "subject"),
        encounter_key=visit,
        service_from=start,
        service_to=end,
        codings=plain,
        modifiers=_modifiers(scene, inside, done.extension),
        diagnoses=reasons_of(scene, done.reason_code, done.reason_reference),
        rendering=_performer(scene, done.performer),
        ordering=_ordering(scene, done),
        service="done",
        active=done.status == "completed",
    )


def _ordering(scene: Scene, done: shapes.Procedure) -> Provider | None:
    """Who ordered it: the requester of the ServiceRequest that it is based on."""
    orders = (scene.resources.get(each, shapes.ServiceRequest) for each in done.based_on)
    found = (provider(scene, one.requester) for one in orders if one and one.status != "entered-in-error")
    return next((one for one in found if one), None)


def _dated(otherwise: object, element: str) -> None:
    """What was done at a time that is no date (in words, at an age) may be history: it is not of its visit's day."""
    if otherwise:
        why = "it tells in words, or by an age, when it was done: the day is not known"
        raise SetAside("fhir.charge.date", element, why)


def _immunization(scene: Scene, part: Part, shot: shapes.Immunization) -> ChargeFact | None:
    """A vaccine that was given here; one that is only reported (primarySource false) was billed elsewhere."""
    if not shot.primary_source or (shot.status not in _UNDONE and shot.status != "completed"):
        return None
    if shot.status == "completed":
        _dated(shot.occurrence_string, "occurrence")
    found = codes.codings(shot.vaccine_code)
    if not found:
        raise SetAside("fhir.immunization.code", "vaccineCode", "the vaccine has no code")
    visit = context_of(scene, part)
    start, end = dates_of(scene, visit, shot.occurrence_date_time, shapes.Period(), "occurrence")
    return ChargeFact(
        key=part.key,
        version=version_of(scene.resources, part),
        patient_key=patient_of(scene, shot.patient, "patient"),
        encounter_key=visit,
        service_from=start,
        service_to=end,
        codings=found,
        diagnoses=reasons_of(scene, shot.reason_code, shot.reason_reference),
        rendering=_performer(scene, shot.performer),
        active=shot.status == "completed",
    )


def _visit(scene: Scene, part: Part, encounter: shapes.Encounter) -> ChargeFact | None:
    """The visit itself, by its type, for sources that send no visit level."""
    found = tuple(coding for concept in encounter.type for coding in codes.codings(concept))
    patient_key = scene.resources.key(encounter.subject, "Patient")
    if encounter.status != "finished" or not found or not patient_key:
        return None
    start, _ = dates_of(scene, part.key, encounter.period.start, shapes.Period(), "period")
    return ChargeFact(
        key=f"{part.key}#type",
        version=version_of(scene.resources, part),
        patient_key=patient_key,
        encounter_key=part.key,
        service_from=start,
        codings=found,
    )


def _is_modifier(coding: Coding) -> bool:
    """HCPCS codes have five characters and its modifiers two: a two-character code of the system is one."""
    return len(coding.code) == 2 and coding.system == "HCPCS"


def _parted(found: tuple[Coding, ...]) -> tuple[tuple[Coding, ...], list[str]]:
    """The codes of what was done, and the modifiers among them."""
    if len(found) == 1 and not _is_modifier(found[0]):
        return found, []
    inside = [coding.code for coding in found if _is_modifier(coding)]
    return (tuple(c for c in found if not _is_modifier(c)) if inside else found), inside


def _modifiers(scene: Scene, inside: list[str], extensions: tuple[shapes.Extension, ...]) -> tuple[str, ...]:
    """Those among the codes and those of extensions, each once."""
    if not extensions:
        return tuple(dict.fromkeys(inside)) if inside else ()
    found = list(inside)
    for each in named(extensions, scene.settings.modifier_extensions):
        found += [code for code in (each.value_code, each.value_string, *codes_of(each)) if code]
    return tuple(dict.fromkeys(found))


def _amount(scene: Scene, item: shapes.ChargeItem) -> Decimal | None:
    """The price that the item tells, below zero where it takes back; None where the fee schedule prices."""
    if item.factor_override not in (None, 1):
        why = "a factor multiplies the price, and the hub does not know of which price"
        raise SetAside(
            "fhir.charge.amount", "factorOverride", why, "send the amount of the line as priceOverride"
        )
    element = "priceOverride" if item.price_override else "extension"
    return dollars_of(money_of(scene, item), element, signed=True)


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
    quantities = [e.value_quantity for e in named(item.extension, scene.settings.drug_quantity_extensions)]
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


def _performer(scene: Scene, performers: tuple[shapes.Performer, ...]) -> Provider | None:
    if len(performers) == 1 and not performers[0].function.coding:
        return provider(scene, performers[0].actor)
    return performer_of(scene, ((each.function, each.actor) for each in performers))
