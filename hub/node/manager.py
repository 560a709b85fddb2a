"""Tells systemd how the service is (sd_notify): a datagram to the socket that it names."""

from __future__ import annotations

import os
import socket
import time

REST_SECONDS = 20
"""What a stop may take beyond the drain."""


def tell(*lines: str) -> bool:
    """Send `READY=1`, `STATUS=...` and the like; False where no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    name = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.sendto("\n".join(lines).encode(), name)
    except OSError:
        return False  # whoever listened is gone: nothing of the hub depends on it
    return True


def ready(status: str) -> None:
    """The node runs (again, after a reload)."""
    tell("READY=1", f"STATUS={status}")


def reloading() -> None:
    """The node reads its settings anew."""
    tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def stopping(drain_seconds: int) -> None:
    """The node drains, for so long at most; the time that was set for its stop may be shorter than that."""
    tell("STOPPING=1", "STATUS=draining", f"EXTEND_TIMEOUT_USEC={(drain_seconds + REST_SECONDS) * 1_000_000}")


def waiting(status: str, seconds: int) -> None:
    """The node is not ready for so much longer, and has a reason."""
    tell(f"EXTEND_TIMEOUT_USEC={seconds * 1_000_000}", f"STATUS={status}")


def alive() -> None:
    """The main loop turns."""
    tell("WATCHDOG=1")
