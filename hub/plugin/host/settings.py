"""Checks the settings of every configured instance at once: all bad keys, each with its place, no values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

import msgspec
from pydantic import BaseModel, ValidationError

from hub.config.explain import near
from hub.errors import Problem
from hub.plugin.api.unfinished import Unfinished
from hub.plugin.host.offers import Offer, problem

_PLAIN = {"missing": "it is missing", "extra_forbidden": "the plugin has no such setting"}
_DEEPEST = 5
Key = tuple[str | int, ...]
Locate = Callable[[str, Key], str]


class ConnectorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One `[connectors.NAME]`: the plugin's entry point, the kind it offers (may be empty where a plugin offers
    only one), and the settings as they were read.
    """

    plugin: str
    kind: str = ""
    settings: Mapping[str, object] = {}


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of settings: `key` is the way to it, empty for the whole. `unfinished`: nothing that was given is
    wrong, something is still to be added.
    """

    key: Key
    why: str
    fix: str
    unfinished: bool = False


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
    """The settings as the plugin's model, or every fault, each with its place."""
    settings, wrong = judged(model, given)
    return settings, [_problem(name, one, locate) for one in wrong]


def _problem(name: str, one: Wrong, locate: Locate) -> Problem:
    place = ".".join((name, "settings", *map(str, one.key)))
    return problem("settings", locate(name, one.key), f"{place}: {one.why}", one.fix)


def judged(model: type[BaseModel], given: Mapping[str, object]) -> tuple[BaseModel | None, list[Wrong]]:
    """The settings as the plugin's model, or every fault. A key that a table of the model does not know is a fault,
    also where the model would ignore it: it is a misspelt one.
    """
    extra = model.model_config.get("extra") or "forbid"
    try:
        return model.model_validate(dict(given), extra="forbid" if extra == "ignore" else extra), []
    except ValidationError as error:
        return None, [_wrong(dict(one), model) for one in error.errors(include_url=False)]
    except Exception as error:  # noqa: BLE001 - a plugin's own validators may raise anything
        why = f"they cannot be checked: {type(error).__name__} in the plugin"
        return None, [Wrong(key=(), why=why, fix="tell the plugin's author")]


def _wrong(error: dict[str, Any], model: type[BaseModel]) -> Wrong:
    key: Key = tuple(error["loc"])
    kind, said, given = error["type"], str(error["msg"]), str(error.get("input", ""))
    if kind in ("value_error", "assertion_error") and given:
        said = said.replace(given, "...")
    unfinished = kind == "missing" or isinstance(error.get("ctx", {}).get("error"), Unfinished)
    return Wrong(
        key=key,
        why=_PLAIN.get(kind, said.removeprefix("Value error, ")),
        fix=_fix(kind, key, error, model),
        unfinished=unfinished,
    )


def _fix(kind: str, key: Key, error: Mapping[str, Any], model: type[BaseModel]) -> str:
    if kind == "missing":
        return "add it"
    if kind == "extra_forbidden":
        meant = _meant(key, model)
        return f"remove it or mend its name{f': {meant}' if meant else ''}"
    if kind == "literal_error":
        words = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
        meant = near(str(error.get("input", "")), words)
        return f"mend it: {meant}" if meant else "mend it"
    return "mend it"


def _meant(key: Key, model: type[BaseModel]) -> str:
    """Which setting a misspelt key may mean: one of its own table, else the same word in another table."""
    word, own = str(key[-1]), _table(model, key[:-1])
    if own is not None and (meant := near(word, _names(own))):
        return meant
    path = next((path for path, table in _tables(model, ()) if word in _names(table)), None)
    return f"it belongs to the table {'.'.join(path)}" if path else ""


def _names(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def _table(model: type[BaseModel], path: Key) -> type[BaseModel] | None:
    """The table of a model at a place, where there is one; the numbers of rows are skipped."""
    names = tuple(step for step in path if isinstance(step, str))
    return next((table for place, table in _tables(model, ()) if place == names), None)


def _tables(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    """A model and the tables within it, each with its place."""
    yield path, model
    for name, info in model.model_fields.items():
        if (table := table_of(info.annotation)) is not None and len(path) < _DEEPEST:
            yield from _tables(table, (*path, info.alias or name))


def table_of(shape: Any) -> type[BaseModel] | None:
    """The model of a setting that is a table of its own, or may be none."""
    kinds = (shape, *get_args(shape))
    return next((one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)), None)
