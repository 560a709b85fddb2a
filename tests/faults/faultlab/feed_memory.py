"""How much memory a feed takes in the long run: what listens and stores alone, and what reads alone.

python tests/faults/faultlab/feed_memory.py read 100000     reads so many messages in this process
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from faultlab.feed_hub import resident_mb, slope
from hub.config.template import write_template
from hub.testing.hl7_feed import Feed

CHILD = Path(__file__).with_name("mllp_child.py")
CONNECTIONS, BLOCK = 4, 250
FEED_EACH = 10_000
"""So many messages are made by one sender, which is forgotten then: its own memory is not what is measured."""
MARKS = tuple(n * 10**power for power in range(3, 7) for n in (1, 2, 5))
_ANSWER = b"\x1c\r"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Megabytes resident after so many messages, and seconds since the first."""

    messages: int
    megabytes: float
    seconds: float


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """How the memory of one process went."""

    of: str
    seen: tuple[Seen, ...]

    @property
    def grown_mb(self) -> float:
        """Megabytes for each 100,000 messages, by the second half of what was seen (least squares)."""
        half = self.seen[len(self.seen) // 2 :]
        return slope([one.messages / 100_000 for one in half], [one.megabytes for one in half])

    def lines(self) -> Iterator[str]:
        """For a person."""
        last = self.seen[-1]
        rate = last.messages / max(last.seconds, 0.001)
        yield f"{self.of}: {last.messages} messages, {rate:.0f} a second; {self.grown_mb:+.2f} MB for 100,000 more"
        yield "  " + ", ".join(f"{one.megabytes:.0f} MB at {one.messages}" for one in self.seen)


def listener_memory(folder: Path, count: int, tell: Callable[[str], object] = bool) -> Course:
    """Push messages through a listener and the intake (SQLite, every commit written through), which nobody reads."""
    write_template(folder / "config")
    key, settings = folder / "config" / "master.key", folder / "config" / "hub.toml"
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32))
    text = settings.read_text().replace("env:HUB_MASTER_KEY", "file:master.key")
    about = '[connectors.adt.settings]\nmllp = { listen = "127.0.0.1:0" }\n'
    text = text.replace("env:HUB_SFTP_KEY", "file:master.key").replace("[connectors.adt.settings]\n", about)
    settings.write_text(text)
    command = [sys.executable, str(CHILD), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin
        assert child.stdout
        try:
            seen = tuple(_pushed(int(child.stdout.readline()), child.pid, count, tell))
        finally:
            child.stdin.close()
        assert child.wait(60) == 0
    return Course(of="listener and intake", seen=seen)


def _pushed(port: int, pid: int, count: int, tell: Callable[[str], object]) -> Iterator[Seen]:
    lines = [socket.create_connection(("127.0.0.1", port), 60) for _ in range(CONNECTIONS)]
    began, sent = time.monotonic(), 0
    try:
        while sent < count:
            for line in lines:
                line.sendall(b"".join(_frame(sent + n) for n in range(BLOCK)))
                sent += BLOCK
            for line in lines:
                _heard(line)
            if _marked(sent, CONNECTIONS * BLOCK, count):
                seen = Seen(messages=sent, megabytes=resident_mb(pid), seconds=time.monotonic() - began)
                tell(f"  {seen.messages}: {seen.megabytes:.0f} MB, {seen.seconds:.0f} s")
                yield seen
    finally:
        for line in lines:
            line.close()


def _heard(line: socket.socket) -> None:
    """All answers to a block, each AA."""
    data = b""
    while data.count(_ANSWER) < BLOCK:
        more = line.recv(1 << 16)
        assert more, "the listener hung up"
        data += more
    assert data.count(b"MSA|AA|") == BLOCK


def _frame(number: int) -> bytes:
    msh = f"MSH|^~\\&|APP|FAC|HUB|SITE|20260106120000||DFT^P03^DFT_P03|N{number}|P|2.5"
    ft1 = "FT1|1|T1||20260105||CG|G0438^^HCPCS|||1|200.00"
    pid = f"PID|1||{number % 1000}^^^EAST^MR||QUILLFEATHER^ADALINE"
    body = f"{msh}\rEVN|P03\r{pid}\rPV1|1|O|||||||||||||||||V1\r{ft1}\r"
    return b"\x0b" + body.encode() + b"\x1c\r"


def _marked(sent: int, step: int, count: int) -> bool:
    """Whether one is to look now: at 1, 2, 5 times a power of ten, each 50,000, and at the end."""
    return sent >= count or any(sent - step < mark <= sent for mark in MARKS) or sent % 50_000 < step


def reader_memory(count: int, tell: Callable[[str], object] = bool) -> Course:
    """Let a process read messages of a feed into facts and forget them."""
    command = [sys.executable, __file__, "read", str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        seen = []
        for line in child.stdout:
            seen.append(msgspec.json.decode(line, type=Seen))
            tell(f"  {seen[-1].messages}: {seen[-1].megabytes:.0f} MB, {seen[-1].seconds:.0f} s")
        assert child.wait() == 0
    return Course(of="reader", seen=tuple(seen))


def _read(count: int) -> None:
    from hub_hl7_adt.reading import read
    from hub_hl7_adt.settings import Hl7Settings

    settings, seconds, done = Hl7Settings(folder="feed"), 0.0, 0
    while done < count:
        bodies = [sent.body for sent in Feed(done, prefix=f"{done}x", poison=5).messages(FEED_EACH)]
        for at in range(0, FEED_EACH, 1_000):
            began = time.monotonic()
            for body in bodies[at : at + 1_000]:
                read(body, settings)
            seconds += time.monotonic() - began
            done += 1_000
            if _marked(done, 1_000, count):
                seen = Seen(messages=done, megabytes=resident_mb(os.getpid()), seconds=seconds)
                sys.stdout.write(f"{msgspec.json.encode(seen).decode()}\n")
                sys.stdout.flush()


if __name__ == "__main__" and sys.argv[1:2] == ["read"]:
    _read(int(sys.argv[2]))
