"""Which visits are one and whose they are: merges and moves are facts, and followed when visits are put together."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from hub.flow.ingest.folding import told_at
from hub.model.facts import EncounterFact, MergeFact, MoveFact
from hub.model.people import Record
from hub.store import View

_AFTER = re.compile(r"[/|]")
"""What ends the instant in a version."""


class Kin(Record, frozen=True, kw_only=True):
    """The visits of a page with all those that are one with them, by the digests of their keys.

    `top` is the visit that each is now (itself, mostly), `keys` the source's keys of those that were merged,
    `accounts` what accounts are called now, by what they were called, and `moves` who was told to be the patient
    of an encounter (by its digest) or an account (by its number), the newest of each.
    """

    digests: frozenset[str]
    edges: Mapping[str, str] = {}
    keys: Mapping[str, str] = {}
    accounts: Mapping[str, str] = {}
    moves: Mapping[str, MoveFact] = {}

    def top(self, digest: str, known: Collection[str]) -> str:
        """The visit that `digest` is now: the last of its chain that is known."""
        last = digest
        while digest in self.edges:
            digest = self.edges[digest]
            last = digest if digest in known else last
        return last

    def account(self, number: str) -> str:
        """What an account is called now."""
        while number in self.accounts:
            number = self.accounts[number]
        return number

    def chain(self, number: str) -> list[str]:
        """The account and those that it was merged into."""
        found = [number]
        while found[-1] in self.accounts:
            found.append(self.accounts[found[-1]])
        return found


def source_key(view: View, source: str, kind: str, key: str) -> str:
    """The keyed digest under which a source's key of something is found."""
    return view.digest("source-key", f"{source}\x1f{kind}\x1f{key}")


def newest_pairs(merges: Iterable[MergeFact]) -> dict[str, MergeFact]:
    """For each key that ceased the merge that holds: the newest that is active."""
    found: dict[str, MergeFact] = {}
    for fact in merges:
        held = found.get(fact.from_key)
        active = fact.active and fact.from_key != fact.into_key
        if active and (held is None or (fact.version, fact.into_key) > (held.version, held.into_key)):
            found[fact.from_key] = fact
    return found


def forest(merges: Iterable[MergeFact]) -> dict[str, str]:
    """From key to key, without circles: where merges run in one, the oldest yields. Pure, and of no order."""
    pairs = newest_pairs(merges)
    done: set[str] = set()
    for start in sorted(pairs):
        path: list[str] = []
        one = start
        while one in pairs and one not in done:
            if one in path:
                circle = path[path.index(one) :]
                del pairs[min(circle, key=lambda each: (pairs[each].version, each))]
                break
            path.append(one)
            one = pairs[one].into_key
        done.update(path)
    return {key: fact.into_key for key, fact in pairs.items()}


def instant_of(version: str) -> datetime | None:
    """The instant that a version begins with; None where it is a mere number."""
    try:
        at = datetime.fromisoformat(_AFTER.split(version, maxsplit=1)[0])
    except ValueError:
        return None
    return at if at.tzinfo else None


def last_words(merges: Iterable[MergeFact]) -> dict[str, datetime | None]:
    """When the newest merge or parting of each key that ceased was said; None where its version is a mere number.

    Of several that were said in one instant each is a microsecond after the one whose version is lower, so that
    their instants alone order them. `merges`: all that hang together.
    """
    newest: dict[str, str] = {}
    for fact in merges:
        newest[fact.from_key] = max(fact.version, newest.get(fact.from_key, ""))
    found: dict[str, datetime | None] = {}
    before: dict[datetime, int] = {}
    for _, key in sorted((version, key) for key, version in newest.items()):
        at = instant_of(newest[key])
        found[key] = at
        if at is not None:
            found[key] = at + before.get(at, 0) * timedelta(microseconds=1)
            before[at] = before.get(at, 0) + 1
    return found


def with_kin(view: View, patients: set[str], source: str, practice: str) -> set[str]:
    """The patients, by the digest of their key, and all those that hang together with them by merges."""
    if not view.lookup.any("merge", f"{source}/patient"):
        return patients
    found, left = set(patients), set(patients)
    while left:
        ids = view.lookup.leads("merge", f"{source}/patient", left)
        rows = list(view.facts.get_many(ids).values())
        rows += view.facts.find(kind="merge", parent=left, practice=practice, source=source, limit=1_000_000)
        facts = [row.record for row in rows if isinstance(row.record, MergeFact)]
        keys = {key for fact in facts if fact.kind == "patient" for key in (fact.from_key, fact.into_key)}
        left = {source_key(view, source, "patient", key) for key in keys} - found
        found |= left
    return found


def kin_of(view: View, source: str, practice: str, digests: Collection[str]) -> Kin:
    """All visits that are one with those of `digests`; one short question where the source never merged any."""
    if not view.lookup.any("merge", f"{source}/encounter"):
        return Kin(digests=frozenset(digests))
    found, left = set(digests), set(digests)
    merges: dict[str, MergeFact] = {}
    keys: dict[str, str] = {}
    while left:
        told = _merges_at(view, source, practice, left)
        merges |= told
        keys |= {
            source_key(view, source, "encounter", key): key
            for fact in told.values()
            for key in (fact.from_key, fact.into_key)
        }
        left = set(keys) - found
        found |= left
    by_key = {key: digest for digest, key in keys.items()}
    holding = _holding(view, source, practice, list(merges.values()), by_key)
    edges = {by_key[one]: by_key[into] for one, into in forest(holding).items()}
    return Kin(digests=frozenset(found), edges=edges, keys=keys)


def _merges_at(view: View, source: str, practice: str, digests: set[str]) -> dict[str, MergeFact]:
    """The merges of encounters that begin or end at one of `digests`, by the ids of their facts."""
    ids = view.lookup.leads("merge", f"{source}/encounter", digests)
    rows = list(view.facts.get_many(ids).values())
    rows += view.facts.find(kind="merge", parent=digests, practice=practice, source=source, limit=1_000_000)
    return {
        row.id: row.record for row in rows if isinstance(row.record, MergeFact) and row.record.kind == "encounter"
    }


def _holding(
    view: View, source: str, practice: str, merges: list[MergeFact], digests: Mapping[str, str]
) -> list[MergeFact]:
    """The merges without those of accounts that name, by chance, the number of a visit."""
    doubtful = {key for fact in merges if fact.of_account for key in (fact.from_key, fact.into_key)}
    if not doubtful:
        return merges
    keys = {digests[key] for key in doubtful}
    rows = view.facts.find(kind="encounter", key=keys, practice=practice, source=source, limit=1_000_000)
    facts = [row.record for row in rows if isinstance(row.record, EncounterFact)]
    numbered = {fact.key for fact in facts if fact.account != fact.key}
    return [fact for fact in merges if not (fact.of_account and {fact.from_key, fact.into_key} & numbered)]


def accounts_of(view: View, source: str, practice: str, numbers: Iterable[str]) -> dict[str, str]:
    """What accounts were merged into, step by step."""
    left = {number for number in numbers if number}
    if not left or not view.lookup.any("merge", f"{source}/account"):
        return {}
    found: set[str] = set()
    merges: list[MergeFact] = []
    while left:
        found |= left
        parents = {source_key(view, source, "account", number) for number in left}
        rows = view.facts.find(kind="merge", parent=parents, practice=practice, source=source, limit=1_000_000)
        merges += [row.record for row in rows if isinstance(row.record, MergeFact)]
        left = {fact.into_key for fact in merges} - found
    return forest(merges)


def moves_of(
    view: View, source: str, practice: str, digests: Collection[str], numbers: Iterable[str]
) -> dict[str, MoveFact]:
    """The newest move of each encounter, by its digest, and of each account, by its number."""
    if not view.lookup.any("move", source):
        return {}
    parents = {source_key(view, source, "account", number): number for number in numbers if number}
    wanted = {*digests, *parents}
    rows = view.facts.find(kind="move", parent=wanted, practice=practice, source=source, limit=1_000_000)
    found: dict[str, MoveFact] = {}
    for row in rows:
        at, fact = row.col("parent"), row.record
        at = parents.get(at, at)
        if isinstance(fact, MoveFact) and (at not in found or _later(fact, found[at])):
            found[at] = fact
    return found


def _later(one: MoveFact, other: MoveFact) -> bool:
    return (one.version, one.into_key) > (other.version, other.into_key)


def patient_of(fact: EncounterFact, moves: Iterable[MoveFact]) -> str:
    """The key of a visit's patient: whoever was told last, by a move of the visit or its account, or by itself."""
    told = [(move.version, 1, move.into_key) for move in moves]
    return max([(told_at(fact, "patient_key"), 0, fact.patient_key), *told])[2]


__all__ = [
    "Kin",
    "accounts_of",
    "forest",
    "instant_of",
    "kin_of",
    "last_words",
    "moves_of",
    "newest_pairs",
    "patient_of",
    "source_key",
    "with_kin",
]
