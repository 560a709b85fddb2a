"""The hooks: they only offer; typed objects do the work; configuration chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pluggy

from hub.model.claim import Claim
from hub.model.event import Event
from hub.plugin.api.ports import Clearinghouse, EhrSource, Notifier, PrintVendor, ScrubFinding

PROJECT = "hub"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

ScrubRule = Callable[[Claim], tuple[ScrubFinding, ...]]


@hookspec
def hub_ehr_sources() -> Mapping[str, type[EhrSource]]:  # type: ignore[empty-body]
    """Offer EHR sources: `{kind: class}`, where `kind` is what `[connectors.NAME] kind` says."""


@hookspec
def hub_clearinghouses() -> Mapping[str, type[Clearinghouse]]:  # type: ignore[empty-body]
    """Offer clearinghouse connections: `{kind: class}`."""


@hookspec
def hub_print_vendors() -> Mapping[str, type[PrintVendor]]:  # type: ignore[empty-body]
    """Offer print vendors: `{kind: class}`."""


@hookspec
def hub_notifiers() -> Mapping[str, type[Notifier]]:  # type: ignore[empty-body]
    """Offer ways to tell people of alarms: `{kind: class}`."""


@hookspec
def hub_scrub_rules() -> Mapping[str, ScrubRule]:  # type: ignore[empty-body]
    """Offer scrub rules: `{name: function}`; each takes a claim and returns what it finds."""


@hookspec(firstresult=True)
def hub_route_claim(claim: Claim) -> str | None:
    """Decide which clearinghouse instance carries `claim`; None leaves it to the next plugin, then to
    configuration.
    """


@hookspec(firstresult=True)
def hub_classify_file(name: str, head: bytes) -> str | None:
    """Decide what an inbound file is from its name and first 4 KiB: `835`, `999`, `277CA`, `TA1`, `report`;
    None leaves it to the next plugin, then to its content.
    """


@hookspec
def hub_event(event: Event) -> None:
    """Told of every event of the log, in its order, once it is committed and sealed (seconds later), at least once:
    know an event again by its `id`. The first listener of a hub hears the log from its beginning, one that is added
    later what follows. Each listener is isolated: one that fails on an event is reported and not told of it again.
    """
