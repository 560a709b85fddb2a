"""A clearinghouse that is reached through a shared folder."""

from __future__ import annotations

from collections.abc import Mapping

from hub.plugin.api import Clearinghouse, hookimpl

HUB_API = 0


@hookimpl
def hub_clearinghouses() -> Mapping[str, type[Clearinghouse]]:
    """Offer the kind `folder`."""
    from clearinghouse_folder.port import FolderClearinghouse

    return {"folder": FolderClearinghouse}
