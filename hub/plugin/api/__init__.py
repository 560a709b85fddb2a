"""All that a plugin author imports: hooks, ports, errors (version 0: it may still change)."""

from __future__ import annotations

from hub.plugin.api.desk import Commands, Desk, Instance, StoredMessage, Terminal
from hub.plugin.api.errors import HubError, InDoubt, Misconfigured, Problem, Refused, RetryLater
from hub.plugin.api.hookspecs import ScrubRule, hookimpl
from hub.plugin.api.ports import (
    API_VERSION,
    Capabilities,
    Changes,
    Clearinghouse,
    Context,
    EhrSource,
    Evidence,
    Inbox,
    ListeningSource,
    Listing,
    Notice,
    Notifier,
    Outgoing,
    PrintResult,
    PrintVendor,
    RawMessage,
    Ref,
    ScrubFinding,
    Step,
)

__all__ = [
    "API_VERSION",
    "Capabilities",
    "Changes",
    "Clearinghouse",
    "Commands",
    "Context",
    "Desk",
    "EhrSource",
    "Evidence",
    "HubError",
    "InDoubt",
    "Inbox",
    "Instance",
    "ListeningSource",
    "Listing",
    "Misconfigured",
    "Notice",
    "Notifier",
    "Outgoing",
    "PrintResult",
    "PrintVendor",
    "Problem",
    "RawMessage",
    "Ref",
    "Refused",
    "RetryLater",
    "ScrubFinding",
    "ScrubRule",
    "Step",
    "StoredMessage",
    "Terminal",
    "hookimpl",
]
