"""PV1-20: a visit whose financial class says who pays, where no policy does (self pay, charity, a grant)."""

from __future__ import annotations

from hub.model.facts import CoverageFact
from hub_hl7_adt.scene import Scene, text_at


def class_fact(scene: Scene) -> CoverageFact | None:
    """The coverage that the profile gives for the financial class of a visit; None where it gives none.

    Its key is that of the first policy of the visit, and its version sorts before those of all messages: a policy
    that is told takes its place, whichever of the two came first.
    """
    settings = scene.settings
    if not settings.financial_classes or not scene.visit:
        return None
    token = settings.financial_classes.get(text_at(scene.message, settings.financial_class_places), "")
    if not token:
        return None
    return CoverageFact(
        key=f"{scene.visit}/coverage/1",
        version=f"!{scene.version}",
        patient_key=scene.patient_key,
        encounter_key=scene.visit,
        payer_token=token,
        member_id="",
        rank=1,
    )
