"""The plugin host: the instances that configuration names, made, guarded, and handed out by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from types import ModuleType
from typing import Any, TypeVar

import msgspec

from hub.errors import HubError, Misconfigured, Problem
from hub.log import get_log
from hub.plugin.host import answers
from hub.plugin.host.context import BufferedState, Errands, HostContext
from hub.plugin.host.faults import PluginFault
from hub.plugin.host.guard import CallCount, Guard, Memory
from hub.plugin.host.hooks import Hooks
from hub.plugin.host.offers import Loaded, Offer, load, problem
from hub.plugin.host.ports import (
    Guarded,
    GuardedClearinghouse,
    GuardedNotifier,
    GuardedPrinter,
    GuardedSource,
    GuardedTransfer,
)
from hub.plugin.host.reader import Made, Reader
from hub.plugin.host.settings import Chosen, ConnectorSpec, Locate, at, choose

G = TypeVar("G", bound=Guarded)
ContextFor = Callable[[str], HostContext]
_WRAPS: Mapping[str, type[Guarded]] = {
    "Clearinghouse": GuardedClearinghouse,
    "EhrSource": GuardedSource,
    "PrintVendor": GuardedPrinter,
    "Notifier": GuardedNotifier,
}


MOST_HANGING = 8
"""So many calls of one instance may hang at once before it is no longer made anew by itself."""


class InstanceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one instance, for lists and for `hub doctor`."""

    name: str
    plugin: str
    kind: str
    port: str
    held: bool


class _Instance(msgspec.Struct, frozen=True, kw_only=True):
    chosen: Chosen
    context: HostContext
    guard: Guard
    port: Guarded


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the host works: the longest silence of a call, who hears of faults, stand-ins for entry points, and
    further plugins to load that have hooks but no instance.
    """

    deadline_seconds: float = 120.0
    on_fault: Callable[[PluginFault], None] | None = None
    modules: Mapping[str, ModuleType] = {}
    also: tuple[str, ...] = ()


Keep = tuple["PluginHost", Collection[str]]
"""Instances of a host, by name, that another one takes over."""


class PluginHost(Hooks):
    """Loads, checks, isolates and times plugins. `load` makes it; everything else asks it by instance name."""

    def __init__(
        self, loaded: Loaded, instances: Mapping[str, _Instance], remake: Callable[[Chosen], _Instance]
    ) -> None:
        names = (name for name, it in instances.items() if it.chosen.offer.port == "Clearinghouse")
        super().__init__(loaded, frozenset(names))
        self._instances = dict(instances)
        self._remake = remake
        self._hanging: dict[str, list[Guard]] = {}
        self._mending = threading.Lock()

    @classmethod
    def load(
        cls,
        connectors: Mapping[str, ConnectorSpec],
        *,
        context_for: ContextFor,
        locate: Locate = at,
        options: Options | None = None,
        keep: Keep | None = None,
    ) -> tuple[PluginHost, tuple[Problem, ...]]:
        """The host with every instance that could be made, and every fault of all the others at once.

        `context_for(name)` gives an instance its context; `locate(name, key)` says where a key of its settings
        stands (file and line). `keep` names instances of another host that are taken over as they are.
        """
        made = _Maker(context_for, options or Options())
        loaded = load(_named(connectors, made.options), made.options.modules, made.hook_guard)
        chosen, faults = choose(connectors, loaded.offers, set(loaded.guards), locate)
        kept = {} if keep is None else {name: keep[0]._instances[name] for name in keep[1]}  # noqa: SLF001 - a host
        instances, failed = made.all((one for one in chosen if one.name not in kept), locate)
        placed = [_placed(fault, connectors, locate) for fault in loaded.faults]
        return cls(loaded, {**kept, **instances}, made.one), (*placed, *faults, *failed)

    def clearinghouse(self, name: str) -> GuardedClearinghouse:
        """The clearinghouse instance `name`; raises `Misconfigured` where there is none."""
        return self._port(name, GuardedClearinghouse)

    def source(self, name: str) -> GuardedSource:
        """The EHR source instance `name`; raises `Misconfigured` where there is none."""
        return self._port(name, GuardedSource)

    def printer(self, name: str) -> GuardedPrinter:
        """The print vendor instance `name`; raises `Misconfigured` where there is none."""
        return self._port(name, GuardedPrinter)

    def notifier(self, name: str) -> GuardedNotifier:
        """The notifier instance `name`; raises `Misconfigured` where there is none."""
        return self._port(name, GuardedNotifier)

    def transfer(self, name: str) -> GuardedTransfer:
        """What carries the files of a mailbox: a clearinghouse or a print vendor."""
        return self._port(name, GuardedTransfer)

    def port(self, name: str) -> Guarded:
        """The instance `name`, whatever its port: for `check()`."""
        return self._port(name, Guarded)

    def state(self, name: str) -> BufferedState:
        """What the instance has put and flow has not yet saved: `state.commit(tx)`."""
        self._port(name, Guarded)
        return self._instances[name].context.state

    def errands(self, name: str) -> Errands:
        """What is laid ready for the next `changes` of an EHR source, and whether it was taken."""
        self._port(name, GuardedSource)
        return self._instances[name].context.laid

    def settings(self, name: str) -> Any:
        """The checked settings of the instance `name`: an object of its plugin's own `Settings`."""
        self._port(name, Guarded)
        return self._instances[name].chosen.settings

    def instances(self) -> tuple[InstanceInfo, ...]:
        """Every instance, by name."""
        return tuple(_info(name, it) for name, it in sorted(self._instances.items()))

    def names(self, port: str) -> tuple[str, ...]:
        """The names of the instances of `Clearinghouse`, `EhrSource`, `PrintVendor` or `Notifier`."""
        return tuple(it.name for it in self.instances() if it.port == port)

    def offers(self) -> tuple[Offer, ...]:
        """What the loaded plugins offer."""
        return self._loaded.offers

    def counts(self) -> tuple[CallCount, ...]:
        """Every call so far, by instance (or plugin, for hooks) and method."""
        guards = [*self._loaded.guards.values(), *(it.guard for it in self._instances.values())]
        found = [count for guard in guards for count in guard.counts()]
        readers = (it.port.reader for it in self._instances.values() if isinstance(it.port, GuardedSource))
        return _summed([*found, *(count for reader in readers for count in reader.counts())])

    def remake(self, name: str) -> None:
        """Make a new object for an instance, as a person asks when a held one is to go on."""
        self._port(name, Guarded)
        old = self._instances[name]
        self._instances[name] = made = self._remake(old.chosen)
        if isinstance(old.port, GuardedSource) and isinstance(made.port, GuardedSource):
            made.port.reader = old.port.reader  # it did not hang, and may read now
        with self._mending:
            left = [guard for guard in self._hanging.get(name, []) if guard.hangs]
            self._hanging[name] = [*left, old.guard] if old.guard.hangs else left

    def mend(self, name: str, *, reading: bool = False) -> bool:
        """Make an instance anew where a call of it hung, so that it can be used again; True where that was done. Of a
        source with `reading` that object which reads, else the other. One of which very many calls hang still stays
        held: a thread cannot be killed. A name of no instance is left.
        """
        held = self._instances.get(name)
        if held is not None and reading:
            return isinstance(held.port, GuardedSource) and held.port.reader.mend(MOST_HANGING)
        if held is None or not held.guard.held:
            return False
        if sum(guard.hangs for guard in self._hanging.get(name, [])) >= MOST_HANGING:
            return False
        self.remake(name)
        get_log().info("plugin.remade", instance=name)
        return True

    def close(self, but: Collection[str] = ()) -> tuple[PluginFault, ...]:
        """Close every instance, whatever the others do; gives what went wrong. Harmless twice. `but` names those
        that another host has taken over.
        """
        failed: list[PluginFault] = []
        for it in [it for name, it in self._instances.items() if name not in but]:
            try:
                it.port.close()
            except PluginFault as fault:
                failed.append(fault)
            except HubError as error:
                failed.append(it.guard.fault("close", type(error).__name__))
        for guard in self._loaded.guards.values():
            guard.close()
        return tuple(failed)

    def _port(self, name: str, wanted: type[G]) -> G:
        found = self._instances.get(name)
        if found is None or not isinstance(found.port, wanted):
            known = (
                ", ".join(n for n, it in sorted(self._instances.items()) if isinstance(it.port, wanted)) or "none"
            )
            raise Misconfigured(
                f"no working connector {name} of the kind that is asked for (there are: {known})",
                fix="mend [connectors] and run hub check",
            )
        return found.port


class _Maker:
    """Makes guarded instances."""

    def __init__(self, context_for: ContextFor, options: Options) -> None:
        self._context_for = context_for
        self.options = options

    def hook_guard(self, plugin: str, package: str) -> Guard:
        return self._guard(plugin, plugin, package, None)

    def all(self, chosen: Iterable[Chosen], locate: Locate) -> tuple[dict[str, _Instance], list[Problem]]:
        made: dict[str, _Instance] = {}
        failed: list[Problem] = []
        for one in chosen:
            try:
                made[one.name] = self.one(one)
            except HubError as error:
                fix = error.fix or "mend the settings"
                failed.append(problem("make", locate(one.name, ()), f"it could not be made: {error}", fix))
        return made, failed

    def one(self, chosen: Chosen) -> _Instance:
        """One object of the plugin's class. Its constructor does no I/O, but it is guarded like any call."""
        context = self._context_for(chosen.name)
        inner, guard = self._object(chosen, context)
        port = _WRAPS[chosen.offer.port](inner, guard, context.clock)
        if isinstance(port, GuardedSource):
            port.reader = Reader(lambda: self._object(chosen, self._context_for(chosen.name)))
        return _Instance(chosen=chosen, context=context, guard=guard, port=port)

    def _object(self, chosen: Chosen, context: HostContext) -> Made:
        offered = chosen.offer.offered
        package = offered.__module__.partition(".")[0]
        guard = self._guard(chosen.name, chosen.offer.plugin, package, context.state)
        return guard.call("__init__", lambda: offered(chosen.settings, context), answers.anything), guard

    def _guard(self, instance: str, plugin: str, package: str, memory: Memory | None) -> Guard:
        return Guard(
            instance=instance,
            plugin=plugin,
            package=package,
            deadline_seconds=self.options.deadline_seconds,
            memory=memory,
            on_fault=self.options.on_fault or _log,
        )


def _log(fault: PluginFault) -> None:
    cause = fault.cause if fault.cause.isidentifier() else ("hung" if fault.hung else "wrong-answer")
    get_log().warning(
        "plugin.fault",
        plugin=fault.plugin,
        instance=fault.instance,
        method=fault.method,
        exception=cause,
        place=fault.place,
    )


def _named(connectors: Mapping[str, ConnectorSpec], options: Options) -> list[str]:
    return [*options.also, *(spec.plugin for spec in connectors.values())]


def _placed(fault: Problem, connectors: Mapping[str, ConnectorSpec], locate: Locate) -> Problem:
    """A plugin's fault, placed where configuration first names the plugin."""
    users = [name for name, spec in connectors.items() if spec.plugin == fault.where]
    return msgspec.structs.replace(fault, where=locate(users[0], ("plugin",))) if users else fault


def _info(name: str, it: _Instance) -> InstanceInfo:
    offer = it.chosen.offer
    held = it.guard.held or (isinstance(it.port, GuardedSource) and it.port.reader.held)
    return InstanceInfo(name=name, plugin=offer.plugin, kind=offer.kind, port=offer.port, held=held)


def _summed(counts: Iterable[CallCount]) -> tuple[CallCount, ...]:
    """One count for each method of an instance, however many objects it is called on."""
    found: dict[tuple[str, str], CallCount] = {}
    for one in counts:
        both = found.setdefault((one.instance, one.method), CallCount(instance=one.instance, method=one.method))
        both.calls += one.calls
        both.faults += one.faults
        both.seconds += one.seconds
    return tuple(found.values())
