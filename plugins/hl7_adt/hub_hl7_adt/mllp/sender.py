"""The MLLP sender: each message is answered by its own acknowledgement, in order, or the caller is told.

An acknowledgement belongs to the message whose MSH-10 stands in its MSA-2, and to no other: a late or foreign one is
counted and ignored. Where an answer does not come in time the connection is closed, so that it can never be taken for
the answer to what is sent next. What was sent without an answer is in doubt: it is sent again only where the target
says so (`resend = "flagged"`), and is then counted and marked.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from threading import Event as ThreadEvent
from types import TracebackType
from typing import Self

import msgspec

from hub.plugin.api import InDoubt, Refused, RetryLater
from hub.plugin.api.ports import Secrets
from hub_hl7_adt.mllp.answers import header_of
from hub_hl7_adt.mllp.framing import Framer, framed
from hub_hl7_adt.mllp.tls import client_side
from hub_hl7_adt.settings_mllp import MllpTarget, address
from hub_hl7_adt.wire import message_of

_YES = frozenset(("AA", "CA"))
_LATER = frozenset(("206", "207"))
"""Codes of table 0357 that tell of the receiver and not of the message: locked, internal error."""
_READ_BYTES = 1 << 16


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the receiver said of one message: `code` of MSA-1 (empty where no answer was asked for), `error` of
    ERR-3 (table 0357), whether the message was sent again after a doubt, and the answer's bytes.
    """

    nth: int
    code: str
    error: str = ""
    resent: bool = False
    answer: bytes = b""

    def __repr__(self) -> str:
        return f"Told({self.nth}, {self.code!r}, {self.error!r})"


class Nack(Refused):
    """The receiver will not have a message. `told` is its answer; nothing after it was sent, but for what a window
    had on its way (`after` are the answers to those).
    """

    def __init__(self, told: Told, after: tuple[Told, ...] = ()) -> None:
        why = f"the receiver refused message {told.nth + 1} ({told.code}, error {told.error or 'not stated'})"
        super().__init__(why, fix="mend the message or the receiver, then send from this message on")
        self.told = told
        self.after = after


class _Sent:
    """A message on its way."""

    __slots__ = ("body", "codes", "deadline", "id", "nth", "resent", "told")

    def __init__(self, nth: int, body: bytes) -> None:
        header = header_of(body)
        if not header.usable or not header.control_id:
            raise Refused(
                f"message {nth + 1} has no MSH with a control id (MSH-10): no answer could be told to be its own",
                fix="give the message an MSH-10 of its own",
            )
        self.nth = nth
        self.body = body
        self.id = header.control_id.strip()
        self.codes = _expected(header.field(15), header.field(16))
        self.deadline = 0.0
        self.resent = False
        self.told: Told | None = None


class MllpSender:
    """A connection to one receiver, made when it is needed and made anew when it fails; a context manager."""

    def __init__(self, target: MllpTarget, secrets: Secrets, stop: ThreadEvent | None = None) -> None:
        self.strays = 0
        """Answers that belonged to nothing on its way."""
        self.resent = 0
        """Messages that were sent again after a doubt."""
        self._target = target
        self._secrets = secrets
        self._stop = stop or ThreadEvent()
        self._socket: socket.socket | None = None
        self._framer = Framer(target.max_bytes)
        self._window: deque[_Sent] = deque()
        self._held: _Sent | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; harmless twice."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
        self._socket = None

    def send(self, body: bytes) -> Told:
        """Send one message and wait for its answer; raises as `feed` does."""
        (told,) = self.feed((body,))
        return told

    def feed(self, bodies: Iterable[bytes]) -> Iterator[Told]:
        """Send messages in order and give the answers in that order, each yes. Raises `Nack` at the first that is
        refused (nothing is ever skipped), `RetryLater` at one that the receiver could not take now (it and what
        follows was not taken, but for `window` > 1), `InDoubt` where no answer came. What was given before stands.
        """
        waiting = (_Sent(nth, body) for nth, body in enumerate(bodies))
        self._window.clear()
        self._held = None
        tries = 0
        while True:
            try:
                self._fill(waiting)
                if not self._window:
                    return
                self._hear()
            except (OSError, _Silent) as error:
                tries = self._again(tries + 1, error)
                continue
            for told in self._settled():
                tries = 0
                yield told
            if self._window and self._is_later(self._window[0].told):
                tries = self._later(tries + 1)

    def _fill(self, waiting: Iterator[_Sent]) -> None:
        """Send on while the window has room; an id that is on its way is not sent twice at once."""
        self._connect()
        for again in self._window:
            if not again.deadline:
                self._write(again)
        while len(self._window) < self._target.window and not any(_is_no(one.told) for one in self._window):
            one, self._held = self._held or next(waiting, None), None
            if one is None:
                return
            if any(one.id == other.id for other in self._window):
                self._held = one
                return
            self._window.append(one)
            self._write(one)

    def _write(self, one: _Sent) -> None:
        assert self._socket is not None  # noqa: S101 - `_fill` has connected
        one.deadline = time.monotonic() + self._target.ack_seconds
        self._socket.settimeout(self._target.ack_seconds)
        self._socket.sendall(framed(one.body))
        if not one.codes:
            one.told = Told(nth=one.nth, code="", resent=one.resent)

    def _hear(self) -> None:
        """Read until some answer has come that was waited for; raises `_Silent` when it has not in time."""
        while any(one.told is None for one in self._window):
            first = min(one.deadline for one in self._window if one.told is None)
            left = first - time.monotonic()
            if left <= 0 or self._socket is None:
                raise _Silent
            self._socket.settimeout(left)
            data = self._socket.recv(_READ_BYTES)
            if not data:
                raise ConnectionResetError
            found = self._framer.feed(data) or (self._framer.rest() if self._framer.undecided else [])
            settled = [self._belongs(one) for one in found if isinstance(one, bytes)]
            if any(settled):
                return

    def _belongs(self, answer: bytes) -> bool:
        """Give an answer to the message that it names; False where that settles nothing."""
        code, control_id, error = _read(answer)
        one = next((one for one in self._window if one.told is None and one.id == control_id), None)
        if one is None or not code:
            self.strays += 1
            return False
        if code in _YES and code != one.codes[-1] and len(one.codes) > 1:
            return False  # committed; the application's word is still to come
        one.told = Told(nth=one.nth, code=code, error=error, resent=one.resent, answer=answer)
        return True

    def _settled(self) -> Iterator[Told]:
        while self._window and (told := self._window[0].told) is not None:
            if self._is_later(told):
                return
            if _is_no(told):
                raise Nack(told, self._after())
            self._window.popleft()
            yield told

    def _after(self) -> tuple[Told, ...]:
        """The answers to what was on its way behind a refused message, as far as they come."""
        self._window.popleft()
        with suppress(OSError, _Silent):
            while any(one.told is None for one in self._window):
                self._hear()
        if any(one.told is None for one in self._window):
            self.close()
        return tuple(one.told for one in self._window if one.told is not None)

    def _is_later(self, told: Told | None) -> bool:
        return told is not None and _is_no(told) and told.error in _LATER

    def _later(self, tries: int) -> int:
        """The receiver cannot take the first message now: it is tried again after a while, it was not taken."""
        if tries >= self._target.attempts:
            nth = self._window[0].nth
            raise RetryLater(
                f"the receiver cannot take message {nth + 1} now", after_seconds=self._wait_seconds(tries)
            )
        self._pause(tries)
        first = self._window[0]
        first.told, first.deadline = None, 0.0
        return tries

    def _again(self, tries: int, error: Exception) -> int:
        """The connection failed: what was on its way is in doubt, what was not is sent again."""
        self.close()
        doubtful = [one for one in self._window if one.deadline and one.told is None]
        if doubtful and self._target.resend == "never":
            raise InDoubt(
                f"message {doubtful[0].nth + 1} was sent and no answer came ({type(error).__name__})",
                fix="ask the receiver whether it has the message; send it again only if it does not, or if it "
                "recognises repeats (resend = flagged)",
            ) from None
        if tries >= self._target.attempts:
            raise self._given_up(doubtful, error) from None
        self._pause(tries)
        for one in doubtful:
            one.deadline, one.resent = 0.0, True
            self.resent += 1
        return tries

    def _given_up(self, doubtful: list[_Sent], error: Exception) -> InDoubt | RetryLater:
        if doubtful:
            return InDoubt(
                f"message {doubtful[0].nth + 1} was sent {self._target.attempts} times without an answer"
            )
        return RetryLater(
            f"{self._target.to} cannot be reached ({_plainly(error)})",
            after_seconds=self._wait_seconds(self._target.attempts),
            fix="check host and port, the network, and TLS on both sides",
        )

    def _wait_seconds(self, tries: int) -> float:
        return float(self._target.back_off_seconds * 2 ** (tries - 1))

    def _pause(self, tries: int) -> None:
        if self._stop.wait(self._wait_seconds(tries)):
            raise RetryLater("the hub is stopping: what has no answer yet is sent later")

    def _connect(self) -> None:
        if self._socket is not None and (self._window or not self._left(self._socket)):
            return
        self.close()
        tls = client_side(self._target, self._secrets)
        host, port = address(self._target.to)
        made = socket.create_connection((host or "localhost", port), timeout=self._target.connect_seconds)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._framer = Framer(self._target.max_bytes)
        self._socket = self._secured(made, tls, host) if tls else made

    def _left(self, sock: socket.socket) -> bool:
        """Whether the receiver hung up while nothing was sent: found before a message would be in doubt."""
        if isinstance(sock, ssl.SSLSocket):
            return False
        try:
            sock.setblocking(False)
            return not sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _secured(self, made: socket.socket, tls: ssl.SSLContext, host: str) -> socket.socket:
        try:
            return tls.wrap_socket(made, server_hostname=self._target.tls_name or host)
        except OSError:
            made.close()
            raise


class _Silent(Exception):
    """No answer came in time."""


def _is_no(told: Told | None) -> bool:
    return told is not None and bool(told.code) and told.code not in _YES


def _expected(accept: bytes, application: bytes) -> tuple[str, ...]:
    """The yes codes that a message asks for, in their order; empty where it asks for none."""
    accept, application = accept.strip().upper(), application.strip().upper()
    if not accept and not application:
        return ("AA",)
    commit = ("CA",) if accept in (b"AL", b"SU") else ()
    return (*commit, "AA") if application in (b"AL", b"SU") else commit


def _read(answer: bytes) -> tuple[str, bytes, str]:
    """MSA-1, MSA-2 and the error code (ERR-3, before 2.5 ERR-1) of an acknowledgement; empty for other things."""
    message = message_of(answer, "utf-8")
    msa = message.first(b"MSA") if message else None
    if message is None or msa is None:
        return "", b"", ""
    err = message.first(b"ERR")
    error = ""
    if err is not None:
        error = err.text(3) or err.text(1, 4)
    return msa.text(1).upper(), msa.field(2).strip(), error


def _plainly(error: Exception) -> str:
    """What failed, in words where it is one of the usual things; never a value of a message."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    return {"TimeoutError": "no answer in time", "gaierror": "no such host"}.get(
        type(error).__name__, type(error).__name__
    )
