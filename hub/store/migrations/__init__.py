"""The history of the tables, step by step; `HEAD` is the newest step, which this hub needs."""

from __future__ import annotations

HEAD = "0003"
