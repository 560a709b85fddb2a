"""The step-by-step check of a connector: name, line, host key, login, folders, listing."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import paramiko

from hub.plugin.api import HubError, Step
from hub_sftp_transfer import faults
from hub_sftp_transfer.connection import SftpConnection
from hub_sftp_transfer.files import SftpFiles
from hub_sftp_transfer.keys import fingerprint
from hub_sftp_transfer.settings import MailboxSettings

WRITE_BITS = 0o222


def mailbox_steps(settings: MailboxSettings, connection: SftpConnection, files: SftpFiles) -> Iterator[Step]:
    """One step after the other, until one fails that the next ones need; nothing changes at the partner."""
    call = _Call(settings, connection)
    for name, attempt in (
        ("name", call.resolve),
        ("line", call.dial),
        ("host key", call.greet),
        ("login", call.log_in),
    ):
        step = _tried(name, attempt)
        yield step
        if not step.ok:
            return
    yield _tried("put folder", lambda: _writable(files, settings.put_folder))
    if settings.after_done == "archive":
        yield _tried("archive folder", lambda: _writable(files, settings.archive_folder))
    for folder in settings.get_folders:
        yield _tried("get folder", lambda folder=folder: _listed(files, folder))  # type: ignore[misc]


class _Call:
    """One call to the partner, step by step on one line: some partners count every one that breaks off."""

    def __init__(self, settings: MailboxSettings, connection: SftpConnection) -> None:
        self._settings = settings
        self._connection = connection
        self._line: socket.socket
        self._transport: paramiko.Transport

    def resolve(self) -> str:
        host, port = self._settings.host, self._settings.port
        try:
            found = {str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        except OSError as error:
            raise faults.connecting(error, self._connection.place) from None
        return f"{host} is {', '.join(sorted(found))}"

    def dial(self) -> str:
        self._connection.check_may_log_in()
        self._line = self._connection.dial()
        return f"{self._connection.place} accepts connections"

    def greet(self) -> str:
        self._transport = self._connection.greet(self._line)
        key = self._transport.get_remote_server_key()
        return f"the pinned key: {key.get_name()} {fingerprint(key.asbytes())}"

    def log_in(self) -> str:
        self._connection.log_in(self._transport)
        self._connection.adopt(self._transport)
        self._connection.client()
        return "logged in, and SFTP answers"


def _tried(name: str, attempt: Callable[[], str]) -> Step:
    try:
        return Step(name=name, ok=True, said=attempt())
    except HubError as error:
        return Step(name=name, ok=False, said=str(error), fix=error.fix)


def _writable(files: SftpFiles, folder: str) -> str:
    mode = files.folder_mode(folder)
    told = "does not tell" if mode is None else "says yes" if mode & WRITE_BITS else "says no"
    return f"{folder} exists; whether it may be written the server {told} (nothing was written to try)"


def _listed(files: SftpFiles, folder: str) -> str:
    files.folder_mode(folder)
    return f"{folder} can be listed: {sum(1 for _ in files.listing(folder))} files now"
