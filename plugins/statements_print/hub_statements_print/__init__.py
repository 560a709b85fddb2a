"""Patient statements to print vendors over SFTP."""

from __future__ import annotations

from collections.abc import Mapping

from hub.plugin.api import PrintVendor, hookimpl

HUB_API = 0


@hookimpl
def hub_print_vendors() -> Mapping[str, type[PrintVendor]]:
    """Offers `sftp`."""
    from hub_statements_print.plugin import SftpPrintVendor

    return {"sftp": SftpPrintVendor}
