"""`hub fhir pull --dry-run` as a person uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fhirlab.fake import START, FakeFhir
from fhirlab.proxy import FaultProxy
from fhirlab.pulls import office, visit
from hub_ehr_fhir.pull import pulling
from test_discover_commands import SERVER, Ran, config, hub  # noqa: F401 - fixtures

from hub.clock import TurnedClock


@pytest.mark.campaign
def test_dry_run(
    hub: Callable[..., Ran],  # noqa: F811 - a fixture
    config: Callable[[str], Path],  # noqa: F811 - a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It tells how many messages and resources there are, no name or id, and stores nothing."""
    fake = FakeFhir(TurnedClock(START))
    fake.put(*office(), *visit(1), *visit(2))
    monkeypatch.setattr(pulling, "learn", lambda *_, **__: fake.offered())
    settings = 'pull = {{ since = "2026-03-01" }}\n' + SERVER
    with FaultProxy(fake.answer) as proxy:
        folder = config(settings.replace("{{", "{").replace("}}", "}").replace("{url}", f"{proxy.url}/fhir"))
        code, out, err = hub("pull", "clinic", "--dry-run", "--json", "--config", folder)
        assert out, err
        told = json.loads(out)
    assert code == 0
    assert (told["messages"], told["more"]) == (2, False)
    assert told["resources"]["Encounter"] == told["resources"]["ChargeItem"] == 2


def test_only_dry(hub: Callable[..., Ran], config: Callable[[str], Path]) -> None:  # noqa: F811 - fixtures
    """Without --dry-run it says who pulls."""
    code, _, err = hub("pull", "clinic", "--config", config(""))
    assert code == 2
    assert "--dry-run" in err
