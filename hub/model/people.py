"""People and organisations as billing sees them."""

from __future__ import annotations

from datetime import date

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the canonical records: immutable, keyword-only, compared by value."""


class Name(Record, frozen=True, kw_only=True):
    """A person's name; `last` alone may carry an organisation's."""

    last: str
    first: str = ""
    middle: str = ""
    suffix: str = ""


class Address(Record, frozen=True, kw_only=True):
    """A US postal address; `state` two letters, `zip` five or nine digits without a hyphen."""

    line1: str
    city: str
    state: str
    zip: str
    line2: str = ""
    country: str = "US"


class Identifier(Record, frozen=True, kw_only=True):
    """An identifier and who gave it: (`MRN:EAST`, `123`)."""

    authority: str
    value: str


class Guarantor(Record, frozen=True, kw_only=True):
    """Who is billed for what the patient owes. `relationship` is of the guarantor to the patient."""

    name: Name
    address: Address | None = None
    relationship: str = "self"
    phone: str = ""


class Patient(Record, frozen=True, kw_only=True):
    """A patient. `sex` is M, F or U; `is_test` patients are stored and never billed."""

    name: Name
    birth_date: date | None = None
    sex: str = "U"
    address: Address | None = None
    phone: str = ""
    identifiers: tuple[Identifier, ...] = ()
    guarantor: Guarantor | None = None
    death_date: date | None = None
    is_test: bool = False


class Provider(Record, frozen=True, kw_only=True):
    """A clinician or organisation; `first` empty means an organisation. `taxonomy` ten characters or empty."""

    npi: str
    last: str
    first: str = ""
    taxonomy: str = ""


class Facility(Record, frozen=True, kw_only=True):
    """Where the service was given; `npi` may be empty."""

    name: str
    address: Address | None = None
    npi: str = ""
