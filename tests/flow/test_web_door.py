"""The web door over real HTTP: what senders are told, what bounds them, and that a fault of one holds up nobody."""

from __future__ import annotations

import asyncio
import io
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from flowlab.databases import made_url as made_url  # noqa: PLC0414 - a fixture

from hub.app import App, Current
from hub.clock import TurnedClock
from hub.config import SecretStore, load
from hub.config.certificate import Certificate
from hub.config.template import write_template
from hub.errors import Misconfigured, Refused, RetryLater
from hub.flow.trouble import Watch
from hub.node.listening import Listeners
from hub.node.pages import Pages
from hub.node.plan import planned
from hub.plugin.api import WebAnswer
from hub.plugin.host import ConnectorSpec, Options, PluginHost, contexts
from hub.store import Store
from hub.testing import web as fake
from hub.testing.notices import made_certificate
from hub.testing.web import TOKEN, MemoryDoor
from hub.watch.checks_reach import doors
from hub.web import Site, door, patience, public_site, serve_site, site

CANARY = "ZZCANARYNAME"
MINE = {"authorization": f"Bearer {TOKEN}"}
PATIENCE_SECONDS = 60.0


class Node:
    """A node as the site sees it."""

    def __init__(self, app: App, listeners: Listeners) -> None:
        self.phase, self.app, self.runner, self.doors = "running", app, None, listeners.doors


def hosted(clock: TurnedClock, doors: dict[str, dict[str, Any]]) -> PluginHost:
    """A host with a source that answers for each of `doors`."""
    make = contexts(clock=clock, secrets=SecretStore(Path()), load=lambda _instance, _key: None)
    specs = {name: ConnectorSpec(plugin="fake", settings=said) for name, said in doors.items()}
    host, problems = PluginHost.load(specs, context_for=make, options=Options(modules={"fake": fake}))
    assert problems == ()
    return host


@pytest.fixture
def memory() -> MemoryDoor:
    """What the source that answers is told."""
    return MemoryDoor()


@pytest.fixture
def app(store: Store, clock: TurnedClock, tmp_path: Path, memory: MemoryDoor) -> Iterator[App]:
    """The example practice with a source that answers, and one that by its settings does not."""
    write_template(tmp_path / "config")
    loaded = load(tmp_path / "config")
    host = hosted(clock, {"ehr": {"door": memory}, "shut": {"door": MemoryDoor(), "serves": False}})
    watch = Watch(loaded.settings, store)
    yield App(loaded=loaded, store=store, host=host, clock=clock, stop=threading.Event(), watch=watch)
    host.close()


@pytest.fixture
def current(app: App) -> Current:
    """The app that requests see."""
    return Current(app)


@pytest.fixture
def node(app: App, current: Current) -> Iterator[Node]:
    """A node that listens."""
    listeners = Listeners(current)
    yield Node(app, listeners)
    listeners.end(PATIENCE_SECONDS)


@pytest.fixture
def served(node: Node) -> Iterator[Site]:
    """All pages of the node."""
    with serve_site(site(node), "127.0.0.1:0") as served:
        yield served


@pytest.fixture
def client(served: Site) -> Iterator[httpx.Client]:
    """Who sends to connectors."""
    with httpx.Client(base_url=f"http://{served.address}/connectors", timeout=PATIENCE_SECONDS) as client:
        yield client


def items(app: App) -> list[Any]:
    """What waits for IT about the source that answers."""
    with app.store.view() as view:
        return [item for item in view.work.list(aggregate="connector") if item.where == "ingest.answer"]


def until(true: Any) -> None:
    """Wait for something that another thread does."""
    tick, left = threading.Event(), 2000
    while not true() and left:
        tick.wait(0.01)
        left -= 1
    assert true()


def test_what_was_answered_with_yes_is_durable(client: httpx.Client, app: App) -> None:
    """A message is in the inbox, and journalled, when its sender is answered; sent again it is known."""
    assert client.post("/ehr/in", content=b"one", headers=MINE).status_code == 201
    with app.store.view() as view:
        (item,) = view.inbox.find(source="ehr")
        assert view.blobs.content(item.blob_id) == b"one"
        assert view.inbox.acks_without_item() == []
    assert client.post("/ehr/in", content=b"one", headers=MINE).status_code == 200
    assert client.put("/ehr/in", content=b"to do", headers=MINE).status_code == 204
    with app.store.view() as view:
        assert [item.kind for item in view.inbox.find(source="ehr")] == ["message", "errand"]


def test_the_plugin_sees_the_request_whole(client: httpx.Client, memory: MemoryDoor) -> None:
    """Method, path below the connector, query, headers and body come as they were sent; the answer goes out whole."""
    headers = [("X-Twice", "a"), ("X-Twice", "b"), *MINE.items()]
    answer = client.request("GET", "/ehr/fhir/Patient/a%20b?x=1&y=2", headers=headers)
    (seen,) = memory.seen
    assert (seen.method, seen.path, seen.query, seen.body) == ("GET", "fhir/Patient/a b", "x=1&y=2", b"")
    assert seen.headers["x-twice"] == "a, b"
    assert seen.peer == "127.0.0.1"
    assert (answer.text, answer.headers["content-type"]) == ("here\n", "text/plain")
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers
    assert client.head("/ehr/x", headers=MINE).content == b""


def test_only_those_who_serve_are_there(client: httpx.Client, memory: MemoryDoor) -> None:
    """An unknown connector and one that serves nothing are not there; a method that no source has is refused."""
    for path in ("/nobody/x", "/shut/x", "/", "/ehr.x/"):
        assert client.get(path).status_code == 404
    turned = client.patch("/ehr/x")
    assert (turned.status_code, turned.headers["allow"]) == (405, "GET, HEAD, POST, PUT, DELETE")
    assert memory.seen == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RetryLater("full", after_seconds=7), 503),
        (Misconfigured(CANARY), 503),
        (Refused(CANARY), 403),
        (ValueError(CANARY), 500),
    ],
)
def test_a_fault_says_nothing_of_itself(
    client: httpx.Client, memory: MemoryDoor, error: Exception, status: int
) -> None:
    """Whatever the plugin raises, the sender is told by a status alone."""
    memory.fail_next = error
    answer = client.post("/ehr/in", content=CANARY, headers=MINE)
    assert (answer.status_code, CANARY in answer.text) == (status, False)
    assert (answer.headers.get("retry-after") == "7") is (str(error) == "full")


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        WebAnswer(status=99),
        WebAnswer(status=600),
        WebAnswer(headers={"a b": "c"}),
        WebAnswer(headers={"a": "b\r\nset-cookie: x"}),
        WebAnswer(body="text"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_answer_is_a_fault(client: httpx.Client, memory: MemoryDoor, wrong: Any) -> None:
    """An answer that could not be sent as it is, or would smuggle a header, is a fault of the plugin."""
    memory.answers.append(wrong)
    assert client.get("/ehr/x", headers=MINE).status_code == 500
    assert client.get("/ehr/x", headers=MINE).status_code == 200


def test_trouble_is_told_once_until_it_works_again(client: httpx.Client, memory: MemoryDoor, app: App) -> None:
    """Two failures are one item, which the next answer that goes well resolves; every call is counted."""
    for _ in range(2):
        memory.fail_next = ValueError(CANARY)
        client.get("/ehr/x", headers=MINE)
    until(lambda: len(items(app)) == 1)
    (item,) = items(app)
    assert CANARY not in f"{item}"
    assert client.get("/ehr/x", headers=MINE).status_code == 200
    until(lambda: items(app) == [])
    (count,) = [one for one in app.host.counts() if one.method == "answer"]
    assert (count.calls, count.faults) == (3, 2)


def test_one_that_blocks_holds_up_nobody_else(
    served: Site, client: httpx.Client, memory: MemoryDoor, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin that sleeps in its loop is answered for in time, and the hub's own pages go on meanwhile."""
    monkeypatch.setattr("hub.node.doors.ANSWER_SECONDS", 0.05)
    monkeypatch.setattr("hub.node.doors.GRACE_SECONDS", 0.05)
    memory.sleep_seconds = 0.6
    answer = client.get("/ehr/x", headers=MINE)
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert httpx.get(f"http://{served.address}/healthz").status_code == 200
    memory.sleep_seconds = 0
    until(lambda: len(items(app)) == 1)


def test_one_that_never_answers_is_a_fault(
    client: httpx.Client, memory: MemoryDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer has a time; after it the sender is told, the call is cancelled, and the next is answered."""

    async def never(*_given: object) -> WebAnswer:
        await asyncio.Event().wait()
        raise AssertionError

    with monkeypatch.context() as patched:
        patched.setattr("hub.plugin.host.ports.ANSWER_SECONDS", 0.05)
        patched.setattr(fake.FakeWeb, "answer", never)
        assert client.get("/ehr/x", headers=MINE).status_code == 500
    assert client.get("/ehr/x", headers=MINE).status_code == 200


def test_too_large_is_refused_before_it_is_read(
    client: httpx.Client, memory: MemoryDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body beyond the bound is 413, whether its length is told or it comes in pieces; none of it is handed on."""
    monkeypatch.setattr(door, "MOST_BODY", 1000)

    def pieces() -> Iterator[bytes]:
        yield from [b"x" * 600] * 2

    assert client.post("/ehr/in", content=b"x" * 1001, headers=MINE).status_code == 413
    assert client.post("/ehr/in", content=pieces(), headers=MINE).status_code == 413
    assert memory.seen == []
    assert client.post("/ehr/in", content=b"x" * 1000, headers=MINE).status_code == 201


def test_many_at_once_are_put_off(served: Site, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests and bytes beyond what the hub holds at once are told to come again, and are taken when they do."""
    monkeypatch.setattr(door, "MOST_AT_ONCE", 1)
    head = f"POST /connectors/ehr/in HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    with connected(served) as slow:
        slow.sendall(head.encode() + b"Content-Length: 4\r\n\r\nab")
        until(lambda: client.get("/ehr/x", headers=MINE).status_code == 503)
        slow.sendall(b"cd")
        assert b" 201 " in slow.recv(1000)
    assert client.get("/ehr/x", headers=MINE).status_code == 200
    monkeypatch.setattr(door, "MOST_BODIES", 10)
    assert client.post("/ehr/in", content=b"x" * 11, headers=MINE).status_code == 503
    assert client.post("/ehr/in", content=b"x" * 10, headers=MINE).status_code == 201


def test_slow_senders_are_let_go(served: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that does not come in time is 408; a head that does not is closed, also behind an answered request."""
    monkeypatch.setattr(door, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.05)
    with connected(served) as slow:
        slow.sendall(b"POST /connectors/ehr/in HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        assert b" 408 " in slow.recv(1000)
    for sent in (b"", b"GET /connectors/ehr/x HT"):
        with connected(served) as slow:
            slow.sendall(sent)
            assert slow.recv(1000) == b""
    with connected(served) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in slow.recv(1000)
        slow.sendall(b"GET")
        assert slow.recv(1000).replace(b"ok\n", b"") == b""


def test_heads_are_bounded(served: Site) -> None:
    """Headers without end are refused with a plain answer."""
    with connected(served) as flood:
        flood.sendall(b"GET /connectors/ehr/x HTTP/1.1\r\nHost: x\r\nX-Long: " + b"y" * 100_000)
        assert b" 400 " in flood.recv(1000)


def test_a_store_that_takes_nothing_is_told(client: httpx.Client, node: Node) -> None:
    """While a node drains its intake takes nothing more: senders are told to come again, with a time."""
    assert node.doors is not None
    node.doors._intake.close()
    answer = client.post("/ehr/in", content=b"late", headers=MINE)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")


def test_a_reload_is_followed(client: httpx.Client, current: Current, app: App, clock: TurnedClock) -> None:
    """The connectors of the settings that are in use now are those that are there."""
    from dataclasses import replace

    other = hosted(clock, {"other": {"door": MemoryDoor()}})
    current.put(replace(app, host=other), lambda: None)
    assert client.get("/ehr/x", headers=MINE).status_code == 404
    assert client.get("/other/x", headers=MINE).status_code == 200
    other.close()


def test_one_that_cannot_say_whether_it_serves_does_not(
    client: httpx.Client, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A property that raises takes its own connector away, and no other."""
    broken = property(lambda _self: 1 / 0, lambda _self, _value: None)
    monkeypatch.setattr(fake.FakeWeb, "serves", broken, raising=False)
    assert client.get("/ehr/x", headers=MINE).status_code == 404
    monkeypatch.undo()
    assert client.get("/ehr/x", headers=MINE).status_code == 200


def test_a_node_that_does_not_listen_serves_none(client: httpx.Client, node: Node) -> None:
    """Without the role there is no connector; while a node starts, senders are told to come again."""
    node.doors, node.phase = None, "running"  # type: ignore[assignment]
    assert client.get("/ehr/x").status_code == 404
    node.phase = "starting"
    assert client.get("/ehr/x").status_code == 503


def test_the_public_site_has_nothing_else(node: Node) -> None:
    """What anybody may reach has no health, no metrics, and no word of what software answers."""
    with serve_site(public_site(node), "127.0.0.1:0", key="run.public_listen") as served:
        for path in ("/", "/healthz", "/readyz", "/metrics"):
            assert httpx.get(f"http://{served.address}{path}").status_code == 404
        assert httpx.get(f"http://{served.address}/connectors/ehr/x", headers=MINE).status_code == 200
        with pytest.raises(Misconfigured) as told:
            serve_site(public_site(node), served.address, key="run.public_listen")
        assert "run.public_listen" in told.value.fix


def test_nothing_that_was_sent_is_logged(client: httpx.Client, memory: MemoryDoor) -> None:
    """Bodies, queries, tokens and paths stand in no log line, whether taken, refused or failed on."""
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    logging.getLogger().addHandler(handler)
    try:
        for fault in (None, ValueError(CANARY)):
            memory.fail_next = fault
            headers = {"authorization": CANARY, "x-name": CANARY}
            client.post(f"/ehr/{CANARY}?name={CANARY}", content=CANARY, headers=headers)
            client.post(f"/{CANARY}/x", content=CANARY)
    finally:
        logging.getLogger().removeHandler(handler)
    assert CANARY not in lines.getvalue()
    assert CANARY not in repr(memory.seen)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"public_listen": "0.0.0.0:8443"}, "has no certificate"),
        ({"public_listen": "127.0.0.1:8484"}, "is the address of run.listen"),
        ({"public_certificate": "a.pem"}, "is used by nobody"),
        ({"public_listen": "127.0.0.1:8443"}, "has no certificate"),
        ({"public_listen": "0.0.0.0:8443", "public_certificate": "a.pem"}, ""),
    ],
)
def test_settings_of_the_door_are_checked(tmp_path: Path, said: dict[str, str], words: str) -> None:
    """Nothing is sent in clear from outside by mistake: without TLS only this machine may be listened to."""
    write_template(tmp_path / "config")
    path = tmp_path / "config" / "hub.toml"
    lines = "".join(f'{name} = "{value}"\n' for name, value in said.items())
    assert "[run]\n" not in path.read_text()
    path.write_text(f"{path.read_text()}\n[run]\n{lines}")
    loaded = load(tmp_path / "config")
    told = [one.wrong for one in loaded.faults if one.key.startswith("run.")]
    assert any(words in one for one in told) if words else told == []
    refused = "0.0.0.0" in str(said) and "public_certificate" not in said  # noqa: S104 - it is refused
    assert loaded.ok is not (refused or "8484" in str(said))


def test_the_doctor_says_who_is_reached_where(app: App) -> None:
    """Each connector that answers has its addresses; where no address of [run] serves it, that is a finding."""

    def told(**run: object) -> list[Any]:
        changed = app.settings.run.model_copy(update=run)
        return list(doors(app.settings.model_copy(update={"run": changed}), app.host))

    (behind,) = told()
    assert (behind.ok, "http://127.0.0.1:8484/connectors/ehr/" in behind.what) == (True, True)
    (outside,) = told(listen="", public_listen="0.0.0.0:8443", public_certificate="a.pem")
    assert (outside.ok, "https://0.0.0.0:8443/connectors/ehr/" in outside.what) == (True, True)
    for run in ({"listen": ""}, {"roles": ("scheduler", "worker", "web")}):
        assert [one.code for one in told(**run) if not one.ok] == ["web.reach"]


def test_senders_outside_meet_tls_and_a_renewed_certificate(node: Node, app: App, tmp_path: Path) -> None:
    """The public address shows the certificate of the settings (file or secret); one that is laid there later is
    shown after a reload, one that cannot be used is not, and its end is known.
    """
    pem = made_certificate(tmp_path / "web.pem", days=90)
    run = app.settings.run.model_copy(update={"public_listen": "127.0.0.1:0", "public_certificate": str(pem)})
    loaded = msgspec.structs.replace(app.loaded, tree=app.settings.model_copy(update={"run": run}))
    said: list[str] = []
    pages = Pages(node, msgspec.structs.replace(planned(run), listen=""), loaded, said.append)
    try:
        assert shown(pages) == [pem.read_text().split("-----BEGIN PRIVATE")[0].strip()]
        made_certificate(pem)
        pages.follow(loaded)
        assert shown(pages) == [pem.read_text().split("-----BEGIN PRIVATE")[0].strip()]
        pem.write_text("none")
        pages.follow(loaded)
        assert len(shown(pages)) == 1
        assert "the one before is shown on" in said[-1]
    finally:
        pages.close()
    pem = made_certificate(tmp_path / "other.pem", days=90)
    pem.chmod(0o600)
    secret = Certificate(tmp_path, f"file:{pem}", "", SecretStore(tmp_path).get)
    assert secret.good_until() > datetime.now(UTC) + timedelta(days=89)


def shown(pages: Pages) -> list[str]:
    """The certificate that a client is shown, which also asks a connector."""
    host, _, port = pages.public.rpartition(":")
    text = ssl.get_server_certificate((host, int(port)), timeout=PATIENCE_SECONDS)
    told = ssl.create_default_context(cadata=text)
    assert httpx.get(f"{pages.public_url}/connectors/ehr/x", headers=MINE, verify=told).status_code == 200
    assert httpx.get(f"{pages.public_url}/healthz", verify=told).status_code == 404
    return [text.strip()]


def connected(served: Site) -> socket.socket:
    """A plain connection to the site."""
    host, _, port = served.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS)
