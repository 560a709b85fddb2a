"""Senders of a feed as they are: several connections, repeats, wrong order, torn messages, noise, patience."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from random import Random

from hub_hl7_adt.mllp.framing import framed
from hub_hl7_adt.mllp.sender import MllpSender
from hub_hl7_adt.settings_mllp import MllpTarget

from faultlab.feed_hub import PATIENCE_SECONDS, FeedHub
from hub.plugin.api import InDoubt, RetryLater
from hub.testing.fakes import FakeSecrets

SESSION = (20, 400)
"""So many messages are sent before a connection is given up, unless it breaks before."""
WINDOWS = (1, 10, 50)
SHUFFLED = 6
"""So far from its place a message may be sent."""
BACK = 300
"""So far behind the first time a message may be sent again."""
PAUSE_SECONDS = 0.05
_ANSWER_SECONDS = 20.0


class Tally:
    """What reached the senders, counted by all of them."""

    def __init__(self) -> None:
        self.answered: Counter[bytes] = Counter()
        self.junk: set[bytes] = set()
        self.junk_answered: set[bytes] = set()
        self.deeds: Counter[str] = Counter()
        self.total = 0
        self.failures: list[str] = []
        self._changed = threading.Condition()

    def yes(self, body: bytes) -> None:
        """A message was acknowledged."""
        with self._changed:
            self.answered[body] += 1
            self.total += 1
            self._changed.notify_all()

    def deed(self, name: str) -> None:
        """Something that senders do."""
        with self._changed:
            self.deeds[name] += 1

    def reached(self, number: int, over: threading.Event) -> bool:
        """Wait until so many answers came; False where the senders are done before."""
        with self._changed:
            self._changed.wait_for(lambda: self.total >= number or over.is_set())
            return self.total >= number

    def wake(self) -> None:
        """Let who waits look again."""
        with self._changed:
            self._changed.notify_all()


def dealt(bodies: Sequence[bytes], connections: int, repeated: int, random: Random) -> list[list[bytes]]:
    """What each connection sends, in its order: messages go out by any of them, about in order; of a thousand
    `repeated` are sent again later, by the same or another.
    """
    found: list[list[bytes]] = [[] for _ in range(connections)]
    for number, body in enumerate(bodies):
        found[random.randrange(connections)].append(body)
        if number and random.randrange(1000) < repeated:
            found[random.randrange(connections)].append(bodies[random.randrange(max(0, number - BACK), number)])
    for mine in found:
        for at in range(0, len(mine), SHUFFLED):
            some = mine[at : at + SHUFFLED]
            random.shuffle(some)
            mine[at : at + SHUFFLED] = some
    return found


class Connection(threading.Thread):
    """One sender: what has no answer it sends again, until everything is acknowledged."""

    def __init__(self, name: str, bodies: Sequence[bytes], hub: FeedHub, tally: Tally, random: Random) -> None:
        super().__init__(name=name, daemon=True)
        self._bodies, self._hub, self._tally, self._random = bodies, hub, tally, random
        self._at = self._junk = 0
        self._rest = threading.Event()

    def run(self) -> None:
        """Send everything."""
        try:
            while self._at < len(self._bodies):
                self._alive()
                with suppress(OSError):
                    self._misbehave()
                with suppress(InDoubt, RetryLater):
                    self._session()
        except BaseException as error:  # noqa: BLE001 - told at the end, by the campaign
            self._tally.failures.append(f"{self.name}: {type(error).__name__}: {error}")
        finally:
            self._tally.wake()

    def _alive(self) -> None:
        if not self._hub.up.wait(PATIENCE_SECONDS):
            raise TimeoutError("the hub did not come back")

    def _session(self) -> None:
        upto = self._at + self._random.randint(*SESSION)
        target = MllpTarget(
            to=f"127.0.0.1:{self._hub.port}",
            window=self._random.choice(WINDOWS),
            attempts=1,
            ack_seconds=PATIENCE_SECONDS,
            back_off_seconds=0.1,
        )
        with MllpSender(target, FakeSecrets({})) as out:
            for told in out.feed(self._bodies[self._at : upto]):
                assert told.code == "AA", told.code
                self._tally.yes(self._bodies[self._at])
                self._at += 1

    def _misbehave(self) -> None:
        deed = self._random.choices(
            (self._nothing, self._pause, self._torn, self._unheard, self._noise, self._header_less),
            (30, 20, 15, 15, 10, 2),
        )[0]
        deed()
        self._tally.deed(deed.__name__.strip("_"))

    def _nothing(self) -> None:
        """Go on at once."""

    def _pause(self) -> None:
        """Be silent for a moment."""
        self._rest.wait(self._random.random() * PAUSE_SECONDS)

    def _torn(self) -> None:
        """Break off in the middle of a message."""
        frame = framed(self._bodies[self._at])
        with self._line() as line:
            line.sendall(frame[: self._random.randrange(1, len(frame) - 1)])

    def _unheard(self) -> None:
        """Send some and go before the answers come: they are sent again."""
        with self._line() as line:
            line.sendall(b"".join(framed(one) for one in self._bodies[self._at : self._at + 5]))

    def _noise(self) -> None:
        """Say something that is no HL7 at all."""
        with self._line() as line:
            line.sendall(self._random.choice((b"GET / HTTP/1.0\r\n\r\n", b"\x1c\r\x1c\r", b"\x00" * 50, b"\r\n")))

    def _header_less(self) -> None:
        """Frame something that has no MSH: it is kept, and answered AR."""
        self._junk += 1
        body = f"PID|1||{self.name}-{self._junk}\r".encode()
        self._tally.junk.add(body)
        with self._line() as line:
            line.settimeout(_ANSWER_SECONDS)
            line.sendall(framed(body))
            answer = line.recv(4096)
        if b"MSA|AR" in answer and b"|207" not in answer:
            self._tally.junk_answered.add(body)

    def _line(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._hub.port), _ANSWER_SECONDS)
