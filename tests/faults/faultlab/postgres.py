"""A PostgreSQL server of one's own, to be stopped, killed and started again while hubs use it."""

from __future__ import annotations

from hub.testing.postgres import OwnServer

__all__ = ["OwnServer"]
