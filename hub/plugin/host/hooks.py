"""Calls hooks, each implementation by itself: one that fails is reported and passed over, never the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hub.errors import HubError
from hub.model.claim import Claim
from hub.model.event import Event
from hub.plugin.api import ScrubFinding, ScrubRule
from hub.plugin.host import answers
from hub.plugin.host.guard import Guard, Limits
from hub.plugin.host.offers import Loaded, implementations

T = TypeVar("T")
FILE_KINDS = frozenset({"835", "999", "277CA", "TA1", "report"})
_TOTAL = Limits(total=True)
_findings = answers.record(tuple[ScrubFinding, ...], "a tuple of ScrubFinding")


class Hooks:
    """The hooks of the plugins that were loaded; `carriers` are the names a claim may be routed to."""

    def __init__(self, loaded: Loaded, carriers: frozenset[str]) -> None:
        self._loaded = loaded
        self._known = _one_of(carriers, "the name of a configured clearinghouse, or None")
        self._kind = _one_of(FILE_KINDS, "a kind of file, or None")

    def route_claim(self, claim: Claim) -> str | None:
        """The clearinghouse instance that the first plugin with an opinion names; None leaves it to the hub."""
        return self._first("hub_route_claim", {"claim": claim}, self._known)

    def classify_file(self, name: str, head: bytes) -> str | None:
        """What the first plugin with an opinion says an inbound file is; None leaves it to its content."""
        return self._first("hub_classify_file", {"name": name, "head": head}, self._kind)

    @property
    def listens(self) -> bool:
        """Whether any plugin wants to hear of events."""
        return bool(implementations(self._loaded.manager, "hub_event"))

    def emit(self, event: Event) -> int:
        """Tell every listener; gives the number of those that failed."""
        failed = 0
        for plugin, function, names in implementations(self._loaded.manager, "hub_event"):
            try:
                self._guard(plugin).call(
                    "hub_event", _given(function, names, {"event": event}), answers.nothing, _TOTAL
                )
            except HubError:
                failed += 1
        return failed

    def scrub_rules(self) -> Mapping[str, ScrubRule]:
        """The rules that plugins offer, by name, guarded: a rule that fails raises `PluginFault`."""
        rules = self._loaded.rules.items()
        return {name: _guarded(self._guard(plugin), name, rule) for name, (plugin, rule) in rules}

    def _first(self, hook: str, given: Mapping[str, Any], check: Callable[[Any], T | None]) -> T | None:
        for plugin, function, names in implementations(self._loaded.manager, hook):
            try:
                said = self._guard(plugin).call(hook, _given(function, names, given), check, _TOTAL)
            except HubError:
                continue
            if said is not None:
                return said
        return None

    def _guard(self, plugin: str) -> Guard:
        return self._loaded.guards[plugin]


def _given(function: Callable[..., Any], names: tuple[str, ...], given: Mapping[str, Any]) -> Callable[[], Any]:
    """An implementation may take fewer arguments than its hook has, as everywhere with pluggy."""
    return lambda: function(**{name: given[name] for name in names})


def _guarded(guard: Guard, name: str, rule: Callable[..., Any]) -> ScrubRule:
    return lambda claim: guard.call(f"rule {name}", lambda: rule(claim), _findings, _TOTAL)


def _one_of(known: frozenset[str], expected: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        if value is None or (isinstance(value, str) and value in known):
            return value
        raise answers.WrongAnswer(expected)

    return check
