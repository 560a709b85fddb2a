"""What backups, drills and restores work on: a store, its settings and the folders beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hub.clock import Clock
from hub.config.settings import Settings
from hub.flow.base import Hub
from hub.plugin.host import PluginHost
from hub.reports.promises import Profile
from hub.store import Store
from hub.store.copies import kind_of, path_of


@dataclass(frozen=True, kw_only=True)
class Place:
    """One hub, as its keeper sees it; `folder` is that of the settings."""

    settings: Settings
    store: Store
    folder: Path
    clock: Clock
    profiles: Mapping[str, Profile] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the database; it may hold a password."""
        return self.store.engines.url

    @property
    def backups(self) -> Path:
        """The configured folder of backups."""
        return (self.folder / self.settings.backup.folder).resolve()

    @property
    def data(self) -> Path:
        """A folder that is as safe as the database: SQLite's own, else that of the data."""
        if kind_of(self.url) == "sqlite":
            return path_of(self.url).resolve().parent
        return (self.folder / self.settings.hub.data).resolve()

    @property
    def tools(self) -> str:
        """Where pg_dump is, if it was said."""
        return self.settings.backup.pg_tools


def place_of(hub: Hub) -> Place:
    """The place of a step."""
    return Place(
        settings=hub.settings,
        store=hub.store,
        folder=hub.folder,
        clock=hub.clock,
        profiles=profiles(hub.settings, hub.host),
    )


def profiles(settings: Settings, host: PluginHost) -> dict[str, Profile]:
    """What the plugin of each mailbox says of evidence and of files in doubt."""
    ports = {name: host.clearinghouse(name).capabilities for name in settings.clearinghouses}
    if vendor := settings.print.vendor:
        ports[vendor] = host.printer(vendor).capabilities
    return {name: Profile(evidence=told.evidence, in_doubt=told.in_doubt) for name, told in ports.items()}
