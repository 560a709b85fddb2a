"""The listener: yes after the commit, an answer to everybody, order, limits, TLS, and a clean end."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hub_hl7_adt.mllp.listener import Listener
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.source import Hl7Source
from mllplab import PATIENCE_SECONDS, Authority, House, Line, house, message, source, until

from hub.errors import Misconfigured
from hub.plugin.api import RawMessage
from hub.testing.fakes import FakeContext
from hub.testing.kits import Sample
from hub.testing.kits.listening import HeldInbox, ListeningSourceKit, Running

PEER = "127.0.0.1"


class TestKit(ListeningSourceKit):
    """L1 to L6 of `hub.testing.kits.listening`."""

    @pytest.fixture
    def make_port(self) -> Callable[[], Any]:
        self.made: list[Hl7Source] = []

        def make() -> Hl7Source:
            self.made.append(source())
            return self.made[-1]

        return make

    @pytest.fixture
    def samples(self) -> tuple[Sample, ...]:
        return (Sample(name="adt", content_type="hl7v2", raw=message(), values=("QUILLFEATHER",)),)

    @pytest.fixture
    def sender(self) -> Callable[[bytes], bool]:
        def send(raw: bytes) -> bool:
            listener = self.made[-1].listener
            assert listener is not None
            assert listener.ready.wait(PATIENCE_SECONDS)
            line = Line(listener.port)
            try:
                return bool(raw) and line.ask(raw)[0] == "AA"
            finally:
                line.close()

        return send


def test_many_messages_in_one_read_and_one_in_many() -> None:
    """However a sender writes, every message is stored whole and answered in its order; 200 KB and more too."""
    large = message("L", more="OBX|1|TX|" + "x" * 300_000 + "\r")
    with house() as at:
        line = at.line()
        line.say(*(message(n) for n in range(50)), large)
        assert [line.msa() for _ in range(51)] == [("AA", f"M{n}") for n in [*range(50), "L"]]
        whole = b"\x0b" + message("S") + b"\x1c\r"
        for byte in whole:
            line.send(bytes([byte]))
        assert line.msa() == ("AA", "MS")
        assert at.bodies == [*(message(n) for n in range(50)), large, message("S")]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b"noise\x00\xff\x0b" + message() + b"\x1c\r", message()),
        (b"\x0b" + message().replace(b"\r", b"\n") + b"\x1c\r", message().replace(b"\r", b"\n")),
        (b"\x0b" + message().replace(b"\r", b"\r\n") + b"\x1c\r\n", message().replace(b"\r", b"\r\n")),
        (b"\x0b" + message()[:-1] + b"\x1c\r", message()[:-1]),
        (b"\x0b" + message() + b"\x1c", message()),
        (b"\x0b" + message(more="ZZ1|\xe9\xff\x80\r") + b"\x1c\r", message(more="ZZ1|\xe9\xff\x80\r")),
    ],
    ids=["noise", "lf", "crlf", "no last cr", "no cr after fs", "not ascii"],
)
def test_what_senders_do(sent: bytes, stored: bytes) -> None:
    """Noise before VT, LF or CRLF, no last CR, no CR after FS, bytes that are not ASCII: stored as sent, and AA."""
    with house() as at:
        line = at.line()
        line.send(sent)
        assert line.msa() == ("AA", "M1")
        assert at.bodies == [stored]


def test_a_message_without_its_end_is_taken_at_the_next() -> None:
    """A sender that writes no FS is understood when its next message begins; each is answered."""
    with house() as at:
        line = at.line()
        line.send(b"\x0b" + message(1) + b"\x0b" + message(2) + b"\x1c\r")
        assert [line.msa(), line.msa()] == [("AA", "M1"), ("AA", "M2")]
        assert at.bodies == [message(1), message(2)]


def test_a_part_of_a_message_is_refused() -> None:
    """A message that breaks off in a segment, or where the sender stops sending, is answered AR and not stored."""
    with house() as at:
        line = at.line()
        line.send(b"\x0b" + message(1)[:-4] + b"\x0b" + message(2) + b"\x1c\r\x0b" + message(3))
        line.socket.shutdown(socket.SHUT_WR)
        assert [line.msa() for _ in range(4)] == [("AR", "M1"), ("AA", "M2"), ("AR", "M3"), ("", "")]
        assert at.bodies == [message(2)]


def test_what_is_too_large_is_refused_and_the_next_is_heard() -> None:
    """A message over the cap is answered AR with ERR while it is read, is not stored, and harms no other."""
    with house(max_bytes=10_000) as at:
        line = at.line()
        line.say(message(1), message(2, more="OBX|1|TX|" + "x" * 50_000), message(3))
        assert line.msa() == ("AA", "M1")
        refusal = line.answer()
        assert b"MSA|AR|M2\rERR||MSH^1|104^Value too long^HL70357|E||||" in refusal
        assert line.msa() == ("AA", "M3")
        assert at.bodies == [message(1), message(3)]


def test_bytes_without_a_header_are_kept_and_refused() -> None:
    """What has no MSH is stored for a person to look at, and its sender is told AR with ERR 100."""
    with house() as at:
        line = at.line()
        line.say(b"PID|1||1001")
        assert b"MSA|AR|\rERR||MSH^1|100^" in line.answer()
        assert [(m.body, m.external_id) for m in at.inbox.put_so_far] == [(b"PID|1||1001", "")]
        assert line.ask(message()) == ("AA", "M1")


def test_the_id_is_that_of_the_sender() -> None:
    """A message is known by application, facility and control id; without a control id by its bytes alone."""
    with house() as at:
        line = at.line()
        assert line.ask(message()) == ("AA", "M1")
        assert line.ask(message("").replace(b"|M|", b"||")) == ("AA", "")
        assert [(m.external_id, m.once) for m in at.inbox.put_so_far] == [("APP|FAC|M1", False), ("", False)]


def test_an_id_with_another_body() -> None:
    """The same again is AA. Another body under an id is processed, or refused with AE and 205 where so set."""
    with house() as at:
        line = at.line()
        assert [line.ask(message()), line.ask(message()), line.ask(message(more="NTE|1\r"))] == [("AA", "M1")] * 3
    with house(profile={"same_id": "refuse"}) as at:
        line = at.line()
        assert [line.ask(message()), line.ask(message())] == [("AA", "M1")] * 2
        line.say(message(more="NTE|1\r"))
        assert b"MSA|AE|M1\rERR||MSH^1^10|205^" in line.answer()
        assert message(more="NTE|1\r") not in at.bodies


def test_several_messages_in_one_block_each_have_their_fate() -> None:
    """Messages that share a block are stored and answered one by one; a batch is stored so and answered once."""
    with house() as at:
        line = at.line()
        line.say(message(1) + message(2))
        assert [line.msa(), line.msa()] == [("AA", "M1"), ("AA", "M2")]
        header = b"BHS|^~\\&|APP|FAC|HUB|SITE|20260106||||B7\r"
        line.say(header + message(3) + message(4) + b"BTS|2\r")
        assert line.msa() == ("AA", "B7")
        assert at.bodies == [message(n) for n in (1, 2, 3, 4)]
        wrong = header + message(5) + b"BTS|2\r"
        assert line.ask(wrong) == ("AA", "B7")
        assert at.bodies[-1] == wrong


def test_an_acknowledgement_is_never_answered() -> None:
    """Two systems that acknowledge acknowledgements never end: an ACK is neither stored nor answered."""
    with house() as at:
        line = at.line()
        line.say(message(1, kind="ACK^A01").replace(b"\rPID|1", b"\rMSA|AA|X\rPID|1"), message(2))
        assert line.msa() == ("AA", "M2")
        assert at.bodies == [message(2)]


class SlowInbox(HeldInbox):
    """Each put waits for its turn, which a test gives in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: dict[str, threading.Event] = {}
        self.waiting = threading.Semaphore(0)

    async def put_many(self, messages: Sequence[RawMessage], *, peer: str = "") -> tuple[str, ...]:
        turn = self.turns[messages[0].external_id[-2:]] = threading.Event()
        self.waiting.release()
        while not turn.is_set():  # noqa: ASYNC110 - a thread's event
            await asyncio.sleep(0.002)
        return await super().put_many(messages, peer=peer)


def test_answers_keep_the_order_of_the_messages() -> None:
    """Verdicts that come out of order are told in the order in which the messages came."""
    inbox = SlowInbox()
    with house(inbox=inbox) as at:
        line = at.line()
        for n in range(3):
            line.say(message(n))
            assert inbox.waiting.acquire(timeout=PATIENCE_SECONDS)
        for n in (2, 1):
            inbox.turns[f"M{n}"].set()
        until(lambda: len(inbox.put_so_far) == 2)
        line.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            line.answer()
        line.socket.settimeout(PATIENCE_SECONDS)
        inbox.turns["M0"].set()
        assert [line.msa() for _ in range(3)] == [("AA", f"M{n}") for n in range(3)]


def test_what_one_read_brought_is_put_together() -> None:
    """Messages that came together are stored together, not one by one."""

    class Counting(HeldInbox):
        async def put_many(self, messages: Sequence[RawMessage], *, peer: str = "") -> tuple[str, ...]:
            sizes.append(len(messages))
            return await super().put_many(messages, peer=peer)

    sizes: list[int] = []
    with house(inbox=Counting()) as at:
        line = at.line()
        line.say(*(message(n) for n in range(100)))
        assert [line.msa()[0] for _ in range(100)] == ["AA"] * 100
        assert (sum(sizes), len(sizes) < 50) == (100, True)


def test_a_slow_store_slows_the_sender_down() -> None:
    """While the store holds, only a window of messages is read; the rest waits with the sender, and all arrive."""
    with house(window=20) as at:
        at.inbox.hold()
        line = at.line()
        sent = [message(n, more="NTE|" + "x" * 20_000 + "\r") for n in range(600)]
        sending = threading.Thread(target=line.say, args=sent, daemon=True)
        sending.start()
        assert at.inbox.begun.acquire(timeout=PATIENCE_SECONDS)
        connection = at.connection
        until(lambda: connection._paused)
        assert connection._unanswered < 300
        at.inbox.let()
        assert [line.msa()[0] for _ in sent] == ["AA"] * len(sent)
        sending.join(PATIENCE_SECONDS)
        assert sorted(at.bodies) == sorted(sent)


def test_a_sender_that_reads_no_answers_is_not_read() -> None:
    """Answers that nobody takes do not pile up: such a sender is no longer read, and others are."""

    class Quick(HeldInbox):
        async def put_many(self, messages: Sequence[RawMessage], *, peer: str = "") -> tuple[str, ...]:
            return ("new",) * len(messages)

    with house(inbox=Quick()) as at:
        line = at.line()
        line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        block = b"".join(b"\x0b" + message(n) + b"\x1c\r" for n in range(200))
        sending = threading.Thread(target=_until_it_breaks, args=(line, block), daemon=True)
        sending.start()
        connection = at.connection
        until(lambda: connection._deaf and connection._paused)
        assert at.line().ask(message("Z")) == ("AA", "MZ")
        line.socket.shutdown(socket.SHUT_RDWR)
        sending.join(PATIENCE_SECONDS)


def _until_it_breaks(line: Line, block: bytes) -> None:
    with suppress(OSError):
        while True:
            line.send(block)


def test_a_store_that_is_away_is_told() -> None:
    """Where nothing can be stored the answer is AR with 207, never silence; afterwards the same message is AA."""
    with house() as at:
        at.inbox.busy = True
        line = at.line()
        line.say(message())
        assert b"MSA|AR|M1\rERR||MSH^1|207^" in line.answer()
        at.inbox.busy = False
        assert line.ask(message()) == ("AA", "M1")
        assert at.bodies == [message()]


def test_a_fault_of_the_store_is_told() -> None:
    """Whatever the store raises, the sender is told AR and the listener goes on."""

    class Broken(HeldInbox):
        broken = True

        async def put_many(self, messages: Sequence[RawMessage], *, peer: str = "") -> tuple[str, ...]:
            if self.broken:
                raise ZeroDivisionError("QUILLFEATHER")
            return await super().put_many(messages, peer=peer)

    inbox = Broken()
    with house(inbox=inbox) as at:
        line = at.line()
        assert line.ask(message()) == ("AR", "M1")
        inbox.broken = False
        assert line.ask(message()) == ("AA", "M1")
        assert "QUILLFEATHER" not in repr(at.context.log.lines)


def test_a_slow_sender_is_ended() -> None:
    """A message that begins and does not end in its time is answered AR and its connection closed; who has begun
    none may wait."""
    with house(message_seconds=0.3) as at:
        quiet, slow = at.line(), at.line()
        slow.send(b"\x0b" + message()[:60])
        assert slow.msa() == ("AR", "M1")
        assert slow.answer() == b""
        assert quiet.ask(message()) == ("AA", "M1")
        assert "mllp.slow" in at.events


def test_a_sender_that_drips_is_ended() -> None:
    """Bytes that come one by one do not prolong the time of a message."""
    with house(message_seconds=0.3) as at:
        line = at.line()
        line.send(b"\x0b" + message()[:20])
        dripping = threading.Event()

        def drip() -> None:
            while not dripping.wait(0.01):
                line.send(b"x")

        sending = threading.Thread(target=lambda: _quietly(drip), daemon=True)
        sending.start()
        line.socket.settimeout(PATIENCE_SECONDS)
        assert line.msa()[0] == "AR"
        assert line.answer() == b""
        dripping.set()
        sending.join(PATIENCE_SECONDS)
        assert at.bodies == []


def _quietly(do: Callable[[], None]) -> None:
    with suppress(OSError):
        do()


def test_noise_without_a_message_is_ended() -> None:
    """Who speaks something else, such as HTTP, is closed after a while and stores nothing."""
    with house(message_seconds=0.3) as at:
        line = at.line()
        line.send(b"GET / HTTP/1.1\r\n\r\n")
        assert line.answer() == b""
        many = at.line()
        many.send(b"y" * 70_000)
        assert many.answer() == b""
        assert "mllp.noise" in at.events


def test_an_idle_connection_is_ended_where_so_set() -> None:
    """With `idle_seconds` a connection on which nothing comes is closed."""
    with house(idle_seconds=1.0) as at:
        line = at.line()
        assert line.ask(message()) == ("AA", "M1")
        assert line.answer() == b""


def test_only_allowed_peers_are_heard() -> None:
    """An address that is not on the list is closed before it can say anything; networks may be named."""
    with house(allow=["10.0.0.0/8"]) as at:
        line = at.line()
        assert line.answer() == b""
        assert "mllp.refused" in at.events
    with house(allow=["127.0.0.0/8"]) as at:
        assert at.line().ask(message()) == ("AA", "M1")


def test_connections_are_bounded() -> None:
    """More than `connections` are closed at once; when one leaves, another is heard."""
    with house(connections=2) as at:
        first, second = at.line(), at.line()
        assert [first.ask(message(1)), second.ask(message(2))] == [("AA", "M1"), ("AA", "M2")]
        assert at.line().answer() == b""
        first.close()
        until(lambda: len(at.source.listener.connections) == 1)  # type: ignore[union-attr]
        assert at.line().ask(message(3)) == ("AA", "M3")


def test_a_stop_answers_what_was_read() -> None:
    """On shutdown no new connection is taken; what was read is stored and answered, and then the line is closed."""
    with house() as at:
        line = at.line()
        at.inbox.hold()
        line.say(*(message(n) for n in range(10)))
        assert at.inbox.begun.acquire(timeout=PATIENCE_SECONDS)
        at.running.stop.set()
        until(lambda: not at.source.listener.ready.is_set())  # type: ignore[union-attr]
        with pytest.raises(ConnectionError):
            until(lambda: Line(at.port).ask(message()) is None)
        at.inbox.let()
        assert [line.msa() for _ in range(11)] == [*(("AA", f"M{n}") for n in range(10)), ("", "")]
        assert at.bodies == [message(n) for n in range(10)]


def test_a_sender_that_hangs_up_loses_nothing() -> None:
    """What was read from a sender that hung up before its answer is stored all the same."""
    with house() as at:
        line = at.line()
        at.inbox.hold()
        line.say(message(1))
        assert at.inbox.begun.acquire(timeout=PATIENCE_SECONDS)
        line.close()
        at.inbox.let()
        until(lambda: at.bodies == [message(1)])
        assert at.line().ask(message(2)) == ("AA", "M2")


def test_answers_are_counted_by_peer() -> None:
    """What senders were told is counted, by the name that settings give their address."""
    with house(peers={PEER: "epic"}) as at:
        line = at.line()
        line.say(*(message(n) for n in range(5)), b"junk")
        for _ in range(6):
            line.answer()
        until(lambda: at.inbox.told.get("epic") == Counter({"AA": 5, "AR": 1}))


def test_no_sender_floods_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong again and again is logged once, and then how often it did."""
    monkeypatch.setattr("hub_hl7_adt.mllp.listener.NOTED_SECONDS", 0.3)
    with house() as at:
        at.inbox.busy = True
        line = at.line()
        for n in range(20):
            assert line.ask(message(n)) == ("AR", f"M{n}")
        until(lambda: at.events.count("mllp.unstored") >= 2)
        told = [values for event, values in at.context.log.lines if event == "mllp.unstored"]
        assert {one["exception"] for one in told} == {"RetryLater"}
        until(lambda: not at.source.listener._noted)  # type: ignore[union-attr]
        told = [values for event, values in at.context.log.lines if event == "mllp.unstored"]
        assert sum(int(one.get("count", 1)) for one in told) == 20
        assert len(told) < 20


def test_nothing_of_a_patient_is_logged() -> None:
    """The log holds events and counts, never a value of a message."""
    with house(message_seconds=0.3) as at:
        line = at.line()
        at.inbox.busy = True
        line.ask(message())
        line.send(b"\x0b" + message()[:-5])
        line.msa()
        assert not {"QUILLFEATHER", "1001", "ADALINE"} & set(repr(at.context.log.lines).replace("'", " ").split())


def test_a_taken_port_is_misconfigured() -> None:
    """A port on which somebody listens stops the connector, and says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = source(listen=f"127.0.0.1:{other.getsockname()[1]}")
        with pytest.raises(Misconfigured):
            asyncio.run(port.serve(HeldInbox(), threading.Event()))


def test_without_settings_nothing_is_listened_on() -> None:
    """A source that only takes files waits for its end."""
    only_files = Hl7Source(Hl7Settings(), FakeContext("hl7"))
    running = Running(only_files, HeldInbox())
    assert running.serves
    running.end()


def trusting(authority: Authority) -> ssl.SSLContext:
    """A sender that believes this authority."""
    return ssl.create_default_context(cafile=authority.ca)


def test_tls(tmp_path: Path) -> None:
    """Over TLS the listener shows its certificate; a plain sender, and one of an old TLS, is not heard."""
    authority = Authority(tmp_path)
    cert, key = authority.certificate("hub")
    with house(tls_cert=str(cert), tls_key=str(key), message_seconds=1) as at:
        assert at.line(trusting(authority)).ask(message()) == ("AA", "M1")
        large = message("L", more="OBX|1|TX|" + "x" * 300_000 + "\r")
        assert at.line(trusting(authority)).ask(large) == ("AA", "ML")
        plain = at.line()
        plain.say(message(2))
        assert plain.socket.recv(10)[:1] != b"\x0b"
        old = trusting(authority)
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            at.line(old)
        assert at.bodies == [message(), large]


def test_tls_to_a_plain_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that speaks TLS to a listener without it is closed at once, and the log tells it; nothing is answered
    and nothing is counted as an answer.
    """
    told: list[str] = []
    monkeypatch.setattr(Listener, "tell", lambda _self, peer, *_: told.append(peer))
    with house() as at:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            at.line(ssl.create_default_context())
        until(lambda: "mllp.tls" in at.events)
        until(lambda: not at.source.listener.connections)  # type: ignore[union-attr]
    assert (told, at.bodies) == ([], [])


def test_mutual_tls(tmp_path: Path) -> None:
    """With `tls_client_ca` only senders whose certificate that authority signed are heard."""
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    cert, key = authority.certificate("hub")
    own, other = authority.certificate("epic"), stranger.certificate("mallory")
    with house(tls_cert=str(cert), tls_key=str(key), tls_client_ca=str(authority.ca)) as at:
        for pair, heard in ((own, True), (other, False), (None, False)):
            tls = trusting(authority)
            if pair:
                tls.load_cert_chain(*pair)
            assert said(at, tls) == heard
        assert at.bodies == [message()]
        until(lambda: at.events.count("mllp.tls") == 2)


def test_a_handshake_that_never_ends_is_ended(tmp_path: Path) -> None:
    """A sender that begins no handshake is closed after `message_seconds`, and a stop does not wait for it."""
    authority = Authority(tmp_path)
    cert, key = authority.certificate("hub")
    with house(tls_cert=str(cert), tls_key=str(key), message_seconds=0.2) as at:
        assert at.line().answer() == b""
        until(lambda: "mllp.tls" in at.events)
    with house(tls_cert=str(cert), tls_key=str(key), drain_seconds=0.1) as at:
        at.line()
        until(lambda: len(at.source.listener.connections) == 1)  # type: ignore[union-attr]


def said(at: House, tls: ssl.SSLContext) -> bool:
    """Whether a sender with this certificate is told yes."""
    try:
        return at.line(tls).ask(message()) == ("AA", "M1")
    except (ssl.SSLError, ConnectionError):
        return False


@pytest.mark.parametrize(
    ("days", "good", "words"),
    [(-2, False, "not today"), (3, False, "no sender will connect"), (90, True, "good until")],
)
def test_a_certificate_ends(tmp_path: Path, days: int, good: bool, words: str) -> None:
    """A certificate that is over, or will be within two weeks, is told before senders find out."""
    authority = Authority(tmp_path)
    cert, key = authority.certificate("hub", days=days)
    (step,) = source(tls_cert=str(cert), tls_key=str(key), tls_client_ca=str(authority.ca)).check()
    assert (step.ok, words in step.said, bool(step.fix)) == (good, True, not good)


def test_certificates_may_be_secrets(tmp_path: Path) -> None:
    """Certificate, key, password and authority may be secret references; a wrong one is told before listening."""
    authority = Authority(tmp_path)
    cert, key = authority.certificate("hub", b"open sesame")
    secrets = {"env:CERT": cert.read_text(), "env:KEY": key.read_text(), "env:WORD": "open sesame"}
    told: dict[str, Any] = {"tls_cert": "env:CERT", "tls_key": "env:KEY", "tls_key_password": "env:WORD"}
    with house(secrets=secrets, **told) as at:
        assert at.line(trusting(authority)).ask(message()) == ("AA", "M1")
        assert [step.ok for step in at.source.check()] == [True]
    wrong = source(tls_cert=str(key), tls_key=str(cert))
    assert [step.ok for step in wrong.check()] == [False]
    with pytest.raises(Misconfigured):
        asyncio.run(wrong.serve(HeldInbox(), threading.Event()))
