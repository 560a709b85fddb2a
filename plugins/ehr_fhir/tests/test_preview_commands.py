"""`hub fhir preview` and `hub fhir codes` as a person uses them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fhirlab.counterpart import counterpart
from previewlab import Resource, bundle, concept, office, visit
from test_discover_commands import Ran, config, hub  # noqa: F401 - fixtures

DATA = Path(os.environ.get("HUB_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data") / "fhir"
SOURCE = """
[sources.clinic]
bill_from = 2026-01-01
facility = "main"
[sources.clinic.payers]
"BLUEHERON" = "ppo"
"""
PERSON = ("Testerling", "Ada", "1980-05-06", "XYZ12345", "1 Elm Street", "E11.9", "Larkspur", "1999999034")
Hub = Callable[..., Ran]


def dropped(folder: Path, resources: list[Resource]) -> Path:
    """A file with a Bundle."""
    path = folder / "visit.json"
    path.write_bytes(bundle(resources))
    return path


def mapped(folder: Path) -> Path:
    """Settings that say what the connector's data mean."""
    with (folder / "practices.toml").open("a") as toml:
        toml.write(SOURCE)
    return folder


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings of a hub."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HUB_CONFIG", raising=False)
    return tmp_path


def test_a_file_without_a_hub(hub: Hub, alone: Path) -> None:  # noqa: F811 - a fixture
    """It works on a file alone, says that settings were not looked at, and shows no value of the patient."""
    code, out, _ = hub("preview", dropped(alone, [*office(), *visit()]))
    assert code == 0
    assert "plain settings" in out
    assert "Condition[0].code.coding[0]" in out
    assert "would become a claim, once settings" in out
    assert not [value for value in PERSON if value in out]


def test_values_are_shown_when_asked_for(hub: Hub, alone: Path) -> None:  # noqa: F811 - a fixture
    """--values shows them, and the JSON has them only then."""
    path = dropped(alone, [*office(), *visit()])
    _, out, _ = hub("preview", path, "--values")
    assert "XYZ12345" in out
    for words, shown in (((), False), (("--values",), True)):
        _, out, _ = hub("preview", path, "--json", *words)
        assert all(("value" in row) is shown for row in json.loads(out)["rows"])


def test_settings_say_what_is_missing(
    hub: Hub,  # noqa: F811 - fixtures
    config: Callable[[str], Path],  # noqa: F811
    tmp_path: Path,
) -> None:
    """With a connector the hub's own rules judge: what is not mapped is held, each thing with what to do."""
    folder, path = config(""), dropped(tmp_path, [*office(), *visit()])
    code, out, _ = hub("preview", path, "--connector", "clinic", "--config", folder, "--json")
    told = json.loads(out)
    assert code == 1
    assert {"settings.bill_from", "missing"} <= {one["code"] for one in told["holds"]}
    assert any("payer" in one["where"] for one in told["holds"])
    assert all(one["fix"] for one in told["holds"])
    assert told["claims"] == 0


def test_mapped_it_is_judged_as_a_claim(
    hub: Hub,  # noqa: F811 - fixtures
    config: Callable[[str], Path],  # noqa: F811
    tmp_path: Path,
) -> None:
    """Once everything is mapped there is a claim, and what the scrub rules find on it is what holds it."""
    folder, path = mapped(config("")), dropped(tmp_path, [*office(), *visit()])
    code, out, _ = hub("preview", path, "--connector", "clinic", "--config", folder, "--json")
    told = json.loads(out)
    stands = {(one["section"], one["element"]): one["stands"] for one in told["rows"]}
    assert told["claims"] == 1
    assert stands["Line 2", "code"] == stands["Line 1", "amount"] == "from settings"
    assert stands["Place", "place of service"] == "from settings"
    assert all(one["code"].startswith("scrub.") for one in told["holds"])
    assert code == (1 if told["holds"] else 0)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("nothing.json", "no such file"),
        ("x" * 300 + ".json", "no such file"),
        ("https://fhir.example.org/r4/metadata", "neither an encounter nor a patient"),
        ("http://elsewhere.example.org/r4/Encounter/1", "with --connector"),
        ("Encounter/1", "with --connector"),
    ],
)
def test_what_cannot_be_looked_at(
    hub: Hub,  # noqa: F811 - fixtures
    config: Callable[[str], Path],  # noqa: F811
    what: str,
    said: str,
) -> None:
    """A name that means nothing ends with 2, and says what can be given instead."""
    code, _, err = hub("preview", what, "--config", config(""))
    assert code == 2
    assert said in err


def test_a_file_that_cannot_be_read(hub: Hub, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """A file that may not be read is told with why, and without its name, which may be a patient's."""
    path = dropped(alone, office())

    def refused(_self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    for command in ("preview", "codes"):
        code, _, err = hub(command, path)
        assert (code, "cannot be read (Permission denied)" in err, path.name in err) == (2, True, False)


def test_no_token_goes_elsewhere(hub: Hub, config: Callable[[str], Path]) -> None:  # noqa: F811 - fixtures
    """An address that is not of the connector's server is not asked."""
    settings = 'server = { url = "https://fhir.example.org/r4", auth = "none" }'
    code, _, err = hub("preview", "https://elsewhere.example/r4/Encounter/1", "--config", config(settings))
    assert code == 2
    assert "is not of the server" in err


def test_an_unknown_encounter(hub: Hub, alone: Path) -> None:  # noqa: F811 - a fixture
    """An encounter that is not there is refused with the labels of those that are."""
    code, _, err = hub("preview", dropped(alone, [*office(), *visit()]), "--encounter", "e9")
    assert code == 2
    assert "Encounter[0]" in err


def test_no_encounter_at_all(hub: Hub, alone: Path) -> None:  # noqa: F811 - a fixture
    """Resources without an encounter end with 1 and say what there is."""
    code, out, _ = hub("preview", dropped(alone, office()))
    assert code == 1
    assert "There are: Organization (1), Practitioner (1), Location (1)" in out


def test_codes_of_files(hub: Hub, alone: Path) -> None:  # noqa: F811 - a fixture
    """What nothing maps is counted by encounters, with the lines to add; words of a code only with --values."""
    own = visit(2)
    own[3]["code"] = concept("http://snomed.info/sct", "44054006", "Diabetes")
    path = dropped(alone, [*office(), *visit(1), *own])
    code, out, _ = hub("codes", path, "--json")
    told = json.loads(out)
    found = {(one["kind"], one["name"]): one for one in told["unmapped"]}
    assert code == 1
    assert found["charge", "FLU-ADMIN"]["encounters"] == 2
    assert found["charge", "FLU-ADMIN"]["examples"] == ["Encounter[0]", "Encounter[1]"]
    assert found["diagnosis", "44054006"]["system"] == "SNOMED"
    assert found["payer", "BLUEHERON"]["encounters"] == 2
    assert '  { system = "LOCAL", code = "FLU-ADMIN", hcpcs = "..." },  # 2 times' in told["lines"]
    assert "Flu shot" not in out
    assert "Flu shot" in hub("codes", path, "--values")[1]


def test_codes_that_settings_know(
    hub: Hub,  # noqa: F811 - fixtures
    config: Callable[[str], Path],  # noqa: F811
    tmp_path: Path,
) -> None:
    """What settings map is not listed, and when nothing is left it ends with 0."""
    folder, path = mapped(config("")), dropped(tmp_path, [*office(), *visit()])
    code, out, _ = hub("codes", path, "--connector", "clinic", "--config", folder)
    assert code == 0
    assert "Everything is mapped." in out


def test_codes_leave_out_what_is_history(
    hub: Hub,  # noqa: F811 - fixtures
    config: Callable[[str], Path],  # noqa: F811
    tmp_path: Path,
) -> None:
    """A visit before bill_from is never billed: it is counted apart, and nobody maps its codes. Visits of which
    nobody is told who pays are counted too.
    """
    folder, past = mapped(config("")), visit(2, day="2025-03-02")
    past[2]["class"], past[3]["code"] = {"code": "ODD"}, concept("http://snomed.info/sct", "44054006")
    told = [one for one in (*visit(1), *past) if one["resourceType"] != "Coverage"]
    path = dropped(tmp_path, [*office(), *told])
    code, out, _ = hub("codes", path, "--connector", "clinic", "--config", folder, "--json")
    told = json.loads(out)
    assert (code, told["unmapped"]) == (0, [])
    assert (told["encounters"], told["history"], told["without_coverage"]) == (1, 1, 1)
    out = hub("codes", path, "--connector", "clinic", "--config", folder)[1]
    assert "1 more encounter before bill_from" in out
    assert "1 encounter of patients without a coverage" in out


@pytest.mark.campaign
@pytest.mark.parametrize(
    "name",
    [
        "carin-bb-1.1", "cms-bfd-bluebutton", "davinci-prior-auth-ri", "inferno-carin", "inferno-pas",
        "smart-bulk-10", "synthea-r4-bundles", "us-core",
    ],
)  # fmt: skip
def test_every_corpus_ends_in_a_verdict(hub: Hub, alone: Path, name: str) -> None:  # noqa: F811 - a fixture
    """Whatever real servers and guides say, nothing is raised: a folder as a whole, and each file that has an
    encounter, ends with 0 or 1 and a verdict.
    """
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"the sample files are not here: {folder}")
    files = [one for one in folder.rglob("*") if one.suffix in (".json", ".ndjson")]
    for path in (folder, *(one for one in files if b'"Encounter"' in one.read_bytes())):
        code, out, _ = hub("preview", path)
        assert code in (0, 1)
        assert "would be" in out
    code, out, _ = hub("codes", folder)
    assert code in (0, 1)
    assert "mapped" in out


@pytest.mark.campaign
def test_an_encounter_of_a_server(
    hub: Hub,  # noqa: F811 - fixtures
    config: Callable[[str], Path],  # noqa: F811
) -> None:
    """An address of a server that nobody here wrote gives the same rows as the resources in a file."""
    resources: list[Any] = [*office(), *visit(1), *visit(2)]
    with counterpart() as server:
        server.load(resources)
        folder = mapped(config(f'server = {{ url = "{server.url}", auth = "none", requests_per_second = 0 }}'))
        _, by_url, _ = hub("preview", f"{server.url}/Encounter/e1", "--config", folder, "--json")
        _, by_name, _ = hub("preview", "Encounter/e1", "--connector", "clinic", "--config", folder, "--json")
        gone, _, err = hub("preview", "Encounter/e9", "--connector", "clinic", "--config", folder)
    path = dropped(folder.parent, [*office(), *visit(1)])
    _, by_file, _ = hub("preview", path, "--connector", "clinic", "--config", folder, "--json")
    assert json.loads(by_url)["rows"] == json.loads(by_name)["rows"]
    assert _places(by_url) == _places(by_file)
    assert gone == 2
    assert "no such Encounter" in err


def _places(told: str) -> list[tuple[str, str, list[str]]]:
    return [(one["section"], one["element"], one["sources"]) for one in json.loads(told)["rows"]]
