"""`connector list`, `add`, `test`: what is connected, how to connect one more, and whether a connection works."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from hub.app import Faulty, load_plugins, open_hub_store, plugin_fault
from hub.cli.ui import print_json, say, table
from hub.clock import SystemClock
from hub.config import Loaded, SecretStore, load
from hub.errors import HubError, Misconfigured
from hub.plugin.host import PluginHost, contexts
from hub.plugin.host.host import Options
from hub.plugin.host.offers import Offer

WIDTH = 100


def show(folder: Path, *, as_json: bool) -> None:
    """The configured connectors, what their plugins are, and how much is waiting at each."""
    loaded = _loaded(folder)
    secrets = SecretStore(folder)
    host, problems = load_plugins(loaded, secrets, SystemClock(), _nothing)
    ports = {one.name: one for one in host.instances()}
    host.close()
    counts = _counts(loaded, secrets)
    told = [
        {
            "name": name,
            "plugin": one.plugin,
            "kind": ports[name].kind if name in ports else one.kind,
            "port": ports[name].port if name in ports else "",
            "practice": loaded.settings.practice_of(name),
            "enabled": one.enabled,
            "stand": "ready" if name in ports else "disabled" if not one.enabled else "faulty",
            **counts.get(name, _NO_COUNTS),
        }
        for name, one in loaded.settings.connectors.items()
    ]
    if as_json:
        print_json(told)
        return
    names = (
        "name",
        "plugin",
        "kind",
        "port",
        "practice",
        "stand",
        "received",
        "unread",
        "files",
        "unsent",
        "work",
    )
    table("Connectors", names, [[one[name] or "-" for name in names] for one in told], right=range(6, 11))
    for problem in problems:
        fault = plugin_fault(problem)
        say(f"{fault.file}:{fault.line}: {fault.wrong}. {fault.fix}")


_NO_COUNTS = {"received": 0, "unread": 0, "files": 0, "unsent": 0, "work": 0}


def _counts(loaded: Loaded, secrets: SecretStore) -> dict[str, dict[str, int]]:
    """By connector; empty while there is no database yet."""
    found: dict[str, dict[str, int]] = {}
    store = open_hub_store(loaded, secrets, SystemClock())
    try:
        with store.view() as view:
            for (source, state), number in view.inbox.tally().items():
                one = found.setdefault(source, dict(_NO_COUNTS))
                one["received"] += number
                one["unread"] += number if state in {"received", "blocked", "set_aside", "read_in_part"} else 0
            for (mailbox, state), number in view.files.tally("mailbox", "state").items():
                one = found.setdefault(mailbox, dict(_NO_COUNTS))
                one["files"] += number
                one["unsent"] += number if state not in {"sent", "answered"} else 0
            for item in view.work.list(aggregate="connector", limit=10_000):
                found.setdefault(item.aggregate_id, dict(_NO_COUNTS))["work"] += 1
    except Misconfigured:
        return {}
    finally:
        store.close()
    return found


def test(folder: Path, name: str, *, as_json: bool) -> None:
    """Try a connection step by step; ends with 1 where a step fails."""
    loaded = _loaded(folder)
    host, problems = load_plugins(loaded, SecretStore(folder), SystemClock(), _nothing)
    try:
        if name not in loaded.settings.connectors or name not in {one.name for one in host.instances()}:
            raise _unusable(loaded, name, [plugin_fault(problem).wrong for problem in problems])
        steps = [{"step": s.name, "ok": s.ok, "said": s.said, "fix": s.fix} for s in _tried(host, name)]
    finally:
        host.close()
    if as_json:
        print_json(steps)
    else:
        for one in steps:
            say(f"{'✓' if one['ok'] else '✗'} {one['step']}: {one['said']}")
            if not one["ok"] and one["fix"]:
                say(f"    do: {one['fix']}")
    sys.exit(0 if steps and all(one["ok"] for one in steps) else 1)


def _tried(host: PluginHost, name: str) -> list[Any]:
    """The steps, the last of them what was raised, if anything was."""
    from hub.plugin.api import Step

    found: list[Any] = []
    try:
        found += host.port(name).check()
    except HubError as error:
        found.append(Step(name="check", ok=False, said=str(error), fix=error.fix))
    return found


def _unusable(loaded: Loaded, name: str, wrongs: list[str]) -> Misconfigured:
    known = ", ".join(loaded.settings.connectors) or "none"
    if name not in loaded.settings.connectors:
        return Misconfigured(f"there is no connector {name} (configured: {known})", fix="hub connector list")
    if not loaded.settings.connectors[name].enabled:
        return Misconfigured(f"connector {name} is not enabled", fix="set enabled = true in hub.toml")
    return Misconfigured(f"connector {name} cannot be made: {'; '.join(wrongs)}", fix="run: hub check")


def add(folder: Path, name: str, plugin: str, kind: str, practice: str, *, dry_run: bool) -> None:
    """Append a connector to hub.toml with every setting of its plugin as a comment; the file is put back as it
    was where that broke it."""
    before = _loaded(folder)
    if name in before.settings.connectors:
        raise Misconfigured(f"there is a connector {name} already", fix="choose another name, or edit hub.toml")
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise Misconfigured("a connector's name is letters, digits, - and _", fix="choose another name")
    offer = _offer(plugin, kind)
    text = "\n".join(_table(name, offer, practice or before.settings.practice_of(name)))
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
    say("Next: fill in what is required and set enabled = true, then run:")
    say(f"  hub check -c {folder} && hub connector test {name} -c {folder}")
    if offer.port == "Notifier":
        say(f'It tells people once [notifications.to] names it, as in it = ["{name}"].')
    if offer.port == "Clearinghouse" and name not in after.settings.mailboxes:
        say(f"It carries claims once [mailboxes.{name}] and [route] in hub.toml name it.")


def _offer(plugin: str, kind: str) -> Offer:
    clock = SystemClock()
    make = contexts(clock=clock, secrets=SecretStore(Path()), load=_nothing)
    host, problems = PluginHost.load({}, context_for=make, options=Options(also=(plugin,)))
    offers = [one for one in host.offers() if one.plugin == plugin and kind in ("", one.kind)]
    host.close()
    if len(offers) == 1:
        return offers[0]
    if problems:
        raise Misconfigured(problems[0].why, fix=problems[0].fix)
    kinds = ", ".join(one.kind for one in host.offers() if one.plugin == plugin)
    raise Misconfigured(f"{plugin} offers {kinds or 'no connector'}: say which", fix="name it with --kind")


def _table(name: str, offer: Offer, practice: str) -> Iterator[str]:
    """The lines of the new tables. Without a required setting it is not yet enabled, so that the hub still runs."""
    model: type[BaseModel] = offer.offered.Settings
    yield f"[connectors.{name}]"
    yield f"plugin = {json.dumps(offer.plugin)}"
    yield f"kind = {json.dumps(offer.kind)}"
    if practice and offer.port == "EhrSource":
        yield f"practice = {json.dumps(practice)}"
    if not _works_as_it_is(model):
        yield "enabled = false                       # true, once what is required below is filled in"
    yield f"[connectors.{name}.settings]"
    if not all(info.description for info in model.model_fields.values()):
        yield from _explained(model)
    for field, info in model.model_fields.items():
        yield from _setting(info.alias or field, info)


def _explained(model: type[BaseModel]) -> Iterator[str]:
    """What the settings' classes say of themselves, where not every key has words of its own."""
    for one in reversed(model.__mro__):
        if issubclass(one, BaseModel) and one is not BaseModel and one.__doc__:
            yield from _wrapped(" ".join(one.__doc__.split()))


def _works_as_it_is(model: type[BaseModel]) -> bool:
    try:
        model.model_validate({})
    except ValidationError:
        return False
    return True


def _setting(key: str, info: FieldInfo) -> Iterator[str]:
    """One setting as comments: what it is, then the line to uncomment."""
    if info.description:
        yield from _wrapped(info.description)
    if get_origin(info.annotation) is Literal:
        yield f"# one of: {', '.join(map(str, get_args(info.annotation)))}"
    example = _toml(info.get_default(call_default_factory=True)) if not info.is_required() else '""'
    yield f"# {key} = {example}" + ("   # required" if info.is_required() else "")


def _wrapped(text: str) -> Iterator[str]:
    from textwrap import wrap

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


def _loaded(folder: Path) -> Loaded:
    loaded = load(folder)
    if not loaded.ok:
        raise Faulty(loaded.faults)
    return loaded


def _nothing(_instance: str, _key: str) -> None:
    """Saved state is not needed to look at a connection."""
