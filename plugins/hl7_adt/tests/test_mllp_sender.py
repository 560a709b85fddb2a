"""The sender: an answer is its own message's or nobody's, order holds, and doubt is never hidden."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hub_hl7_adt.mllp.framing import Framer
from hub_hl7_adt.mllp.sender import MllpSender, Nack
from hub_hl7_adt.settings_mllp import MllpTarget
from mllplab import PATIENCE_SECONDS, Authority, house, message
from pydantic import ValidationError

from hub.plugin.api import InDoubt, Refused, RetryLater
from hub.testing.fakes import FakeSecrets


def ack(control_id: str, code: str = "AA", error: str = "") -> bytes:
    """An acknowledgement in its frame."""
    err = f"ERR||MSH^1|{error}|E\r" if error else ""
    return f"\x0bMSH|^~\\&|R|R|A|A|20260101||ACK|9|P|2.5\rMSA|{code}|{control_id}\r{err}\x1c\r".encode()


Say = Callable[[int, str], bytes | None]
"""What a receiver answers to the nth message with this control id; None hangs up."""


class Receiver:
    """A receiver that answers as a test says, one connection after another."""

    def __init__(self, say: Say) -> None:
        self.heard: list[str] = []
        self.calls = 0
        self._say = say
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._lines: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._server.accept()
                self.calls += 1
                self._lines.append(line)
                threading.Thread(target=self._hear, args=(line,), daemon=True).start()

    def _hear(self, line: socket.socket) -> None:
        framer = Framer(1 << 20)
        with suppress(OSError):
            while data := line.recv(1 << 16):
                for one in framer.feed(data):
                    assert isinstance(one, bytes)
                    control_id = one.split(b"|")[9].decode()
                    self.heard.append(control_id)
                    said = self._say(len(self.heard), control_id)
                    if said is None:
                        line.shutdown(socket.SHUT_RDWR)
                        line.close()
                        return
                    line.sendall(said)

    def close(self) -> None:
        """No longer there."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for line in self._lines:
            line.close()


@contextmanager
def receiving(say: Say) -> Iterator[Receiver]:
    """A receiver for a while."""
    made = Receiver(say)
    try:
        yield made
    finally:
        made.close()


def sender(port: int, **told: Any) -> MllpSender:
    """A sender to that port which does not wait between tries."""
    settings = {"to": f"127.0.0.1:{port}", "back_off_seconds": 0, "ack_seconds": PATIENCE_SECONDS, **told}
    return MllpSender(MllpTarget.model_validate(settings), FakeSecrets({}))


def well(_nth: int, control_id: str) -> bytes:
    """Yes to everything."""
    return ack(control_id)


FIVE = [message(n) for n in range(5)]
IDS = [f"M{n}" for n in range(5)]


@pytest.mark.parametrize("window", [1, 3, 50])
def test_messages_are_sent_in_order(window: int) -> None:
    """Each message is answered by its own acknowledgement, in order, whatever the window; one connection is used."""
    with receiving(well) as at, sender(at.port, window=window) as out:
        assert [(told.nth, told.code) for told in out.feed(FIVE)] == [(n, "AA") for n in range(5)]
        assert out.send(message("Z")).code == "AA"
        assert (at.heard, at.calls) == ([*IDS, "MZ"], 1)


def test_into_our_own_listener() -> None:
    """What the sender sends the listener stores, in order; commit and application answers of enhanced mode too."""
    sent = [message(n, header="|||AL|AL" if n % 2 else "") for n in range(40)]
    sent += [message("N", header="|||NE|NE"), message("C", header="|||AL|NE"), message("L", more="x" * 200_000)]
    with house() as at, sender(at.port, window=8) as out:
        assert [told.code for told in out.feed(sent)] == [*["AA"] * 40, "", "CA", "AA"]
        assert at.bodies == sent
        assert out.strays == 0


def test_a_foreign_answer_is_nobodys() -> None:
    """An answer with another id, or without one, is counted and never taken for the answer that is waited for."""

    def strange(_nth: int, control_id: str) -> bytes:
        return ack("other", "AE") + ack("", "AR") + b"\x0bnoise\x1c\r" + ack(control_id)

    with receiving(strange) as at, sender(at.port) as out:
        assert [told.code for told in out.feed(FIVE)] == ["AA"] * 5
        assert out.strays == 15


def test_a_late_answer_is_not_taken_for_the_next() -> None:
    """After a time-out the connection is closed: the late answer reaches nobody, and the message is in doubt."""
    late = threading.Event()

    def slow(nth: int, control_id: str) -> bytes:
        if nth == 1:
            assert late.wait(PATIENCE_SECONDS)
        return ack(control_id)

    with receiving(slow) as at, sender(at.port, ack_seconds=0.2) as out:
        with pytest.raises(InDoubt):
            out.send(message(1))
        late.set()
        assert out.send(message(2)).answer == ack("M2")[1:-2]
        assert (at.heard, at.calls, out.resent) == (["M1", "M2"], 2, 0)


def test_a_resend_is_flagged() -> None:
    """Where the target allows it, a message in doubt is sent again with the same bytes, marked and counted."""

    def deaf_once(nth: int, control_id: str) -> bytes | None:
        return None if nth == 2 else ack(control_id)

    with receiving(deaf_once) as at, sender(at.port, resend="flagged") as out:
        assert [(told.nth, told.resent) for told in out.feed(FIVE)] == [(n, n == 1) for n in range(5)]
        assert (at.heard, out.resent) == (["M0", "M1", "M1", "M2", "M3", "M4"], 1)


def test_doubt_without_leave_is_told() -> None:
    """Without leave nothing is sent twice: the message in doubt is named, and what went before stands."""

    def hangs_up(nth: int, control_id: str) -> bytes | None:
        return None if nth == 3 else ack(control_id)

    with receiving(hangs_up) as at, sender(at.port) as out:
        told = []
        with pytest.raises(InDoubt, match="message 3 "):
            told.extend(out.feed(FIVE))
        assert at.heard == ["M0", "M1", "M2"]


def test_a_doubt_that_lasts_ends() -> None:
    """A receiver that never answers is not asked for ever."""
    with receiving(lambda _nth, _id: None) as at, sender(at.port, resend="flagged", attempts=3) as out:
        with pytest.raises(InDoubt):
            out.send(message(1))
        assert at.heard == ["M1"] * 3


@pytest.mark.parametrize("window", [1, 4])
def test_a_refusal_stops_the_feed(window: int) -> None:
    """A message that is refused is never skipped: nothing that was not on its way goes after it."""

    def no(_nth: int, control_id: str) -> bytes:
        return ack(control_id, "AE", "101") if control_id == "M1" else ack(control_id)

    with receiving(no) as at, sender(at.port, window=window) as out:
        given, feed = [], out.feed([message(n) for n in range(20)])
        with pytest.raises(Nack) as raised:
            given.extend(told.nth for told in feed)
        assert (raised.value.told.nth, raised.value.told.code, raised.value.told.error) == (1, "AE", "101")
        assert len(at.heard) <= 1 + window
        assert [f"M{one.nth}" for one in raised.value.after] == at.heard[2:]


def test_a_receiver_that_is_busy_is_asked_again() -> None:
    """A refusal that tells of the receiver (207) is tried again, in order; after the last try it is for later."""

    def busy(nth: int, control_id: str) -> bytes:
        return ack(control_id, "AR", "207") if nth in {2, 3} else ack(control_id)

    with receiving(busy) as at, sender(at.port, attempts=3) as out:
        assert [(told.nth, told.resent) for told in out.feed(FIVE)] == [(n, False) for n in range(5)]
        assert at.heard == ["M0", "M1", "M1", "M1", "M2", "M3", "M4"]
    with receiving(lambda _n, i: ack(i, "AR", "207")) as at, sender(at.port, attempts=2) as out:
        with pytest.raises(RetryLater):
            out.send(message(1))
        assert at.heard == ["M1", "M1"]


def test_nobody_there_is_for_later() -> None:
    """Where no connection comes about nothing is in doubt."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with sender(port, attempts=2) as out, pytest.raises(RetryLater):
        out.send(message(1))


def test_a_receiver_that_left_meanwhile_is_called_again() -> None:
    """A connection that the receiver closed while nothing was sent leaves no message in doubt."""
    with house(idle_seconds=1.0) as at, sender(at.port) as out:
        assert out.send(message(1)).code == "AA"
        assert out._socket is not None
        out._socket.settimeout(PATIENCE_SECONDS)
        assert out._socket.recv(1, socket.MSG_PEEK) == b""
        assert out.send(message(2)).code == "AA"


def test_one_id_twice_is_never_on_its_way_at_once() -> None:
    """Two messages with one control id wait for each other, however wide the window: answers would be ambiguous."""
    same = [message("S"), message("S", more="NTE|1\r"), message("T")]
    with receiving(well) as at, sender(at.port, window=10) as out:
        assert [told.code for told in out.feed(same)] == ["AA"] * 3
        assert (at.heard, out.strays) == (["MS", "MS", "MT"], 0)


def test_a_message_without_an_id_is_refused() -> None:
    """Without MSH-10 no answer could be told to be its own: it is not sent."""
    with receiving(well) as at, sender(at.port) as out:
        with pytest.raises(Refused):
            out.send(message("").replace(b"|M|", b"||"))
        assert at.heard == []


def test_tls_both_ways(tmp_path: Path) -> None:
    """The sender believes only its authority, shows its certificate, and is heard by a listener that asks for one."""
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    (cert, key), (mine, own) = authority.certificate("hub"), authority.certificate("sender")
    shown = {"tls": True, "tls_name": "localhost", "tls_cert": str(mine), "tls_key": str(own)}
    with house(tls_cert=str(cert), tls_key=str(key), tls_client_ca=str(authority.ca)) as at:
        with sender(at.port, tls_ca=str(authority.ca), **shown) as out:
            assert [told.code for told in out.feed(FIVE)] == ["AA"] * 5
        with sender(at.port, tls_ca=str(stranger.ca), **shown) as out, pytest.raises(RetryLater):
            out.send(message(9))
        assert at.bodies == FIVE


@pytest.mark.parametrize("wrong", [{"to": "nowhere"}, {"to": "a:99999"}, {"to": "a:1", "window": 0}])
def test_targets_are_checked(wrong: dict[str, Any]) -> None:
    """A target that cannot be is refused when it is read."""
    with pytest.raises(ValidationError):
        MllpTarget.model_validate(wrong)
