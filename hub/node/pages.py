"""The pages of a node: served from its first moment to its last, and tried again where an address is taken."""

from __future__ import annotations

from collections.abc import Callable

from hub.config import Loaded
from hub.config.certificate import certificate_of
from hub.errors import Misconfigured
from hub.log import get_log
from hub.node.plan import Plan
from hub.web import Site, public_site, serve_site, site
from hub.web.ready import NodeView


class Pages:
    """Health, metrics and connectors on one address, connectors alone on the public one; without an address: none.
    What cannot be served keeps no claim from going out.
    """

    def __init__(self, node: NodeView, plan: Plan, loaded: Loaded, say: Callable[[str], None]) -> None:
        self._node, self._plan, self._say = node, plan, say
        self._certificate = certificate_of(loaded.settings.run, loaded.folder)
        self._site: Site | None = None
        self._public: Site | None = None
        self._said: set[str] = set()
        self.serve()

    @property
    def address(self) -> str:
        """Where they are served; empty where they are not."""
        return self._site.address if self._site else ""

    @property
    def public(self) -> str:
        """Where senders outside reach connectors; empty where they do not."""
        return self._public.address if self._public else ""

    @property
    def public_url(self) -> str:
        """The same as the beginning of a URL."""
        return f"http{'s' if self._certificate else ''}://{self.public}" if self.public else ""

    def serve(self) -> None:
        """Serve them, where they are wanted and not served yet."""
        if self._plan.listen and self._site is None:
            self._site = self._try("listen", lambda: serve_site(site(self._node), self._plan.listen))
        if self._plan.public and self._public is None:
            self._public = self._try("public", self._serve_public)

    def follow(self, loaded: Loaded) -> None:
        """Show a renewed certificate from now on; addresses are those that the node started with."""
        fresh = certificate_of(loaded.settings.run, loaded.folder)
        try:
            if self._public is None:
                self._certificate = fresh
            elif self._certificate is not None and fresh is not None:
                self._certificate.become(fresh)
        except Misconfigured as error:
            get_log().warning("web.fault", exception=type(error).__name__)
            self._say(f"{error}; the one before is shown on")

    def close(self) -> None:
        """Serve no more; harmless twice."""
        for one in (self._site, self._public):
            if one is not None:
                one.close()
        self._site = self._public = None

    def _serve_public(self) -> Site:
        tls = self._certificate.context() if self._certificate else None
        return serve_site(public_site(self._node), self._plan.public, tls=tls, key="run.public_listen")

    def _try(self, what: str, serve: Callable[[], Site]) -> Site | None:
        try:
            return serve()
        except Misconfigured as error:
            get_log().warning("web.fault", exception=type(error).__name__)
            if what not in self._said:
                self._said.add(what)
                self._say(f"{error}; it is tried again, and everything else runs")
        return None
