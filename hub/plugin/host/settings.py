"""Checks the settings of every configured instance at once: all bad keys, each with its place, no values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from pydantic import BaseModel, ValidationError

from hub.config.explain import near
from hub.errors import Problem
from hub.plugin.host.offers import Offer, problem

_PLAIN = {"missing": "it is missing", "extra_forbidden": "the plugin has no such setting"}
Key = tuple[str | int, ...]
Locate = Callable[[str, Key], str]


class ConnectorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One `[connectors.NAME]`: the plugin's entry point, the kind it offers (may be empty where a plugin offers
    only one), and the settings as they were read.
    """

    plugin: str
    kind: str = ""
    settings: Mapping[str, object] = {}


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """One instance whose settings are right."""

    name: str
    offer: Offer
    settings: Any


def at(instance: str, key: Key) -> str:
    """The place of a key where no file is known: `connectors.NAME.key`."""
    return ".".join(("connectors", instance, *map(str, key)))


def choose(
    connectors: Mapping[str, ConnectorSpec], offers: tuple[Offer, ...], usable: set[str], locate: Locate
) -> tuple[list[Chosen], list[Problem]]:
    """The instances that can be made, and every fault of every other. Instances of a plugin that is not
    `usable` are left out in silence: the plugin's own fault is said already.
    """
    chosen: list[Chosen] = []
    faults: list[Problem] = []
    for name, spec in connectors.items():
        if spec.plugin not in usable:
            continue
        mine = [offer for offer in offers if offer.plugin == spec.plugin and spec.kind in ("", offer.kind)]
        if len(mine) != 1:
            faults.append(_no_kind(name, spec, offers, locate))
            continue
        settings, wrong = check(name, mine[0].offered.Settings, spec.settings, locate)
        faults += wrong
        if settings is not None:
            chosen.append(Chosen(name=name, offer=mine[0], settings=settings))
    return chosen, faults


def _no_kind(name: str, spec: ConnectorSpec, offers: tuple[Offer, ...], locate: Locate) -> Problem:
    kinds = ", ".join(sorted(offer.kind for offer in offers if offer.plugin == spec.plugin)) or "nothing"
    why = f"{spec.plugin} offers {kinds}" + (f", not {spec.kind}" if spec.kind else ": say which")
    return problem("kind", locate(name, ("kind",)), why, "set kind to one that the plugin offers")


def check(
    name: str, model: type[BaseModel], given: Mapping[str, object], locate: Locate
) -> tuple[BaseModel | None, list[Problem]]:
    """The settings as the plugin's model, or every fault. A key that the model does not know is a fault, also
    where the model would ignore it: it is a misspelt one.
    """
    extra = model.model_config.get("extra") or "forbid"
    try:
        return model.model_validate(dict(given), extra="forbid" if extra == "ignore" else extra), []
    except ValidationError as error:
        return None, [
            _fault(name, dict(one), locate, model)
            for one in error.errors(include_url=False, include_context=False)
        ]
    except Exception as error:  # noqa: BLE001 - a plugin's own validators may raise anything
        why = f"its settings cannot be checked: {type(error).__name__} in the plugin"
        return None, [problem("settings", locate(name, ()), why, "tell the plugin's author")]


def _fault(name: str, error: dict[str, Any], locate: Locate, model: type[BaseModel]) -> Problem:
    key: Key = tuple(error["loc"])
    said = str(error["msg"])
    given = str(error.get("input", ""))
    if error["type"] in ("value_error", "assertion_error") and given:
        said = said.replace(given, "...")
    said = _PLAIN.get(error["type"], said.removeprefix("Value error, "))
    fix = {"missing": "add it", "extra_forbidden": "remove it or mend its name"}.get(error["type"], "mend it")
    if error["type"] == "extra_forbidden" and len(key) == 1 and (meant := near(str(key[0]), model.model_fields)):
        fix = f"{fix}: {meant}"
    place = ".".join((name, "settings", *map(str, key)))
    return problem("settings", locate(name, key), f"{place}: {said}", fix)
