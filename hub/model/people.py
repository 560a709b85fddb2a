"""People and organisations as billing sees them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Base of the canonical records: immutable, keyword-only, compared by value. The garbage collector leaves them
    alone (`gc=False`): what cannot change after it was made is in no circle, and looking costs a tenth of a read.
    """


class Name(Record, frozen=True, kw_only=True):
    """A person's name; `last` alone may carry an organisation's."""

    last: str
    first: str = ""
    middle: str = ""
    suffix: str = ""


class Address(Record, frozen=True, kw_only=True):
    """A postal address; `state` two letters, `zip` five or nine digits without a hyphen.

    Abroad, `subdivision` (N407) takes the place of the state.
    """

    line1: str
    city: str
    state: str
    zip: str
    line2: str = ""
    country: str = "US"
    subdivision: str = ""


class Reference(Record, frozen=True, kw_only=True):
    """A number of some kind (REF); `payer` is the payer id of whoever gave it, where that is not the one asked.

    `kind` is a word of ours (authorization, clia, license), or the qualifier itself where there is no word.
    """

    kind: str
    value: str
    payer: str = ""


class Reach(Record, frozen=True, kw_only=True):
    """One way to reach somebody: phone, fax, email, extension, electronic."""

    kind: str
    value: str


class Contact(Record, frozen=True, kw_only=True):
    """Whom to ask (PER); `name` may be empty."""

    name: str = ""
    reach: tuple[Reach, ...] = ()


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
    """A patient. `sex` is M, F or U; `is_test` patients are stored and never billed.

    `weight` is in pounds; `references` are numbers that a liability insurer asks for.
    """

    name: Name
    birth_date: date | None = None
    sex: str = "U"
    address: Address | None = None
    phone: str = ""
    identifiers: tuple[Identifier, ...] = ()
    guarantor: Guarantor | None = None
    death_date: date | None = None
    is_test: bool = False
    weight: Decimal | None = None
    is_pregnant: bool = False
    references: tuple[Reference, ...] = ()
    contact: Contact | None = None


class Provider(Record, frozen=True, kw_only=True):
    """A clinician or organisation; `first` empty means an organisation, unless `is_person` says otherwise.

    `taxonomy` is ten characters or empty. Address and contact stand on a claim for an ordering provider only. `id` is
    what a source calls them where it gives no NPI; providers.toml says who that is, and no claim carries it.
    """

    npi: str
    last: str
    first: str = ""
    taxonomy: str = ""
    middle: str = ""
    suffix: str = ""
    is_person: bool | None = None
    references: tuple[Reference, ...] = ()
    address: Address | None = None
    contact: Contact | None = None
    id: str = ""


class Facility(Record, frozen=True, kw_only=True):
    """Where the service was given; `npi` may be empty."""

    name: str
    address: Address | None = None
    npi: str = ""
    references: tuple[Reference, ...] = ()
    contact: Contact | None = None
