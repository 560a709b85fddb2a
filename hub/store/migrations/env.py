"""Alembic's entry: runs the steps on the connection that `hub.store.migrate` hands over."""

from __future__ import annotations

from typing import Any

from alembic import context


def _told(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:  # noqa: ARG001 - alembic names them
    """Say which step is done."""
    if told := context.config.attributes.get("told"):
        told(str(step.up_revision_id))


context.configure(
    connection=context.config.attributes["connection"], render_as_batch=True, on_version_apply=_told
)
context.run_migrations()
