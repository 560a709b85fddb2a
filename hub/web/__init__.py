"""What `hub run` serves over HTTP: health, metrics, and the routes of plugins."""

from __future__ import annotations

from hub.web.serving import Site, serve_site
from hub.web.site import site

__all__ = ["Site", "serve_site", "site"]
