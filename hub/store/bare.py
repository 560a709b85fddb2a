"""What stays of a record when its time is over: amounts, our own ids and codes; nothing that tells of a person."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar

import msgspec

from hub.model import appointment, claim, coverage, encounter, facts, remit, statement
from hub.model.facts import GONE

T = TypeVar("T")
#: Texts that stay, by record: ids and codes that the promises are proved with, and those that a resend meets again.
KEPT: dict[type, frozenset[str]] = {
    claim.Adjustment: frozenset({"group", "reason"}),
    claim.ClaimLine: frozenset({"charge_ids", "control_number"}),
    claim.Claim: frozenset({"encounter_ids", "patient_id", "payer", "frequency", "origin"}),
    coverage.PatientFile: frozenset({"guarantor_id"}),
    encounter.Encounter: frozenset({"source", "patient_id", "status"}),
    encounter.Charge: frozenset({"source", "patient_id", "encounter_id", "kind"}),
    remit.ProviderAdjustment: frozenset({"reason"}),
    remit.Remittance: frozenset(
        {"payer_name", "payer_ids", "payee_npi", "trace", "method", "handling", "origin", "payee_tax_id"}
    ),
    remit.ServicePayment: frozenset({"control_number", "remarks"}),
    remit.ClaimPayment: frozenset({"patient_control_number", "status", "remarks"}),
    statement.Statement: frozenset({"number", "accounts"}),
    appointment.Appointment: frozenset({"source", "patient_id", "status"}),
    facts.WithdrawalFact: frozenset({"kind"}),
}
#: Records of a money movement of many people: their days tell of no one.
DATED = frozenset({remit.Remittance})


def bare(record: T) -> T:
    """The same kind of record with its numbers and ids of ours; a day that it must have becomes its year's first, and
    every other text is empty.
    """
    stripped = _bare(record)
    if isinstance(stripped, facts.Fact):
        return msgspec.structs.replace(stripped, version=GONE)  # type: ignore[return-value]
    return stripped  # type: ignore[no-any-return]


def _bare(value: Any, *, dated: bool = False) -> Any:
    match value:
        case msgspec.Struct():
            return _struct(value)
        case tuple():
            words = all(isinstance(one, str) for one in value)
            return () if words else tuple(_bare(one, dated=dated) for one in value)
        case str() | dict():
            return type(value)()
        case datetime():
            return datetime(value.year, 1, 1, tzinfo=value.tzinfo)
        case date():
            return value if dated else date(value.year, 1, 1)
        case _:
            return value


@cache
def _fields(of: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Asking msgspec reads every annotation anew."""
    return msgspec.structs.fields(of)


def _struct(record: msgspec.Struct) -> msgspec.Struct:
    kept, dated = KEPT.get(type(record), frozenset()), type(record) in DATED
    told: dict[str, Any] = {}
    for field in _fields(type(record)):
        value = getattr(record, field.name)
        if field.name in kept:
            told[field.name] = value
        elif isinstance(value, date) and field.default is None and not dated:
            told[field.name] = None
        else:
            told[field.name] = _bare(value, dated=dated)
    return type(record)(**told)
