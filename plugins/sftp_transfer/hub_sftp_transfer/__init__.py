"""SFTP for Billing Hub plugins: the one home of paramiko."""

from __future__ import annotations

from hub_sftp_transfer.connection import SftpConnection, forget_failures
from hub_sftp_transfer.files import UNKNOWN, Entry, SftpFiles, Written
from hub_sftp_transfer.keys import fingerprint
from hub_sftp_transfer.mailbox import Mailbox
from hub_sftp_transfer.settings import LEGACY_NOTE, MailboxSettings, SftpSettings

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
