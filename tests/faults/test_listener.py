"""A third party's plugin that only listens, installed and configured as a practice would."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from faultlab.scene import scene
from faultlab.world import World

from hub.app import Faulty
from hub.testing.installed import on_path

LISTENER = """
from hub.plugin.api import hookimpl

HUB_API = 0
HEARD = []


@hookimpl
def hub_event(event):
    HEARD.append(event)
"""


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[None]:
    """The plugin `listening`, as pip leaves it."""
    about = tmp_path / "site" / "listening-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: listening\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[hub]\nlistening = listening\n")
    (about.parent / "listening.py").write_text(LISTENER)
    with on_path(about.parent):
        yield


def _listening(world: World) -> None:
    world.configure('usage = "P"', 'usage = "P"\nplugins = ["listening"]')


def test_a_listener_hears_the_life_of_a_claim(tmp_path: Path, installed: None) -> None:
    """Named in `[hub] plugins`, it hears what happened to the claim until it was paid, in the order of the log, each
    event once while nothing dies; the last day's last events too."""
    with scene(tmp_path / "world", prepare=_listening) as on:
        on.run()
        heard = importlib.import_module("listening").HEARD
        with on.app.store.view() as view:
            (claim,) = view.claims.find()
            assert [one.id for one in heard] == [one.id for one in view.events.after(0, 10_000)]
        moves = [one.kind for one in heard if one.aggregate_id == claim.id and one.kind.startswith("claim.")]
        assert moves[-4:] == ["claim.frozen", "claim.sent", "claim.accepted", "claim.paid"]
        assert on.life.troubles == []


def test_a_plugin_that_is_not_there_is_a_fault_at_its_line(tmp_path: Path) -> None:
    """A hub whose settings name a plugin that is not installed does not start, and says file, line and key."""
    with pytest.raises(Faulty) as raised, scene(tmp_path / "world", prepare=_listening):
        pass
    (fault,) = raised.value.faults
    assert (fault.file, fault.line > 0, fault.key) == ("hub.toml", True, "hub.plugins")
