"""Tells people of alarms: e-mail over SMTP, web hooks, a dead man's ping."""

from __future__ import annotations

HUB_API = 0
