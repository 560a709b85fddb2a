"""A44 and A45: an account or a visit that is of another patient than was thought."""

from __future__ import annotations

from hub.model.facts import AnyFact, EncounterFact
from hub_hl7_adt.merges import Pair, Sides, is_visit, joined, joined_by_account, moved, pairs, sides_of, unique
from hub_hl7_adt.scene import Scene, account_of, patient_key

_FIX = "look it up at the sender, then have it sent again with both sides, or edit the message and replay it"


def move_facts(scene: Scene) -> list[AnyFact]:
    """A fact for each account (A44: MRG-3, PID-18) or visit (A45: MRG-5, PV1-19) that goes to the patient of PID-3;
    where its number changes as well, the two numbers are one. A move that does not say what goes where must not be
    applied: until it is known a claim may go out for the wrong person.
    """
    told = pairs(scene.message)
    if not told:
        scene.poison("hl7.move", "MRG", "a move message has no MRG", _FIX)
    found: list[AnyFact] = []
    for pair in told:
        found += [fact for kind in scene.trigger.kinds for fact in _moved(scene, pair, kind)]
    return unique(found)


def _moved(scene: Scene, pair: Pair, kind: str) -> list[AnyFact]:
    into, sides = patient_key(pair.pid, scene.settings), sides_of(scene, pair, kind)
    keys = dict.fromkeys((*sides.old, sides.new) if sides.new else sides.old)
    if not into:
        scene.poison("hl7.move", "PID-3", "the move names no patient to move to", _FIX)
        return []
    if not keys:
        scene.poison("hl7.move", sides.where, "the move names neither account nor visit", _FIX)
        return []
    found: list[AnyFact] = [*joined(scene, sides)] if sides.new else []
    if kind == "account" and sides.new and is_visit(scene, pair):
        found += joined_by_account(scene, sides)
    found += [moved(scene, kind, key, into) for key in keys]
    return found + (_account(scene, pair, sides, into) if kind == "encounter" else [])


def _account(scene: Scene, pair: Pair, sides: Sides, into: str) -> list[AnyFact]:
    """The visit with its new account, where that changes too (A45 moves a visit from one account to another)."""
    accounts, new = sides_of(scene, pair, "account"), account_of(pair.pid)
    key = sides.new or sides.old[0]
    if not new or not accounts.old or new in accounts.old or key == new:
        return []
    return [EncounterFact(key=key, version=scene.version, patient_key=into, account=new, partial=True)]
