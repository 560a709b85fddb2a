"""Which documents the store keeps: one declaration per kind, with the few columns that queries need in clear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import BigInteger, Column, Date, Index, Integer, Table, Text, UniqueConstraint

from hub.errors import Misconfigured
from hub.model.appointment import Appointment
from hub.model.claim import Claim
from hub.model.coverage import PatientFile
from hub.model.encounter import Charge, Encounter
from hub.model.facts import AnyFact
from hub.model.remit import ClaimPayment, Remittance
from hub.model.statement import Statement
from hub.store.crypto import Damaged
from hub.store.schema import METADATA, Cents, Id, Instant, clear, encrypted, keyed

T = TypeVar("T")
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
_ENCODER = msgspec.json.Encoder()
BURIED = 0
"""The schema number of a tombstone: what stands there was purged, and the seal says under which purge."""

_OUR_ID = "an opaque id of ours"
_WORK = "orders and filters the work that waits"
_MONEY = "sums for queues and reports; without the document it belongs to nobody"
_DATE = "timely filing, ageing and matching need ranges; the patient it belongs to stands encrypted"
_PAYER = "an id from our own configuration"
_SOURCE = "the name of a connector in our own configuration"
_CODE = "a code of ours"


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed in the place of a purged document: which purge, and the record without what told of a person."""

    purge: str
    schema: int
    record: msgspec.Raw


class Aggregate(Generic[T]):
    """One kind of document: its table, its record type, its schema number and how older schemas are read.

    `upcasters[n]` turns the decoded JSON of schema n into that of n + 1. `columns` are the clear columns of this
    kind beside those that every kind has.
    """

    def __init__(
        self,
        kind: str,
        table: Table,
        record: Any,
        *,
        schema: int = 1,
        upcasters: Mapping[int, Upcaster] | None = None,
        immutable: bool = False,
    ) -> None:
        self.kind, self.table, self.schema, self.immutable = kind, table, schema, immutable
        self.upcasters = dict(upcasters or {})
        if set(self.upcasters) != set(range(1, schema)):
            raise ValueError(f"{kind}: every schema below {schema} needs its upcaster")
        self.columns = tuple(c.name for c in table.columns if c.name not in COMMON_NAMES)
        self.required = frozenset(c for c in self.columns if not table.c[c].nullable)
        self._record = record
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(record)

    def aad(self, row_id: str, version: int, schema: int) -> bytes:
        """What a sealed document is bound to: it opens nowhere else and as no other version."""
        return f"{self.kind}|{row_id}|{version}|{schema}".encode()

    def encode(self, record: T) -> bytes:
        """The document as JSON."""
        return _ENCODER.encode(record)

    def decode(self, plain: bytes, schema: int) -> T:
        """The record of a document written under `schema`; a newer schema is refused, never half-read."""
        try:
            if schema == self.schema:
                return self._decoder.decode(plain)
            if schema == BURIED:
                stone = msgspec.json.decode(plain, type=Tombstone)
                return self.decode(bytes(stone.record), stone.schema)
            return self._upcast(plain, schema)
        except msgspec.MsgspecError:
            raise Damaged(f"a {self.kind} document does not read as its schema {schema}") from None

    def bury(self, bare: T, purge: str) -> bytes:
        """The tombstone of a document as JSON, to be sealed as schema `BURIED`; `bare`: what stays of its record."""
        record = msgspec.Raw(_ENCODER.encode(bare))
        return _ENCODER.encode(Tombstone(purge=purge, schema=self.schema, record=record))

    def _upcast(self, plain: bytes, schema: int) -> T:
        if schema > self.schema:
            raise Misconfigured(
                f"a {self.kind} was written by a newer hub (schema {schema}, this one knows {self.schema})",
                fix="run the newer hub on this database",
            )
        document = msgspec.json.decode(plain)
        for number in range(schema, self.schema):
            document = self.upcasters[number](document)
        record: T = msgspec.convert(document, self._record)
        return record


def document_table(name: str, *columns: Any) -> Table:
    """A table of documents: the common columns, the clear ones of its kind, and the sealed document."""
    return Table(
        name,
        METADATA,
        clear("id", Id, primary_key=True, why=_OUR_ID),
        clear("practice", Text, why="whose row it is; every query is bound to it"),
        clear("state", Text, why="the one current disposition: " + _WORK),
        clear("state_since", Instant, why="how long it has stood there: promise 11 has age limits"),
        clear("row_version", BigInteger, why="compare-and-set: no update is lost"),
        clear("created_at", Instant, why=_WORK),
        *columns,
        clear("schema", Integer, why="which upcasters reading needs"),
        clear("doc_version", BigInteger, why="the row version that wrote the document; authenticated with it"),
        clear("key_id", Integer, why="which data key sealed it; rotation moves rows by it"),
        encrypted("body", "the record"),
        Index(f"ix_{name}_waiting", "state", "state_since", "id", "practice"),
        Index(f"ix_{name}_key_id", "key_id", "id"),
    )


COMMON = ("id", "practice", "state", "state_since", "row_version", "created_at")
SEALED = ("schema", "doc_version", "key_id", "body")
COMMON_NAMES = frozenset(COMMON + SEALED)


def _source_key() -> tuple[Column[Any], Column[Any]]:
    return (
        clear("source", Text, why=_SOURCE),
        keyed("key", why="the source's own key, which may be a patient's number: only equality is needed"),
    )


PATIENTS: Aggregate[PatientFile] = Aggregate("patient", document_table("patients"), PatientFile)
FACTS: Aggregate[AnyFact] = Aggregate(
    "fact",
    document_table(
        "facts",
        *_source_key(),
        clear("kind", Text, why=_CODE),
        keyed("parent", nullable=True, why="the key of the patient or encounter it belongs to"),
        UniqueConstraint("practice", "source", "key", "kind"),
        Index("ix_facts_parent", "practice", "source", "parent", "kind"),
    ),
    AnyFact,
)
ENCOUNTERS: Aggregate[Encounter] = Aggregate(
    "encounter",
    document_table(
        "encounters",
        *_source_key(),
        clear("patient_id", Id, why=_OUR_ID),
        clear("service_date", Date, nullable=True, why=_DATE),
        clear("payer", Text, nullable=True, why=_PAYER),
        UniqueConstraint("practice", "source", "key"),
        Index("ix_encounters_patient_id", "patient_id", "state"),
    ),
    Encounter,
)
CHARGES: Aggregate[Charge] = Aggregate(
    "charge",
    document_table(
        "charges",
        *_source_key(),
        clear("patient_id", Id, why=_OUR_ID),
        clear("encounter_id", Id, nullable=True, why=_OUR_ID),
        clear("kind", Text, why=_CODE),
        clear("cents", Cents, nullable=True, why=_MONEY),
        clear("service_date", Date, nullable=True, why=_DATE),
        UniqueConstraint("practice", "source", "key"),
        Index("ix_charges_patient_id", "patient_id", "state"),
        Index("ix_charges_encounter_id", "encounter_id", "state"),
    ),
    Charge,
)
CLAIMS: Aggregate[Claim] = Aggregate(
    "claim",
    document_table(
        "claims",
        clear("patient_id", Id, why=_OUR_ID),
        clear("payer", Text, why=_PAYER),
        clear("rank", Integer, why="primary, secondary, tertiary"),
        clear("version", Integer, why="which version was asked last"),
        clear("cents", Cents, why=_MONEY),
        clear("service_date", Date, nullable=True, why=_DATE),
        clear("guarantor_id", Id, nullable=True, why=_OUR_ID),
        clear("route", Text, nullable=True, why="the clearinghouse instance in our own configuration"),
        Index("ix_claims_patient_id", "patient_id", "state"),
        Index("ix_claims_payer", "payer", "id"),
    ),
    Claim,
)
CLAIM_VERSIONS: Aggregate[Claim] = Aggregate(
    "claim_version",
    document_table(
        "claim_versions",
        clear("claim_id", Id, why=_OUR_ID),
        clear("version", Integer, why="counts from 1"),
        UniqueConstraint("claim_id", "version"),
    ),
    Claim,
    immutable=True,
)
REMITS: Aggregate[Remittance] = Aggregate(
    "remit",
    document_table(
        "remits",
        clear("payer", Text, nullable=True, why=_PAYER),
        keyed("trace", nullable=True, why="a check or EFT number: only equality is needed"),
        clear("amount_cents", Cents, why="a payment of many claims: " + _MONEY),
        clear("method", Text, why="ACH, CHK, NON"),
        clear("payment_date", Date, nullable=True, why="the deposit's date, of no one patient"),
        clear("blob_id", Id, nullable=True, why=_OUR_ID),
        clear("set_index", Integer, why="which transaction set of its file"),
        keyed("content_key", why="equal content is the same remittance under whatever name it comes"),
        Index("ix_remits_content_key", "content_key", "state"),
        Index("ix_remits_trace", "trace", "state"),
        Index("ix_remits_blob_id", "blob_id", "set_index"),
    ),
    Remittance,
)
REMIT_CLAIMS: Aggregate[ClaimPayment] = Aggregate(
    "remit_claim",
    document_table(
        "remit_claims",
        clear("remit_id", Id, why=_OUR_ID),
        clear("position", Integer, why="which claim payment of the remittance, from 1"),
        clear("claim_id", Id, nullable=True, why=_OUR_ID),
        clear("status", Text, why="CLP02"),
        clear("paid_cents", Cents, why=_MONEY),
        clear("charge_cents", Cents, why=_MONEY),
        UniqueConstraint("remit_id", "position"),
        Index("ix_remit_claims_claim_id", "claim_id", "state"),
    ),
    ClaimPayment,
)
STATEMENTS: Aggregate[Statement] = Aggregate(
    "statement",
    document_table(
        "statements",
        clear("guarantor_id", Id, why=_OUR_ID),
        clear("number", Text, why="a number of ours"),
        clear("total_cents", Cents, why=_MONEY),
        clear("statement_date", Date, why=_DATE),
        clear("file_id", Id, nullable=True, why=_OUR_ID),
        clear("through_entry", BigInteger, why="the last ledger entry counted (promise 7)"),
        UniqueConstraint("practice", "number"),
        Index("ix_statements_guarantor_id", "guarantor_id", "state"),
        Index("ix_statements_file_id", "file_id", "state"),
    ),
    Statement,
)
APPOINTMENTS: Aggregate[Appointment] = Aggregate(
    "appointment",
    document_table(
        "appointments",
        *_source_key(),
        clear("patient_id", Id, nullable=True, why=_OUR_ID),
        clear("starts_at", Instant, nullable=True, why=_DATE),
        UniqueConstraint("practice", "source", "key"),
        Index("ix_appointments_patient_id", "patient_id", "state"),
        Index("ix_appointments_starts_at", "starts_at", "state"),
    ),
    Appointment,
)
# A column that narrows to few rows is indexed together with `state`: without statistics SQLite takes the index that
# more conditions fit, and `state` alone fits very many rows.
AGGREGATES: tuple[Aggregate[Any], ...] = (
    PATIENTS,
    FACTS,
    ENCOUNTERS,
    CHARGES,
    CLAIMS,
    CLAIM_VERSIONS,
    REMITS,
    REMIT_CLAIMS,
    STATEMENTS,
    APPOINTMENTS,
)
