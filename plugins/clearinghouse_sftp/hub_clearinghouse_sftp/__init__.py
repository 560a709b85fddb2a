"""Clearinghouses that exchange X12 files over SFTP."""

from __future__ import annotations

from collections.abc import Mapping

from hub.plugin.api import Clearinghouse, hookimpl

HUB_API = 0


@hookimpl
def hub_clearinghouses() -> Mapping[str, type[Clearinghouse]]:
    """Offers `sftp`."""
    from hub_clearinghouse_sftp.plugin import SftpClearinghouse

    return {"sftp": SftpClearinghouse}
