"""The table of retention: complete, current, and what is left of each record tells of nobody."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from hub.keep.retention import RULES, years_before
from hub.keep.retention_reference import renewed
from hub.model.coverage import PatientFile
from hub.model.facts import GONE, ChargeFact
from hub.model.people import Guarantor, Identifier, Name, Patient
from hub.store.aggregates import AGGREGATES
from hub.store.bare import KEPT, bare
from hub.store.schema import METADATA

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "retention.md"


def test_the_page_holds_the_table() -> None:
    """docs/how-to/retention.md is renewed by `python -m hub.keep.retention_reference docs/how-to/retention.md`."""
    page = PAGE.read_text("utf-8")
    assert page == renewed(page)
    assert all(f"| {rule.what} |" in page for rule in RULES)


def test_every_table_has_one_rule() -> None:
    """No table is forgotten, and none has two rules."""
    named = [table for rule in RULES for table in rule.tables]
    assert sorted(named) == sorted(METADATA.tables)


@pytest.mark.parametrize(
    ("now", "years", "then"),
    [
        (datetime(2026, 3, 2, 14, tzinfo=UTC), 6, datetime(2020, 3, 2, 14, tzinfo=UTC)),
        (datetime(2028, 2, 29, tzinfo=UTC), 6, datetime(2022, 2, 28, tzinfo=UTC)),
        (datetime(2028, 2, 29, tzinfo=UTC), 8, datetime(2020, 2, 29, tzinfo=UTC)),
    ],
)
def test_years_are_counted_by_the_calendar(now: datetime, years: int, then: datetime) -> None:
    """Six years before a day is that day; before 29 February the day before, where there was none."""
    assert years_before(now, years) == then


def test_nothing_of_a_person_stays() -> None:
    """Names, numbers, days and addresses are gone, also in what hangs within; our own id stays."""
    name = Name(last="Bittern", first="Orla")
    known = Patient(
        name=name,
        birth_date=date(1950, 2, 3),
        death_date=date(2020, 1, 1),
        phone="5550100",
        identifiers=(Identifier(authority="EAST", value="B-100"),),
        guarantor=Guarantor(name=name),
    )
    left = bare(PatientFile(patient=known, guarantor_id="pat_1"))
    told = msgspec.json.encode(left).decode()
    assert left.guarantor_id == "pat_1"
    assert [one for one in ("Bittern", "Orla", "1950", "2020", "5550100", "B-100") if one in told] == []


def test_a_fact_that_is_gone_is_newer_than_anything_told() -> None:
    """Whatever version a source tells of it, an ISO instant or a number, the tombstone is behind it."""
    left = bare(ChargeFact(key="C1", version="2026-01-01", patient_key="K1", service_from=date(2026, 1, 5)))
    assert left.version == GONE
    assert all(version < GONE for version in ("9999-12-31T23:59:59Z", "0000000009", "Zz", ""))


def test_what_is_kept_of_a_record_is_there() -> None:
    """The names in the list of what stays are fields of their records: a renamed field would silently go."""
    for record, names in KEPT.items():
        assert names <= set(record.__struct_fields__), record
    assert len(AGGREGATES) > 5
