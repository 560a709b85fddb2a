"""Tries what a server does with one resource type: asks for what is there, and for what cannot be there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from hub_ehr_fhir.discover.answers import Head, Told
from hub_ehr_fhir.discover.asking import Asker, Params
from hub_ehr_fhir.discover.offered import Ability, Verdict
from hub_ehr_fhir.discover.wanted import DATES, PEOPLE, REVINCLUDES, WANTED, Wanted

NOBODY = "hub-probe-nobody"
LONG_AGO = "2000-01-01T00:00:00Z"
_REFERENCE = re.compile(
    rb'"reference"\s*:\s*"(?:[^"#]*/)?(' + "|".join(WANTED).encode() + rb')/([A-Za-z0-9.-]{1,64})[/"]'
)
_LISTED = (("_id",), ("encounter", "context", "patient", "beneficiary"))
_SOME = 8
_ONE: Params = (("_count", "1"),)
_FEW: Params = (("_count", "5"),)
_NEVER = frozenset({0, 403, 404, 405, 501})


class Trial:
    """One type at one server. `samples` is shared by all types: ids that were seen, by type. `counts`: whether
    `_count` may be sent at all (None: not known yet). `missed`: answers did not come, so that something is still to
    be tried; after the `last` time it stays unknown.
    """

    def __init__(
        self,
        asker: Asker,
        ability: Ability,
        samples: dict[str, str],
        now: datetime,
        *,
        counts: bool | None,
        last: bool = False,
    ) -> None:
        self._asker, self._ability, self._samples, self._now = asker, ability, samples, now
        self._type, self.counts = ability.type, counts
        self._wanted: Wanted = WANTED[ability.type]
        self._found: dict[str, Verdict] = dict(ability.found)
        self._said: dict[str, str] = dict(ability.said)
        self._seen: Head | None = None
        self._base: Params = ()
        self._refusals: list[int] = []
        self._brought: set[str] = set()
        self._last, self.missed = last, False

    def run(self) -> None:
        """Try everything that is not known yet. Whatever ends it, `ability` holds what was found so far."""
        people = [each for each in self._wanted.parameters if each in PEOPLE]
        if "any" in self._found:
            self._again(people)
        else:
            self._any()
            self._somebody()
        for parameter in people:
            self._once(parameter, partial(self._by_value, parameter))
        self._once("read", self._read)
        for parameter in (each for each in self._wanted.parameters if each in ("_id", "identifier")):
            self._once(parameter, partial(self._by_value, parameter))
        for parameter in (each for each in self._wanted.parameters if each in DATES):
            self._once(parameter, partial(self._by_time, parameter, ()))
        self._narrowed(people)
        self._lists()
        self._extras()
        if self._closed():
            self._found |= {each: "refused" for each, verdict in self._found.items() if verdict == "unknown"}

    @property
    def ability(self) -> Ability:
        """What is known of the type now."""
        seen = self._ability.seen or self._seen is not None
        return msgspec.structs.replace(self._ability, found=self._found, said=self._said, seen=seen)

    # each feature

    def _once(self, feature: str, try_: Callable[[], tuple[Verdict, str]]) -> None:
        if feature in self._found:
            return
        if self._closed():
            self._found[feature], self._said[feature] = "refused", "as everything else of this type"
            return
        before = self._asker.missed
        verdict, said = try_()
        self._note(feature, verdict, said, before)

    def _note(self, feature: str, verdict: Verdict, said: str, before: int) -> None:
        """What was found out; nothing where an answer did not come, so that it is tried again."""
        if self._asker.missed > before:
            self.missed = True
            if not self._last:
                return
        self._found[feature] = verdict
        if said:
            self._said[feature] = said

    def _closed(self) -> bool:
        """Whether the server will have nothing of this type: then it is not asked for each parameter."""
        return self._seen is None and len(self._refusals) >= (3 if self._ability.declared else 2)

    def _again(self, people: list[str]) -> None:
        """Where an earlier call ended: the resource that the rest is tried with is looked at once more."""
        ways = [each for each in (*people, "_id") if self._found.get(each) == "works" and self._given(each)]
        if self._found.get("any") == "works":
            self._look(())
        elif ways:
            self._base = ((ways[0], self._value(ways[0], self._given(ways[0]))),)
            self._look(self._base)
        elif self._found.get("read") == "works" and self._type in self._samples:
            self._notice(self._asker.ask(self._type, f"{self._type}/{self._samples[self._type]}"))

    def _any(self) -> None:
        """Without a parameter; also the first look at a resource, at `_count` and at next links."""
        before = self._asker.missed
        told = self._look(())
        if not told.well:
            self._note("any", *told.no, before)
            self._refusals = [told.status] if told.status in _NEVER and not told.away else []
            return
        self._note("any", "works" if told.heads else "unknown", "", before)
        if told.heads:
            self._paged(told)

    def _somebody(self) -> None:
        """A patient who has an encounter: the first one that is listed may have none."""
        if self._type != "Encounter" or self._seen is not None or "Patient" not in self._samples:
            return
        if self._look((("patient", self._samples["Patient"]),)).heads:
            return
        listed = self._asker.ask("Patient", "Patient", (("_count", "20"),) if self.counts else ())
        for head in listed.heads[:_SOME]:
            if head.id and self._ask((("patient", head.id),)).heads:
                self._samples["Patient"] = head.id
                return

    def _by_value(self, parameter: str) -> tuple[Verdict, str]:
        value = self._given(parameter)
        if not value:
            return self._by_nobody(parameter)
        told = self._look(((parameter, value),))
        if not told.well:
            return told.no
        if not told.heads and parameter in PEOPLE:
            told = self._written_whole(parameter, value) or told
        if _others(told, parameter, value):
            return "ignored", "others came than those that were asked for"
        nobody = self._ask(((parameter, _nobody(parameter)),))
        if nobody.well and nobody.heads:
            return "ignored", "something came for a value that nothing has"
        if not told.heads:
            return self._nothing(told, parameter, value)
        self._samples[f"{self._type}?{parameter}"] = value
        if not self._base and self._found.get("any") != "works":
            self._base = ((parameter, self._value(parameter, value)),)
            self._paged(told)
        return "works", ""

    def _nothing(self, told: Told, parameter: str, value: str) -> tuple[Verdict, str]:
        if self._seen is not None and value in self._seen.refers(parameter):
            return "refused", "nothing came although there is something"
        return self._as_it_says(told, parameter)

    def _written_whole(self, parameter: str, value: str) -> Told | None:
        """Some servers find by `Patient/1` and not by `1`."""
        told = self._look(((parameter, f"{PEOPLE[parameter]}/{value}"),))
        if not told.well or not told.heads:
            return None
        self._found[f"{parameter}:whole"] = "works"
        return told

    def _value(self, parameter: str, value: str) -> str:
        whole = self._found.get(f"{parameter}:whole") == "works"
        return f"{PEOPLE[parameter]}/{value}" if whole else value

    def _by_nobody(self, parameter: str) -> tuple[Verdict, str]:
        told = self._ask(((parameter, _nobody(parameter)),))
        if not told.well:
            sure = told.status in (403, 405, 501) or "not-supported" in told.codes
            return ("refused" if sure else "unknown"), told.refusal
        if told.heads:
            return "ignored", "something came for a value that nothing has"
        return "ignored" if told.names(parameter) is False else "unknown", "no value to try it with"

    def _by_time(self, parameter: str, base: Params) -> tuple[Verdict, str]:
        ahead = self._ask((*base, (parameter, f"ge{_instant(self._now + timedelta(days=DATES[parameter]))}")))
        if not ahead.well:
            return ahead.no
        if ahead.heads:
            return "ignored", "something came that cannot be: it would change only in the future"
        since = self._since(parameter)
        told = self._ask((*base, (parameter, f"ge{since}")))
        if not told.well:
            return told.no
        if told.heads:
            return (
                ("ignored", "older ones came than were asked for")
                if _older(told, parameter, since)
                else ("works", "")
            )
        if self._seen is not None and parameter == "_lastUpdated":
            return "refused", "nothing came although there is something"
        return self._as_it_says(told, parameter)

    def _as_it_says(self, told: Told, parameter: str) -> tuple[Verdict, str]:
        """Nothing came, which may be right: then the server's word counts."""
        if told.objects(parameter) or told.names(parameter) is False:
            return "ignored", "the server says that it did not search by it"
        return (
            ("works", "by its word: nothing was there") if told.names(parameter) else ("unknown", "nothing came")
        )

    def _read(self) -> tuple[Verdict, str]:
        id_ = self._seen.id if self._seen else self._samples.get(self._type, "")
        if not id_:
            return "unknown", "no id to try it with"
        told = self._asker.ask(self._type, f"{self._type}/{id_}")
        if self._seen is None and told.status in (404, 410) and not self._refusals:
            self._samples.pop(self._type, None)
            return "unknown", "what another resource refers to is not there"
        self._notice(told)
        if not told.well:
            return told.no
        if not told.heads:
            return "refused", "another resource came"
        self._seen = self._seen or told.heads[0]
        if self._wanted.etag:
            self._once("etag", partial(self._etag, f"{self._type}/{id_}", told.etag))
        return "works", ""

    def _etag(self, path: str, etag: str) -> tuple[Verdict, str]:
        if not etag:
            return "refused", "no ETag came"
        told = self._asker.ask(self._type, path, etag=etag)
        if told.status == 304:
            return "works", ""
        return ("ignored", "the whole resource came again") if told.well else told.no

    def _narrowed(self, people: list[str]) -> None:
        """`_lastUpdated` beside a patient, where it is refused alone."""
        if self._found.get("_lastUpdated") not in ("refused", "unknown"):
            return
        for parameter in (each for each in people if PEOPLE[each] == "Patient"):
            if self._found.get(parameter) == "works":
                base = ((parameter, self._value(parameter, self._given(parameter))),)
                self._once(f"{parameter}+_lastUpdated", partial(self._by_time, "_lastUpdated", base))

    def _lists(self) -> None:
        """Lists of ids, and of those whose it is; patients and encounters are asked for by their own ids."""
        for ways in _LISTED[: 1 if self._type in ("Patient", "Encounter") else 2]:
            works = (
                each for each in ways if self._found.get(each) == "works" and each in self._wanted.parameters
            )
            parameter = next(works, "")
            if parameter and self._given(parameter):
                self._once(f"{parameter},", partial(self._list, parameter))

    def _list(self, parameter: str) -> tuple[Verdict, str]:
        """A list with somebody and nobody, either way round: some servers look at the first, or the last, alone. Of a
        list of ids that is seen when it is used.
        """
        value = self._given(parameter)
        for pair in ((NOBODY, value), (value, NOBODY))[: 1 if parameter == "_id" else 2]:
            told = self._ask(((parameter, ",".join(self._value(parameter, each) for each in pair)),))
            if not told.well:
                return told.no
            if not told.heads or _others(told, parameter, value):
                nothing = self._seen is None
                return ("unknown", "nothing to come") if nothing else ("refused", "nothing came for a list")
        return "works", ""

    def _extras(self) -> None:
        if self._seen is None:
            return
        includes = {} if self._found.get("_include") == "refused" else self._wanted.includes
        for value, brings in includes.items():
            self._once(f"_include={value}", partial(self._include, value, brings))
        if self._wanted.history:
            self._once("_history", self._history)
        if self._type in ("Encounter", "Patient"):
            self._once("_sort", self._sort)
            self._once("_total", self._total)

    def _include(self, value: str, brings: str) -> tuple[Verdict, str]:
        told = self._ask((*self._here(), ("_include", value)))
        if not told.well:
            return told.no
        if any(head.resource_type == brings for head in told.others):
            return "works", ""
        ignored = brings in self._brought or told.names("_include") is False or told.objects("_include")
        return ("ignored", "nothing came with it") if ignored else ("unknown", "nothing to come with it")

    def _history(self) -> tuple[Verdict, str]:
        told = self._asker.ask(self._type, f"{self._type}/_history", _ONE if self.counts else ())
        if not told.well:
            return told.no
        return ("works", "") if told.heads else ("unknown", "nothing came")

    def _sort(self) -> tuple[Verdict, str]:
        orders = []
        for sign in ("", "-"):
            told = self._ask((*self._base, ("_sort", f"{sign}_lastUpdated")), _FEW)
            if not told.well:
                return told.no
            times = [head.updated for head in told.heads if head.updated]
            orders.append(times if sign else times[::-1])
        if any(len(set(order)) < 2 for order in orders):
            return "unknown", "too few to tell"
        ordered = all(order == sorted(order, reverse=True) for order in orders)
        return ("works", "") if ordered else ("ignored", "another order came")

    def _total(self) -> tuple[Verdict, str]:
        told = self._ask((*self._base, ("_total", "accurate")))
        if not told.well:
            return told.no
        return ("works", "") if told.total is not None else ("ignored", "no total came")

    def _paged(self, told: Told) -> None:
        """What one page shows of `_count` and of next links."""
        more = bool(told.next_url) or (told.total or 0) > len(told.heads)
        if self.counts and "_count" not in self._found:
            few = len({head.id for head in told.heads}) == 1
            self._found["_count"] = "ignored" if not few else "works" if more else "unknown"
        if self._type in ("Encounter", "Patient"):
            self._once("next", partial(self._next, told, more=more))

    def _next(self, told: Told, *, more: bool) -> tuple[Verdict, str]:
        if not told.next_url:
            return ("refused", "no next link although there is more") if more else ("unknown", "one page only")
        page = self._asker.follow(self._type, told.next_url)
        if not page.well:
            return page.no
        same = [head.id for head in page.heads] == [head.id for head in told.heads]
        return ("ignored", "the same page came again") if same and page.heads else ("works", "")

    # asking

    def _look(self, params: Params) -> Told:
        """An answer of at most one; where nothing comes, once more without `_count`, which some servers fail on."""
        told = self._ask(params)
        if told.heads:
            if self.counts is None:
                self.counts = True
        elif self.counts is None:
            again = self._asker.ask(self._type, self._type, params)
            if again.heads:
                self.counts, told = False, again
                self._found["_count"], self._said["_count"] = "refused", "with it nothing came"
                self._notice(again)
        return told

    def _ask(self, params: Params, count: Params = _ONE) -> Told:
        told = self._asker.ask(self._type, self._type, (*params, *(count if self.counts is not False else ())))
        self._notice(told)
        return told

    def _notice(self, told: Told) -> None:
        """Remember what came: ids to ask for, and refusals of the whole type."""
        if told.heads and self._seen is None and told.heads[0].id:
            self._seen = told.heads[0]
            self._samples.setdefault(self._type, self._seen.id)
            self._remember(self._seen)
            if self._type == "Encounter":
                self._samples.update(("Patient", each) for each in self._seen.refers("patient"))
        for type_, id_ in _REFERENCE.findall(told.body):
            self._brought.add(type_.decode())
            self._samples.setdefault(type_.decode(), id_.decode())
        if told.well:
            self._refusals.clear()
        elif self._refusals and told.status in _NEVER and not told.away:
            self._refusals.append(told.status)

    def _remember(self, head: Head) -> None:
        """Whose this one is, to try `_revinclude` with."""
        for value, type_ in REVINCLUDES.items():
            whose = head.refers(value.split(":", 1)[1])
            if type_ == self._type and whose:
                self._samples.setdefault(f"{type_}>Encounter", whose[0])

    def _given(self, parameter: str) -> str:
        """A value for the parameter: one that found something, else one that would find what was seen."""
        found = self._samples.get(f"{self._type}?{parameter}", "")
        own = next(iter(self._seen.refers(parameter)), "") if self._seen else ""
        other = self._type if parameter == "_id" else PEOPLE.get(parameter, "")
        return found or own or self._samples.get(other, "")

    def _here(self) -> Params:
        own = self._found.get("_id") == "works" and self._seen
        return (("_id", own.id),) if own else self._base

    def _since(self, parameter: str) -> str:
        """An hour before what was seen: a server that reads `ge` as `equal to` finds nothing then."""
        changed = self._seen.updated if self._seen else None
        return _instant(changed - timedelta(hours=1)) if changed and parameter == "_lastUpdated" else LONG_AGO


def _nobody(parameter: str) -> str:
    return f"urn:hub:probe|{NOBODY}" if parameter == "identifier" else NOBODY


def _instant(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def _others(told: Told, parameter: str, value: str) -> bool:
    """Whether what came, as far as it says whose it is, was not asked for."""
    whose = [head.refers(parameter) for head in told.heads]
    return any(whose) and not any(value in each for each in whose)


def _older(told: Told, parameter: str, since: str) -> bool:
    asked = datetime.fromisoformat(since)
    times = [head.updated for head in told.heads if head.updated]
    return parameter == "_lastUpdated" and any(each < asked for each in times)
