"""Presets: what the systems that many practices have ask for, as data."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from typing import Any

import pytest
from hub_ehr_fhir.presets import OPTIONAL, presets, under
from hub_ehr_fhir.settings import FhirSettings
from pydantic import ValidationError

NAMES = ("athenahealth", "canvas", "epic", "medplum", "openemr", "oracle-health", "us-core")
SIGNED = {
    "smart": {"client_id": "c", "private_key": "env:KEY"},
    "secret": {"client_id": "c", "client_secret": "env:S"},
}


def _server(name: str, **more: Any) -> dict[str, Any]:
    return {"url": "https://fhir.example.org/r4", **SIGNED[presets()[name].settings["server"]["auth"]], **more}


def test_the_presets_are_there() -> None:
    """Every file is a preset; the names are those that the documentation tells."""
    assert tuple(presets()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_preset_makes_settings(name: str) -> None:
    """With an address and a way to sign in, a preset is all that a connector needs; all its settings are known."""
    given = {"preset": name, "server": _server(name), "bulk": {"group": "g"}}
    settings = FhirSettings.model_validate(given)
    told = presets()[name].settings
    assert settings.server is not None
    assert settings.bulk is not None
    assert settings.server.requests_per_second == told["server"]["requests_per_second"]
    assert settings.pull.page_size == told["pull"]["page_size"]
    for key, value in told.get("bulk", {}).items():
        assert getattr(settings.bulk, key) == value


@pytest.mark.parametrize("name", NAMES)
def test_what_is_set_by_hand_wins(name: str) -> None:
    """A table adds to the preset's table: what is set there overrides, the rest stays."""
    given = {"preset": name, "server": _server(name, requests_per_second=1.5), "pull": {"first_days": 3}}
    settings = FhirSettings.model_validate({**given, "procedures_are_charges": True})
    assert settings.server is not None
    assert settings.server.requests_per_second == 1.5
    assert settings.server.requests_at_once == presets()[name].settings["server"]["requests_at_once"]
    assert (settings.pull.first_days, settings.pull.page_size) == (
        3,
        presets()[name].settings["pull"]["page_size"],
    )
    assert settings.procedures_are_charges


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_switches_nothing_on(name: str) -> None:
    """No server, export or push comes from a preset: these begin to work when the person writes their table."""
    settings = FhirSettings.model_validate({"preset": name, "folder": "/srv/in"})
    assert (settings.server, settings.bulk, settings.push) == (None, None, None)
    assert {"server", "bulk", "push"} == OPTIONAL


@pytest.mark.parametrize("name", NAMES)
def test_how_a_preset_is_known_is_said(name: str) -> None:
    """What was not tried against a real server says so; where client id, keys and scopes are entered is told of each;
    notes are words, without addresses of vendors.
    """
    preset = presets()[name]
    entered = [getattr(preset.register, one) for one in preset.register.__struct_fields__]
    assert all(len(one) > 40 for one in entered)
    whole = " ".join((preset.about, preset.source, *preset.notes, *entered))
    assert re.search(r"not tried|not what a vendor does", whole, re.IGNORECASE)
    assert len(preset.notes) >= 4
    assert not re.search(r"https?://|www\.|\.com\b", whole)


def test_an_unknown_preset_names_the_nearest() -> None:
    """A mistyped name is refused with the one that was meant, and no settings are made."""
    with pytest.raises(ValidationError, match="did you mean oracle-health"):
        FhirSettings.model_validate({"preset": "oracle_helth"})


def test_without_a_preset_nothing_changes() -> None:
    """No name, no merge."""
    given = {"folder": "/srv/in"}
    assert under(given) == given
    assert under({"preset": ""}) == {"preset": ""}


def test_merging_leaves_the_preset_alone() -> None:
    """The presets are shared: what one connector sets never reaches another."""
    under({"preset": "epic", "server": {"url": "https://a.example.org"}, "pull": {"page_size": 7}})
    told = tomllib.loads(files("hub_ehr_fhir.presets").joinpath("epic.toml").read_text(encoding="utf-8"))
    assert presets()["epic"].settings == told["settings"]
