"""`hub fhir probe` and `hub fhir preset` as a person uses them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from fhirlab.offering import Habits, Offering, practice, served
from hub_ehr_fhir.commands import probe_command
from hub_ehr_fhir.connect.http import Server
from hub_ehr_fhir.discover.offered import Offered

from hub.cli import main
from hub.config.template import write_template

Ran = tuple[int, str, str]
CONNECTOR = """
[connectors.clinic]
plugin = "ehr_fhir"
practice = "lakeside"
[connectors.clinic.settings]
{settings}
[connectors.dropped]
plugin = "ehr_fhir"
practice = "lakeside"
[connectors.dropped.settings]
folder = "in"
"""
SERVER = 'server = {{ url = "{url}", auth = "none", requests_per_second = 0 }}'
LITTLE = Habits(
    types={"Patient", "Encounter", "Coverage", "Practitioner"}, ignores={"Encounter": {"_lastUpdated"}}
)


@pytest.fixture
def hub(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs one command line of `hub fhir`, or of `hub` after `..`: exit code, standard output, standard error."""

    def run(*words: object) -> Ran:
        command = ["hub", *words[1:]] if words[:1] == ("..",) else ["hub", "fhir", *words]
        monkeypatch.setattr(sys, "argv", [str(word) for word in command])
        with pytest.raises(SystemExit) as ended:
            main.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], Path]:
    """The example practice with a FHIR connector of these settings, and one that only reads files."""

    def write(settings: str) -> Path:
        folder = tmp_path / "config"
        write_template(folder)
        toml, key = folder / "hub.toml", folder / "master.key"
        whole = toml.read_text().replace("env:HUB_MASTER_KEY", "file:master.key")
        toml.write_text(whole + CONNECTOR.format(settings=settings))
        key.touch(mode=0o600)
        key.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
        return folder

    return write


def test_probe_tells_what_works_and_what_is_missing(
    hub: Callable[..., Ran], config: Callable[[str], Path]
) -> None:
    """The table, the strategy with its reason, what billing will miss and what to do; and that nothing is saved."""
    with served(Offering(practice(), LITTLE)) as url:
        code, out, _ = hub("probe", "clinic", "--config", config(SERVER.format(url=url)))
    lines = out.splitlines()
    row = next(line for line in lines if line.startswith("Encounter "))
    assert code == 0
    assert "patient" in row
    assert "_lastUpdated" in row
    assert next(line for line in lines if line.startswith("ChargeItem ")).split() == [
        "ChargeItem",
        "yes",
        "-",
        "-",
        "everything",
    ]
    assert "Strategy: incremental" in lines
    assert "silently ignored" in out
    assert "To do: " in out
    assert "Nothing was written" in lines[-1]


def test_probe_of_a_connector_uses_its_settings(hub: Callable[..., Ran], config: Callable[[str], Path]) -> None:
    """Address, preset and strategy are those of the connector, and the answer for scripts is one document."""
    with served(Offering(practice(), LITTLE)) as url:
        folder = config(
            f'preset = "medplum"\nserver = {{ url = "{url}", auth = "none" }}\npull.strategy = "patients"'
        )
        code, out, _ = hub("probe", "clinic", "--config", folder, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["connector"] == "clinic"
    assert told["strategy"]["kind"] == "patients"
    encounter = next(each for each in told["resources"] if each["type"] == "Encounter")
    assert "_lastUpdated" in encounter["ignored"]
    assert "patient" in encounter["works"]
    charges = next(each for each in told["gaps"] if each["code"] == "fhir.offer.charges")
    assert "no charge comes" in charges["why"], "the preset says that Procedures do not count"


def test_no_id_of_a_patient_is_shown(hub: Callable[..., Ran], config: Callable[[str], Path]) -> None:
    """The ids that were tried with stand neither in the text nor in the JSON."""
    with served(Offering(practice())) as url:
        folder = config(SERVER.format(url=url))
        told = "".join(hub("probe", "clinic", "--config", folder, *more)[1] for more in ((), ("--json",)))
    assert not any(id_ in told for id_ in ("p1", "e1", "1001", "V1"))


def test_an_address_alone_is_tried_without_sign_in(
    hub: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--url` needs no settings, database or connector: that address is asked, with the patient that is given."""
    asked = {}

    def learned(server: Server, *_so_far: object, patient: str, **_more: object) -> Offered:
        asked[server.base] = patient
        return Offered(learned=date(2026, 3, 2), fhir_version="4.0.1", requests=3)

    monkeypatch.setattr(probe_command, "learn", learned)
    code, out, _ = hub("probe", "--url", "https://fhir.example.org/r4/", "--patient", "Patient/p1")
    assert asked == {"https://fhir.example.org/r4": "p1"}
    assert code == 1
    assert "no Encounter at all" in out


def test_a_server_that_cannot_serve_billing_ends_with_one(
    hub: Callable[..., Ran], config: Callable[[str], Path]
) -> None:
    """Without coverages no claim can be made: scripts see it by the exit code."""
    with served(Offering(practice(), Habits(types={"Patient", "Encounter"}))) as url:
        code, out, _ = hub("probe", "clinic", "--config", config(SERVER.format(url=url)))
    assert code == 1
    assert "no payer, no member number" in out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "name a connector"),
        (("clinic", "--url", "https://fhir.example.org"), "name a connector"),
        (("--url", "fhir.example.org/r4"), "write a whole address"),
        (("nobody",), "there is no connector nobody"),
        (("dropped",), "asks no FHIR server"),
    ],
)
def test_what_cannot_be_probed_is_said(
    hub: Callable[..., Ran], config: Callable[[str], Path], words: tuple[str, ...], why: str
) -> None:
    """One plain message with what to do, exit code 2, before anything is asked."""
    folder = config('folder = "other"')
    code, _, err = hub("probe", *words, *(() if "--url" in words else ("--config", folder)))
    assert code == 2
    assert why in err
    assert "what to do" in err


def test_presets_are_listed_and_told(hub: Callable[..., Ran]) -> None:
    """All with a sentence each; one with how it is known, what a person does, and what it sets."""
    code, listed, _ = hub("preset")
    assert code == 0
    assert "oracle-health" in listed
    code, told, _ = hub("preset", "epic")
    assert code == 0
    assert "How this is known: " in told
    assert "1. " in told
    assert "  bulk.since = false" in told
    assert json.loads(hub("preset", "epic", "--json")[1])[0]["settings"]["bulk"]["since"] is False


def test_a_mistyped_preset_is_guessed(hub: Callable[..., Ran]) -> None:
    """Who mistypes is told the name that was meant."""
    code, _, err = hub("preset", "athena")
    assert code == 2
    assert "did you mean athenahealth?" in err
    assert "did you mean oracle-health?" in hub("preset", "Cerner")[2], "an older name that its page tells"
