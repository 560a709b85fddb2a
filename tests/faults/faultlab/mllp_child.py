"""The listeners of a hub in a process of their own, for a test that kills it: prints its port, and serves until stdin
ends. Usage: python mllp_child.py FOLDER, which holds `config`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hub.app import Current, open_app
from hub.node.listening import Listeners


def main(folder: Path) -> None:
    """Serve."""
    app = open_app(folder / "config")
    listeners = Listeners(Current(app))
    listeners.follow()
    listener = app.host.source("adt")._inner.listener  # type: ignore[attr-defined]
    assert listener.ready.wait(30)
    sys.stdout.write(f"{listener.port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    listeners.ask_to_end()
    assert listeners.end(15) == ()
    app.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
