"""`connector list`, `test`: what is connected, and whether a connection works."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hub.app import Faulty, load_plugins, open_hub_store, plugin_fault
from hub.cli.opened import opened
from hub.cli.ui import print_json, say, table
from hub.clock import SystemClock
from hub.config import Loaded, SecretStore, load
from hub.errors import HubError, Misconfigured
from hub.plugin.host import PluginHost

WIDTH = 100


def show(folder: Path, *, as_json: bool) -> None:
    """The configured connectors, what their plugins are, and how much is waiting at each."""
    loaded = loaded_from(folder)
    secrets = SecretStore(folder)
    host, problems = load_plugins(loaded, secrets, SystemClock(), nothing)
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
    loaded, secrets = loaded_from(folder), SecretStore(folder)
    state, doubt = _remembered(loaded, secrets, name)
    host, problems = load_plugins(loaded, secrets, SystemClock(), lambda one, key: state.get((one, key)))
    try:
        if name not in loaded.settings.connectors or name not in {one.name for one in host.instances()}:
            raise _unusable(loaded, name, [plugin_fault(problem).wrong for problem in problems])
        steps = [{"step": s.name, "ok": s.ok, "said": s.said, "fix": s.fix} for s in _tried(host, name)]
        steps += [{"step": "name", "ok": False, "said": str(doubt), "fix": doubt.fix}] if doubt else []
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


def restart(folder: Path, name: str, *, by: str, dry_run: bool) -> None:
    """Forget up to where a source was asked, so that it is asked from its beginning; what had come is known."""
    with opened(folder) as hub:
        if name not in hub.settings.connectors:
            raise _unusable(loaded_from(folder), name, [])
        with hub.store.view() as view:
            kept = bool(view.plugin_state(name).get("cursor"))
        if not kept:
            say(f"{name} begins at its beginning already")
            return
        if dry_run:
            say(f"{name} would be asked from its beginning")
            return
        with hub.store.begin("admin") as tx:
            tx.plugin_state(name).put("cursor", b"")
            practice = hub.settings.practice_of(name)
            tx.event("connector.restarted", "connector", name, practice=practice, actor=by)
    say(f"{name} is asked from its beginning; what came before is known, and comes to nothing new")
    say(f"If it was stopped, resolve its item: hub work list --owner it -c {folder}")


def _remembered(
    loaded: Loaded, secrets: SecretStore, name: str
) -> tuple[dict[tuple[str, str], bytes], Misconfigured | None]:
    """What the connector's plugin keeps in the store (how the last export went, what waits there), and whether it may
    be another one under a new name; nothing where there is no store yet, or it is away: the connection can be tried
    all the same.
    """
    from hub.flow.ingest import newcomers

    try:
        store = open_hub_store(loaded, secrets, SystemClock())
    except HubError:
        return {}, None
    try:
        with store.view() as view:
            kept = view.plugin_state(name)
            keys = kept.keys()
            return {(name, key): kept.get(key) or b"" for key in keys}, newcomers.doubt(
                view, loaded.settings, name
            )
    except HubError:
        return {}, None
    finally:
        store.close()


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


def loaded_from(folder: Path) -> Loaded:
    """The settings of a folder, or their faults."""
    loaded = load(folder)
    if not loaded.ok:
        raise Faulty(loaded.faults)
    return loaded


def nothing(_instance: str, _key: str) -> None:
    """Saved state is not needed to look at a connection."""
