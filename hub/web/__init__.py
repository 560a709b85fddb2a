"""What `hub run` serves over HTTP: health, metrics, and what connectors answer."""

from __future__ import annotations

from hub.web.serving import Site, serve_site
from hub.web.site import public_site, site

__all__ = ["Site", "public_site", "serve_site", "site"]
