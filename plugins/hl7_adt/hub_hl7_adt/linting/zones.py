"""The time zone in which most of a US state lies, as a guess for a person to check."""

from __future__ import annotations

_ZONES = {
    "America/New_York": "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV",
    "America/Chicago": "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
    "America/Denver": "CO ID MT NM UT WY",
    "America/Phoenix": "AZ",
    "America/Los_Angeles": "CA NV OR WA",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI",
    "America/Puerto_Rico": "PR",
}
_OF_STATE = {state: zone for zone, states in _ZONES.items() for state in states.split()}


def zone_of_state(state: str) -> str:
    """The zone of a two-letter state, or empty."""
    return _OF_STATE.get(state.strip().upper(), "")
