"""Independent programs on the other end of the line: python-hl7, @medplum/hl7, node-hl7-client, node-hl7-server.

Those of node stand in tests/counterparts and are installed by `make setup` where npm is.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from hub_hl7_adt.mllp.sender import MllpSender
from hub_hl7_adt.settings_mllp import MllpTarget
from mllplab import PATIENCE_SECONDS, Authority, house, message

from hub.testing.fakes import FakeSecrets

PEERS = Path(__file__).resolve().parents[3] / "tests" / "counterparts"
OLD_CLOCK = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
"""python-hl7 dates its answers with a call that Python 3.12 no longer likes."""
COUNT = 25
MESSAGES = [message(n, kind="ADT^A08^ADT_A01") for n in range(COUNT)]
YES = [("AA", f"M{n}") for n in range(COUNT)]


def node(script: str, library: str) -> list[str]:
    """The command that runs a script with a library of node; skips where it is not here."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not here")
    if not (PEERS / "node_modules" / library).is_dir():
        pytest.skip(f"{library} is not installed: run `make setup` where npm is")
    return [found, str(PEERS / script), library]


def parts(body: bytes) -> list[bytes]:
    """The segments: some programs leave the last CR out."""
    return body.strip().split(b"\r")


@pytest.mark.parametrize("library", ["@medplum/hl7", "node-hl7-client"])
def test_senders_of_node(library: str) -> None:
    """What they send is stored once and in order, and they understand what they are told."""
    command = node("send.mjs", library)
    with house() as at:
        sent = json.dumps([one.decode() for one in MESSAGES])
        done = subprocess.run(
            [*command, str(at.port)], input=sent, capture_output=True, text=True, check=True, timeout=60
        )
        assert [tuple(one) for one in json.loads(done.stdout)] == YES
        assert [parts(body) for body in at.bodies] == [parts(body) for body in MESSAGES]


@contextmanager
def receiver_of_node(library: str) -> Iterator[tuple[int, list[str]]]:
    """The port of a receiver, and what it has heard when it ended."""
    heard: list[str] = []
    with subprocess.Popen(
        node("receive.mjs", library), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline()), heard
            heard += json.loads(process.communicate(timeout=60)[0])
        finally:
            process.kill()


def told_by(port: int, window: int = 1, **settings: Any) -> list[tuple[str, str]]:
    """What a receiver says to all messages: codes, and the id that its answer names."""
    target = MllpTarget.model_validate(
        {"to": f"127.0.0.1:{port}", "window": window, "ack_seconds": PATIENCE_SECONDS, **settings}
    )
    with MllpSender(target, FakeSecrets({})) as out:
        return [
            (told.code, told.answer.split(b"MSA|")[1].split(b"|")[1][:4].strip().decode())
            for told in out.feed(MESSAGES)
        ]


def test_receiver_medplum() -> None:
    """@medplum/hl7 hears every message once and in order. It takes what one read brings for one message, so that only
    one may be on its way."""
    with receiver_of_node("@medplum/hl7") as (port, heard):
        assert told_by(port) == YES
    assert [parts(one.encode()) for one in heard] == [parts(one) for one in MESSAGES]


def test_receiver_node_hl7_server() -> None:
    """node-hl7-server acknowledges old messages again and again on the same line: each answer that is given is the
    message's own all the same. It takes one message of a read at a time, so that only one may be on its way."""
    with receiver_of_node("node-hl7-server") as (port, heard):
        assert told_by(port) == YES
    first = dict.fromkeys(heard)
    assert [parts(one.encode()) for one in first] == [parts(one) for one in MESSAGES]


def test_sender_mllp_send(tmp_path: Path) -> None:
    """python-hl7's command `mllp_send` sends a file of messages and prints what it is told."""
    file = tmp_path / "messages"
    file.write_bytes(b"".join(b"\x0b" + one + b"\x1c\r" for one in MESSAGES))
    with house() as at:
        command = [sys.executable, "-c", "from hl7.client import mllp_send; mllp_send()"]
        done = subprocess.run(
            [*command, "--port", str(at.port), "--file", str(file), "127.0.0.1"],
            capture_output=True, check=True, timeout=60,
        )  # fmt: skip
        assert [parts(body) for body in at.bodies] == [parts(body) for body in MESSAGES]
        assert [one.split(b"\r")[0].decode() for one in done.stdout.split(b"MSA|AA|")[1:]] == [i for _, i in YES]


def test_asyncio_client_of_python_hl7() -> None:
    """python-hl7's asyncio client reads our answers as messages, over TLS too."""
    hl7 = pytest.importorskip("hl7.mllp")

    async def talk(port: int) -> list[tuple[str, str]]:
        reader, writer = await hl7.open_hl7_connection("127.0.0.1", port, encoding="utf-8")
        told = []
        for one in MESSAGES:
            writer.writeblock(one)
            await writer.drain()
            answer = await reader.readmessage()
            told.append((str(answer["MSA.1"]), str(answer["MSA.2"])))
        writer.close()
        await writer.wait_closed()
        return told

    with house() as at:
        assert asyncio.run(talk(at.port)) == YES
        assert at.bodies == MESSAGES


class PythonHl7Server:
    """python-hl7's server in a thread of its own, answering with its `create_ack`."""

    def __init__(self, **settings: Any) -> None:
        self.heard: list[str] = []
        self.port = 0
        self._settings = settings
        self._up, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    async def _run(self) -> None:
        from hl7.mllp import start_hl7_server

        server = await start_hl7_server(self._hear, "127.0.0.1", 0, encoding="utf-8", **self._settings)
        self.port = server.sockets[0].getsockname()[1]
        self._up.set()
        await asyncio.get_running_loop().run_in_executor(None, self._stop.wait)
        server.close()

    async def _hear(self, reader: Any, writer: Any) -> None:
        try:
            while True:
                one = await reader.readmessage()
                self.heard.append(str(one))
                writer.writemessage(one.create_ack())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(PATIENCE_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)


@OLD_CLOCK
@pytest.mark.parametrize("window", [1, 8])
def test_receiver_python_hl7(window: int) -> None:
    """python-hl7's server hears every message once, in order, and its answers are matched, pipelined or not."""
    pytest.importorskip("hl7.mllp")
    with PythonHl7Server() as peer:
        assert told_by(peer.port, window) == YES
    assert [parts(one.encode()) for one in peer.heard] == [parts(one) for one in MESSAGES]


@OLD_CLOCK
def test_receiver_python_hl7_over_tls(tmp_path: Path) -> None:
    """The same over TLS, where the sender believes the authority that it was given."""
    import ssl

    pytest.importorskip("hl7.mllp")
    authority = Authority(tmp_path)
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(*authority.certificate("peer"))
    with PythonHl7Server(ssl=shown) as peer:
        assert told_by(peer.port, tls=True, tls_name="localhost", tls_ca=str(authority.ca)) == YES
