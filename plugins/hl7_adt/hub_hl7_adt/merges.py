"""MRG: two patients or two accounts that are one."""

from __future__ import annotations

from hub.model.facts import MergeFact
from hub_hl7_adt import values
from hub_hl7_adt.names import CX, MRG, PID
from hub_hl7_adt.scene import Scene, best_identifier, patient_key
from hub_hl7_adt.triggers import MERGES_ACCOUNTS, MERGES_PATIENTS
from hub_hl7_adt.wire import Segment

_FIX = "look the merge up at the sender and enter it by hand, or have it sent again with both identifiers"


def merge_facts(scene: Scene) -> list[MergeFact]:
    """A fact for each MRG, joined to the PID before it (A40 repeats the pair); a merge that lacks one of its
    two sides is a problem, because until it is known a claim may go out for the wrong person.
    """
    found: list[MergeFact] = []
    seen = False
    for pid, members in scene.message.groups(b"PID", frozenset((b"PD1", b"MRG", b"PV1"))):
        for mrg in members:
            if mrg.raw.startswith(b"MRG"):
                seen = True
                found += _merged(scene, pid, mrg)
    if not seen:
        scene.notes.error("hl7.merge", "MRG", "a merge message has no MRG after its PID", _FIX)
    return found


def _merged(scene: Scene, pid: Segment, mrg: Segment) -> list[MergeFact]:
    pairs = []
    if scene.event in MERGES_PATIENTS:
        pairs.append(("patient", _prior_patient(scene, pid, mrg), patient_key(pid, scene.settings), "MRG-1"))
    if scene.event in MERGES_ACCOUNTS:
        prior = mrg.text(MRG.prior_patient_account_number, CX.id_number)
        pairs.append(("account", prior, pid.text(PID.patient_account_number, CX.id_number), "MRG-3"))
    found = []
    for kind, old, new, where in pairs:
        if old and new and old != new:
            key = f"{kind}/{old}"
            found.append(MergeFact(key=key, version=scene.version, kind=kind, from_key=old, into_key=new))
        elif not (old and new):
            scene.notes.error("hl7.merge", where, "the merge names only one of its two sides", _FIX)
    return found


def _prior_patient(scene: Scene, pid: Segment, mrg: Segment) -> str:
    """The key that ceases; an identifier that names no authority is of the same one as its successor."""
    authority = ""
    if "|" in (key := patient_key(pid, scene.settings)):
        authority = key.split("|", 1)[0]
    prior = best_identifier(mrg.values(MRG.prior_patient_identifier_list), scene.settings, authority)
    return prior or values.key_of(*values.identifier(mrg.value(MRG.prior_patient_id), authority))
