"""`init`, `check`, `config schema`: from an empty folder to a hub that may run."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

from msgspec.structs import replace

from hub.cli.ui import say, table
from hub.config import Fault, json_schema, load


def init(folder: Path) -> None:
    """Write the example practice and a fresh master key into `folder`."""
    from hub.config.template import write_template

    written = write_template(folder)
    key = folder / "master.key"
    descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(base64.b64encode(os.urandom(32)).decode() + "\n")
    hub = folder / "hub.toml"
    hub.write_text(hub.read_text().replace('"env:HUB_MASTER_KEY"', '"file:master.key"'))
    for path in [*written, key]:
        say(f"wrote {path}")
    say("")
    say(f"Keep {key} safe and apart from the database: without it nothing can be read.")
    say(f"For its page on paper: hub backup key --show -c {folder} (when the tables are made)")
    say(f"Next: edit {folder}/practices.toml and hub.toml, then run: hub check -c {folder}")


def check(folder: Path, *, as_json: bool) -> None:
    """Tell every fault of settings and plugins; ends with 1 when the hub may not start."""
    faults = all_faults(folder)
    wrong = [fault for fault in faults if fault.severity == "error"]
    if as_json:
        print(json.dumps([_plain(fault) for fault in faults], indent=2))
    else:
        for fault in faults:
            say(_told(folder, fault))
        say(_verdict(len(wrong), len(faults) - len(wrong)))
    sys.exit(1 if wrong else 0)


def all_faults(folder: Path) -> tuple[Fault, ...]:
    """Faults of the settings and, where those can be read, of the plugins they name."""
    from hub.app import load_plugins, notifier_faults, plugin_fault, schedule_faults
    from hub.clock import SystemClock
    from hub.config import SecretStore
    from hub.config.secrets import secret_faults
    from hub.flow.overlays import overlay_faults
    from hub.node.plan import plan_faults

    loaded = load(folder)
    if not loaded.ok:
        return loaded.faults
    secrets = SecretStore(folder)
    host, problems = load_plugins(loaded, secrets, SystemClock(), lambda _instance, _key: None)
    schedules = [*schedule_faults(loaded, host.names("EhrSource")), *notifier_faults(loaded, host)]
    schedules += [*plan_faults(loaded), *overlay_faults(loaded)]
    host.close()
    plugins = (plugin_fault(problem) for problem in problems)
    return (*loaded.faults, *plugins, *schedules, *(_weighed(fault) for fault in secret_faults(loaded, secrets)))


def _weighed(fault: Fault) -> Fault:
    """A connector's secret that is not there stops that connector only: the hub may start without it."""
    return replace(fault, severity="warning") if fault.key.startswith("connectors.") else fault


def _told(folder: Path, fault: Fault) -> str:
    place = f"{folder / fault.file}:{fault.line}" if fault.line else str(folder / fault.file)
    parts = [f"{place}: {fault.severity}: {fault.key}: {fault.wrong}" if fault.key else f"{place}: {fault.wrong}"]
    parts += [f"    expected: {fault.expected}"] if fault.expected else []
    parts += [f"    do: {fault.fix}"] if fault.fix else []
    return "\n".join(parts)


def _plain(fault: Fault) -> dict[str, str | int]:
    return {name: getattr(fault, name) for name in fault.__struct_fields__}


def _verdict(wrong: int, warnings: int) -> str:
    if wrong:
        return f"{wrong} faults, {warnings} warnings: the hub may not start"
    return f"the settings are good ({warnings} warnings)"


def schema() -> None:
    """Print the JSON Schema of the settings."""
    print(json.dumps(json_schema(), indent=2))


__all__ = ["all_faults", "check", "init", "schema", "table"]
