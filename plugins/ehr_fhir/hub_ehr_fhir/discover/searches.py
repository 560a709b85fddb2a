"""What searches of a type do: each is tried with a value that is there, one that nothing has, and a time to come."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub_ehr_fhir.discover.answers import Told
from hub_ehr_fhir.discover.asking import Params
from hub_ehr_fhir.discover.manners import paged
from hub_ehr_fhir.discover.tried import Found, Tried, instant
from hub_ehr_fhir.discover.wanted import DATES, PEOPLE

NOBODY = "hub-probe-nobody"


def by_value(one: Tried, parameter: str) -> Found:
    """A search by a value that is there, and by one that nothing has."""
    value = one.given(parameter)
    if not value:
        return _by_nobody(one, parameter)
    told = one.look(((parameter, value),))
    if not told.well:
        return told.no
    if not told.heads and parameter in PEOPLE:
        told = _written_whole(one, parameter, value) or told
    if _others(told, parameter, value):
        return "ignored", "others came than those that were asked for"
    nobody = one.ask(((parameter, _nobody(parameter)),))
    if nobody.well and nobody.heads:
        return "ignored", "something came for a value that nothing has"
    if not told.heads:
        return _nothing(one, told, parameter, value)
    one.samples[f"{one.type}?{parameter}"] = value
    if not one.base and one.found.get("any") != "works":
        one.base = ((parameter, one.value(parameter, value)),)
        paged(one, told)
    return "works", ""


def _nothing(one: Tried, told: Told, parameter: str, value: str) -> Found:
    if one.seen is not None and value in one.seen.refers(parameter):
        return "refused", "nothing came although there is something"
    return _as_it_says(told, parameter)


def _written_whole(one: Tried, parameter: str, value: str) -> Told | None:
    """Some servers find by `Patient/1` and not by `1`."""
    told = one.look(((parameter, f"{PEOPLE[parameter]}/{value}"),))
    if not told.well or not told.heads:
        return None
    one.found[f"{parameter}:whole"] = "works"
    return told


def _by_nobody(one: Tried, parameter: str) -> Found:
    told = one.ask(((parameter, _nobody(parameter)),))
    if not told.well:
        sure = told.status in (403, 405, 501) or "not-supported" in told.codes
        return ("refused" if sure else "unknown"), told.refusal
    if told.heads:
        return "ignored", "something came for a value that nothing has"
    return "ignored" if told.names(parameter) is False else "unknown", "no value to try it with"


def by_time(one: Tried, parameter: str, base: Params) -> Found:
    """A search for what changed since, with times behind and ahead, beside `base`."""
    ahead = one.ask((*base, (parameter, f"ge{instant(one.now + timedelta(days=DATES[parameter]))}")))
    if not ahead.well:
        return ahead.no
    if ahead.heads:
        return "ignored", "something came that cannot be: it would change only in the future"
    since = one.since(parameter)
    told = one.ask((*base, (parameter, f"ge{since}")))
    if not told.well:
        return told.no
    if told.heads:
        return (
            ("ignored", "older ones came than were asked for")
            if _older(told, parameter, since)
            else ("works", "")
        )
    if one.seen is not None and parameter == "_lastUpdated":
        return "refused", "nothing came although there is something"
    return _as_it_says(told, parameter)


def _as_it_says(told: Told, parameter: str) -> Found:
    """Nothing came, which may be right: then the server's word counts."""
    if told.objects(parameter) or told.names(parameter) is False:
        return "ignored", "the server says that it did not search by it"
    return ("works", "by its word: nothing was there") if told.names(parameter) else ("unknown", "nothing came")


def by_list(one: Tried, parameter: str) -> Found:
    """A list with somebody and nobody, either way round: some servers look at the first, or the last, alone. Of a
    list of ids that is seen when it is used.
    """
    value = one.given(parameter)
    for pair in ((NOBODY, value), (value, NOBODY))[: 1 if parameter == "_id" else 2]:
        told = one.ask(((parameter, ",".join(one.value(parameter, each) for each in pair)),))
        if not told.well:
            return told.no
        if not told.heads or _others(told, parameter, value):
            nothing = one.seen is None
            return ("unknown", "nothing to come") if nothing else ("refused", "nothing came for a list")
    return "works", ""


def _nobody(parameter: str) -> str:
    return f"urn:hub:probe|{NOBODY}" if parameter == "identifier" else NOBODY


def _others(told: Told, parameter: str, value: str) -> bool:
    """Whether what came, as far as it says whose it is, was not asked for."""
    whose = [head.refers(parameter) for head in told.heads]
    return any(whose) and not any(value in each for each in whose)


def _older(told: Told, parameter: str, since: str) -> bool:
    asked = datetime.fromisoformat(since)
    times = [head.updated for head in told.heads if head.updated]
    return parameter == "_lastUpdated" and any(each < asked for each in times)
