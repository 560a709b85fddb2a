"""Whether what is told of a visit is of another patient than it is: nobody is billed for that before a person looked.

A whole fact (FHIR) says itself whose it is; a line of a message (HL7) is of whoever the message is about. Patients
who were merged are one. A key that names nobody for certain (a question, what another resource contains) is no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hub.flow.ingest.merging import forest, source_key
from hub.model.facts import AnyFact, ChargeFact, DiagnosisFact, EncounterFact, MergeFact
from hub.store import View


def named_beside(visit: EncounterFact, told: Iterable[AnyFact]) -> set[str]:
    """The keys of other patients than a visit's of whom its charges, its diagnoses or what it names itself are."""
    if visit.partial or not _is_certain(visit.patient_key):
        return set()
    keys = {one.patient_key for one in told if isinstance(one, ChargeFact | DiagnosisFact) and one.active}
    return {key for key in (*keys, *visit.others) if _is_certain(key)} - {visit.patient_key}


def is_mixed(visit: EncounterFact, keys: Iterable[str], merges: Iterable[MergeFact]) -> bool:
    """Whether any of these keys is of somebody who is not one with the visit's patient."""
    edges = forest(one for one in merges if one.kind == "patient")
    return any(_now(key, edges) != _now(visit.patient_key, edges) for key in keys)


def mixed(
    view: View,
    source: str,
    practice: str,
    visits: Mapping[str, EncounterFact],
    children: Mapping[str, Iterable[tuple[str, AnyFact]]],
) -> frozenset[str]:
    """Those of the visits (by digest) of which something is told that is of another patient."""
    named = {
        digest: keys
        for digest, visit in visits.items()
        if (keys := named_beside(visit, (child for _, child in children.get(digest, ()))))
    }
    if not named:
        return frozenset()
    about = {key for keys in named.values() for key in keys} | {visits[digest].patient_key for digest in named}
    merges = _merges(view, source, practice, about)
    return frozenset(digest for digest, keys in named.items() if is_mixed(visits[digest], keys, merges))


def _merges(view: View, source: str, practice: str, keys: set[str]) -> list[MergeFact]:
    """What these patients were merged into, step by step."""
    if not view.lookup.any("merge", f"{source}/patient"):
        return []
    found: set[str] = set()
    merges: list[MergeFact] = []
    left = keys
    while left:
        found |= left
        parents = {source_key(view, source, "patient", key) for key in left}
        rows = view.facts.find(kind="merge", parent=parents, practice=practice, source=source, limit=1_000_000)
        merges += [row.record for row in rows if isinstance(row.record, MergeFact)]
        left = {fact.into_key for fact in merges} - found
    return merges


def _now(key: str, edges: Mapping[str, str]) -> str:
    while key in edges:
        key = edges[key]
    return key


def _is_certain(key: str) -> bool:
    return bool(key) and "?" not in key and "#" not in key


__all__ = ["is_mixed", "mixed", "named_beside"]
