"""What was learned of a server, for a person and for scripts; ids that were used to try it are in neither."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from hub.errors import Problem
from hub_ehr_fhir.discover.offered import SEARCHES, Ability, Offered
from hub_ehr_fhir.discover.strategy import Strategy
from hub_ehr_fhir.discover.wanted import WANTED

COLUMNS = ("resource", "declared", "works", "ignored", "refused")
_SAID = {"any": "all", "read": "by id"}
_MANNERS = {
    "_count": "page size (_count)",
    "next": "next pages",
    "_sort": "order (_sort=_lastUpdated)",
    "_total": "totals (_total)",
    "etag": "only if changed (ETag)",
    "_history": "history and deletions (_history)",
    "_include": "_include",
    "_revinclude": "_revinclude",
}


def rows(offered: Offered) -> list[tuple[str, ...]]:
    """One row of `COLUMNS` for each type that billing reads: by which searches it is found."""
    return [_row(offered.of(type_)) for type_ in WANTED]


def styles(offered: Offered) -> list[str]:
    """Of each row: dim where nothing can be had, a warning where something is ignored."""
    return [_style(offered.of(type_)) for type_ in WANTED]


def _row(ability: Ability) -> tuple[str, ...]:
    declared = "yes" if ability.declared else "no"
    if not ability.readable and ability.found:
        return (ability.type, declared, "-", "-", "everything")
    told = (", ".join(_searches(ability, each)) or "-" for each in ("works", "ignored", "refused"))
    return (ability.type, declared, *told)


def _searches(ability: Ability, verdict: str) -> Iterator[str]:
    for feature, found in ability.found.items():
        plain = feature in SEARCHES or feature in _SAID or feature == "date" or "+" in feature
        if found == verdict and plain:
            yield _SAID.get(feature, feature)


def _style(ability: Ability) -> str:
    if not ability.readable:
        return "aside"
    return "warning" if any(_searches(ability, "ignored")) else ""


def manners(offered: Offered) -> Iterator[str]:
    """How it pages, sorts and tells changes: `next pages: works` for each that was found out, of Encounter first."""
    for feature, name in _MANNERS.items():
        verdict = next(filter(None, (_manner(offered.of(type_), feature) for type_ in _first())), "")
        if verdict:
            yield f"{name}: {verdict}"


def _first() -> Sequence[str]:
    return ("Encounter", "Patient", *(type_ for type_ in WANTED if type_ not in ("Encounter", "Patient")))


def _manner(ability: Ability, feature: str) -> str:
    told = {value for name, value in ability.found.items() if name == feature or name.startswith(f"{feature}=")}
    best = ("works", "ignored", "refused")
    return next((each for each in best if each in told), "")


def document(name: str, offered: Offered, strategy: Strategy) -> dict[str, Any]:
    """Everything, as `--json` prints it."""
    return {
        "connector": name,
        "fhir_version": offered.fhir_version,
        "software": offered.software,
        "formats": offered.formats,
        "exports": offered.exports,
        "requests": offered.requests,
        "warnings": offered.warnings,
        "resources": [_resource(offered.of(type_)) for type_ in WANTED],
        "strategy": {
            "kind": strategy.kind,
            "why": strategy.why,
            "export": strategy.export,
            "searches": {type_: msgspec.to_builtins(one) for type_, one in strategy.searches.items()},
        },
        "gaps": [_gap(each) for each in strategy.gaps],
    }


def _resource(ability: Ability) -> dict[str, Any]:
    by: dict[str, list[str]] = {each: [] for each in ("works", "ignored", "refused", "unknown")}
    for feature, verdict in ability.found.items():
        by[verdict].append(feature)
    return {
        "type": ability.type,
        "declared": ability.declared,
        "readable": ability.readable,
        "interactions": ability.interactions,
        "parameters": ability.parameters,
        "operations": ability.operations,
        **by,
        "said": dict(ability.said),
    }


def _gap(problem: Problem) -> dict[str, str]:
    return {
        "code": problem.code,
        "severity": problem.severity,
        "where": problem.where,
        "why": problem.why,
        "fix": problem.fix,
    }
