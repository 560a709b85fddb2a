"""Loads the plugins that configuration names, and collects what they offer; every fault is a value.

pluggy checks none of this by itself: a hook nobody implements answers nothing, a misspelt one is ignored, one
plugin that raises stops the call, and any type may come back.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from types import ModuleType
from typing import Any

import msgspec
import pluggy
from pydantic import BaseModel

from hub.errors import HubError, Problem
from hub.plugin.api import API_VERSION, hookspecs
from hub.plugin.api.ports import Clearinghouse, EhrSource, Notifier, PrintVendor
from hub.plugin.host.answers import WrongAnswer
from hub.plugin.host.guard import Guard

GROUP = "hub"
PORTS: Mapping[str, type] = {
    "hub_ehr_sources": EhrSource,
    "hub_clearinghouses": Clearinghouse,
    "hub_print_vendors": PrintVendor,
    "hub_notifiers": Notifier,
}
VERSION_MARK = "HUB_API"


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One class that a plugin offers: `port` is the name of its protocol, as in `EhrSource`."""

    plugin: str
    port: str
    kind: str
    offered: Any


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of loading: the plugins that passed, what they offer, and what is wrong with the others."""

    manager: pluggy.PluginManager
    guards: dict[str, Guard]
    offers: tuple[Offer, ...]
    rules: dict[str, tuple[str, Callable[..., Any]]]
    faults: tuple[Problem, ...]


def problem(code: str, where: str, why: str, fix: str) -> Problem:
    """A fault of the door."""
    return Problem(code=f"plugin.{code}", where=where, why=why, fix=fix)


def load(
    names: Iterable[str], modules: Mapping[str, ModuleType], guard_for: Callable[[str, str], Guard]
) -> Loaded:
    """Load the entry points called `names`; `modules` stand in for entry points in tests and the demo."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    guards: dict[str, Guard] = {}
    faults: list[Problem] = []
    wanted = sorted(set(names))
    installed = [] if modules.keys() >= set(wanted) else list(metadata.entry_points(group=GROUP))
    for name in wanted:
        module, wrong = (modules[name], []) if name in modules else _find(name, installed, guard_for)
        if module is not None:
            guards[name] = guard_for(name, package_of(module))
            wrong = _admit(manager, name, module)
        faults += wrong
        if wrong:
            guards.pop(name, None)
    offers = _collect(manager, guards, faults)
    rules = _rules(manager, guards, faults)
    return Loaded(manager=manager, guards=guards, offers=offers, rules=rules, faults=tuple(faults))


def package_of(module: ModuleType) -> str:
    """The top-level import name."""
    return module.__name__.partition(".")[0]


def _find(
    name: str, installed: list[metadata.EntryPoint], guard_for: Callable[[str, str], Guard]
) -> tuple[ModuleType | None, list[Problem]]:
    points = [point for point in installed if point.name == name]
    if len(points) != 1:
        return None, [_double(name, points) if points else _absent(name, installed)]
    (point,) = points
    try:
        guard = guard_for(name, point.module.partition(".")[0])
        found = guard.call("import", point.load, _module)
        guard.close()
    except HubError as fault:
        why = f"importing it failed: {fault}"
        return None, [problem("import", name, why, "install its dependencies, or tell its author")]
    return found, []


def _absent(name: str, installed: list[metadata.EntryPoint]) -> Problem:
    known = ", ".join(sorted({point.name for point in installed})) or "none"
    return problem(
        "absent", name, f"no installed plugin has this name (installed: {known})", "install it, or mend the name"
    )


def _double(name: str, points: list[metadata.EntryPoint]) -> Problem:
    owners = " and ".join(sorted(point.dist.name if point.dist else "?" for point in points))
    return problem("double", name, f"{owners} both bring a plugin of this name", "uninstall one of them")


def _module(value: Any) -> ModuleType:
    if not isinstance(value, ModuleType):
        raise WrongAnswer("a module")
    return value


def _admit(manager: pluggy.PluginManager, name: str, module: ModuleType) -> list[Problem]:
    """Register a module and see that it is of this API and that each of its hooks exists."""
    version = getattr(module, VERSION_MARK, None)
    if version != API_VERSION:
        said = "does not say its API version" if version is None else f"is made for API version {version!s:.10}"
        fix = f"this hub has version {API_VERSION}: {package_of(module)} must say {VERSION_MARK} = {API_VERSION}"
        return [problem("version", name, f"the plugin {said}", fix)]
    if unmarked := _unmarked(module):
        fix = "write @hookimpl above each"
        return [problem("unmarked", name, f"{', '.join(unmarked)}: not marked as hooks", fix)]
    try:
        manager.register(module, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        if manager.has_plugin(name):
            manager.unregister(name=name)
        return [
            problem(
                "hook", name, _first_line(error), "docs/reference/hooks.md names every hook and its arguments"
            )
        ]
    return _wrappers(manager, name, module)


def _unmarked(module: ModuleType) -> list[str]:
    functions = inspect.getmembers(module, inspect.isfunction)
    return [name for name, it in functions if name.startswith("hub_") and not hasattr(it, "hub_impl")]


def _first_line(error: Exception) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())[:300]


def _wrappers(manager: pluggy.PluginManager, name: str, module: ModuleType) -> list[Problem]:
    callers = manager.get_hookcallers(module) or []
    wrapping = [
        c.name for c in callers for i in c.get_hookimpls() if i.plugin is module and (i.hookwrapper or i.wrapper)
    ]
    if not wrapping:
        return []
    manager.unregister(name=name)
    return [
        problem(
            "wrapper", name, f"{', '.join(wrapping)}: hook wrappers are not called", "implement the hook plainly"
        )
    ]


def implementations(
    manager: pluggy.PluginManager, hook: str
) -> list[tuple[str, Callable[..., Any], tuple[str, ...]]]:
    """(plugin, function, argument names) of each implementation, in pluggy's order (last registered first)."""
    found = reversed(getattr(manager.hook, hook).get_hookimpls())
    return [(it.plugin_name, it.function, tuple(it.argnames)) for it in found]


def _collect(
    manager: pluggy.PluginManager, guards: Mapping[str, Guard], faults: list[Problem]
) -> tuple[Offer, ...]:
    offers: list[Offer] = []
    for hook, port in PORTS.items():
        for kind, plugin, offered in _offered(manager, guards, hook, faults):
            wrong = misfits(offered, port)
            if wrong:
                why = f"{hook} offers {kind}, which is no {port.__name__}: {'; '.join(wrong)}"
                faults.append(problem("port", plugin, why, "docs/reference/hooks.md says what a port needs"))
            else:
                offers.append(Offer(plugin=plugin, port=port.__name__, kind=kind, offered=offered))
    return tuple(offers)


def _rules(
    manager: pluggy.PluginManager, guards: Mapping[str, Guard], faults: list[Problem]
) -> dict[str, tuple[str, Callable[..., Any]]]:
    found = _offered(manager, guards, "hub_scrub_rules", faults)
    return {name: (plugin, rule) for name, plugin, rule in found if callable(rule)}


def _offered(
    manager: pluggy.PluginManager, guards: Mapping[str, Guard], hook: str, faults: list[Problem]
) -> list[tuple[str, str, Any]]:
    """(name, plugin, thing) that `hook` offers; a name that two plugins claim is refused to both."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for plugin, function, _ in implementations(manager, hook):
        try:
            mine = guards[plugin].call(hook, function, _named)
        except HubError as fault:
            faults.append(problem("fault", plugin, str(fault), "tell the plugin's author"))
            continue
        for name, thing in mine.items():
            found.setdefault(name, []).append((plugin, thing))
    for name, owners in found.items():
        if len(owners) > 1:
            who = " and ".join(sorted(plugin for plugin, _ in owners))
            faults.append(
                problem("double", name, f"{who} both offer it through {hook}", "configure only one of them")
            )
    return [(name, *owners[0]) for name, owners in found.items() if len(owners) == 1]


def _named(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise WrongAnswer("a mapping of names")
    return value


def misfits(offered: Any, port: type) -> list[str]:
    """What a class lacks to be `port`: settings, methods, or the arguments they are called with."""
    if not isinstance(offered, type):
        return ["it is not a class"]
    settings = getattr(offered, "Settings", None)
    wrong = (
        []
        if isinstance(settings, type) and issubclass(settings, BaseModel)
        else ["Settings is no pydantic model"]
    )
    for name in sorted(_members(port)):
        wanted, mine = inspect.getattr_static(port, name), getattr(offered, name, None)
        if mine is None:
            wrong.append(f"{name} is missing")
        elif inspect.isfunction(wanted) and not _takes(mine, wanted):
            wrong.append(f"{name} does not take {', '.join(_arguments(wanted)) or 'no arguments'}")
    return wrong


def _members(port: type) -> set[str]:
    """The port's methods and properties, with those of the protocols it extends."""
    own = {
        name
        for base in port.__mro__
        for name, it in vars(base).items()
        if inspect.isfunction(it) or isinstance(it, property)
    }
    return {name for name in own if not name.startswith("_")}


def _arguments(method: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(method).parameters)[1:]


def _takes(mine: Any, wanted: Callable[..., Any]) -> bool:
    if not callable(mine):
        return False
    try:
        inspect.signature(mine).bind(None, *_arguments(wanted))
    except (TypeError, ValueError):
        return False
    return True
