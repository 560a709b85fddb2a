"""First tables."""
# ruff: noqa: E501 - drafted from the metadata: each statement stands as it is sent

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the step."""
    _aliases()
    _blob_chunks()
    _blobs()
    _charges()
    _claim_charges()
    _claim_versions()
    _claims()
    _control_numbers()
    _counters()
    _data_keys()
    _encounters()
    _event_heads()
    _events()
    _expectations()
    _facts()
    _fences()
    _fetched()
    _files()
    _inbox()
    _inbox_acks()
    _ledger_transactions()
    _lookup()
    _patients()
    _plugin_state()
    _remit_claims()
    _remits()
    _runs()
    _slots()
    _statements()
    _submissions()
    _transfers()
    _work_items()
    _ledger_entries()


def _guard(sqlite: tuple[str, ...], postgresql: tuple[str, ...]) -> None:
    """Add triggers in the words of this database."""
    for statement in sqlite if op.get_bind().dialect.name == "sqlite" else postgresql:
        op.execute(statement)


def _aliases() -> None:
    """Table aliases."""
    op.create_table(
        "aliases",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_id", sa.Text(), nullable=False),
        sa.Column("into_id", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "from_id", name=op.f("pk_aliases")),
    )


def _blob_chunks() -> None:
    """Table blob_chunks."""
    op.create_table(
        "blob_chunks",
        sa.Column("blob_id", sa.Text(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("blob_id", "index", name=op.f("pk_blob_chunks")),
    )
    op.create_index("ix_blob_chunks_key_id", "blob_chunks", ["key_id"], unique=False)


def _blobs() -> None:
    """Table blobs."""
    op.create_table(
        "blobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("complete_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blobs")),
    )
    op.create_index("ix_blobs_complete_at", "blobs", ["complete_at", "created_at"], unique=False)


def _charges() -> None:
    """Table charges."""
    op.create_table(
        "charges",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("encounter_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=True),
        sa.Column("service_date", sa.Date(), nullable=True),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("doc_version", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charges")),
        sa.UniqueConstraint("practice", "source", "key", name=op.f("uq_charges_practice_source_key")),
    )
    op.create_index("ix_charges_encounter_id", "charges", ["encounter_id", "state"], unique=False)
    op.create_index("ix_charges_key_id", "charges", ["key_id", "id"], unique=False)
    op.create_index("ix_charges_patient_id", "charges", ["patient_id", "state"], unique=False)
    op.create_index("ix_charges_waiting", "charges", ["state", "state_since", "id"], unique=False)


def _claim_charges() -> None:
    """Table claim_charges."""
    op.create_table(
        "claim_charges",
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("charge_id", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("claim_id", "line", "charge_id", name=op.f("pk_claim_charges")),
        sa.UniqueConstraint(
            "charge_id", "rank", "claim_id", name=op.f("uq_claim_charges_charge_id_rank_claim_id")
        ),
    )


def _claim_versions() -> None:
    """Table claim_versions."""
    op.create_table(
        "claim_versions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("doc_version", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_versions")),
        sa.UniqueConstraint("claim_id", "version", name=op.f("uq_claim_versions_claim_id_version")),
    )
    op.create_index("ix_claim_versions_key_id", "claim_versions", ["key_id", "id"], unique=False)
    op.create_index("ix_claim_versions_waiting", "claim_versions", ["state", "state_since", "id"], unique=False)


def _claims() -> None:
    """Table claims."""
    op.create_table(
        "claims",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("payer", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=True),
        sa.Column("guarantor_id", sa.Text(), nullable=True),
        sa.Column("route", sa.Text(), nullable=True),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("doc_version", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
    )
    op.create_index("ix_claims_key_id", "claims", ["key_id", "id"], unique=False)
    op.create_index("ix_claims_patient_id", "claims", ["patient_id", "state"], unique=False)
    op.create_index("ix_claims_waiting", "claims", ["state", "state_since", "id"], unique=False)


def _control_numbers() -> None:
    """Table control_numbers."""
    op.create_table(
        "control_numbers",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "value", name=op.f("pk_control_numbers")),
    )
    op.create_index("ix_control_numbers_ref", "control_numbers", ["ref"], unique=False)


def _counters() -> None:
    """Table counters."""
    op.create_table(
        "counters",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_counters")),
    )


def _data_keys() -> None:
    """Table data_keys."""
    op.create_table(
        "data_keys",
        sa.Column("key_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_data_keys")),
    )
    op.create_index(
        "uq_data_keys_active",
        "data_keys",
        ["purpose"],
        unique=True,
        sqlite_where=sa.text("retired_at IS NULL"),
        postgresql_where=sa.text("retired_at IS NULL"),
    )


def _encounters() -> None:
    """Table encounters."""
    op.create_table(
        "encounters",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=True),
        sa.Column("payer", sa.Text(), nullable=True),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("doc_version", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_encounters")),
        sa.UniqueConstraint("practice", "source", "key", name=op.f("uq_encounters_practice_source_key")),
    )
    op.create_index("ix_encounters_key_id", "encounters", ["key_id", "id"], unique=False)
    op.create_index("ix_encounters_patient_id", "encounters", ["patient_id", "state"], unique=False)
    op.create_index("ix_encounters_waiting", "encounters", ["state", "state_since", "id"], unique=False)


def _event_heads() -> None:
    """Table event_heads."""
    op.create_table(
        "event_heads",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_event_heads")),
    )


def _events() -> None:
    """Table events."""
    op.create_table(
        "events",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("aggregate", sa.Text(), nullable=False),
        sa.Column("aggregate_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("hash", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_aggregate_id", "events", ["aggregate_id"], unique=False)
    op.create_index(
        "ix_events_open",
        "events",
        ["seq"],
        unique=False,
        sqlite_where=sa.text("position IS NULL"),
        postgresql_where=sa.text("position IS NULL"),
    )
    op.create_index("uq_events_position", "events", ["position"], unique=True)
    _guard(
        sqlite=(
            "CREATE TRIGGER IF NOT EXISTS events_refuses_edit BEFORE UPDATE OF seq, id, at, practice, kind, aggregate, aggregate_id, version, actor, cause, schema, detail ON events BEGIN SELECT RAISE(ABORT, 'events is append only'); END",
            "CREATE TRIGGER IF NOT EXISTS events_refuses_reseal BEFORE UPDATE ON events WHEN OLD.position IS NOT NULL BEGIN SELECT RAISE(ABORT, 'events is append only'); END",
            "CREATE TRIGGER IF NOT EXISTS events_refuses_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events is append only'); END",
        ),
        postgresql=(
            "CREATE OR REPLACE FUNCTION hub_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || '' is append only''; END'",
            "CREATE OR REPLACE TRIGGER events_refuses_edit BEFORE UPDATE OF seq, id, at, practice, kind, aggregate, aggregate_id, version, actor, cause, schema, detail ON events FOR EACH ROW EXECUTE FUNCTION hub_append_only()",
            "CREATE OR REPLACE TRIGGER events_refuses_reseal BEFORE UPDATE ON events FOR EACH ROW WHEN (OLD.position IS NOT NULL) EXECUTE FUNCTION hub_append_only()",
            "CREATE OR REPLACE TRIGGER events_refuses_delete BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION hub_append_only()",
            "CREATE OR REPLACE TRIGGER events_refuses_truncate BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION hub_append_only()",
        ),
    )


def _expectations() -> None:
    """Table expectations."""
    op.create_table(
        "expectations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("met_at", sa.BigInteger(), nullable=True),
        sa.Column("met_by", sa.Text(), nullable=True),
        sa.Column("work_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expectations")),
    )
    op.create_index(
        "ix_expectations_due_at",
        "expectations",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("met_at IS NULL"),
        postgresql_where=sa.text("met_at IS NULL"),
    )
    op.create_index(
        "uq_expectations_open",
        "expectations",
        ["kind", "about"],
        unique=True,
        sqlite_where=sa.text("met_at IS NULL"),
        postgresql_where=sa.text("met_at IS NULL"),
    )


def _facts() -> None:
    """Table facts."""
    op.create_table(
        "facts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("doc_version", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facts")),
        sa.UniqueConstraint("practice", "source", "key", "kind", name=op.f("uq_facts_practice_source_key_kind")),
    )
    op.create_index("ix_facts_key_id", "facts", ["key_id", "id"], unique=False)
    op.create_index("ix_facts_parent", "facts", ["practice", "source", "parent", "kind"], unique=False)
    op.create_index("ix_facts_waiting", "facts", ["state", "state_since", "id"], unique=False)


def _fences() -> None:
    """Table fences."""
    op.create_table(
        "fences",
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_fences")),
    )


def _fetched() -> None:
    """Table fetched."""
    op.create_table(
        "fetched",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("blob_id", sa.Text(), nullable=True),
        sa.Column("inbox_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fetched")),
        sa.UniqueConstraint("connector", "token", name=op.f("uq_fetched_connector_token")),
    )
    op.create_index("ix_fetched_key_id", "fetched", ["key_id"], unique=False)
    op.create_index("ix_fetched_waiting", "fetched", ["state", "connector", "state_since"], unique=False)


def _files() -> None:
    """Table files."""
    op.create_table(
        "files",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("usage", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("blob_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("isa13", sa.Text(), nullable=True),
        sa.Column("gs06", sa.Text(), nullable=True),
        sa.Column("sets", sa.Integer(), nullable=False),
        sa.Column("frozen_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
        sa.UniqueConstraint("mailbox", "isa13", name=op.f("uq_files_mailbox_isa13")),
    )
    op.create_index("ix_files_blob_id", "files", ["blob_id"], unique=False)
    op.create_index("ix_files_waiting", "files", ["state", "state_since"], unique=False)
    _guard(
        sqlite=(
            "CREATE TRIGGER IF NOT EXISTS files_refuses_update BEFORE UPDATE OF id, practice, mailbox, kind, usage, name, blob_id, digest, size, isa13, gs06, sets, frozen_at ON files BEGIN SELECT RAISE(ABORT, 'files is append only'); END",
            "CREATE TRIGGER IF NOT EXISTS files_refuses_delete BEFORE DELETE ON files BEGIN SELECT RAISE(ABORT, 'files is append only'); END",
        ),
        postgresql=(
            "CREATE OR REPLACE FUNCTION hub_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || '' is append only''; END'",
            "CREATE OR REPLACE TRIGGER files_refuses_update BEFORE UPDATE OF id, practice, mailbox, kind, usage, name, blob_id, digest, size, isa13, gs06, sets, frozen_at ON files FOR EACH ROW EXECUTE FUNCTION hub_append_only()",
            "CREATE OR REPLACE TRIGGER files_refuses_delete BEFORE DELETE ON files FOR EACH ROW EXECUTE FUNCTION hub_append_only()",
            "CREATE OR REPLACE TRIGGER files_refuses_truncate BEFORE TRUNCATE ON files FOR EACH STATEMENT EXECUTE FUNCTION hub_append_only()",
        ),
    )


def _inbox() -> None:
    """Table inbox."""
    op.create_table(
        "inbox",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("external", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("blob_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_inbox")),
        sa.UniqueConstraint("id", name=op.f("uq_inbox_id")),
        sa.UniqueConstraint("source", "external", "digest", name=op.f("uq_inbox_source_external_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbox_blob_id", "inbox", ["blob_id"], unique=False)
    op.create_index("ix_inbox_waiting", "inbox", ["state", "seq"], unique=False)


def _inbox_acks() -> None:
    """Table inbox_acks."""
    op.create_table(
        "inbox_acks",
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_inbox_acks")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbox_acks_seq", "inbox_acks", ["seq"], unique=False)


def _ledger_transactions() -> None:
    """Table ledger_transactions."""
    op.create_table(
        "ledger_transactions",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("posting_date", sa.Date(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("reverses", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger_transactions")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_ledger_transactions_key", "ledger_transactions", ["practice", "key"], unique=True)
    op.create_index(
        "uq_ledger_transactions_reverses",
        "ledger_transactions",
        ["practice", "reverses"],
        unique=True,
        sqlite_where=sa.text("reverses <> ''"),
        postgresql_where=sa.text("reverses <> ''"),
    )


def _lookup() -> None:
    """Table lookup."""
    op.create_table(
        "lookup",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("aggregate", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "authority", "key_id", "digest", "aggregate", name=op.f("pk_lookup")),
    )
    op.create_index("ix_lookup_aggregate", "lookup", ["aggregate"], unique=False)


def _patients() -> None:
    """Table patients."""
    op.create_table(
        "patients",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("doc_version", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patients")),
    )
    op.create_index("ix_patients_key_id", "patients", ["key_id", "id"], unique=False)
    op.create_index("ix_patients_waiting", "patients", ["state", "state_since", "id"], unique=False)


def _plugin_state() -> None:
    """Table plugin_state."""
    op.create_table(
        "plugin_state",
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("instance", "key", name=op.f("pk_plugin_state")),
    )


def _remit_claims() -> None:
    """Table remit_claims."""
    op.create_table(
        "remit_claims",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("remit_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("paid_cents", sa.BigInteger(), nullable=False),
        sa.Column("charge_cents", sa.BigInteger(), nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("doc_version", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remit_claims")),
        sa.UniqueConstraint("remit_id", "position", name=op.f("uq_remit_claims_remit_id_position")),
    )
    op.create_index("ix_remit_claims_claim_id", "remit_claims", ["claim_id", "state"], unique=False)
    op.create_index("ix_remit_claims_key_id", "remit_claims", ["key_id", "id"], unique=False)
    op.create_index("ix_remit_claims_waiting", "remit_claims", ["state", "state_since", "id"], unique=False)


def _remits() -> None:
    """Table remits."""
    op.create_table(
        "remits",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("payer", sa.Text(), nullable=True),
        sa.Column("trace", sa.Text(), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("payment_date", sa.Date(), nullable=True),
        sa.Column("blob_id", sa.Text(), nullable=True),
        sa.Column("set_index", sa.Integer(), nullable=False),
        sa.Column("content_key", sa.Text(), nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("doc_version", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remits")),
    )
    op.create_index("ix_remits_content_key", "remits", ["content_key", "state"], unique=False)
    op.create_index("ix_remits_key_id", "remits", ["key_id", "id"], unique=False)
    op.create_index("ix_remits_trace", "remits", ["trace", "state"], unique=False)
    op.create_index("ix_remits_waiting", "remits", ["state", "state_since", "id"], unique=False)


def _runs() -> None:
    """Table runs."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index("ix_runs_schedule", "runs", ["schedule", "started"], unique=False)


def _slots() -> None:
    """Table slots."""
    op.create_table(
        "slots",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "slot", name=op.f("pk_slots")),
    )


def _statements() -> None:
    """Table statements."""
    op.create_table(
        "statements",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("guarantor_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("statement_date", sa.Date(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=True),
        sa.Column("through_entry", sa.BigInteger(), nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("doc_version", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statements")),
        sa.UniqueConstraint("practice", "number", name=op.f("uq_statements_practice_number")),
    )
    op.create_index("ix_statements_file_id", "statements", ["file_id", "state"], unique=False)
    op.create_index("ix_statements_guarantor_id", "statements", ["guarantor_id", "state"], unique=False)
    op.create_index("ix_statements_key_id", "statements", ["key_id", "id"], unique=False)
    op.create_index("ix_statements_waiting", "statements", ["state", "state_since", "id"], unique=False)


def _submissions() -> None:
    """Table submissions."""
    op.create_table(
        "submissions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("payer", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("usage", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=True),
        sa.Column("st02", sa.Text(), nullable=True),
        sa.Column("pcn", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("close_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        sa.UniqueConstraint("pcn", name=op.f("uq_submissions_pcn")),
    )
    op.create_index("ix_submissions_claim_id", "submissions", ["claim_id"], unique=False)
    op.create_index("ix_submissions_file_id", "submissions", ["file_id", "st02"], unique=False)
    op.create_index("ix_submissions_state", "submissions", ["state", "opened_at"], unique=False)
    op.create_index(
        "uq_submissions_open_production",
        "submissions",
        ["claim_id", "rank"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL AND usage = 'P'"),
        postgresql_where=sa.text("closed_at IS NULL AND usage = 'P'"),
    )


def _transfers() -> None:
    """Table transfers."""
    op.create_table(
        "transfers",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_transfers")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_transfers_file_id", "transfers", ["file_id", "seq"], unique=False)
    _guard(
        sqlite=(
            "CREATE TRIGGER IF NOT EXISTS transfers_refuses_update BEFORE UPDATE ON transfers BEGIN SELECT RAISE(ABORT, 'transfers is append only'); END",
            "CREATE TRIGGER IF NOT EXISTS transfers_refuses_delete BEFORE DELETE ON transfers BEGIN SELECT RAISE(ABORT, 'transfers is append only'); END",
        ),
        postgresql=(
            "CREATE OR REPLACE FUNCTION hub_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || '' is append only''; END'",
            "CREATE OR REPLACE TRIGGER transfers_refuses_update BEFORE UPDATE ON transfers FOR EACH ROW EXECUTE FUNCTION hub_append_only()",
            "CREATE OR REPLACE TRIGGER transfers_refuses_delete BEFORE DELETE ON transfers FOR EACH ROW EXECUTE FUNCTION hub_append_only()",
            "CREATE OR REPLACE TRIGGER transfers_refuses_truncate BEFORE TRUNCATE ON transfers FOR EACH STATEMENT EXECUTE FUNCTION hub_append_only()",
        ),
    )


def _work_items() -> None:
    """Table work_items."""
    op.create_table(
        "work_items",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("aggregate", sa.Text(), nullable=False),
        sa.Column("aggregate_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("how", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_items")),
    )
    op.create_index("ix_work_items_aggregate_id", "work_items", ["aggregate_id"], unique=False)
    op.create_index(
        "uq_work_items_open",
        "work_items",
        ["practice", "reason", "aggregate_id", "place"],
        unique=True,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )


def _ledger_entries() -> None:
    """Table ledger_entries."""
    op.create_table(
        "ledger_entries",
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("transaction_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("posting_date", sa.Date(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("payer", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("guarantor_id", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=True),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("remit_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction_seq"],
            ["ledger_transactions.seq"],
            name=op.f("fk_ledger_entries_transaction_seq_ledger_transactions"),
        ),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_ledger_entries")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledger_entries_claim_id", "ledger_entries", ["claim_id"], unique=False)
    op.create_index("ix_ledger_entries_guarantor_id", "ledger_entries", ["guarantor_id"], unique=False)
    op.create_index("ix_ledger_entries_remit_id", "ledger_entries", ["remit_id"], unique=False)
    op.create_index(
        op.f("ix_ledger_entries_transaction_seq"), "ledger_entries", ["transaction_seq"], unique=False
    )
    _guard(
        sqlite=(
            "CREATE TRIGGER IF NOT EXISTS ledger_transactions_refuses_update BEFORE UPDATE ON ledger_transactions BEGIN SELECT RAISE(ABORT, 'ledger_transactions is append only'); END",
            "CREATE TRIGGER IF NOT EXISTS ledger_transactions_refuses_delete BEFORE DELETE ON ledger_transactions BEGIN SELECT RAISE(ABORT, 'ledger_transactions is append only'); END",
            "CREATE TRIGGER IF NOT EXISTS ledger_entries_refuses_update BEFORE UPDATE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'ledger_entries is append only'); END",
            "CREATE TRIGGER IF NOT EXISTS ledger_entries_refuses_delete BEFORE DELETE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'ledger_entries is append only'); END",
        ),
        postgresql=(
            "CREATE OR REPLACE FUNCTION hub_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || '' is append only''; END'",
            "CREATE OR REPLACE TRIGGER ledger_transactions_refuses_update BEFORE UPDATE ON ledger_transactions FOR EACH ROW EXECUTE FUNCTION hub_append_only()",
            "CREATE OR REPLACE TRIGGER ledger_transactions_refuses_delete BEFORE DELETE ON ledger_transactions FOR EACH ROW EXECUTE FUNCTION hub_append_only()",
            "CREATE OR REPLACE TRIGGER ledger_transactions_refuses_truncate BEFORE TRUNCATE ON ledger_transactions FOR EACH STATEMENT EXECUTE FUNCTION hub_append_only()",
            "CREATE OR REPLACE FUNCTION hub_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || '' is append only''; END'",
            "CREATE OR REPLACE TRIGGER ledger_entries_refuses_update BEFORE UPDATE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION hub_append_only()",
            "CREATE OR REPLACE TRIGGER ledger_entries_refuses_delete BEFORE DELETE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION hub_append_only()",
            "CREATE OR REPLACE TRIGGER ledger_entries_refuses_truncate BEFORE TRUNCATE ON ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION hub_append_only()",
        ),
    )
