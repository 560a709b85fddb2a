"""A plugin from outside this repository goes through the same door and keeps the same contract."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.plugin.api import Refused
from hub.plugin.host import ConnectorSpec, PluginHost, contexts
from hub.testing.fakes import FakeContext, FakeSecrets
from hub.testing.kits import ClearinghouseKit, outgoing


class FolderPartner:
    """The other side of two folders; it goes away as a mount does."""

    cuts_midway = False

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sent, self.offered = root / "to", root / "from"
        for folder in (self.sent, self.offered):
            folder.mkdir(parents=True)

    def settings(self) -> dict[str, object]:
        """As configuration would give them."""
        return {
            "to_partner": str(self.sent),
            "from_partner": str(self.offered),
            "archive": str(self.root / "taken"),
        }

    def visible(self) -> dict[str, bytes]:
        """What a partner takes: names that do not begin with a dot."""
        return {path.name: path.read_bytes() for path in self.sent.glob("[!.]*")}

    def offer(self, name: str, body: bytes) -> None:
        """Lay a whole file out."""
        (self.offered / name).write_bytes(body)

    def offer_growing(self, name: str, body: bytes) -> None:
        """Lay half a file out, as this partner does."""
        (self.offered / f"{name}.part").write_bytes(body)

    def withdraw(self, name: str) -> None:
        """Take a file away."""
        (self.offered / name).unlink(missing_ok=True)

    def cut_after(self, size: int) -> None:
        """Unmount; it cannot be done in the middle of a file."""
        assert size == 0
        self.root.rename(self.root.with_suffix(".away"))

    def heal(self) -> None:
        """Mount again."""
        self.root.with_suffix(".away").rename(self.root)


class TestFolderClearinghouse(ClearinghouseKit):
    """The sample keeps every promise of a clearinghouse."""

    @pytest.fixture
    def partner(self, tmp_path: Path) -> FolderPartner:
        return FolderPartner(tmp_path / "acme")

    @pytest.fixture
    def make_port(self, partner: FolderPartner, context: FakeContext, folder_plugin: Path) -> Callable[[], Any]:
        from clearinghouse_folder.port import FolderClearinghouse, FolderSettings

        settings = FolderSettings.model_validate(partner.settings())
        return lambda: FolderClearinghouse(settings, context)

    def test_names_stay_in_their_folder(self, port: Any) -> None:
        """A name with a folder in it is refused: it would write elsewhere."""
        with pytest.raises(Refused):
            port.publish(outgoing(b"x", name="../outside.837"))


def _load(partner: FolderPartner, context: FakeContext, **settings: object) -> tuple[PluginHost, Any]:
    spec = ConnectorSpec(plugin="clearinghouse_folder", settings={**partner.settings(), **settings})
    maker = contexts(clock=context.clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None)
    return PluginHost.load({"acme": spec}, context_for=maker)


def test_host_finds_it_by_its_entry_point(tmp_path: Path, folder_plugin: Path) -> None:
    """An installed distribution is found, checked and used like one of the hub's own."""
    partner = FolderPartner(tmp_path / "acme")
    host, faults = _load(partner, FakeContext())
    assert faults == ()
    acme = host.clearinghouse("acme")
    assert all(step.ok for step in acme.check())
    acme.stage(outgoing(b"ISA~"), [b"ISA~"])
    acme.publish(outgoing(b"ISA~"))
    assert partner.visible() == {"HUB0001.837": b"ISA~"}
    assert host.close() == ()


def test_host_names_its_bad_keys(tmp_path: Path, folder_plugin: Path) -> None:
    """A misspelt and a wrong key are both named."""
    _, faults = _load(FolderPartner(tmp_path / "acme"), FakeContext(), archiv="x", to_partner=7)
    assert {fault.where for fault in faults} == {"connectors.acme.archiv", "connectors.acme.to_partner"}


def test_not_installed_is_said(tmp_path: Path) -> None:
    """Without the distribution the host says what is missing and which plugins there are."""
    host, (fault,) = _load(FolderPartner(tmp_path / "acme"), FakeContext())
    assert fault.code == "plugin.absent"
    assert "connectors.acme.plugin" in fault.where
    assert host.instances() == ()


def test_other_processes_find_it(folder_plugin: Path) -> None:
    """A process that a test starts (`hub demo`, say) finds the plugin too."""
    code = (
        "import importlib.metadata as m, json; print(json.dumps([p.name for p in m.entry_points(group='hub')]))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "clearinghouse_folder" in json.loads(said)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Outside its fixture the sample cannot be imported."""
    with pytest.raises(ModuleNotFoundError):
        __import__("clearinghouse_folder")
