"""PR1: what was done in a visit. It bills nothing (charges do); an institution's claim names it."""

from __future__ import annotations

from hub.model.encounter import Procedure
from hub.model.people import Provider
from hub_hl7_adt import values
from hub_hl7_adt.names import PR1
from hub_hl7_adt.scene import Scene
from hub_hl7_adt.wire import Segment


def procedures_of(scene: Scene) -> tuple[Procedure, ...]:
    """The procedures in the order of their priority (PR1-14), then as they come; deleted ones (PR1-20 = D) are left
    out. The rank counts from 1, which is principal.
    """
    found = [pr1 for pr1 in scene.message.all("PR1") if pr1.text(PR1.procedure_action_code).upper() != "D"]
    found.sort(key=lambda pr1: values.order(pr1.text(PR1.procedure_priority)))
    made = [procedure for pr1 in found if (procedure := _procedure(scene, pr1)) is not None]
    return tuple(
        Procedure(coding=one.coding, on=one.on, rank=rank, modifiers=one.modifiers, performer=one.performer)
        for rank, one in enumerate(dict.fromkeys(made), 1)
    )


def _procedure(scene: Scene, pr1: Segment) -> Procedure | None:
    method = values.system_name(pr1.text(PR1.procedure_coding_method))
    codings = pr1.read(PR1.procedure_code, values.codings, method)
    if not codings:
        return None
    modifiers = (value.text() for value in pr1.values(PR1.procedure_code_modifier))
    return Procedure(
        coding=codings[0],
        on=scene.day(pr1, PR1.procedure_date_time),
        modifiers=tuple(dict.fromkeys(text for text in modifiers if text)),
        performer=_performer(pr1),
    )


def _performer(pr1: Segment) -> Provider | None:
    """The surgeon, else the practitioner."""
    for position in (PR1.surgeon, PR1.procedure_practitioner):
        if (found := pr1.whole(position, values.provider)) is not None:
            return found
    return None
