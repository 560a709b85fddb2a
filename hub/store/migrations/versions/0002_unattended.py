"""Unattended."""

# ruff: noqa: E501

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the step."""
    _backups()
    _conditions()
    _holds()
    _lane_runs()
    _lane_troubles()
    _ledger_sums()
    _nodes()
    _notices()
    _pauses()
    _purges()
    _restores()
    _schedule_runs()
    _runs()
    _aliases()
    _charges()
    _claim_versions()
    _claims()
    _encounters()
    _expectations()
    _facts()
    _inbox()
    _patients()
    _remit_claims()
    _remits()
    _statements()
    _work_items()


def _guard(sqlite: tuple[str, ...], postgresql: tuple[str, ...]) -> None:
    """Add triggers in the words of this database."""
    for statement in sqlite if op.get_bind().dialect.name == "sqlite" else postgresql:
        op.execute(statement)


def _backups() -> None:
    """Table backups."""
    op.create_table(
        "backups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proved_at", sa.BigInteger(), nullable=True),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backups")),
    )
    op.create_index("ix_backups_began_at", "backups", ["began_at"], unique=False)


def _conditions() -> None:
    """Table conditions."""
    op.create_table(
        "conditions",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("misses", sa.Integer(), nullable=False),
        sa.Column("flaps", sa.Integer(), nullable=False),
        sa.Column("flapping_at", sa.BigInteger(), nullable=True),
        sa.Column("heard", sa.Text(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.Column("recovered_at", sa.BigInteger(), nullable=True),
        sa.Column("cleared_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_conditions")),
    )
    op.create_index(
        "ix_conditions_open",
        "conditions",
        ["since"],
        unique=False,
        sqlite_where=sa.text("cleared_at IS NULL"),
        postgresql_where=sa.text("cleared_at IS NULL"),
    )


def _holds() -> None:
    """Table holds."""
    op.create_table(
        "holds",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("aggregate_id", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_aggregate_id", "holds", ["aggregate_id"], unique=False)


def _lane_runs() -> None:
    """Table lane_runs."""
    op.create_table(
        "lane_runs",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_lane_runs")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_lane_runs_ended_at", "lane_runs", ["ended_at"], unique=False)
    op.create_index(
        "ix_lane_runs_idle",
        "lane_runs",
        ["ended_at"],
        unique=False,
        sqlite_where=sa.text("outcome = 'ok' AND done = 0"),
        postgresql_where=sa.text("outcome = 'ok' AND done = 0"),
    )
    op.create_index("ix_lane_runs_lane", "lane_runs", ["lane", "seq"], unique=False)


def _lane_troubles() -> None:
    """Table lane_troubles."""
    op.create_table(
        "lane_troubles",
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("retry_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("lane", "step", name=op.f("pk_lane_troubles")),
    )


def _ledger_sums() -> None:
    """Table ledger_sums."""
    op.create_table(
        "ledger_sums",
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("through", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("practice", "account", name=op.f("pk_ledger_sums")),
    )


def _nodes() -> None:
    """Table nodes."""
    op.create_table(
        "nodes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("load", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nodes")),
    )
    op.create_index("ix_nodes_seen_at", "nodes", ["seen_at"], unique=False)


def _notices() -> None:
    """Table notices."""
    op.create_table(
        "notices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("notifier", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("said", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_made_at", "notices", ["made_at"], unique=False)
    op.create_index("ix_notices_waiting", "notices", ["state", "next_at"], unique=False)


def _pauses() -> None:
    """Table pauses."""
    op.create_table(
        "pauses",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("schedule", name=op.f("pk_pauses")),
    )


def _purges() -> None:
    """Table purges."""
    op.create_table(
        "purges",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", "kind", name=op.f("pk_purges")),
    )


def _restores() -> None:
    """Table restores."""
    op.create_table(
        "restores",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("backup", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("restored_at", sa.BigInteger(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("accepted_by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("margin", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restores")),
    )
    op.create_index("ix_restores_accepted_at", "restores", ["accepted_at"], unique=False)


def _schedule_runs() -> None:
    """Table schedule_runs."""
    op.create_table(
        "schedule_runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_runs")),
    )
    op.create_index(
        "ix_schedule_runs_open",
        "schedule_runs",
        ["step", "lane"],
        unique=False,
        sqlite_where=sa.text("ended IS NULL"),
        postgresql_where=sa.text("ended IS NULL"),
    )
    op.create_index("ix_schedule_runs_schedule", "schedule_runs", ["schedule", "started"], unique=False)


def _runs() -> None:
    """Table runs."""
    op.drop_index(op.f("ix_runs_schedule"), table_name="runs")
    op.drop_table("runs")


def _aliases() -> None:
    """Table aliases."""
    op.create_index("ix_aliases_into_id", "aliases", ["into_id"], unique=False)


def _charges() -> None:
    """Table charges."""
    op.drop_index(op.f("ix_charges_waiting"), table_name="charges")
    op.create_index("ix_charges_waiting", "charges", ["state", "state_since", "id", "practice"], unique=False)


def _claim_versions() -> None:
    """Table claim_versions."""
    op.drop_index(op.f("ix_claim_versions_waiting"), table_name="claim_versions")
    op.create_index(
        "ix_claim_versions_waiting", "claim_versions", ["state", "state_since", "id", "practice"], unique=False
    )


def _claims() -> None:
    """Table claims."""
    op.drop_index(op.f("ix_claims_waiting"), table_name="claims")
    op.create_index("ix_claims_waiting", "claims", ["state", "state_since", "id", "practice"], unique=False)
    op.create_index("ix_claims_payer", "claims", ["payer", "id"], unique=False)


def _encounters() -> None:
    """Table encounters."""
    op.drop_index(op.f("ix_encounters_waiting"), table_name="encounters")
    op.create_index(
        "ix_encounters_waiting", "encounters", ["state", "state_since", "id", "practice"], unique=False
    )


def _expectations() -> None:
    """Table expectations."""
    op.drop_index(
        op.f("ix_expectations_due_at"), table_name="expectations", sqlite_where=sa.text("met_at IS NULL")
    )
    op.create_index(
        "ix_expectations_due_at",
        "expectations",
        ["due_at", "id", "kind", "practice", "work_id", "met_at"],
        unique=False,
        sqlite_where=sa.text("met_at IS NULL"),
        postgresql_where=sa.text("met_at IS NULL"),
    )
    op.create_index("ix_expectations_about", "expectations", ["about", "kind"], unique=False)


def _facts() -> None:
    """Table facts."""
    op.drop_index(op.f("ix_facts_waiting"), table_name="facts")
    op.create_index("ix_facts_waiting", "facts", ["state", "state_since", "id", "practice"], unique=False)


def _inbox() -> None:
    """Table inbox."""
    op.drop_index(op.f("ix_inbox_waiting"), table_name="inbox")
    op.create_index("ix_inbox_waiting", "inbox", ["state", "source", "seq"], unique=False)


def _patients() -> None:
    """Table patients."""
    op.drop_index(op.f("ix_patients_waiting"), table_name="patients")
    op.create_index("ix_patients_waiting", "patients", ["state", "state_since", "id", "practice"], unique=False)


def _remit_claims() -> None:
    """Table remit_claims."""
    op.drop_index(op.f("ix_remit_claims_waiting"), table_name="remit_claims")
    op.create_index(
        "ix_remit_claims_waiting", "remit_claims", ["state", "state_since", "id", "practice"], unique=False
    )


def _remits() -> None:
    """Table remits."""
    op.drop_index(op.f("ix_remits_waiting"), table_name="remits")
    op.create_index("ix_remits_waiting", "remits", ["state", "state_since", "id", "practice"], unique=False)
    op.create_index("ix_remits_blob_id", "remits", ["blob_id", "set_index"], unique=False)


def _statements() -> None:
    """Table statements."""
    op.drop_index(op.f("ix_statements_waiting"), table_name="statements")
    op.create_index(
        "ix_statements_waiting", "statements", ["state", "state_since", "id", "practice"], unique=False
    )


def _work_items() -> None:
    """Table work_items."""
    op.add_column(
        "work_items",
        sa.Column(
            "press",
            sa.BigInteger(),
            sa.Computed(
                "1000000000000000 * (\n  CASE WHEN substr(reason, length(reason) - 7) = '.warning' THEN 4 ELSE 0 END\n  + CASE WHEN aggregate IN ('file', 'connector') THEN 0 ELSE 2 END\n  + CASE WHEN substr(reason, 1, 8) = 'overdue.' THEN 0 ELSE 1 END\n) - amount_cents"
            ),
            nullable=True,
        ),
    )
    op.create_index(
        "ix_work_items_due_at",
        "work_items",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("resolved_at IS NULL AND due_at IS NOT NULL"),
        postgresql_where=sa.text("resolved_at IS NULL AND due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_work_items_press",
        "work_items",
        ["press", "opened_at", "id", "owner", "reason", "practice", "due_at", "amount_cents", "resolved_at"],
        unique=False,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
