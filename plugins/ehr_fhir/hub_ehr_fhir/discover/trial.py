"""Tries what a server does with one resource type: asks for what is there, and for what cannot be there."""

from __future__ import annotations

from functools import partial

from hub_ehr_fhir.discover import manners, searches
from hub_ehr_fhir.discover.tried import NEVER, Tried
from hub_ehr_fhir.discover.wanted import DATES, PEOPLE

_LISTED = (("_id",), ("encounter", "context", "patient", "beneficiary"))
_SOME = 8


def run(one: Tried) -> None:
    """Try everything that is not known yet. Whatever ends it, `ability` holds what was found so far."""
    people = [each for each in one.wanted.parameters if each in PEOPLE]
    if "any" in one.found:
        _again(one, people)
    else:
        _any(one)
        _somebody(one)
    for parameter in people:
        one.once(parameter, partial(searches.by_value, one, parameter))
    one.once("read", partial(manners.read, one))
    for parameter in (each for each in one.wanted.parameters if each in ("_id", "identifier")):
        one.once(parameter, partial(searches.by_value, one, parameter))
    for parameter in (each for each in one.wanted.parameters if each in DATES):
        one.once(parameter, partial(searches.by_time, one, parameter, ()))
    _narrowed(one, people)
    _lists(one)
    _extras(one)
    if one.closed():
        one.found |= {each: "refused" for each, verdict in one.found.items() if verdict == "unknown"}


def _again(one: Tried, people: list[str]) -> None:
    """Where an earlier call ended: the resource that the rest is tried with is looked at once more."""
    ways = [each for each in (*people, "_id") if one.found.get(each) == "works" and one.given(each)]
    if one.found.get("any") == "works":
        one.look(())
    elif ways:
        one.base = ((ways[0], one.value(ways[0], one.given(ways[0]))),)
        one.look(one.base)
    elif one.found.get("read") == "works" and one.type in one.samples:
        one.notice(one.asker.ask(one.type, f"{one.type}/{one.samples[one.type]}"))


def _any(one: Tried) -> None:
    """Without a parameter; also the first look at a resource, at `_count` and at next links."""
    before = one.asker.missed
    told = one.look(())
    if not told.well:
        one.note("any", *told.no, before)
        one.refusals = [told.status] if told.status in NEVER and not told.away else []
        return
    one.note("any", "works" if told.heads else "unknown", "", before)
    if told.heads:
        manners.paged(one, told)


def _somebody(one: Tried) -> None:
    """A patient who has an encounter: the first one that is listed may have none."""
    if one.type != "Encounter" or one.seen is not None or "Patient" not in one.samples:
        return
    if one.look((("patient", one.samples["Patient"]),)).heads:
        return
    listed = one.asker.ask("Patient", "Patient", (("_count", "20"),) if one.counts else ())
    for head in listed.heads[:_SOME]:
        if head.id and one.ask((("patient", head.id),)).heads:
            one.samples["Patient"] = head.id
            return


def _narrowed(one: Tried, people: list[str]) -> None:
    """`_lastUpdated` beside a patient, where it is refused alone."""
    if one.found.get("_lastUpdated") not in ("refused", "unknown"):
        return
    for parameter in (each for each in people if PEOPLE[each] == "Patient"):
        if one.found.get(parameter) == "works":
            base = ((parameter, one.value(parameter, one.given(parameter))),)
            one.once(f"{parameter}+_lastUpdated", partial(searches.by_time, one, "_lastUpdated", base))


def _lists(one: Tried) -> None:
    """Lists of ids, and of those whose it is; patients and encounters are asked for by their own ids."""
    for ways in _LISTED[: 1 if one.type in ("Patient", "Encounter") else 2]:
        works = (each for each in ways if one.found.get(each) == "works" and each in one.wanted.parameters)
        parameter = next(works, "")
        if parameter and one.given(parameter):
            one.once(f"{parameter},", partial(searches.by_list, one, parameter))


def _extras(one: Tried) -> None:
    if one.seen is None:
        return
    includes = {} if one.found.get("_include") == "refused" else one.wanted.includes
    for value, brings in includes.items():
        one.once(f"_include={value}", partial(manners.include, one, value, brings))
    if one.wanted.history:
        one.once("_history", partial(manners.history, one))
    if one.type in ("Encounter", "Patient"):
        one.once("_sort", partial(manners.sort, one))
        one.once("_total", partial(manners.total, one))
