"""Driven by another connector: the visits and patients that it told of are searched here by their numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta

from hub.plugin.api import Context, HubError, Mention
from hub_ehr_fhir.discover.strategy import Search
from hub_ehr_fhir.pull.cursors import PullCursor, Waiting
from hub_ehr_fhir.pull.delivering import VISITS, for_all
from hub_ehr_fhir.pull.doubting import doubted, sound
from hub_ehr_fhir.pull.links import by
from hub_ehr_fhir.pull.resources import Found
from hub_ehr_fhir.pull.times import instant, written
from hub_ehr_fhir.pull.turn import Slow, Turn
from hub_ehr_fhir.pull.walking import Searched, Walker
from hub_ehr_fhir.settings_pull import PullSettings

_AT_ONCE = 50
_FULL = 2_000
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=2), timedelta(hours=4)
_NEAR_DAYS = 2


class Following:
    """Asks who was told of, and searches for them until the server has them or `follow_hours` are over."""

    def __init__(
        self, walker: Walker, searches: Mapping[str, Search], settings: PullSettings, context: Context
    ) -> None:
        self._walker, self._searches, self._settings, self._context = walker, searches, settings, context

    def hear(self, cursor: PullCursor, turn: Turn) -> None:
        """Take in what was told since the last time."""
        for source in self._context.follows:
            if len(cursor.waiting) >= _FULL:
                return
            told = self._context.told_by(source, cursor.positions.get(source, ""), _AT_ONCE * 4)
            for mention in told.mentions:
                self._await(cursor, mention, turn)
            if told.position != cursor.positions.get(source, ""):
                cursor.positions[source] = told.position
                turn.moved = True

    def due(self, cursor: PullCursor, turn: Turn) -> list[Waiting]:
        """Those to search for now."""
        found = [one for one in cursor.waiting if (at := instant(one.at)) is None or at <= turn.now]
        return found[:_AT_ONCE]

    def step(self, cursor: PullCursor, due: Sequence[Waiting], turn: Turn) -> None:
        """Search for some; who is not there yet is asked for again, later and later."""
        for one in due:
            units = self._units(cursor, one)
            cursor.add(*units)
            cursor.waiting.remove(one)
            if not units:
                self._again(cursor, one, turn)
            turn.moved = True
            if turn.over:
                return

    def _units(self, cursor: PullCursor, one: Waiting) -> list[str]:
        """What a search found; nothing where this one alone cannot be searched now."""
        try:
            units = self._searched(one)
        except Searched as refused:
            doubted(cursor, _name(one), 0, refused)
            return []
        except HubError as error:
            if for_all(error) or isinstance(error, Slow):
                raise
            self._walker.server.metadata()
            return []
        sound(cursor)
        return units

    def _await(self, cursor: PullCursor, mention: Mention, turn: Turn) -> None:
        visit = mention.key if mention.kind == "encounter" else ""
        day = mention.started_at.date().isoformat() if mention.started_at else ""
        until = written(turn.now + timedelta(hours=self._settings.follow_hours))
        one = Waiting(
            kind=mention.kind, visit=visit, account=mention.account, day=day, at=written(turn.now), until=until,
            identifiers=tuple((each.authority, each.value) for each in mention.identifiers),
        )  # fmt: skip
        names = (one.kind, one.visit, one.account, one.identifiers)
        for known in cursor.waiting:
            if names == (known.kind, known.visit, known.account, known.identifiers):
                known.at, known.until = one.at, one.until
                return
        cursor.waiting.append(one)

    def _again(self, cursor: PullCursor, one: Waiting, turn: Turn) -> None:
        wait = min(_FIRST_WAIT * 2 ** min(one.tries, 20), _LONGEST_WAIT)
        one.tries, one.at = one.tries + 1, written(turn.now + wait)
        if one.at <= one.until:
            cursor.waiting.append(one)
        else:
            self._context.log.warning("fhir.pull.not_there", kind=one.kind, attempts=one.tries)

    def _searched(self, one: Waiting) -> list[str]:
        """Units for a mention: by the visit's number, else its account's, else the patient's visits of those days."""
        units = self._by_visit(one.visit) or self._by_account(one.account)
        if units:
            return units
        patients = self._by_patient(one)
        if one.kind != "encounter":
            return [unit for name in patients for unit in (f"Patient/{name}", VISITS + name)]
        return [key for name in patients for key in self._visits_near(name, one.day)]

    def _by_visit(self, number: str) -> list[str]:
        if not number or "identifier" not in self._ways("Encounter"):
            return []
        return [one.key for one in self._identified("Encounter", number, self._settings.visit_systems)]

    def _by_account(self, number: str) -> list[str]:
        if not number or "account" not in self._ways("Encounter"):
            return []
        accounts = self._identified("Account", number, self._settings.account_systems)
        found = [one for account in accounts for one in self._asked("Encounter", "account", account.id)]
        return [one.key for one in found]

    def _by_patient(self, one: Waiting) -> list[str]:
        numbers = [value for _, value in one.identifiers if value]
        found = [p for number in numbers for p in self._identified("Patient", number, self._settings.mrn_systems)]
        return list(dict.fromkeys(each.id for each in found))

    def _visits_near(self, patient: str, day: str) -> list[str]:
        """The patient's visits around a day; without a day none: it is not known which is meant."""
        if not day or "patient" not in self._ways("Encounter"):
            return []
        return [one.key for one in self._asked("Encounter", "patient", patient) if _near(one, day)]

    def _identified(self, kind: str, value: str, systems: Sequence[str]) -> list[Found]:
        """Resources that bear a number. Of several without a configured system none is taken: they may be others'."""
        texts = [f"{system}|{value}" for system in systems] or [value]
        found = {one.key: one for text in texts for one in self._asked(kind, "identifier", text)}
        same = [one for one in found.values() if _bears(one, value)]
        return same if systems or len(same) == 1 else []

    def _asked(self, kind: str, parameter: str, value: str) -> Sequence[Found]:
        text = _escaped(value) if parameter == "identifier" else value
        return self._walker.whole(by(self._searches.get(kind), kind, parameter, text)).matches

    def _ways(self, kind: str) -> tuple[str, ...]:
        search = self._searches.get(kind)
        return search.joined if search else ()


def _name(one: Waiting) -> str:
    told = repr((one.visit, one.account, one.identifiers))
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()


def _escaped(value: str) -> str:
    """A token with its commas and dollars escaped (R4 search, 3.1.1.4.1)."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("$", "\\$")


def _bears(one: Found, value: str) -> bool:
    """Whether a resource has that number indeed: some servers ignore a search that they do not know."""
    identifiers = one.tree().get("identifier")
    told = identifiers if isinstance(identifiers, list) else []
    return any(isinstance(each, dict) and each.get("value") == value for each in told)


def _near(one: Found, day: str) -> bool:
    period = one.tree().get("period")
    start = period.get("start", "") if isinstance(period, dict) else ""
    at, wanted = instant(f"{start[:10]}T00:00:00Z"), instant(f"{day}T00:00:00Z")
    return at is not None and wanted is not None and abs((at - wanted).days) <= _NEAR_DAYS
