"""One SSH connection with its own socket, a pinned host key and a single login; a client for each thread.

TCP_NODELAY is set here because paramiko never does (a small file takes three times as long without it), and
TCP_USER_TIMEOUT because a write into a line that swallows everything has no other end.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import secrets as randomness
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko

from hub.plugin.api import HubError, Misconfigured, RetryLater
from hub.plugin.api.ports import Log, Secrets
from hub_sftp_transfer import faults
from hub_sftp_transfer.keys import algorithms, check_host_key, private_key
from hub_sftp_transfer.settings import SftpSettings

QUIET = "hub_sftp_transfer.paramiko"
WINDOW_BYTES = 4 * 1024 * 1024
BROKEN_LOGINS_ALLOWED = 2

_salt = randomness.token_bytes(32)
_refused: dict[str, str] = {}
_broken_logins: Counter[str] = Counter()
_failed_connects: Counter[str] = Counter()


def forget_failures() -> None:
    """Forget which logins were refused and which servers did not answer, as a restart does."""
    _refused.clear()
    _broken_logins.clear()
    _failed_connects.clear()


class SftpConnection:
    """Connects when first used. Raises `Misconfigured` for a host key, login or account that is wrong, and
    `RetryLater` for a network that is; a login that was refused is not tried again in this process until its
    settings or its secret change.
    """

    def __init__(self, settings: SftpSettings, secrets: Secrets, log: Log | None = None) -> None:
        self._settings = settings
        self._secrets = secrets
        self._log = log
        self._lock = threading.RLock()
        self._transport: paramiko.Transport | None = None
        self._local = threading.local()
        self.place = f"{settings.host}:{settings.port}"

    def client(self) -> paramiko.SFTPClient:
        """The client of this thread, on a channel of its own; connects and logs in when there is no line."""
        with self._lock:
            transport = self._transport
            if transport is None or not transport.is_active():
                transport = self._transport = self._connect()
        if getattr(self._local, "transport", None) is not transport:
            with self.working("opening an SFTP channel"):
                self._local.client = self._channel(transport)
            self._local.transport = transport
        client: paramiko.SFTPClient = self._local.client
        return client

    @contextmanager
    def working(self, doing: str) -> Iterator[None]:
        """Turn what the server or the line does wrong into an error of the door; a broken line is let go."""
        try:
            yield
        except HubError:
            raise
        except faults.OUTSIDE as error:
            if faults.is_broken(error):
                self.close()
            raise faults.working(error, doing) from None

    def is_open(self) -> bool:
        """Whether there is a line that is not known to be broken."""
        transport = self._transport
        return transport is not None and transport.is_active()

    def close(self) -> None:
        """Hang up; harmless twice. The next use connects anew."""
        with self._lock:
            transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def dial(self) -> socket.socket:
        """A connected TCP socket, ready for SSH."""
        limit = self._settings.connect_timeout_seconds
        try:
            line = socket.create_connection((self._settings.host, self._settings.port), timeout=limit)
        except OSError as error:
            raise faults.connecting(error, self.place) from None
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            wait = int(self._settings.operation_timeout_seconds * 1000)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, wait)
        return line

    def greet(self, line: socket.socket) -> paramiko.Transport:
        """Speak SSH on `line` and check the host key; the line is closed if anything is wrong."""
        transport: paramiko.Transport | None = None
        try:
            transport = self._prepared(line)
            transport.start_client(timeout=self._settings.connect_timeout_seconds)
            check_host_key(transport.get_remote_server_key(), self._settings.host_keys, self.place)
        except HubError:
            _hang_up(transport, line)
            raise
        except faults.OUTSIDE as error:
            _hang_up(transport, line)
            raise faults.connecting(error, self.place) from None
        return transport

    def log_in(self, transport: paramiko.Transport) -> None:
        """One attempt with what the settings name; a refusal is remembered and ends all further ones."""
        password, key = self._credentials()
        account = self._account(password, key)
        self._not_refused(account)
        try:
            self._authenticate(transport, password, key)
        except (paramiko.SSHException, OSError, EOFError) as error:
            transport.close()
            raise self._login_failed(account, error) from None
        _broken_logins.pop(account, None)

    def adopt(self, transport: paramiko.Transport) -> None:
        """Go on with a line that was dialled, greeted and logged in step by step."""
        self.close()
        _failed_connects.pop(self.place, None)
        with self._lock:
            self._transport = self._kept_alive(transport)

    def check_may_log_in(self) -> None:
        """Raises `Misconfigured` if this very login was refused before in this process; asks no server."""
        password, key = self._credentials()
        self._not_refused(self._account(password, key))

    def _connect(self) -> paramiko.Transport:
        limit = self._settings.stop_after_failed_connects
        if limit and _failed_connects[self.place] >= limit:
            raise Misconfigured(
                f"{limit} connects to {self.place} failed in a row; the partner shuts out who goes on",
                fix="find out why (address allowed? account alive?), then test the connector by hand",
            )
        self.check_may_log_in()
        transport = self._greeted()
        _failed_connects.pop(self.place, None)
        self.log_in(transport)
        return self._kept_alive(transport)

    def _kept_alive(self, transport: paramiko.Transport) -> paramiko.Transport:
        if self._settings.keepalive_seconds:
            transport.set_keepalive(self._settings.keepalive_seconds)
        return transport

    def _greeted(self) -> paramiko.Transport:
        for attempt in range(1, self._settings.connect_attempts + 1):
            try:
                return self.greet(self.dial())
            except RetryLater:
                _failed_connects[self.place] += 1
                if attempt == self._settings.connect_attempts:
                    raise
        raise AssertionError("there is at least one attempt")

    def _prepared(self, line: socket.socket) -> paramiko.Transport:
        for name in (QUIET, f"{QUIET}.sftp"):  # paramiko logs file names
            logging.getLogger(name).disabled = True
        transport = paramiko.Transport(line, default_window_size=WINDOW_BYTES)
        transport.set_log_channel(QUIET)
        wait = self._settings.connect_timeout_seconds
        transport.banner_timeout = transport.auth_timeout = transport.handshake_timeout = wait
        transport.channel_timeout = self._settings.operation_timeout_seconds
        options = transport.get_security_options()
        safe = [name for name in options.ciphers if not name.endswith("-cbc")]
        options.ciphers = tuple(
            sorted(safe, key=lambda name: "gcm" not in name)
        )  # half the work of CTR with HMAC
        options.digests = tuple(name for name in options.digests if not name.endswith(("md5", "-96")))
        wanted = algorithms(self._settings.host_keys)
        if wanted:
            options.key_types = wanted
        return transport

    def _channel(self, transport: paramiko.Transport) -> paramiko.SFTPClient:
        channel = transport.open_session(timeout=self._settings.operation_timeout_seconds)
        channel.settimeout(self._settings.operation_timeout_seconds)
        channel.invoke_subsystem("sftp")
        return paramiko.SFTPClient(channel)

    def _credentials(self) -> tuple[str, paramiko.PKey | None]:
        settings, secrets = self._settings, self._secrets
        password = secrets.get(settings.password) if settings.password else ""
        if not settings.key:
            return password, None
        passphrase = secrets.get(settings.key_passphrase) if settings.key_passphrase else ""
        return password, private_key(secrets.get(settings.key), passphrase, settings.key)

    def _account(self, password: str, key: paramiko.PKey | None) -> str:
        """Names this login in this process only: the salt dies with it."""
        parts = (self.place, self._settings.user, password, key.get_base64() if key else "")
        return hmac.new(_salt, "\0".join(parts).encode(), hashlib.sha256).hexdigest()

    def _not_refused(self, account: str) -> None:
        if account in _refused:
            raise Misconfigured(_refused[account], fix=self._login_fix())

    def _authenticate(self, transport: paramiko.Transport, password: str, key: paramiko.PKey | None) -> None:
        user, missing = self._settings.user, ["password"]
        if key is not None:
            missing = transport.auth_publickey(user, key)
        if not missing:
            return
        if not password:
            raise paramiko.BadAuthenticationType("more is asked for", missing)
        if self._settings.keyboard_interactive:
            missing = transport.auth_interactive(user, lambda _title, _text, asked: [password] * len(asked))
        else:
            missing = transport.auth_password(user, password, fallback=False)
        if missing:
            raise paramiko.BadAuthenticationType("more is asked for", missing)

    def _login_failed(self, account: str, error: Exception) -> HubError:
        """A refusal counts at once; a line that broke while logging in may hide one, so only one more try."""
        if not _is_refusal(error):
            _broken_logins[account] += 1
            if _broken_logins[account] < BROKEN_LOGINS_ALLOWED:
                return RetryLater(f"the connection to {self.place} broke during the login")
        said = f"{self.place} refused the login of the configured user"
        if isinstance(error, paramiko.BadAuthenticationType):
            said += f"; it takes {', '.join(sorted(error.allowed_types))}"
        _refused[account] = f"{said}; it is not tried again, so that the account is not locked"
        if self._log is not None:
            self._log.warning("sftp.login_refused", host=self._settings.host)
        return Misconfigured(_refused[account], fix=self._login_fix())

    def _login_fix(self) -> str:
        what = " and ".join(name for name in ("password", "key") if getattr(self._settings, name))
        return f"check user and {what} with the partner; change the secret or the settings, or restart the hub"


def _is_refusal(error: Exception) -> bool:
    text = str(error)
    broke = "shut down" in text or "timeout" in text
    return isinstance(error, paramiko.AuthenticationException) and not broke


def _hang_up(transport: paramiko.Transport | None, line: socket.socket) -> None:
    with contextlib.suppress(Exception):
        if transport is not None:
            transport.close()
        line.close()
