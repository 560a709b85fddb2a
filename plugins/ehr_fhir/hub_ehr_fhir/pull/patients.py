"""Patient by patient: for servers that find encounters by their patient and by nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from hub.plugin.api import Misconfigured
from hub.plugin.api.ports import State
from hub_ehr_fhir.discover.strategy import Search
from hub_ehr_fhir.pull.cursors import PullCursor, Round
from hub_ehr_fhir.pull.delivering import VISITS
from hub_ehr_fhir.pull.incremental import first_day
from hub_ehr_fhir.pull.resources import found, keys_at
from hub_ehr_fhir.pull.times import instant, written
from hub_ehr_fhir.pull.turn import Timed, Turn
from hub_ehr_fhir.pull.walking import Query, Walker
from hub_ehr_fhir.settings_pull import PullSettings

KEY = "patients"
_AT_ONCE = 20


class Patients:
    """Goes round through a list of patients, a few at a time; the cursor says which is next. The list of a round (of
    a Group, or of a file) is kept in the state, so that a round ends with the list that it began with.
    """

    def __init__(
        self, server: Timed, walker: Walker, searches: Mapping[str, Search], settings: PullSettings, state: State
    ) -> None:
        self._server, self._walker, self._searches = server, walker, searches
        self._settings, self._state = settings, state

    def due(self, cursor: PullCursor, now: datetime) -> bool:
        """Whether it is time for another round."""
        if cursor.round is not None and not cursor.round.done:
            return False
        began = instant(cursor.round.began) if cursor.round else None
        return began is None or now < began or now >= began + timedelta(hours=self._settings.patients_hours)

    def begin(self, cursor: PullCursor, now: datetime) -> None:
        """A new round: the first goes back to the first day, later ones look at visits that may still change."""
        if not cursor.first:
            cursor.first = first_day(self._settings, now)
        recent = written(now - timedelta(days=self._settings.look_back_days))
        cursor.began = written(now)
        if self._settings.patients:
            self._state.put(KEY, "\n".join(self._listed()).encode())
        whole = cursor.round is None and not cursor.since
        since = cursor.first if whole else max(recent, cursor.first)
        cursor.round = Round(began=cursor.began, since=since)

    def step(self, cursor: PullCursor, round_: Round, turn: Turn) -> None:
        """The next patients of the round go to `todo`."""
        if self._settings.patients:
            kept = (self._state.get(KEY) or b"").decode().split("\n")
            names = [name for name in kept if name]
            cursor.add(*(VISITS + name for name in names[round_.nth : round_.nth + _AT_ONCE]))
            round_.nth += _AT_ONCE
            round_.done = round_.nth >= len(names)
        else:
            search = self._searches.get("Patient")
            query = Query(path="Patient", params={}, kind="Patient", counted=search is None or search.counted)
            page, round_.place = self._walker.step(query, round_.place)
            cursor.add(*(VISITS + one.id for one in page.matches))
            round_.done = round_.place.done
        turn.moved = True

    def _listed(self) -> list[str]:
        path = self._settings.patients_file()
        if path is None:
            return self._members()
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(
                f"the file of patients cannot be read ({type(error).__name__})",
                fix="check pull.patients and the rights of the user that the hub runs as",
            ) from None
        names = [line.strip().removeprefix("Patient/") for line in lines]
        return list(dict.fromkeys(name for name in names if name and not name.startswith("#")))

    def _members(self) -> list[str]:
        answer = self._server.get(self._settings.patients)
        group = found(answer.body) if answer.status == 200 else None
        if group is None or group.kind != "Group":
            raise Misconfigured(
                "the Group of patients is not there", fix="check pull.patients: it is `Group/ID` of this server"
            )
        keys = keys_at(group.tree(), "member.entity", self._server.base)
        return list(dict.fromkeys(key.partition("/")[2] for key in keys if key.startswith("Patient/")))
