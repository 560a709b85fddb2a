"""One resource type while it is tried at a server: what is known of it by now, and how it is asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from hub_ehr_fhir.discover.answers import Head, Told
from hub_ehr_fhir.discover.asking import Asker, Params
from hub_ehr_fhir.discover.offered import Ability, Verdict
from hub_ehr_fhir.discover.wanted import PEOPLE, REVINCLUDES, WANTED, Wanted

Found = tuple[Verdict, str]
"""What was found out of a feature, and why in a few words."""
LONG_AGO = "2000-01-01T00:00:00Z"
_REFERENCE = re.compile(
    rb'"reference"\s*:\s*"(?:[^"#]*/)?(' + "|".join(WANTED).encode() + rb')/([A-Za-z0-9.-]{1,64})[/"]'
)
ONE: Params = (("_count", "1"),)
FEW: Params = (("_count", "5"),)
NEVER = frozenset({0, 403, 404, 405, 501})


class Tried:
    """One type at one server. `samples` is shared by all types: ids that were seen, by type. `counts`: whether
    `_count` may be sent at all (None: not known yet). `missed`: answers did not come, so that something is still to
    be tried; after the `last` time it stays unknown. `seen` is the first resource that came, `base` a search that
    finds it, `refusals` what the server says to whatever is asked of this type, `brought` the types that came along.
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
        self.asker, self.samples, self.now = asker, samples, now
        self._ability = ability
        self.type, self.counts = ability.type, counts
        self.wanted: Wanted = WANTED[ability.type]
        self.found: dict[str, Verdict] = dict(ability.found)
        self.said: dict[str, str] = dict(ability.said)
        self.seen: Head | None = None
        self.base: Params = ()
        self.refusals: list[int] = []
        self.brought: set[str] = set()
        self.last, self.missed = last, False

    @property
    def ability(self) -> Ability:
        """What is known of the type now."""
        seen = self._ability.seen or self.seen is not None
        return msgspec.structs.replace(self._ability, found=self.found, said=self.said, seen=seen)

    def once(self, feature: str, try_: Callable[[], Found]) -> None:
        """Try a feature that is not known yet; where the server has nothing of the type, all are refused."""
        if feature in self.found:
            return
        if self.closed():
            self.found[feature], self.said[feature] = "refused", "as everything else of this type"
            return
        before = self.asker.missed
        verdict, said = try_()
        self.note(feature, verdict, said, before)

    def note(self, feature: str, verdict: Verdict, said: str, before: int) -> None:
        """What was found out; nothing where an answer did not come, so that it is tried again."""
        if self.asker.missed > before:
            self.missed = True
            if not self.last:
                return
        self.found[feature] = verdict
        if said:
            self.said[feature] = said

    def closed(self) -> bool:
        """Whether the server will have nothing of this type: then it is not asked for each parameter."""
        return self.seen is None and len(self.refusals) >= (3 if self._ability.declared else 2)

    def look(self, params: Params) -> Told:
        """An answer of at most one; where nothing comes, once more without `_count`, which some servers fail on."""
        told = self.ask(params)
        if told.heads:
            if self.counts is None:
                self.counts = True
        elif self.counts is None:
            again = self.asker.ask(self.type, self.type, params)
            if again.heads:
                self.counts, told = False, again
                self.found["_count"], self.said["_count"] = "refused", "with it nothing came"
                self.notice(again)
        return told

    def ask(self, params: Params, count: Params = ONE) -> Told:
        """A search, of at most one unless `count` says otherwise; what comes is remembered."""
        told = self.asker.ask(self.type, self.type, (*params, *(count if self.counts is not False else ())))
        self.notice(told)
        return told

    def notice(self, told: Told) -> None:
        """Remember what came: ids to ask for, and refusals of the whole type."""
        if told.heads and self.seen is None and told.heads[0].id:
            self.seen = told.heads[0]
            self.samples.setdefault(self.type, self.seen.id)
            self._remember(self.seen)
            if self.type == "Encounter":
                self.samples.update(("Patient", each) for each in self.seen.refers("patient"))
        for type_, id_ in _REFERENCE.findall(told.body):
            self.brought.add(type_.decode())
            self.samples.setdefault(type_.decode(), id_.decode())
        if told.well:
            self.refusals.clear()
        elif self.refusals and told.status in NEVER and not told.away:
            self.refusals.append(told.status)

    def _remember(self, head: Head) -> None:
        """Whose this one is, to try `_revinclude` with."""
        for value, type_ in REVINCLUDES.items():
            whose = head.refers(value.split(":", 1)[1])
            if type_ == self.type and whose:
                self.samples.setdefault(f"{type_}>Encounter", whose[0])

    def given(self, parameter: str) -> str:
        """A value for the parameter: one that found something, else one that would find what was seen."""
        found = self.samples.get(f"{self.type}?{parameter}", "")
        own = next(iter(self.seen.refers(parameter)), "") if self.seen else ""
        other = self.type if parameter == "_id" else PEOPLE.get(parameter, "")
        return found or own or self.samples.get(other, "")

    def value(self, parameter: str, value: str) -> str:
        """The value as this server finds by it: `1`, or `Patient/1`."""
        whole = self.found.get(f"{parameter}:whole") == "works"
        return f"{PEOPLE[parameter]}/{value}" if whole else value

    def here(self) -> Params:
        """A search that finds the resource that was seen."""
        own = self.found.get("_id") == "works" and self.seen
        return (("_id", own.id),) if own else self.base

    def since(self, parameter: str) -> str:
        """An hour before what was seen: a server that reads `ge` as `equal to` finds nothing then."""
        changed = self.seen.updated if self.seen else None
        return instant(changed - timedelta(hours=1)) if changed and parameter == "_lastUpdated" else LONG_AGO


def instant(when: datetime) -> str:
    """An instant as a search takes it, in UTC to the second."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
