"""Tells a person that the store is away, by ways that do not need it, beside everything else that a node does."""

from __future__ import annotations

import threading

from hub.app import Current
from hub.log import get_log
from hub.watch.notices import LastResort


class Alarm:
    """Hears with each beat whether the store is there; notifiers may be slow, so they are asked in a thread aside."""

    def __init__(self, current: Current, node: str) -> None:
        self._current, self._node = current, node
        self._asking: threading.Thread | None = None
        self._last: LastResort | None = None
        self.follow()

    def follow(self) -> None:
        """Use the notifiers of the current settings."""
        app = self._current.app
        self._last = LastResort(app.host, app.settings, app.clock, node=self._node)

    def hear(self, there: bool) -> None:
        """The store is there, or away."""
        if self._asking is None or not self._asking.is_alive():
            self._asking = threading.Thread(target=self._ask, args=(there,), name="alarm", daemon=True)
            self._asking.start()

    def _ask(self, there: bool) -> None:
        last = self._last
        try:
            if last is not None:
                took = last.back() if there else last.away()
                if took:
                    get_log().warning("store.told", count=len(took))
        except Exception as error:  # noqa: BLE001 - a notifier's fault is not the node's
            get_log().warning("node.fault", exception=type(error).__name__)
