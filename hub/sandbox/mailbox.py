"""One partner's mailbox: an SFTP server over two folders, a journal of what came, and what was put out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.clock import Clock
from hub.sandbox.clearinghouse import Answer
from hub.sandbox.sftp_server import SftpServer, User, is_temporary

INBOUND, OUTBOUND = "inbound", "outbound"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """All that a connector must be told: `fingerprint` is `SHA256:...`, folders are as the login sees them."""

    host: str
    port: int
    user: str
    password: str
    key_file: str
    fingerprint: str
    inbound: str = f"/{INBOUND}"
    outbound: str = f"/{OUTBOUND}"

    def __repr__(self) -> str:
        return f"Endpoint({self.user}@{self.host}:{self.port})"


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One file that came in: when, under what name, and under what name the partner keeps it."""

    at: datetime
    name: str
    kept: str


class Partner(Protocol):
    """What stands behind a mailbox."""

    def receive(self, name: str, data: bytes, at: datetime) -> None: ...
    def release(self, now: datetime) -> list[Answer]: ...
    def next_due(self) -> datetime | None: ...


class Mailbox:
    """Takes each file out of `inbound` the moment it appears, and lays answers into `outbound` whole.

    What came and what left is journalled below `root`/private, so that a partner that is started again there
    goes on where it stopped: the same files, replayed, give the same answers.
    """

    def __init__(self, name: str, root: Path, clock: Clock, partner: Partner, password: str) -> None:
        self.name = name
        self.partner = partner
        self._clock = clock
        self._home = root / name
        self._private = root / "private" / name
        self._password = password
        self._waiting: list[Arrival] = []
        self._lock = threading.Lock()
        for folder in (self._home / INBOUND, self._home / OUTBOUND, self._private / "received"):
            folder.mkdir(parents=True, exist_ok=True)
        self._public = _login_key(self._private / "login_key")
        self._count = 0
        self._delivered = set(self._lines("delivered"))
        self.server = SftpServer(
            self._home,
            [self.user()],
            on_file=self._take,
            host_key=_host_key(self._private / "host_key"),
        )

    def start(self) -> None:
        """Replays what came before, takes what lies in `inbound`, and listens."""
        for line in self._lines("arrivals"):
            arrival = msgspec.json.decode(line, type=Arrival)
            self._count += 1
            self._hand_over(arrival)
        self._look()
        self._listen()

    def stop(self) -> None:
        """Stops listening; harmless twice."""
        self.server.close()

    def user(self, *, refused: bool = False) -> User:
        """The login; `refused` gives one that nobody can use."""
        if refused:
            return User(name=self.name)
        return User(name=self.name, password=self._password, public_keys=(self._public,))

    @property
    def endpoint(self) -> Endpoint:
        """How to reach it, once started."""
        return Endpoint(
            host=self.server.host,
            port=self.server.port,
            user=self.name,
            password=self._password,
            key_file=str(self._private / "login_key"),
            fingerprint=self.server.fingerprint,
        )

    def advance(self) -> list[str]:
        """Works through what came, puts out what is due by now, and names what it put out."""
        self.server.settle()
        self._look()
        with self._lock:
            arrivals, self._waiting = self._waiting, []
        for arrival in arrivals:
            self._hand_over(arrival)
        return [answer.name for answer in self.partner.release(self._clock.now()) if self._put_out(answer)]

    def _listen(self) -> None:
        """On the port of last time where it is still free: connectors know the partner by it."""
        kept = self._private / "port"
        self.server.port = int(kept.read_text()) if kept.exists() else 0
        try:
            self.server.start()
        except OSError:
            self.server.close()
            self.server.port = 0
            self.server.start()
        kept.write_text(str(self.server.port))

    def _look(self) -> None:
        """Takes what lies in `inbound` without having come over SFTP: the folder may be shared, too."""
        for path in sorted((self._home / INBOUND).iterdir()):
            if path.is_file() and not is_temporary(path.name):
                self._take(path)

    def _take(self, path: Path) -> None:
        """Runs when a file appears. It only notes the time and moves the file: the next file must not wait."""
        at = self._clock.now()
        with self._lock:
            if path.parent.name != INBOUND or not path.exists():
                return
            self._count += 1
            kept = f"{self._count:06d}{path.suffix}"
            path.replace(self._private / "received" / kept)
            arrival = Arrival(at=at, name=path.name, kept=kept)
            self._note("arrivals", msgspec.json.encode(arrival).decode())
            self._waiting.append(arrival)

    def _hand_over(self, arrival: Arrival) -> None:
        data = (self._private / "received" / arrival.kept).read_bytes()
        self.partner.receive(arrival.name, data, arrival.at)

    def _put_out(self, answer: Answer) -> bool:
        if answer.name in self._delivered:
            return False
        self._delivered.add(answer.name)
        ready = self._private / "ready"
        ready.write_bytes(answer.body)
        ready.replace(self._home / OUTBOUND / answer.name)
        self._note("delivered", answer.name)
        return True

    def _lines(self, journal: str) -> Iterator[str]:
        path = self._private / journal
        yield from path.read_text().splitlines() if path.exists() else ()

    def _note(self, journal: str, line: str) -> None:
        with (self._private / journal).open("a") as file:
            file.write(line + "\n")


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(make())
    return path.read_bytes()


def _new_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )


def _host_key(path: Path) -> bytes:
    return _kept(path, _new_key)


def _login_key(path: Path) -> str:
    """Keeps the private key for the practice's connector and returns its public half."""
    key = serialization.load_ssh_private_key(_kept(path, _new_key), password=None)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return public.decode()
