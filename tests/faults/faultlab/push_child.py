"""The connectors of a hub that answer requests, in a process of their own, for a test that kills it: prints its port,
and serves until stdin ends. Usage: python push_child.py FOLDER, which holds `config`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

from hub.app import Current, open_app
from hub.node.listening import Listeners
from hub.web import public_site, serve_site


def main(folder: Path) -> None:
    """Serve."""
    app = open_app(folder / "config")
    listeners = Listeners(Current(app))
    node = SimpleNamespace(phase="running", app=app, runner=None, doors=listeners.doors)
    with serve_site(public_site(node), "127.0.0.1:0") as site:
        sys.stdout.write(f"{site.address.rpartition(':')[2]}\n")
        sys.stdout.flush()
        sys.stdin.read()
    listeners.ask_to_end()
    assert listeners.end(15) == ()
    app.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
