"""Feeds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the step."""
    _appointments()
    _feed_hours()
    _held_lanes()
    _inbox_edits()


def _guard(sqlite: tuple[str, ...], postgresql: tuple[str, ...]) -> None:
    """Add triggers in the words of this database."""
    for statement in sqlite if op.get_bind().dialect.name == "sqlite" else postgresql:
        op.execute(statement)


def _appointments() -> None:
    """Table appointments."""
    op.create_table(
        "appointments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=True),
        sa.Column("starts_at", sa.BigInteger(), nullable=True),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("doc_version", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointments")),
        sa.UniqueConstraint("practice", "source", "key", name=op.f("uq_appointments_practice_source_key")),
    )
    op.create_index("ix_appointments_key_id", "appointments", ["key_id", "id"], unique=False)
    op.create_index("ix_appointments_patient_id", "appointments", ["patient_id", "state"], unique=False)
    op.create_index("ix_appointments_starts_at", "appointments", ["starts_at", "state"], unique=False)
    op.create_index(
        "ix_appointments_waiting", "appointments", ["state", "state_since", "id", "practice"], unique=False
    )


def _feed_hours() -> None:
    """Table feed_hours."""
    op.create_table(
        "feed_hours",
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("repeats", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("slowest_ms", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "peer", "hour", name=op.f("pk_feed_hours")),
    )
    op.create_index("ix_feed_hours_hour", "feed_hours", ["hour"], unique=False)


def _held_lanes() -> None:
    """Table held_lanes."""
    op.create_table(
        "held_lanes",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "lane", "seq", name=op.f("pk_held_lanes")),
    )
    op.create_index("ix_held_lanes_seq", "held_lanes", ["seq"], unique=False)


def _inbox_edits() -> None:
    """Table inbox_edits."""
    op.create_table(
        "inbox_edits",
        sa.Column("edited_id", sa.Text(), nullable=False),
        sa.Column("original_id", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("edited_id", name=op.f("pk_inbox_edits")),
    )
    op.create_index("ix_inbox_edits_original_id", "inbox_edits", ["original_id"], unique=False)
