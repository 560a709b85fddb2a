"""A whole hub to which a FHIR server sends: from a request to facts, and from a name to what is fetched."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import reduce
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import httpx
import pytest
from flowlab.databases import BOTH
from flowlab.databases import made_url as made_url  # noqa: PLC0414 - a fixture
from flowlab.house import SOURCE, House

from hub.app import App, Current, open_app
from hub.clock import TurnedClock
from hub.config.template import write_template
from hub.errors import RetryLater, StoreAway
from hub.flow import ingest
from hub.flow.base import Hub
from hub.node.intake import Intake
from hub.node.listening import Listeners
from hub.plugin.api import Changes, Context, RawMessage
from hub.plugin.host import ConnectorSpec, Options, PluginHost, contexts
from hub.runner import LocalRunner
from hub.store import Store
from hub.store.feeds import Hour
from hub.store.inbox import Inbox
from hub.testing.fakes import FAKE, FakeSecrets, FakeSource, FeedSettings, MemoryFeed
from hub.web import serve_site, site

PATIENCE_SECONDS = 60.0
PUSH = '[connectors.ehr.settings]\npush = { token = "env:HUB_PUSH_TOKEN" }\n'


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The example practice, whose FHIR source is sent to."""
    monkeypatch.setenv("HUB_MASTER_KEY", secrets.token_hex(32))
    monkeypatch.setenv("HUB_SFTP_KEY", "none")
    monkeypatch.setenv("HUB_PUSH_TOKEN", "letmein")
    write_template(tmp_path / "config")
    settings = tmp_path / "config" / "hub.toml"
    settings.write_text(settings.read_text().replace("[connectors.ehr.settings]\n", PUSH))
    made = open_app(tmp_path / "config")
    yield made
    made.close()


def visit(number: int) -> dict[str, Any]:
    """A transaction with a patient and their visit."""
    person = {"resourceType": "Patient", "id": f"p{number}", "name": [{"family": "Quillfeather"}]}
    seen = {
        "resourceType": "Encounter",
        "id": f"e{number}",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/p{number}"},
        "period": {"start": "2026-01-05T09:00:00-05:00", "end": "2026-01-05T09:30:00-05:00"},
    }
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in (person, seen)
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def test_from_the_request_to_facts(app: App) -> None:
    """Each bundle is stored once and read, a repeat is known, a stranger stores nothing, and the feed is counted."""
    began = app.clock.now() - timedelta(hours=1)
    listeners = Listeners(Current(app))
    runner = LocalRunner(app.steps())
    app.store.on_commit(runner.told)
    node = SimpleNamespace(phase="running", app=app, runner=runner, doors=listeners.doors)
    assert listeners.doors.names() == ("ehr",)
    with (
        serve_site(site(node), "127.0.0.1:0") as served,
        httpx.Client(base_url=f"http://{served.address}/connectors/ehr", timeout=PATIENCE_SECONDS) as client,
    ):
        stranger = client.post("/fhir", json=visit(9))
        mine = {"authorization": "Bearer letmein"}
        told = [client.post("/fhir", json=visit(number % 3), headers=mine) for number in range(6)]
        empty = client.post("/subscription", headers=mine)
    assert (stranger.status_code, [one.status_code for one in told], empty.status_code) == (401, [200] * 6, 422)
    assert [one["response"]["status"] for one in told[0].json()["entry"]] == ["200 OK", "200 OK"]
    assert runner.run_until_idle(PATIENCE_SECONDS)
    listeners.ask_to_end()
    assert listeners.end(PATIENCE_SECONDS) == ()
    runner.stop()
    with app.store.view() as view:
        assert view.inbox.tally() == {("ehr", "read"): 3}
        assert view.inbox.acks_without_item() == []
        assert len(view.facts.heads(source="ehr", kind="encounter")) == 3
        hours = [one for one in view.feeds.hours(began) if one.source == "ehr"]
    hour = reduce(Hour.plus, hours)
    assert (hour.messages, hour.repeats, hour.accepted, hour.rejected, hour.peer) == (6, 3, 6, 1, "127.0.0.1")


class Doer(FakeSource):
    """Fetches what its listener left, each once by its own memory; `fails` where it is told to."""

    Settings: ClassVar[Any] = FeedSettings
    fails = False
    asks = True

    def __init__(self, settings: FeedSettings, context: Context) -> None:
        super().__init__(settings, context)

    def changes(self, cursor: str) -> Changes:
        """One message for each errand."""
        left = self.context.errands() if Doer.asks else ()
        if Doer.fails:
            raise RetryLater("the server is away")
        known = (self.context.state.get("known") or b"").split()
        left = tuple(one for one in left if one.body not in known)
        self.context.state.put("known", b" ".join([*known, *(one.body for one in left)]))
        some = [RawMessage(external_id=one.body.decode(), content_type=FAKE, body=b"[]") for one in left]
        return Changes(messages=tuple(some), cursor=cursor)


@pytest.fixture
def hub(store: Store, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A practice whose source is a `Doer`."""
    monkeypatch.setattr(Doer, "fails", False)
    monkeypatch.setattr(Doer, "asks", True)
    plugin = ModuleType("doer")
    vars(plugin).update(HUB_API=0, hub_ehr_sources=_offer())
    make = contexts(clock=clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None)
    spec = {SOURCE: ConnectorSpec(plugin="doer", settings={"feed": MemoryFeed()})}
    host, problems = PluginHost.load(spec, context_for=make, options=Options(modules={"doer": plugin}))
    assert problems == ()
    yield Hub(settings=House(store, clock).settings, store=store, host=host, clock=clock)
    host.close()


def _offer() -> Any:
    from hub.plugin.api import hookimpl

    @hookimpl
    def hub_ehr_sources() -> Mapping[str, type[Doer]]:
        return {"doer": Doer}

    return hub_ehr_sources


def leave(hub: Hub, *names: str) -> None:
    """A listener leaves errands."""

    class Place:
        app = SimpleNamespace(store=hub.store, clock=hub.clock, settings=hub.settings, hub=hub)

        def use(self) -> Any:
            from contextlib import nullcontext

            return nullcontext(self.app)

    intake = Intake(Place())  # type: ignore[arg-type]

    async def put() -> None:
        for name in names:
            await intake.inbox(SOURCE).errand(name.encode())

    asyncio.run(put())
    intake.close()


def waiting(hub: Hub) -> dict[str, int]:
    """How many errands and messages stand where."""
    with hub.store.view() as view:
        found: dict[str, int] = {}
        for item in view.inbox.find(source=SOURCE):
            key = f"{item.kind} {item.state}"
            found[key] = found.get(key, 0) + 1
        return found


@BOTH
def test_errands_are_done_with_what_they_brought(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """An errand comes to the next pull, again until a pull that asked for it has committed, and then no more; one of
    whom a pull does not ask waits.
    """
    leave(hub, "a", "b")
    monkeypatch.setattr(Doer, "fails", True)
    with pytest.raises(RetryLater):
        ingest.pull(hub, SOURCE)
    assert waiting(hub) == {"errand received": 2}
    monkeypatch.setattr(Doer, "fails", False)
    monkeypatch.setattr(Doer, "asks", False)
    assert ingest.pull(hub, SOURCE).done == 0
    assert waiting(hub) == {"errand received": 2}
    monkeypatch.setattr(Doer, "asks", True)
    assert ingest.pull(hub, SOURCE).done == 2
    assert waiting(hub) == {"errand read": 2, "message received": 2}
    leave(hub, "a")
    assert ingest.pull(hub, SOURCE).done == 0
    assert waiting(hub) == {"errand read": 3, "message received": 2}
    ingest.read(hub, SOURCE)
    assert waiting(hub) == {"errand read": 3, "message read": 2}


def test_what_was_not_stored_is_not_remembered(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store fails after a source was asked, the source forgets what it told: it is told again."""
    leave(hub, "a")
    with monkeypatch.context() as away:
        away.setattr(Inbox, "put_many", _away)
        with pytest.raises(StoreAway):
            ingest.pull(hub, SOURCE)
    assert waiting(hub) == {"errand received": 1}
    assert ingest.pull(hub, SOURCE).done == 1
    assert waiting(hub) == {"errand read": 1, "message received": 1}


def _away(*_: object, **__: object) -> int:
    raise StoreAway("the store is away")


def test_more_errands_than_a_page_ask_for_more(hub: Hub) -> None:
    """Each call is given a bounded page, and the pull says that there is more."""
    leave(hub, *(f"e{number}" for number in range(150)))
    first = ingest.pull(hub, SOURCE)
    assert (first.done, first.more) == (100, True)
    second = ingest.pull(hub, SOURCE)
    assert (second.done, second.more) == (50, False)
    assert json.dumps(waiting(hub)) == json.dumps({"errand read": 150, "message received": 150})
