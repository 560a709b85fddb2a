"""A ChargeItem and a Procedure of one message that are one service, though neither names the other."""

from __future__ import annotations

from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.mapping.lines import is_credit
from hub_ehr_fhir.mapping.scene import Scene
from hub_ehr_fhir.mapping.visits import visit_day

_BILLED = frozenset(("HCPCS", "CDT"))
_What = tuple[str, str, str]
"""A visit, a day, a code."""


def tell_of_alike(scene: Scene) -> None:
    """A Procedure of the visit, the code and the day of a ChargeItem: to bill both would bill one service twice, so
    the hub bills the item (`ChargeFact.service`), also where they come in messages of their own. Where an item names
    what it charges for, nothing is guessed.
    """
    if not (scene.settings.procedures_are_charges and scene.resources.of(shapes.ChargeItem)):
        return
    done: set[_What] = set()
    for _, each in scene.resources.of(shapes.Procedure):
        when = each.performed_date_time or each.performed_period.start
        done.update(_what(scene, each.code, each.encounter, when))
    items = [pair for pair in scene.resources.of(shapes.ChargeItem) if _may_be(scene, pair[1])] if done else []
    for part, item in items:
        event = item.occurrence_timing.event if item.occurrence_timing else ()
        when = item.occurrence_date_time or item.occurrence_period.start or next(iter(event), "")
        if not done.isdisjoint(_what(scene, item.code, item.context, when)):
            why = "a Procedure has this visit, code and day, too: they were read as one service, charged by the item"
            fix = "set procedures_are_charges = false where all that is billed comes as a ChargeItem"
            scene.notes.warn("fhir.charge.twice", part.at("code"), why, fix)


def _may_be(scene: Scene, item: shapes.ChargeItem) -> bool:
    told = item.status == "billable" and not item.service and bool(item.context.reference)
    return told and not is_credit(scene, item)


def _what(scene: Scene, code: shapes.CodeableConcept, visit: shapes.Reference, when: str) -> list[_What]:
    """Each code that can be billed, with its visit and day; without a day of its own, that of the visit."""
    said = [each.code for each in codes.codings(code) if each.system in _BILLED and len(each.code) > 2]
    key = scene.resources.key(visit, "Encounter") if said else ""
    if not key:
        return []
    try:
        on = codes.local_day(when, scene.zone) or visit_day(scene, key)
    except codes.Unreadable:
        return []
    return [(key, str(on), each) for each in said]
