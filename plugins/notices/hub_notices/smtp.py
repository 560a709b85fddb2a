"""One conversation with a mail server; what it answers becomes one of the door's errors, by its code alone.

Codes: RFC 5321 section 4.2 (4yz: later, 5yz: never). A server's words are not repeated: they may hold addresses.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import time
from collections.abc import Iterator
from email.message import EmailMessage

from hub.plugin.api import Context, HubError, Misconfigured, Refused, RetryLater
from hub_notices.reach import TLS_FIX, told, trust
from hub_notices.settings import EmailSettings

LATER = "the hub tries again by itself"
TOTAL_SECONDS = 240.0
"""So long may a whole conversation last, whatever each answer may: the hub gives a call up after five minutes."""
_GONE = "the mail server ended the connection"


def open_line(settings: EmailSettings) -> smtplib.SMTP:
    """Connect and hear the greeting; with `tls` the connection is safe from its first byte."""
    helo, wait = settings.helo or settings.domain, settings.timeout_seconds
    with told(), answers("connect"):
        if settings.security == "tls":
            context = trust(settings.ca_file)
            return _SafeLine(settings.host, settings.at, helo, timeout=wait, context=context)
        return _Line(settings.host, settings.at, helo, timeout=wait)


class _Line(smtplib.SMTP):
    """A conversation that ends in time, however slow each address of the server's name and each answer is."""

    _until: float | None = None

    def getreply(self) -> tuple[int, bytes]:
        """The next answer, within what is left."""
        if self.sock is not None:
            self.sock.settimeout(self._left())
        return super().getreply()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """A connection to the first address that takes one: smtplib would wait for each as long as for one."""
        failed = OSError("the name has no address")
        for _family, _kind, _protocol, _name, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                return socket.create_connection((str(address[0]), port), min(timeout, self._left()))
            except OSError as error:
                failed = error
        raise failed

    def _left(self) -> float:
        """Seconds for what comes next; raises `TimeoutError` when the whole time is up."""
        if self._until is None:
            self._until = time.monotonic() + TOTAL_SECONDS
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the conversation takes too long")
        return min(left, float(self.timeout))


class _SafeLine(smtplib.SMTP_SSL, _Line):
    """The same with TLS from the first byte."""


def secure(line: smtplib.SMTP, settings: EmailSettings) -> None:
    """Agree on TLS where that is to be done after the greeting."""
    if settings.security == "starttls":
        with told(), answers("tls"):
            line.starttls(context=trust(settings.ca_file))


def log_in(line: smtplib.SMTP, settings: EmailSettings, context: Context) -> None:
    """Log in, where there is a login."""
    if settings.user:
        password = context.secrets.get(settings.password)
        with told(), answers("login"):
            line.login(settings.user, password)


def deliver(line: smtplib.SMTP, settings: EmailSettings, message: EmailMessage) -> int:
    """Send the message; returns how many addresses the server did not take. `Misconfigured` where it took none."""
    with told(), answers("send"):
        # as bytes: `send_message` would write ">From" where a line begins with From
        return len(line.sendmail(settings.sender, list(settings.to), message.as_bytes()))


@contextlib.contextmanager
def conversation(settings: EmailSettings, context: Context) -> Iterator[smtplib.SMTP]:
    """A line that is open, safe and logged in; closed at the end, however that goes."""
    line = open_line(settings)
    try:
        secure(line, settings)
        log_in(line, settings, context)
        yield line
    finally:
        hang_up(line)


def hang_up(line: smtplib.SMTP) -> None:
    """End politely if the server still listens."""
    with contextlib.suppress(OSError, smtplib.SMTPException):
        line.quit()
    line.close()


@contextlib.contextmanager
def answers(phase: str) -> Iterator[None]:
    """What the server answers in a phase leaves as one of the door's errors. It stands inside `told`, since what
    smtplib raises is an OSError too.
    """
    try:
        yield
    except smtplib.SMTPException as error:
        raise door(phase, error) from None


def door(phase: str, error: smtplib.SMTPException) -> HubError:
    """The server's no, by phase and code."""
    if isinstance(error, smtplib.SMTPNotSupportedError):
        what = "STARTTLS" if phase == "tls" else "what is asked of it (login, or letters beyond ASCII)"
        return Misconfigured(f"the mail server does not offer {what}", fix=TLS_FIX)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return RetryLater(_GONE, fix=LATER)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _nobody([code for code, _ in error.recipients.values()])
    if not isinstance(error, smtplib.SMTPResponseException):
        return Misconfigured(f"the mail server does not do as SMTP says ({phase})", fix="check host and port")
    return _by_code(phase, error)


def _nobody(codes: list[int]) -> HubError:
    count = f"none of {len(codes)} addresses is taken ({', '.join(map(str, sorted(set(codes))))})"
    if any(400 <= code < 500 for code in codes):
        return RetryLater(f"the mail server is not ready: {count}", fix=LATER)
    return Misconfigured(
        f"the mail server refuses: {count}", fix="check `to`, and whether it relays for this hub"
    )


def _by_code(phase: str, error: smtplib.SMTPResponseException) -> HubError:
    code = error.smtp_code
    if 400 <= code < 500 or code < 0:
        return RetryLater(f"the mail server is busy ({phase}, {code})", fix=LATER)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Misconfigured(f"the mail server refuses the login ({code})", fix="check user and password")
    if isinstance(error, smtplib.SMTPSenderRefused):
        return Misconfigured(
            f"the mail server refuses the sender ({code})", fix="check `from`, and who may use it"
        )
    if isinstance(error, smtplib.SMTPDataError):
        return Refused(f"the mail server refuses this mail ({code})", fix="ask its administrator why")
    return Misconfigured(f"the mail server refuses ({phase}, {code})", fix="ask its administrator why")
