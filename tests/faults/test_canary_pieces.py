"""Promise 9 for what a FHIR server sends: pieces, deletions, errands, refused requests, and what a preview says."""

from __future__ import annotations

import io
import json
import secrets
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from faultlab.canary import FIRST, KEY, LAST, MEMBER, PHONE, SENT, STREET, once, told_in, visit

from hub.app import App, Current, open_app
from hub.cli import main
from hub.config.template import write_template
from hub.model.facts import PieceFact
from hub.node.listening import Listeners
from hub.reports.promises import prove
from hub.runner import LocalRunner, Nudge, Retry
from hub.testing.practice import fhir
from hub.web import serve_site, site

PATIENCE_SECONDS = 60.0
SETTINGS = """[connectors.ehr.settings]
push = { token = "env:HUB_PUSH_TOKEN" }
server = { url = "https://127.0.0.1:9/r4", auth = "none", tries = 1 }
pull = { since = "2026-01-01" }
"""
MINE = {"authorization": "Bearer letmein", "content-type": "application/fhir+json"}


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The example practice, whose FHIR server sends, and is not there when it is asked."""
    monkeypatch.setenv("HUB_MASTER_KEY", secrets.token_hex(32))
    monkeypatch.setenv("HUB_SFTP_KEY", "none")
    monkeypatch.setenv("HUB_PUSH_TOKEN", "letmein")
    write_template(tmp_path / "config")
    settings = tmp_path / "config" / "hub.toml"
    settings.write_text(settings.read_text().replace("[connectors.ehr.settings]\n", SETTINGS))
    made = open_app(tmp_path / "config")
    yield made
    made.close()


@pytest.mark.campaign
def test_nothing_of_what_a_server_sends_gets_out(
    app: App,
    tmp_path: Path,
    lines: io.StringIO,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The resources of a patient come one by one, are joined, deleted, asked for by name, refused; the plugin fails
    on them with their values in its mouth; a preview of them fails: the values are in the encrypted store alone.
    """
    nudged: list[Nudge] = []
    port: Any = app.host.source("ehr")
    for inner, method in ((port.reader.one()[0], "read_joined"), (port._inner, "answer")):
        monkeypatch.setattr(inner, method, once(getattr(inner, method)))
    listeners = Listeners(Current(app))
    retry = Retry(first_seconds=300.0)
    runner = LocalRunner(app.steps(), on_trouble=app.on_trouble, retry=retry, store=app.store)
    app.store.on_commit(runner.told)
    app.store.on_commit(nudged.extend)
    node = SimpleNamespace(phase="running", app=app, runner=runner, doors=listeners.doors, plan=None)
    with (
        serve_site(site(node), "127.0.0.1:0") as served,
        httpx.Client(base_url=f"http://{served.address}", timeout=PATIENCE_SECONDS) as client,
    ):
        accepted, refused = _send(client)
        assert runner.run_until_idle(PATIENCE_SECONDS)
        metrics = client.get("/metrics").text
    listeners.ask_to_end()
    listeners.end(PATIENCE_SECONDS)
    runner.stop()
    _preview(tmp_path, monkeypatch)
    told = {
        **_stands(app),
        "log": lines.getvalue(),
        "console": "".join(capfd.readouterr()),
        "answers": "\n".join(f"{one.headers} {one.text}" for one in refused),
        "metrics": metrics,
        "nudges": repr(nudged),
        "troubles": repr(runner.status()),
    }
    app.close()
    for path in (tmp_path / "data").rglob("*"):
        told[path.name] = f"{path.relative_to(tmp_path)} " + (
            path.read_bytes().decode("latin-1") if path.is_file() else ""
        )
    assert [one.status_code for one in accepted].count(500) == 1, "the plugin failed once at the door"
    assert {one.status_code // 100 for one in refused} == {4}
    assert "library careless error" in told["log"]
    assert told["console"].count("there is no FHIR resource in what was given") == 6
    assert "hub_encounters" in metrics
    assert told_in(told) == set()


def _send(client: httpx.Client) -> tuple[list[httpx.Response], list[httpx.Response]]:
    """The patient's resources and a deletion, each by itself, and one only named; then what is to be refused."""
    whole = json.loads(fhir.bundle(fhir.visit_resources(visit(1, "fhir")), SENT))
    told = {f"{one['resourceType']}/{one['id']}": one for one in (each["resource"] for each in whole["entry"])}
    door = "/connectors/ehr/fhir"
    accepted = [client.put(f"{door}/{name}", json=one, headers=MINE) for name, one in list(told.items())[:1] * 2]
    accepted += [client.put(f"{door}/{name}", json=one, headers=MINE) for name, one in told.items()]
    condition = next(name for name in told if name.startswith("Condition"))
    accepted += [client.delete(f"{door}/{condition}", headers=MINE)]
    accepted += [client.post("/connectors/ehr/subscription", json=_named(f"Encounter/{KEY}7"), headers=MINE)]
    body = json.dumps(list(told.values())).encode()
    stranger = {"authorization": f"Bearer {MEMBER}", "x-patient": LAST}
    refused = [
        client.post(door, content=body, headers=stranger),
        client.post(door, content=body[:-20], headers=MINE),
        client.put(f"{door}/Patient/{KEY}1", content=LAST.encode(), headers=MINE),
        client.put(f"{door}/{LAST}/{KEY}1", json={"resourceType": LAST, "id": KEY}, headers=MINE),
        client.get(f"{door}/Patient", params={"name": LAST, "phone": PHONE}, headers=MINE),
        client.post(f"/connectors/ehr/{LAST}", content=body, headers=MINE),
        client.post(f"/connectors/{LAST}/fhir", content=body, headers=MINE),
        client.post("/connectors/ehr/subscription", json={"resourceType": STREET}, headers=MINE),
    ]
    return accepted, refused


def _named(focus: str) -> dict[str, Any]:
    """A notification that names a resource and does not carry it."""
    event = {"eventNumber": "1", "focus": {"reference": focus}}
    status = {
        "resourceType": "SubscriptionStatus",
        "status": "active",
        "type": "event-notification",
        "eventsSinceSubscriptionStart": "1",
        "notificationEvent": [event],
        "subscription": {"reference": "https://fhir.example.org/r4/Subscription/s1"},
    }
    return {"resourceType": "Bundle", "type": "subscription-notification", "entry": [{"resource": status}]}


def _preview(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A preview of what cannot be read, as a person and as a program would ask for it."""
    whole = fhir.bundle(fhir.visit_resources(visit(2, "fhir")), SENT)
    for name, body in (("cut", whole[:-400]), ("text", FIRST.encode()), ("odd", json.dumps([LAST]).encode())):
        file = folder / f"{name}.json"
        file.write_bytes(body)
        for more in ([], ["--json"]):
            words = [
                "hub",
                "fhir",
                "preview",
                str(file),
                "--connector",
                "ehr",
                *more,
                "-c",
                str(folder / "config"),
            ]
            monkeypatch.setattr(sys, "argv", words)
            with pytest.raises(SystemExit):
                main.main()


def _stands(app: App) -> dict[str, str]:
    """What the store says in clear, and how its rows show themselves."""
    with app.store.view() as view:
        pieces = view.facts.find(kind="piece", limit=1_000)
        withdrawn = view.facts.find(kind="withdrawal", limit=1_000)
        kinds = {item.kind for item in view.inbox.find()}
        assert (len(withdrawn) > 0, kinds) == (True, {"message", "errand"})
        stored = b"".join(zlib.decompress(row.record.body) for row in pieces if isinstance(row.record, PieceFact))
        assert {one for one in (KEY, MEMBER) if one.encode() in stored} == {KEY, MEMBER}, (
            "they must be in the store"
        )
        assert {one.reason for one in view.work.list(limit=1_000)} >= {"step.file", "connector.unreachable"}
        shown = {
            "work": msgspec.json.encode(view.work.list(limit=10_000)).decode(),
            "events": msgspec.json.encode(view.events.find(limit=100_000)).decode(),
            "rows": "\n".join(map(repr, [*pieces, *withdrawn, *view.encounters.each(), *view.inbox.find()])),
            "lanes": repr(view.lanes.troubles()),
        }
    return {**shown, "promises": repr(prove(app.store, app.settings, only=(9, 11), sealed=False))}
