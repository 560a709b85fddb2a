"""Says what went wrong at the partner's server as one of the four errors of the door.

A server's own words are never passed on: they may name a file, and a file's name may name a patient.
"""

from __future__ import annotations

import socket

import paramiko

from hub.plugin.api import HubError, Misconfigured, RetryLater
from hub_sftp_transfer.settings import LEGACY_NOTE

BROKEN = (paramiko.SSHException, EOFError, TimeoutError, ConnectionError)
OUTSIDE = (paramiko.SSHException, EOFError, OSError, UnicodeDecodeError)  # a server's text may be in any code


def is_broken(error: BaseException) -> bool:
    """The line itself is gone or out of step, so that no answer to this request will come."""
    return isinstance(error, BROKEN) or "Socket is closed" in str(error)


def connecting(error: Exception, place: str) -> HubError:
    """What a failure before the login means; `place` is host:port."""
    if isinstance(error, paramiko.IncompatiblePeer):
        return Misconfigured(f"{place} offers only algorithms that are no longer safe. {LEGACY_NOTE}")
    if isinstance(error, socket.gaierror):
        return RetryLater(f"the name of {place} was not found", fix="check host, then the DNS of this machine")
    if isinstance(error, ConnectionRefusedError):
        return RetryLater(f"{place} refused the connection", fix="check port, and that this address is allowed")
    if isinstance(error, TimeoutError):
        return RetryLater(f"{place} did not answer in time", fix="check firewall and the partner's allow list")
    return RetryLater(f"the connection to {place} broke before the login", fix="look for news of an outage there")


def working(error: Exception, doing: str) -> HubError:
    """What a failure after the login means; `doing` completes "while ..." and holds no inbound file's name."""
    if isinstance(error, TimeoutError):
        return RetryLater(f"no answer in time while {doing}")
    if is_broken(error):
        return RetryLater(f"the connection broke while {doing}")
    if isinstance(error, PermissionError):
        return Misconfigured(f"permission denied while {doing}", fix="ask the partner for the right to do so")
    if isinstance(error, FileNotFoundError):
        return Misconfigured(f"not found while {doing}", fix="check the folder names against the partner's guide")
    return RetryLater(
        f"the server reported a failure while {doing}",
        fix="its disk may be full or its quota used up: ask the partner if it stays so",
    )
