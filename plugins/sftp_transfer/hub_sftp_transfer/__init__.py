"""SFTP for Billing Hub plugins: the one home of paramiko, which is imported when a connection is first named."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hub_sftp_transfer.settings import LEGACY_NOTE, MailboxSettings, SftpSettings

if TYPE_CHECKING:
    from hub_sftp_transfer.connection import SftpConnection, forget_failures
    from hub_sftp_transfer.files import UNKNOWN, Entry, SftpFiles, Written
    from hub_sftp_transfer.keys import fingerprint
    from hub_sftp_transfer.mailbox import Mailbox

__all__ = [
    "LEGACY_NOTE",
    "UNKNOWN",
    "Entry",
    "Mailbox",
    "MailboxSettings",
    "SftpConnection",
    "SftpFiles",
    "SftpSettings",
    "Written",
    "fingerprint",
    "forget_failures",
]
_HOMES = {
    **dict.fromkeys(("SftpConnection", "forget_failures"), "connection"),
    **dict.fromkeys(("UNKNOWN", "Entry", "SftpFiles", "Written"), "files"),
    "fingerprint": "keys",
    "Mailbox": "mailbox",
}


def __getattr__(name: str) -> Any:
    """A name of `_HOMES`, from its module."""
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"hub_sftp_transfer.{_HOMES[name]}"), name)
