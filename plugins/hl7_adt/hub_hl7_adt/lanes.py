"""Lanes: the keys whose messages must be applied in the order in which they came."""

from __future__ import annotations

from hub_hl7_adt.merges import pairs, prior_patients, sides_of
from hub_hl7_adt.scene import Scene, account_of, patient_key
from hub_hl7_adt.triggers import Says


def lanes_of(scene: Scene) -> tuple[str, ...]:
    """The account of the visit if the message names one, else the patient; for merges and moves every key that they
    name, on either side. An appointment is in no lane: it hangs on nothing and nothing hangs on it.
    """
    says = scene.trigger.says
    if says is Says.APPOINTMENT:
        return ()
    if says in (Says.MERGE, Says.MOVE, Says.PART, Says.UNKNOWN):
        return _of_keys(scene)
    if scene.account and says is not Says.PERSON:
        return (f"account/{scene.account}",)
    return (f"patient/{scene.patient_key}",) if scene.patient_key else ()


def _of_keys(scene: Scene) -> tuple[str, ...]:
    found: list[str] = []
    for pid in scene.message.all("PID"):
        found += _keys("patient", patient_key(pid, scene.settings)) + _keys("account", account_of(pid))
    for pair in pairs(scene.message):
        found += _keys("patient", *prior_patients(scene, pair))
        found += _keys("account", *sides_of(scene, pair, "account").old)
    return tuple(dict.fromkeys(found))


def _keys(kind: str, *keys: str) -> list[str]:
    return [f"{kind}/{key}" for key in keys if key]
