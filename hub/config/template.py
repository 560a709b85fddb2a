"""The example practice: package data in an installed hub, the repository's `config/` in an editable one."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from hub.config.settings import FILES
from hub.errors import Misconfigured


def template() -> Traversable:
    """The folder with the example's files."""
    packed = resources.files("hub.config") / "example"
    return packed if packed.is_dir() else Path(__file__).resolve().parents[2] / "config"


def write_template(target: Path) -> list[Path]:
    """Write the example's files into `target` and return them; raises `Misconfigured` rather than overwrite."""
    standing = [name for name in FILES if (target / name).exists()]
    if standing:
        raise Misconfigured(f"{', '.join(standing)} already stands there", fix="choose an empty folder")
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for name in FILES:
        path = target / name
        path.write_bytes((template() / name).read_bytes())
        written.append(path)
    return written
