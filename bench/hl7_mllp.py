"""HL7 over TCP: messages that are acknowledged after their commit, beside servers that keep nothing.

Three servers, each in a process of its own: the hub's listener (SQLite, synchronous FULL, every byte encrypted and
journalled before its AA), a bare asyncio server that only finds the frames and writes a fixed answer, and
python-hl7's asyncio server with its own `create_ack`. A generator in a fourth process sends the same messages to
each, a window of them on their way on every connection; rounds are interleaved and the median is told. Messages are
not read into facts meanwhile: that is another step, of this or another node. The delay is that from the time at which
a message was due, so that a server that halts is not spared.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from figures import Figure, peak_rss_mb, tell

SERVERS = ("hub", "bare", "python_hl7")
COUNT = {True: 3_000, False: 20_000}
ROUNDS = {True: 1, False: 3}
WINDOW = 256
HALF_OF_AIM = 2_500
"""Messages/s: half of what eight connections are to reach at least."""
TAG = b"@@@@@@@@@@"
MESSAGE = "\r".join([
    "MSH|^~\\&|BENCH|EAST|HUB|LAKESIDE|20260106120000||DFT^P03^DFT_P03|@@@@@@@@@@|P|2.5",
    "EVN|P03|20260106120000",
    "PID|1||1001^^^EAST^MR||QUILLFEATHER^ADALINE^M||19800203|F|||1 Elmwood Row^^Salem^OR^97301||5035550100",
    "PV1|1|O|CLINIC^12^3||||1234567893^HALEWOOD^IDA" + "|" * 12 + "V1001" + "|" * 25 + "20260105090000",
    *(
        f"FT1|{n}|T{n}||20260105||CG|G0438^Annual visit^HCPCS|||1|200.00&USD||||||||I10^^I10|1234567893^HALEWOOD^IDA"
        for n in range(1, 11)
    ),
    "IN1|1|PLAN7^Plan|CO7|Payer of the east" + "|" * 32 + "MEMBER777",
    "",
]).encode()  # fmt: skip


def measure(quick: bool) -> list[Figure]:
    """Rates on one and on eight connections, and the delay at half of the latter."""
    count = COUNT[quick]
    rates: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        for turn in range(ROUNDS[quick]):
            for server in SERVERS:
                sent = count if server != "python_hl7" else count // 5
                with serving(server, Path(folder) / f"{server}{turn}") as port:
                    for connections in (1, 8):
                        rate = loaded(port, connections, sent)["rate"]
                        rates.setdefault((server, connections), []).append(rate)
                        print(f"{server} {connections}: {rate:,.0f}/s", file=sys.stderr)
        best = {key: statistics.median(found) for key, found in rates.items()}
        half = best["hub", 8] / 2
        with serving("hub", Path(folder) / "delay") as port:
            delays = {
                rate: loaded(port, 8, int(rate * (2 if quick else 10)), rate=rate)
                for rate in (min(half, HALF_OF_AIM), half)
            }
    return _figures(best, delays)


def _figures(best: dict[tuple[str, int], float], delays: dict[float, dict[str, float]]) -> list[Figure]:
    def beside(connections: int) -> str:
        others = ", ".join(f"{name} {best[name, connections]:,.0f}/s" for name in SERVERS[1:])
        return f"durable (SQLite FULL); {others} keep nothing; {len(MESSAGE)} bytes, {os.cpu_count()} cores"

    ratio = best["hub", 8] / best["python_hl7", 8]
    (at, delay), (half, harder) = min(delays.items()), max(delays.items())
    said = (
        f"eight connections at {at:,.0f}/s; median {delay['p50']:.1f} ms, longest {delay['longest']:.1f} ms; at half "
        f"of what was reached ({half:,.0f}/s) p99 {harder['p99']:.1f} ms"
    )
    return [
        Figure(name="hl7.mllp_1conn_s", value=round(best["hub", 1]), unit="messages/s", beside=beside(1)),
        Figure(name="hl7.mllp_8conn_s", value=round(best["hub", 8]), unit="messages/s", beside=beside(8)),
        Figure(name="hl7.mllp_p99_ms", value=round(delay["p99"], 1), unit="ms", beside=said),
        Figure(
            name="hl7.mllp_ratio_python_hl7",
            value=round(ratio, 1),
            unit="x",
            beside="the hub's durable answers on eight connections, by those of python-hl7 that keeps nothing",
        ),
    ]


@contextmanager
def serving(server: str, folder: Path) -> Iterator[int]:
    """The port of a server in a process of its own, which ends afterwards."""
    folder.mkdir()
    command = [sys.executable, __file__, "serve", server, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(30)


def loaded(port: int, connections: int, count: int, rate: float = 0.0) -> dict[str, float]:
    """What a generator in a process of its own found."""
    command = [sys.executable, __file__, "load", str(port), str(connections), str(count), str(rate)]
    found: dict[str, float] = json.loads(subprocess.check_output(command, text=True))
    assert found["yes"] == found["sent"], "every message is acknowledged with AA"
    return found


# ------------------------------------------------------------------------------------------------ the generator


class Sender(asyncio.Protocol):
    """One connection: sends its messages, as fast as a window allows or when they are due."""

    def __init__(self, blocks: list[bytes], begin: float, every: float) -> None:
        self.blocks = blocks
        self.every = every
        self.begin = begin
        self.next = self.answered = self.yes = 0
        self.delays: list[float] = []
        self.due: deque[float] = deque()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self.go()

    def go(self) -> None:
        """Send what may be sent now."""
        if self.every:
            now = time.perf_counter()
            ready = min(int((now - self.begin) / self.every) + 1, len(self.blocks))
            self.due.extend(self.begin + n * self.every for n in range(self.next, ready))
            if ready < len(self.blocks):
                asyncio.get_running_loop().call_later(max(self.every, 0.001), self.go)
        else:
            ready = min(self.answered + WINDOW, len(self.blocks))
            if ready - self.next < WINDOW // 4 and ready < len(self.blocks):
                return
        if ready > self.next:
            self.transport.write(b"".join(self.blocks[self.next : ready]))
            self.next = ready

    def data_received(self, data: bytes) -> None:
        """Count answers, and go on."""
        data = self._rest + data
        whole, end, self._rest = data.rpartition(b"\x1c\r")
        number = whole.count(b"\x1c\r") + bool(end)
        self.yes += whole.count(b"MSA|AA|")
        self.answered += number
        if self.every:
            now = time.perf_counter()
            self.delays += [now - self.due.popleft() for _ in range(number)]
        elif self.next < len(self.blocks):
            self.go()
        if self.answered >= len(self.blocks) and not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, _error: Exception | None) -> None:
        """The other side has closed: it is counted by what was answered."""
        if not self.done.done():
            self.done.set_result(None)


async def load(port: int, connections: int, count: int, rate: float) -> dict[str, float]:
    """Send `count` messages over so many connections; as fast as can be without a `rate` (messages/s)."""
    each = count // connections
    tag = secrets.token_hex(2)
    blocks = [
        [b"\x0b" + MESSAGE.replace(TAG, f"{tag}{c}{n:05}".encode()) + b"\x1c\r" for n in range(each)]
        for c in range(connections)
    ]
    loop = asyncio.get_running_loop()
    every = connections / rate if rate else 0.0
    senders: list[Sender] = []
    begin = time.perf_counter() + (0.2 if rate else 0.0)
    for mine in blocks:
        at = begin + every * len(senders) / connections
        made = Sender(mine, at, every)
        await loop.create_connection(lambda made=made: made, "127.0.0.1", port)  # type: ignore[misc]
        senders.append(made)
    await asyncio.gather(*(one.done for one in senders))
    seconds = time.perf_counter() - begin
    found = {
        "sent": each * connections,
        "yes": sum(one.yes for one in senders),
        "rate": each * connections / seconds,
    }
    delays = sorted(delay * 1000 for one in senders for delay in one.delays)
    if delays:
        found |= {"p50": delays[len(delays) // 2], "p99": delays[len(delays) * 99 // 100], "longest": delays[-1]}
    return found


# ------------------------------------------------------------------------------------------------ the servers


def serve(server: str, folder: Path) -> None:
    """Serve until stdin ends; the port is the first line of stdout."""
    {"hub": serve_hub, "bare": serve_bare, "python_hl7": serve_python_hl7}[server](folder)
    print(f"{server}: {peak_rss_mb()} MB at most", file=sys.stderr)


def serve_hub(folder: Path) -> None:
    """The listeners of a node, with its own store, and nothing else of it."""
    from hub.app import Current, open_app
    from hub.config.template import write_template
    from hub.node.listening import Listeners

    write_template(folder / "config")
    settings = folder / "config" / "hub.toml"
    about = '[connectors.adt.settings]\nmllp = { listen = "127.0.0.1:0" }\n'
    settings.write_text(settings.read_text().replace("[connectors.adt.settings]\n", about))
    os.environ |= {"HUB_MASTER_KEY": secrets.token_hex(32), "HUB_SFTP_KEY": "none"}
    app = open_app(folder / "config")
    listeners = Listeners(Current(app))
    listeners.follow()
    listener = app.host.source("adt")._inner.listener  # noqa: SLF001
    assert listener.ready.wait(30)
    print(listener.port, flush=True)
    sys.stdin.read()
    listeners.ask_to_end()
    listeners.end(15)
    app.close()


def serve_bare(_folder: Path) -> None:
    """Frames and a fixed answer."""
    answer = (
        b"\x0bMSH|^~\\&|HUB|LAKESIDE|BENCH|EAST|20260106120000||ACK^P03^ACK|1|P|2.5\rMSA|AA|" + TAG + b"\r\x1c\r"
    )

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with _quiet():
            while True:
                await reader.readuntil(b"\x1c\r")
                writer.write(answer)
                await writer.drain()

    async def run() -> None:
        await _until_stdin_ends(await asyncio.start_server(heard, "127.0.0.1", 0))

    asyncio.run(run())


def serve_python_hl7(_folder: Path) -> None:
    """python-hl7's server, which parses each message and answers with its `create_ack`."""
    from hl7.mllp import start_hl7_server  # type: ignore[import-untyped]

    async def heard(reader: Any, writer: Any) -> None:
        with _quiet():
            while True:
                message = await reader.readmessage()
                writer.writemessage(message.create_ack())
                await writer.drain()

    async def run() -> None:
        await _until_stdin_ends(await start_hl7_server(heard, "127.0.0.1", 0, encoding="utf-8"))

    asyncio.run(run())


@contextmanager
def _quiet() -> Iterator[None]:
    """The generator hangs up when it is done."""
    try:
        yield
    except (asyncio.IncompleteReadError, ConnectionError):
        return


async def _until_stdin_ends(server: asyncio.Server) -> None:
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], Path(sys.argv[3]))
    elif sys.argv[1:2] == ["load"]:
        given = sys.argv[2:]
        print(json.dumps(asyncio.run(load(int(given[0]), int(given[1]), int(given[2]), float(given[3])))))
    else:
        tell(measure)
