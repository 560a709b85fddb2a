"""Who sends claims to whom in one transaction set of an 837, and as what."""

from __future__ import annotations

from datetime import date

from hub.model.people import Contact, Record


class Spelled(Record, frozen=True, kw_only=True):
    """Segments that were read otherwise than the hub writes them, or that no field has a place for.

    The segments `written`, which stand at place `at` among those that the hub would write for the record, stood in
    the file as `read`. Elements are parted by U+0001, components by U+0002, so that no file's delimiters matter.
    """

    at: int
    written: tuple[str, ...] = ()
    read: tuple[str, ...] = ()


class Sender(Record, frozen=True, kw_only=True):
    """The submitter (1000A): a person has a `first` name or `is_person`; one or two contacts."""

    name: str
    id: str
    first: str = ""
    middle: str = ""
    is_person: bool = False
    contacts: tuple[Contact, ...] = ()


class Transmission(Record, frozen=True, kw_only=True):
    """What stands in a set beside its claims: BHT, 1000A, 1000B.

    `kind` is P, I or D; `reference` BHT03; `purpose` 00 original, 18 sent again; `sort` CH claims, RP encounters,
    31 subrogation. `clock` is BHT05, HHMM or finer, local to the sender. `control_number` and `version` are those
    of ST. `rest` is what no field says of how the segments before the first billing provider were written.
    """

    kind: str
    reference: str
    created: date
    clock: str
    submitter: Sender
    receiver: str
    receiver_id: str
    purpose: str = "00"
    sort: str = "CH"
    control_number: str = ""
    version: str = ""
    rest: tuple[Spelled, ...] = ()
