"""Days, periods and versions as servers write them: what they mean for a claim."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hub_ehr_fhir.mapping import codes, shapes
from hub_ehr_fhir.settings import FhirSettings
from test_fhir_facts import coverage, encounter, every, item, only, patient, reading, told

from hub.model.facts import ChargeFact, CoverageFact, EncounterFact

NEW_YORK = "America/New_York"
FEB_27, FEB_28 = date(2026, 2, 27), date(2026, 2, 28)


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("2026-02-28T03:00:00Z", FEB_27),
        ("2026-02-28T03:00:00.000+00:00", FEB_27),
        ("2026-02-28T12:00:00Z", FEB_28),
        ("2026-02-28T00:00:00Z", FEB_28),
        ("2026-02-27T23:30:00-06:00", FEB_27),
        ("2026-02-27", FEB_27),
        ("", None),
    ],
)
def test_the_day_of_an_instant(text: str, on: date | None) -> None:
    """An evening in UTC is the day that it was here; what the sender wrote as local stands as it is."""
    assert codes.local_day(text, ZoneInfo(NEW_YORK)) == on


def test_an_evening_is_billed_for_its_own_day() -> None:
    """A charge's date, and that of a charge which takes its visit's, are local days though the server writes UTC."""
    night = encounter(period={"start": "2026-02-28T03:00:00Z", "end": "2026-02-28T03:20:00Z"})
    dated = item(occurrenceDateTime="2026-02-28T03:10:00Z")
    for charge in (dated, item(occurrenceDateTime=None)):
        found = reading(patient(), night, {k: v for k, v in charge.items() if v}, time_zone=NEW_YORK)
        assert only(found, ChargeFact).service_from == FEB_27


def test_no_day_that_there_is() -> None:
    """0001-01-01 and 9999-12-31 stand for "unknown": they are left out and told, and the visit waits for a date."""
    found = reading(patient(), encounter(period={"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T23:59:59Z"}))
    visit = only(found, EncounterFact)
    assert (visit.started_at, visit.ended_at) == (None, None)
    assert [code for code, _ in told(found)] == ["fhir.value", "fhir.value"]


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2026-02", "2026-02", (date(2026, 2, 1), FEB_28)),
        ("2025", "2025", (date(2025, 1, 1), date(2025, 12, 31))),
        ("2026-02-27", "2026-02-28T23:59:59Z", (FEB_27, FEB_28)),
        ("", "", (None, None)),
    ],
)
def test_a_coverage_ends_with_its_month(start: str, end: str, days: tuple[date | None, date | None]) -> None:
    """A month or year alone is a whole one: a coverage that ended with January pays for nothing in February."""
    period = {name: text for name, text in (("start", start), ("end", end)) if text}
    found = reading(patient(), coverage(period=period))
    fact = only(found, CoverageFact)
    assert ((fact.valid_from, fact.valid_to), told(found)) == (days, [])


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (("", "9"), ("", "10")),
        (("2026-02-27T16:00:00Z", "9"), ("2026-02-27T16:00:00Z", "10")),
        (("2026-02-27T16:00:00Z", "10"), ("2026-02-27T16:00:01Z", "9")),
        (("2026-02-27T11:00:00-05:00", "11"), ("2026-02-27T16:00:00+00:00", "12")),
        (("", "10"), ("2026-02-27T16:00:00Z", "3")),
        (("2026-02-27T21:30:00+05:30", ""), ("2026-02-27T16:00:01Z", "")),
        (("2026-02-27T16:00:00.12Z", ""), ("2026-02-27T16:00:00.1234567Z", "")),
    ],
)
def test_versions_in_order(older: tuple[str, str], newer: tuple[str, str]) -> None:
    """By time wherever it was written, before that by number."""
    first, second = (codes.version(shapes.Meta(last_updated=at, version_id=n), "") for at, n in (older, newer))
    assert first < second


@pytest.mark.parametrize("number", ["3f9c-aa", "MTY5MDAwMDAwMDAwMDAwMDAw", "٣", "1" * 21])
def test_a_version_that_is_no_number_orders_nothing(number: str) -> None:
    """Of such versions the one that is told last stands, not the one whose text happens to sort later."""
    assert codes.version(shapes.Meta(version_id=number), "sent") == "sent"


def test_what_is_pushed_is_kept() -> None:
    """With `push` resources are kept for those that come later, unless the settings say otherwise."""
    push = {"token": "env:X"}
    assert FhirSettings.model_validate({}).keep_pieces == "loose"
    assert FhirSettings.model_validate({"push": push}).keep_pieces == "always"
    assert FhirSettings.model_validate({"push": push, "keep_pieces": "loose"}).keep_pieces == "loose"


def test_a_period_without_its_zone() -> None:
    """It is read in the zone of the settings whatever is validated, and told once; one that is no time is held."""
    naive = {"period": {"start": "2026-01-05T23:30:00", "end": "2026-01-05T23:50:00.5"}}
    for validate in ("every", "quarantine"):
        found = reading(patient(), encounter(**naive), item(), validate=validate, time_zone="America/Chicago")
        assert only(found, EncounterFact).ready
        assert only(found, EncounterFact).started_at == datetime(2026, 1, 6, 5, 30, tzinfo=UTC)
        assert {code for code, _ in told(found)} == ({"fhir.advice"} if validate == "every" else set())
    assert not every(reading(encounter(period={"start": "2026-01-05T23"}), validate="every"), EncounterFact)


def test_a_time_of_change_without_its_zone() -> None:
    """Nothing to bill hangs on it: it is taken for UTC, a person hears of it once, and all is read."""
    naive = {"meta": {"lastUpdated": "2026-02-27T16:00:00"}}
    found = reading(patient(**naive), encounter(**naive), item(**naive), validate="every")
    assert only(found, EncounterFact).ready
    assert only(found, ChargeFact).version.startswith("2026-02-27T16:00:00.000000Z")
    assert {code for code, _ in told(found)} == {"fhir.advice"}
