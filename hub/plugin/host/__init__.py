"""The plugin host: loads what configuration names, checks it, isolates it, times it, and dispatches hooks."""

from __future__ import annotations

from hub.plugin.host.context import BufferedState, Following, HostContext, contexts
from hub.plugin.host.faults import PluginFault
from hub.plugin.host.guard import CallCount
from hub.plugin.host.host import InstanceInfo, Keep, Options, PluginHost
from hub.plugin.host.offers import Offer
from hub.plugin.host.ports import (
    GuardedClearinghouse,
    GuardedNotifier,
    GuardedPrinter,
    GuardedSource,
    GuardedTransfer,
)
from hub.plugin.host.settings import ConnectorSpec

__all__ = [
    "BufferedState",
    "CallCount",
    "ConnectorSpec",
    "Following",
    "GuardedClearinghouse",
    "GuardedNotifier",
    "GuardedPrinter",
    "GuardedSource",
    "GuardedTransfer",
    "HostContext",
    "InstanceInfo",
    "Keep",
    "Offer",
    "Options",
    "PluginFault",
    "PluginHost",
    "contexts",
]
