"""The four errors that may cross the door, named for what the hub does next (see `hub.errors`)."""

from __future__ import annotations

from hub.errors import HubError, InDoubt, Misconfigured, Problem, Refused, RetryLater

__all__ = ["HubError", "InDoubt", "Misconfigured", "Problem", "Refused", "RetryLater"]
