"""`hub fhir subscribe`, against a server that keeps Subscriptions: what stands there is what the settings want."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from connectlab.serving import Reply, Seen, serving
from hub_ehr_fhir.source import FhirSource

from hub.cli import main
from hub.config.template import write_template
from hub.testing.fakes import FakeContext

Ran = tuple[int, str, str]
OURS = "https://hub.example.org/connectors/clinic/subscription"
TOPIC = "http://hl7.org/fhir/us/davinci-pas/SubscriptionTopic/PASSubscriptionTopic"
CONNECTOR = """
[connectors.clinic]
plugin = "ehr_fhir"
practice = "lakeside"
[connectors.clinic.settings]
server = {{ url = "{url}", auth = "none", requests_per_second = 0 }}
push = {{ token = "file:push.token", public_url = "https://hub.example.org", {push} }}
"""


class Shelf:
    """Subscriptions by id; `searches` False: it does not know the parameter `url`."""

    def __init__(self, *, searches: bool = True, status: str = "active") -> None:
        self.known: dict[str, dict[str, Any]] = {}
        self.searches, self.status = searches, status

    def put(self, name: str, status: str, criteria: str = "Encounter?", endpoint: str = OURS) -> None:
        """One stands there."""
        channel = {"type": "rest-hook", "endpoint": endpoint}
        known = {"resourceType": "Subscription", "id": name, "status": status, "criteria": criteria}
        self.known[name] = {**known, "channel": channel}

    def __call__(self, seen: Seen) -> Reply:
        """As a FHIR server does."""
        path, _, query = seen.path.partition("?")
        if path == "/r4/metadata":
            return Reply(body=b'{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1"}')
        if seen.method == "DELETE":
            return Reply(status=204 if self.known.pop(path.rpartition("/")[2], None) else 404)
        if seen.method == "POST":
            name = f"s{len(self.known) + 10}"
            self.known[name] = {**json.loads(seen.body), "id": name, "status": self.status}
            return Reply(status=201, body=json.dumps(self.known[name]).encode())
        asked = parse_qs(query)
        if "url" in asked and not self.searches:
            return Reply(status=400, body=b'{"resourceType":"OperationOutcome","issue":[{"code":"invalid"}]}')
        entries = [{"resource": one} for one in self.known.values()]
        return Reply(body=json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}).encode())


@pytest.fixture
def hub(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Ran]:
    """Runs `hub fhir subscribe clinic` on the example practice: exit code, standard output, standard error."""

    def run(url: str, *words: str, push: str = 'subscribe_to = ["Encounter?"]') -> Ran:
        folder = tmp_path / "config"
        if not folder.exists():
            write_template(folder)
            toml = folder / "hub.toml"
            whole = toml.read_text().replace("env:HUB_MASTER_KEY", "file:master.key")
            told = CONNECTOR.format(url=url, push=push)
            toml.write_text(whole + told.replace(', public_url = "https://hub.example.org", NONE', ""))
            for name, text in (("master.key", "A" * 43 + "=\n"), ("push.token", "canary-token\n")):
                (folder / name).touch(mode=0o600)
                (folder / name).write_text(text)
        monkeypatch.setattr(sys, "argv", ["hub", "fhir", "subscribe", "clinic", "-c", str(folder), *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_what_is_wanted_is_made_once(hub: Callable[..., Ran]) -> None:
    """The Subscription names our address and how to sign in; asked again, nothing is made twice, and it can be seen
    and removed.
    """
    shelf = Shelf(status="requested")
    with serving(shelf) as house:
        code, out, _ = hub(house.url)
        assert (code, "--list" in out, "canary-token" in out) == (0, True, False)
        (made,) = shelf.known.values()
        assert made["channel"] == {
            "type": "rest-hook",
            "endpoint": OURS,
            "payload": "application/fhir+json",
            "header": ["Authorization: Bearer canary-token"],
        }
        assert (made["criteria"], made["reason"]) == ("Encounter?", "Billing Hub, connector clinic")
        _, out, _ = hub(house.url, "--json")
        assert [len(json.loads(out)[name]) for name in ("kept", "created", "removed")] == [1, 0, 0]
        _, out, _ = hub(house.url, "--list", "--json")
        assert json.loads(out)["kept"][0]["criteria"] == "Encounter?"
        hub(house.url, "--remove")
    assert shelf.known == {}


def test_a_dry_run_changes_nothing_and_shows_no_secret(hub: Callable[..., Ran]) -> None:
    """What would be created is shown, without what signs in; of what would be removed its id."""
    shelf = Shelf()
    shelf.put("old", "off")
    with serving(shelf) as house:
        code, out, _ = hub(house.url, "--dry-run")
        assert {one.method for one in house.seen} == {"GET"}
    assert code == 0
    assert "would be created" in out
    assert "would be removed" in out
    assert "(hidden)" in out
    assert "canary-token" not in out
    assert list(shelf.known) == ["old"]


def test_broken_ones_are_made_anew_and_strangers_left(hub: Callable[..., Ran]) -> None:
    """Ours that the server gave up are made anew, second ones and those that nobody asks for go, others' stay; also
    where the server cannot search by address.
    """
    shelf = Shelf(searches=False)
    shelf.put("broken", "error")
    shelf.put("other", "active", endpoint="https://else.example.org/hook")
    shelf.put("past", "active", criteria="Patient?")
    with serving(shelf) as house:
        assert hub(house.url)[0] == 0
        assert set(shelf.known) == {"other", "s13"}
        shelf.put("twice", "requested")
        assert hub(house.url)[0] == 0
    assert set(shelf.known) == {"other", "s13"}


def test_topics_are_asked_for_as_the_backport_says(hub: Callable[..., Ran]) -> None:
    """A criteria that is the address of a SubscriptionTopic has the backport's profile and content."""
    shelf = Shelf()
    push = f'subscribe_to = ["{TOPIC}"], content = "id-only", token_header = "X-Api-Key"'
    with serving(shelf) as house:
        assert hub(house.url, push=push)[0] == 0
    (made,) = shelf.known.values()
    assert made["meta"]["profile"][0].endswith("/backport-subscription")
    assert made["channel"]["_payload"]["extension"][0]["valueCode"] == "id-only"
    assert made["channel"]["header"] == ["x-api-key: canary-token"]


def test_what_is_missing_is_said(hub: Callable[..., Ran]) -> None:
    """Without the hub's address outside nobody can be told where to send."""
    with serving(Shelf()) as house:
        code, _, err = hub(house.url, push="NONE")
    assert (code, "public_url" in err) == (2, True)


@pytest.mark.parametrize(
    ("status", "ok", "words"),
    [("active", True, "1 stand"), ("error", False, "gave up"), ("", False, "1 of 1 are not there")],
)
def test_the_connectors_test_sees_what_the_server_gave_up(status: str, ok: bool, words: str) -> None:
    """`hub connector test` says whether the server still sends, and what to do where it does not."""
    shelf = Shelf()
    if status:
        shelf.put("s1", status, endpoint="https://hub.example.org/connectors/ehr/subscription")
    with serving(shelf) as house:
        server = {"url": house.url, "auth": "none", "requests_per_second": 0}
        push = {"token": "env:T", "public_url": "https://hub.example.org"}
        of = FhirSource(FhirSource.Settings(server=server, push=push), FakeContext("ehr", secrets={"env:T": "x"}))
        (step,) = [one for one in of._push.check() if one.name == "subscriptions"]
        of.close()
    assert (step.ok, words in step.said) == (ok, True)
    assert ok or step.fix.startswith("run: hub fhir subscribe ehr;")
