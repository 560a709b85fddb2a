"""Visits whose clinician has no NPI yet: when there is one, the visit, of which nothing changed, is fetched again."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hub.plugin.api.ports import State
from hub_ehr_fhir.pull.resources import Found

KEY = "lacking"
_NPI = (b"hl7.org/fhir/sid/us-npi", b"2.16.840.1.113883.4.6")
_MOST, _MOST_EACH = 1_000, 200
_ROWS = msgspec.msgpack.Decoder(dict[str, list[str]])


class Lacking:
    """Keys of such clinicians and their visits, bounded: those that were told of longest ago fall out."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._kept: dict[str, list[str]] | None = None
        self._changed = False

    def told(self, visit: str, resources: Iterable[Found]) -> None:
        """A visit was told with these."""
        for one in resources:
            if one.kind in ("Practitioner", "PractitionerRole") and _lacks(one):
                visits = [name for name in self._rows.pop(one.key, []) if name != visit]
                self._rows[one.key] = [*visits, visit][-_MOST_EACH:]
                self._changed = True

    def came(self, one: Found) -> list[str]:
        """The visits to be fetched again, now that this came."""
        if one.key not in self._rows or _lacks(one):
            return []
        self._changed = True
        return self._rows.pop(one.key)

    def save(self) -> None:
        """Put what changed into the state."""
        if self._changed:
            self._state.put(KEY, msgspec.msgpack.encode(dict(list(self._rows.items())[-_MOST:])))
            self._changed = False

    @property
    def _rows(self) -> dict[str, list[str]]:
        if self._kept is None:
            try:
                self._kept = _ROWS.decode(self._state.get(KEY) or b"\x80")
            except msgspec.MsgspecError:
                self._kept = {}
        return self._kept


def _lacks(one: Found) -> bool:
    leads_on = one.kind == "PractitionerRole" and b'"practitioner"' in one.raw
    return not leads_on and not any(mark in one.raw for mark in _NPI)
