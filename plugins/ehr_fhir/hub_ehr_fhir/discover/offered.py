"""What a FHIR server offers: what it declares, and what was found when it was tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Literal

import msgspec

Verdict = Literal["works", "ignored", "refused", "unknown"]
RELEARN = timedelta(days=7)
STATE = "offered"


class Ability(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a server does with one resource type.

    `declared`: whether the CapabilityStatement names the type, with its `interactions`, search `parameters`,
    `includes`, `revincludes`, `operations`, `versioning` (`no-version`, `versioned`, `versioned-update`) and
    `conditional_read`. `found` is what was tried: a feature -> verdict. Features are search parameters
    (`_lastUpdated`, `patient`, `encounter` ...), two together (`patient+_lastUpdated`), a list of values (`_id,`), a
    value with its type (`patient:whole`), `_include=Encounter:patient`, `_revinclude=Condition:encounter`, and `any`
    (search without a parameter), `read`, `_count`, `_sort`, `_total`, `next`, `_history`, `etag`. `seen`: a resource
    of the type was shown. `said` holds a few plain words on a verdict, by feature, without values.
    """

    type: str
    declared: bool = False
    interactions: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    revincludes: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    versioning: str = ""
    conditional_read: str = ""
    found: Mapping[str, Verdict] = {}
    said: Mapping[str, str] = {}
    seen: bool = False

    def verdict(self, feature: str) -> Verdict:
        """What trying it showed; `unknown` where it could not be tried."""
        return self.found.get(feature, "unknown")

    def declares(self, feature: str) -> bool:
        """Whether the CapabilityStatement promises the feature."""
        if "=" in feature:
            kind, value = feature.split("=", 1)
            return value in (self.includes if kind == "_include" else self.revincludes)
        if feature in _INTERACTIONS:
            return _INTERACTIONS[feature] in self.interactions
        if feature == "etag":
            return self.conditional_read in ("not-match", "full-support")
        return all(each in self.parameters for each in feature.rstrip(",").split("+"))

    def can(self, feature: str) -> bool:
        """Whether to count on it: it was tried and works, or it could not be tried and is declared. What only saves
        requests (`_include`, `_history`, a list of values) must have worked.
        """
        verdict = self.verdict(feature)
        if verdict != "unknown" or "=" in feature or feature.endswith(",") or feature == "_history":
            return verdict == "works"
        return self.declares(feature)

    def first(self, features: Iterable[str]) -> str:
        """The first of the features that can be counted on, else empty."""
        return next((each for each in features if self.can(each)), "")

    @property
    def readable(self) -> bool:
        """Whether anything of the type can be had at all."""
        if self.seen or not self.found:
            return self.seen or any(self.can(each) for each in ("any", "read", *SEARCHES))
        return any(self.can(each) for each in self.found if each in ("any", "read", *SEARCHES))


SEARCHES = (
    "_lastUpdated",
    "encounter",
    "context",
    "account",
    "patient",
    "beneficiary",
    "practitioner",
    "identifier",
    "_id",
)
_INTERACTIONS = {"any": "search-type", "read": "read", "_history": "history-type"}


class Offered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a server offers, as learned on a day. `abilities` by type. `exports`: at which levels `$export` is
    declared (`system`, `patient`, `group`). `waiting`: types that are still to be tried. `warnings` are sentences
    for a person. `samples` are ids by type that the trial uses, so that it can go on; never shown.
    `missed`: how often answers did not come while a type was tried.
    """

    learned: date
    fhir_version: str = ""
    software: str = ""
    formats: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    batch: bool = False
    abilities: Mapping[str, Ability] = {}
    waiting: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    requests: int = 0
    samples: Mapping[str, str] = {}
    missed: Mapping[str, int] = {}

    def of(self, type_: str) -> Ability:
        """What it does with a type; nothing, where it is not known."""
        return self.abilities.get(type_) or Ability(type=type_)

    @property
    def complete(self) -> bool:
        """Whether every type was tried."""
        return not self.waiting

    def __repr__(self) -> str:
        return f"Offered(learned={self.learned}, types={len(self.abilities)}, waiting={len(self.waiting)})"


class _Kept(msgspec.Struct, frozen=True):
    shape: int
    offered: Offered


_SHAPE = 1
_IN_USE: Mapping[Verdict, str] = {
    "refused": "refused when it was used",
    "ignored": "ignored when it was used: what came had not been asked for",
}


def encode(offered: Offered) -> bytes:
    """As it is kept in `context.state` under `STATE`."""
    return msgspec.json.encode(_Kept(_SHAPE, offered))


def decode(kept: bytes | None) -> Offered | None:
    """What was kept; None where nothing was, or another version of the plugin wrote it: then it is learned anew."""
    if not kept:
        return None
    try:
        found = msgspec.json.decode(kept, type=_Kept)
    except msgspec.MsgspecError:
        return None
    return found.offered if found.shape == _SHAPE else None


def due(offered: Offered | None, today: date) -> bool:
    """Whether to learn (or to go on learning): nothing is known, types wait, or it is a week old."""
    return offered is None or not offered.complete or not timedelta() <= today - offered.learned < RELEARN


def broken(offered: Offered, type_: str, feature: str, *, ignored: bool = False) -> Offered:
    """What is left when the server refused (400, 404) or `ignored` a search that was counted on: the feature does not
    work until everything is learned anew, and the rest of the type is tried again.
    """
    ability = offered.of(type_)
    found: dict[str, Verdict] = {each: ability.verdict(each) for each in _failed(ability)}
    found[feature] = "ignored" if ignored else "refused"
    said = {each: _IN_USE[verdict] for each, verdict in found.items()}
    abilities = {**offered.abilities, type_: msgspec.structs.replace(ability, found=found, said=said)}
    waiting = tuple(dict.fromkeys((*offered.waiting, type_)))
    return msgspec.structs.replace(offered, abilities=abilities, waiting=waiting, requests=0, missed={})


def failed(offered: Offered) -> tuple[tuple[str, str, Verdict], ...]:
    """What was counted on and did not work when it was used: type, feature, how it failed."""
    return tuple(
        (kind, each, ability.verdict(each))
        for kind, ability in offered.abilities.items()
        for each in _failed(ability)
    )


def _failed(ability: Ability) -> list[str]:
    return [each for each, words in ability.said.items() if words in _IN_USE.values()]
