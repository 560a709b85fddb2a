"""DG1: the diagnoses of a visit, all of them in a row, or one by one where a message says what became of each."""

from __future__ import annotations

from hub.model.encounter import Coding, Diagnosis
from hub.model.facts import DiagnosisFact
from hub_hl7_adt import values
from hub_hl7_adt.names import DG1, EI
from hub_hl7_adt.scene import Scene, is_emptied
from hub_hl7_adt.stay import present
from hub_hl7_adt.wire import Segment

_ADMITTING = frozenset(("A", "AD"))
_ORDER = {"F": 0, "W": 1, "": 1}
_Ranked = tuple[int, int, int, Coding, str, str]
"""By type, priority and place in the message: the code, whether it was present on admission, and its number."""


def diagnoses_of(scene: Scene) -> tuple[Diagnosis, ...]:
    """The diagnoses in order: final before working before admitting, then by priority, then as they come.
    Admitting ones count only where there is no other. Deleted ones (DG1-21 = D) are left out. Empty for a message
    whose diagnoses are told one by one (`diagnosis_facts`).
    """
    every = scene.message.all("DG1")
    if not every or one_by_one(scene):
        return ()
    others: list[_Ranked] = []
    admitting: list[_Ranked] = []
    for n, dg1 in enumerate(every):
        if not _deleted(dg1) and (code := _code(scene, dg1)):
            kind = _type(dg1)
            ranked = (_ORDER.get(kind, 2), _priority(dg1), n, code, present(dg1), _number(dg1))
            (admitting if kind in _ADMITTING else others).append(ranked)
    kept = others or admitting
    kept.sort()
    unique: dict[Coding, tuple[str, str]] = {}
    for _, _, _, code, *told in kept:
        unique.setdefault(code, (told[0], told[1]))
    return tuple(
        [
            Diagnosis(coding=code, rank=n, present=told, id=number)
            for n, (code, (told, number)) in enumerate(unique.items(), 1)
        ]
    )


def only_admitting(scene: Scene) -> bool:
    """Whether every diagnosis of the message is the one on admission: it gives way to any other, early or late."""
    return _ADMITTING.issuperset(map(_type, scene.message.all("DG1")))


def no_diagnoses(scene: Scene) -> bool:
    """Whether the message says that there are none: every DG1 of it is deleted, or has the explicit null as code."""
    every = scene.message.all("DG1")
    for dg1 in every:
        if not (_deleted(dg1) or (scene.nulls and is_emptied(dg1, DG1.diagnosis_code_dg1))):
            return False
    return bool(every) and not one_by_one(scene)


def one_by_one(scene: Scene) -> bool:
    """Whether the message tells what became of each diagnosis (a P12 in which every DG1 has an action code): it may
    leave out those that did not change, so it is not the list of all.
    """
    if scene.event != "P12":
        return False
    every = scene.message.all("DG1")
    return bool(every) and all(dg1.has(DG1.diagnosis_action_code) for dg1 in every)


def diagnosis_facts(scene: Scene) -> list[DiagnosisFact]:
    """Each diagnosis of such a message by its own number (DG1-20), else by its code: A adds, U changes, D ends."""
    if not (scene.visit and one_by_one(scene)):
        return []
    return [fact for dg1 in scene.message.all("DG1") if (fact := _fact(scene, dg1))]


def _fact(scene: Scene, dg1: Segment) -> DiagnosisFact | None:
    number, code = _number(dg1), _code(scene, dg1)
    if code is None and number and _deleted(dg1):
        code = Coding(system="DG1-20", code=number)
    if code is None:
        return None
    rank = priority if (priority := _priority(dg1)) < 99 else 0
    return DiagnosisFact(
        key=f"{scene.visit}/diagnosis/{number or f'{code.system}:{code.code}'}",
        version=scene.version,
        encounter_key=scene.visit,
        diagnosis=Diagnosis(coding=code, rank=rank, present=present(dg1), id=number),
        active=not _deleted(dg1),
    )


def _number(dg1: Segment) -> str:
    """The sender's own number of a diagnosis (DG1-20), whatever its code is."""
    return dg1.text(DG1.diagnosis_identifier, EI.entity_identifier)


def _code(scene: Scene, dg1: Segment) -> Coding | None:
    """The first code of DG1-3, of the system that it names, else of DG1-2. A diagnosis in words alone is told."""
    method = system_of(scene, dg1)
    codes = dg1.read(DG1.diagnosis_code_dg1, values.codings, method)
    if not codes and dg1.has(DG1.diagnosis_description):
        scene.notes.warn(
            "hl7.diagnosis.code",
            dg1.at(DG1.diagnosis_code_dg1),
            "a diagnosis has words and no code, so it does not go on the claim",
            "have it coded at the sender, or code the visit here",
        )
    return codes[0] if codes else None


def system_of(scene: Scene, dg1: Segment) -> str:
    """The system of a DG1-3 that names none: that of DG1-2, else what `code_systems` says of DG1-3, else LOCAL."""
    otherwise = scene.settings.code_systems.get("DG1-3", "LOCAL")
    return values.system_name(dg1.text(DG1.diagnosis_coding_method), otherwise)


def _deleted(dg1: Segment) -> bool:
    return dg1.text(DG1.diagnosis_action_code) in ("D", "d")


def _type(dg1: Segment) -> str:
    return dg1.text(DG1.diagnosis_type).upper()


def _priority(dg1: Segment) -> int:
    """DG1-15, where 0 or nothing means not stated; the set id decides nothing, the order of segments does."""
    return values.order(dg1.text(DG1.diagnosis_priority))
