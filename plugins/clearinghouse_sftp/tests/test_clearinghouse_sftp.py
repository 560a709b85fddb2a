"""What the clearinghouse plugin adds to the shared mailbox: presets, names, and its place in the host."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hub_clearinghouse_sftp.plugin import SftpClearinghouse
from hub_clearinghouse_sftp.presets import presets
from hub_clearinghouse_sftp.settings import ClearinghouseSettings
from hub_sftp_transfer import forget_failures

from hub.plugin.api import Misconfigured, Refused
from hub.plugin.host import ConnectorSpec, PluginHost, contexts
from hub.testing.fakes import FakeContext
from hub.testing.kits.partner import outgoing
from hub.testing.sftp import SftpPartner, sftp_partner

FIXED = {"host": "sftp.example", "user": "practice", "password": "env:P"}
BODY = b"ISA*00*"


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[SftpPartner]:
    """A partner of one test."""
    pytest.importorskip("asyncssh")
    forget_failures()
    with sftp_partner(tmp_path) as running:
        yield running
    forget_failures()


def stated(**given: Any) -> ClearinghouseSettings:
    """Settings as the hub reads them."""
    return ClearinghouseSettings.model_validate(given)


def made(partner: SftpPartner, **more: Any) -> SftpClearinghouse:
    """An instance that reaches the partner, whatever host its preset names."""
    settings = stated(**partner.settings(**{"put_folder": "in", "get_folders": ["out"], **more}))
    return SftpClearinghouse(settings, FakeContext("ch", secrets=partner.secrets))


@pytest.mark.parametrize("name", sorted(presets()))
def test_every_preset_makes_settings_and_capabilities(name: str) -> None:
    """Each preset's row is whole: with an account it makes an instance that says what it carries."""
    port = SftpClearinghouse(stated(preset=name, **FIXED), FakeContext("ch"))
    said = port.capabilities
    assert said.sends == presets()[name].sends
    assert said.receives
    assert said.realtime == ()
    assert "read-back-size" in said.evidence


def test_presets_cover_the_partners_known() -> None:
    """Every clearinghouse whose conventions are written down has a row."""
    known = {"stedi", "availity", "office_ally", "claim_md", "waystar", "optum_275", "trizetto", "generic"}
    assert known | {"owcp_wcmbp", "iehp", "medicare_mac"} == set(presets())


def test_what_is_stated_wins_over_the_preset() -> None:
    """A preset fills in, and never overrides."""
    settings = stated(preset="waystar", put_folder="mine", **(FIXED | {"host": "other.example"}))
    assert (settings.put_folder, settings.get_folders, settings.host) == ("mine", ("download",), "other.example")
    assert settings.stop_after_failed_connects == 3
    assert stated(preset="availity", user="u", password="env:P").host == "files.availity.com"


@pytest.mark.parametrize(
    ("given", "told"),
    [({"preset": "nobody"}, "preset must be one of"), ({"puts": "x"}, "puts"), ({"host": ""}, "host is missing")],
)
def test_bad_settings_say_what_is_wrong(given: dict[str, str], told: str) -> None:
    """An unknown preset, a misspelt key and a missing host are each named."""
    with pytest.raises(ValueError, match=told):
        stated(**(FIXED | given))


def test_a_partner_that_takes_files_at_once_counts_the_rename_as_evidence() -> None:
    """Where nothing is left to read back, the accepted rename is what makes a file sent."""
    port = SftpClearinghouse(stated(preset="stedi", **FIXED), FakeContext("ch"))
    assert port.capabilities.evidence == ("read-back-size", "published")


@pytest.mark.parametrize("name", ["P_1.837", "P.1.CLP", "CLP"])
def test_the_extension_that_routes_a_file_is_checked_before_it_leaves(partner: SftpPartner, name: str) -> None:
    """A partner that routes by extension never gets a file that it would misroute."""
    port = made(partner, preset="waystar")
    with pytest.raises(Refused, match=r"\.CLP"):
        port.stage(outgoing(BODY, name=name), [BODY])
    assert partner.names("in") == []
    port.stage(outgoing(BODY, name="P_1.CLP"), [BODY])
    assert partner.names("in") == ["P_1.CLP_part"]


def test_a_partner_that_needs_more_than_sftp_gets_nothing(partner: SftpPartner) -> None:
    """Files that must be encrypted first are not sent plain, and the check says so."""
    port = made(partner, preset="iehp")
    with pytest.raises(Misconfigured, match="PGP"):
        port.stage(outgoing(BODY), [BODY])
    assert partner.names("in") == []
    assert [step.ok for step in port.check() if step.name == "preset"] == [True, False]


@pytest.mark.parametrize(("name", "template"), [("stedi", False), ("availity", True), ("medicare_mac", True)])
def test_the_check_says_which_presets_are_templates(partner: SftpPartner, name: str, template: bool) -> None:
    """Presets that were not taken from the partner's own guide say that they are to be confirmed."""
    first = next(iter(made(partner, preset=name).check()))
    assert first.name == "preset"
    assert ("to confirm" in first.said) is template


def test_nothing_is_asked_in_real_time(partner: SftpPartner) -> None:
    """SFTP has no answer while somebody waits."""
    with pytest.raises(Refused):
        made(partner).ask("270", b"", datetime(2026, 3, 2, tzinfo=UTC))


def test_several_folders_are_listed_as_one(partner: SftpPartner) -> None:
    """A partner may lay answers out in several folders; the same name in two is two files."""
    partner.deliver("out", "a.835", BODY)
    partner.deliver("archive", "a.835", BODY)
    refs = made(partner, get_folders=["out", "archive"]).list("").refs
    assert [ref.name for ref in refs] == ["a.835", "a.835"]
    assert len({ref.token for ref in refs}) == 2


def test_the_installed_plugin_works_through_the_host(partner: SftpPartner) -> None:
    """Loaded by its entry point and guarded by the host, it carries a file and says no more than it should."""
    given = partner.settings(put_folder="in", get_folders=["out"])
    spec = ConnectorSpec(plugin="clearinghouse_sftp", settings=given)
    known = FakeContext("ch", secrets=partner.secrets)
    context_for = contexts(clock=known.clock, secrets=known.secrets, load=lambda _instance, _key: None)
    host, faults = PluginHost.load({"ch": spec}, context_for=context_for)
    assert faults == ()
    port = host.clearinghouse("ch")
    port.stage(outgoing(BODY), [BODY])
    port.publish(outgoing(BODY))
    assert partner.read("in", "HUB0001.837") == BODY
    port.close()
