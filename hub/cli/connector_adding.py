"""`connector add`: one more connector in hub.toml, with every setting of its plugin said in words."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from hub.app import Faulty
from hub.cli.connectors import loaded_from, nothing
from hub.cli.ui import say
from hub.clock import SystemClock
from hub.config import SecretStore, load
from hub.errors import Misconfigured
from hub.plugin.host import PluginHost, contexts
from hub.plugin.host.host import Options
from hub.plugin.host.offers import Offer
from hub.plugin.host.settings import judged, table_of

WIDTH = 100
Given = dict[str, Any]


def add(
    folder: Path, name: str, plugin: str, kind: str, practice: str, given: Sequence[str] = (), *, dry_run: bool
) -> None:
    """Append a connector to hub.toml with every setting of its plugin as a comment, and those that are `given`
    (`server.url=https://...`) written out; the file is put back as it was where that broke it.
    """
    before = loaded_from(folder)
    if name in before.settings.connectors:
        raise Misconfigured(f"there is a connector {name} already", fix="choose another name, or edit hub.toml")
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise Misconfigured("a connector's name is letters, digits, - and _", fix="choose another name")
    offer = _offer(plugin, kind)
    text = "\n".join(_table(name, offer, practice or before.settings.practice_of(name), _nested(given)))
    if dry_run:
        say(text)
        return
    path = folder / "hub.toml"
    original = path.read_bytes()
    path.write_bytes(original.rstrip() + b"\n\n" + text.encode() + b"\n")
    after = load(folder)
    if not after.ok:
        path.write_bytes(original)
        raise Faulty(after.faults)
    say(f"added [connectors.{name}] at the end of {path}")
    for one in _lacking(offer.offered.Settings, _nested(given)):
        say(f"  still to be filled in: {one}")
    on = after.settings.connectors[name].enabled
    say("Next:" if on else "Next: fill in what is required and set enabled = true, then run:")
    say(f"  hub check -c {folder} && hub connector test {name} -c {folder}")
    if offer.port == "EhrSource" and name not in after.settings.sources:
        say(f"Its visits are billed once [sources.{name}] in practices.toml says from which day on (bill_from).")
    if offer.port == "Notifier":
        say(f'It tells people once [notifications.to] names it, as in it = ["{name}"].')
    if offer.port == "Clearinghouse" and name not in after.settings.mailboxes:
        say(f"It carries claims once [mailboxes.{name}] and [route] in hub.toml name it.")


def _nested(given: Sequence[str]) -> Given:
    """`a.b=1` as tables: a value is TOML where it is that, else a text."""
    found: Given = {}
    for one in given:
        path, equals, text = one.partition("=")
        *above, last = path.strip().split(".")
        if not equals or not all((*above, last)):
            raise Misconfigured("--set takes KEY=VALUE", fix="as in --set server.url=https://fhir.example.org/r4")
        table = found
        for step in above:
            table = table.setdefault(step, {})
            if not isinstance(table, dict):
                raise Misconfigured(f"--set {path}: {step} is a value and a table", fix="set one of the two")
        table[last] = _value(text.strip())
    return found


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"it = {text}")["it"]
    except tomllib.TOMLDecodeError:
        return text


def _offer(plugin: str, kind: str) -> Offer:
    clock = SystemClock()
    make = contexts(clock=clock, secrets=SecretStore(Path()), load=nothing)
    host, problems = PluginHost.load({}, context_for=make, options=Options(also=(plugin,)))
    offers = [one for one in host.offers() if one.plugin == plugin and kind in ("", one.kind)]
    host.close()
    if len(offers) == 1:
        return offers[0]
    if problems:
        raise Misconfigured(problems[0].why, fix=problems[0].fix)
    kinds = ", ".join(one.kind for one in host.offers() if one.plugin == plugin)
    raise Misconfigured(f"{plugin} offers {kinds or 'no connector'}: say which", fix="name it with --kind")


def _table(name: str, offer: Offer, practice: str, given: Given) -> Iterator[str]:
    """The lines of the new tables. Without a required setting it is not yet enabled, so that the hub still runs."""
    model: type[BaseModel] = offer.offered.Settings
    yield f"[connectors.{name}]"
    yield f"plugin = {json.dumps(offer.plugin)}"
    yield f"kind = {json.dumps(offer.kind)}"
    if practice and offer.port == "EhrSource":
        yield f"practice = {json.dumps(practice)}"
    if _lacking(model, given):
        yield "enabled = false                       # true, once what is required below is filled in"
    if not all(info.description for info in model.model_fields.values()):
        yield from _explained(model)
    yield from _settings(f"connectors.{name}.settings", model, given)


def _settings(path: str, model: type[BaseModel], given: Given | None) -> Iterator[str]:
    """One table: its own keys, then the tables within it. A table of which nothing is given (None) is a comment."""
    yield f"[{path}]" if given is not None else f"# [{path}]"
    told = given or {}
    inner: list[tuple[str, FieldInfo, type[BaseModel]]] = []
    for field, info in model.model_fields.items():
        key = info.alias or field
        table = table_of(info.annotation)
        if table is not None:
            inner.append((key, info, table))
        else:
            yield from _setting(key, info, told)
    for key, info, table in inner:
        yield ""
        yield from _wrapped(info.description or "")
        below = told.get(key)
        if below is not None and not isinstance(below, dict):
            raise Misconfigured(f"--set {key}: it is a table", fix=f"set what is in it, as in {key}.KEY=VALUE")
        yield from _settings(f"{path}.{key}", table, below)


def _explained(model: type[BaseModel]) -> Iterator[str]:
    """What the settings' classes say of themselves, where not every key has words of its own."""
    for one in reversed(model.__mro__):
        if issubclass(one, BaseModel) and one is not BaseModel and one.__doc__:
            yield from _wrapped(" ".join(one.__doc__.split()))


def _lacking(model: type[BaseModel], given: Given) -> list[str]:
    """What settings still ask for; raises `Misconfigured` where those that are given are wrong, so that no connector
    is written that cannot work.
    """
    _, found = judged(model, given)
    told = {one: ": ".join(filter(None, (".".join(map(str, one.key)), one.why))) for one in found}
    wrong = [one for one in found if not one.unfinished]
    if wrong:
        fixes = dict.fromkeys(one.fix for one in wrong if one.fix != "mend it")
        raise Misconfigured(
            f"nothing was written: {'; '.join(told[one] for one in wrong)}",
            fix="; ".join(fixes) or "--dry-run without --set shows every key and what it takes",
        )
    return list(told.values())


def _setting(key: str, info: FieldInfo, given: Given) -> Iterator[str]:
    """One setting as comments: what it is, then the line to uncomment."""
    if info.description:
        yield from _wrapped(info.description)
    if get_origin(info.annotation) is Literal:
        yield f"# one of: {', '.join(map(str, get_args(info.annotation)))}"
    if key in given:
        yield f"{key} = {_toml(given[key])}"
        return
    example = _toml(info.get_default(call_default_factory=True)) if not info.is_required() else '""'
    yield f"# {key} = {example}" + ("   # required" if info.is_required() else "")


def _wrapped(text: str) -> Iterator[str]:
    for line in wrap(text, WIDTH):
        yield f"# {line}"


def _toml(value: Any) -> str:
    """A default as TOML; what stands for nothing is an empty text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(k))} = {_toml(v)}" for k, v in value.items()) + "}"
    if value is None or isinstance(value, SecretStr):
        return '""'
    return json.dumps(str(value), ensure_ascii=False)
