"""Senders of FHIR over HTTP while the hub dies under them: what was answered with yes is in the store."""

from __future__ import annotations

import json
import secrets
import threading
from pathlib import Path
from random import Random

import httpx
import pytest
from test_mllp import PATIENCE_SECONDS, Mortal, opened

from hub.config.template import write_template

pytestmark = pytest.mark.campaign

CHILD = Path(__file__).parent / "faultlab" / "push_child.py"
SENDERS = 4
EACH = 150
KILLS = 6
MINE = {"authorization": "Bearer letmein", "content-type": "application/fhir+json"}
PUSH = """[connectors.ehr.settings]
server = { url = "http://127.0.0.1:9/r4", auth = "none" }
push = { token = "env:HUB_PUSH_TOKEN" }
"""


def body(sender: int, number: int) -> bytes:
    """A resource of one sender; some are large."""
    more = "x" * (200_000 if number % 37 == 0 else 300)
    return json.dumps({"resourceType": "Patient", "id": f"s{sender}n{number}", "language": more}).encode()


def send_all(hub: Mortal, sender: int) -> None:
    """Send all resources and ids of a sender, each until it is answered with yes."""
    number, client = 0, httpx.Client(headers=MINE, timeout=PATIENCE_SECONDS)
    while number < EACH:
        named = number % 5 == 4
        path = f"subscription/Encounter/s{sender}n{number}" if named else "fhir"
        url = f"http://127.0.0.1:{hub.port()}/connectors/ehr/{path}"
        try:
            content = b"" if named else body(sender, number)
            told = client.post(url, content=content)
        except httpx.TransportError:
            continue
        if told.status_code != 503:
            assert told.status_code in {200, 201}
            number += 1
            hub.count()
    client.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub to which FHIR is pushed."""
    monkeypatch.setenv("HUB_MASTER_KEY", secrets.token_hex(32))
    monkeypatch.setenv("HUB_SFTP_KEY", "none")
    monkeypatch.setenv("HUB_PUSH_TOKEN", "letmein")
    write_template(tmp_path / "config")
    settings = tmp_path / "config" / "hub.toml"
    settings.write_text(settings.read_text().replace("[connectors.ehr.settings]\n", PUSH))
    return tmp_path


def test_killed_while_it_is_sent_to(folder: Path) -> None:
    """Four senders; the hub is killed at any moment, again and again. At the end every resource is there once, whole,
    every id that was named is there to be fetched, and nothing was acknowledged that is not.
    """
    hub, random = Mortal(folder, CHILD), Random(6)  # noqa: S311 - when it dies
    hub.start()
    senders = [threading.Thread(target=send_all, args=(hub, n), daemon=True) for n in range(SENDERS)]
    for one in senders:
        one.start()
    total = SENDERS * EACH
    for at in sorted(random.sample(range(20, total * 9 // 10), KILLS)):
        hub.reached(at)
        hub.kill()
        hub.start()
    for one in senders:
        one.join(2 * PATIENCE_SECONDS)
        assert not one.is_alive()
    assert hub.acknowledged == total
    hub.end()
    every = [(s, n) for s in range(SENDERS) for n in range(EACH)]
    with opened(folder) as app, app.store.view() as view:
        items = view.inbox.find(limit=2 * total)
        told = {kind: [view.blobs.content(one.blob_id) for one in items if one.kind == kind] for kind in _KINDS}
        assert sorted(told["message"]) == sorted(body(s, n) for s, n in every if n % 5 != 4)
        named = {ref for one in told["errand"] for _, ref in json.loads(one)["refs"]}
        assert named == {f"s{s}n{n}" for s, n in every if n % 5 == 4}
        assert view.inbox.acks_without_item() == []


_KINDS = ("message", "errand")
