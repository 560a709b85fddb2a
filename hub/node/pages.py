"""The pages of a node: served from its first moment to its last, and tried again where the address is taken."""

from __future__ import annotations

from collections.abc import Callable

from hub.errors import Misconfigured
from hub.log import get_log
from hub.web import Site, serve_site, site
from hub.web.ready import NodeView


class Pages:
    """Health and metrics on `listen`; empty: none. An address that is taken keeps no claim from going out."""

    def __init__(self, node: NodeView, listen: str, say: Callable[[str], None]) -> None:
        self._node, self._listen, self._say = node, listen, say
        self._site: Site | None = None
        self._said = False
        self.serve()

    @property
    def address(self) -> str:
        """Where they are served; empty where they are not."""
        return self._site.address if self._site else ""

    def serve(self) -> None:
        """Serve them, where they are wanted and not served yet."""
        if not self._listen or self._site is not None:
            return
        try:
            self._site = serve_site(site(self._node), self._listen)
        except Misconfigured as error:
            get_log().warning("web.fault", exception=type(error).__name__)
            if not self._said:
                self._said = True
                self._say(f"{error}; it is tried again, and everything else runs")

    def close(self) -> None:
        """Serve no more; harmless twice."""
        if self._site is not None:
            self._site.close()
            self._site = None
