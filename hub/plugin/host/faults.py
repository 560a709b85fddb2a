"""What the host says when a plugin misbehaves: who, in which call, what kind, where; never a value."""

from __future__ import annotations

from pathlib import PurePath
from types import FrameType, TracebackType

from hub.errors import HubError

HUNG = "the call did not end in time; the instance is held"
HELD = "the instance is held since a call hung"
LATE = "it did not answer in time"


class PluginFault(HubError):
    """A bug in a plugin, or a call that did not end in time.

    `instance` is the connector's name (or the plugin's, for a hook), `method` the port method or hook,
    `cause` the exception's type name, `hung` or what was wrong with the answer, `place` the file and line
    inside the plugin. The exception itself is not kept: its message and its frames may hold values.
    A fault in `publish` says nothing about whether the partner has the file: that is in doubt.
    """

    def __init__(self, *, plugin: str, instance: str, method: str, cause: str, place: str = "") -> None:
        at = f" at {place}" if place else ""
        fix = "tell the plugin's author; the rest of the hub goes on"
        super().__init__(f"plugin {plugin}, {instance}.{method}: {cause}{at}", fix=fix)
        self.plugin = plugin
        self.instance = instance
        self.method = method
        self.cause = cause
        self.place = place

    @property
    def hung(self) -> bool:
        """True where the call did not end (or the instance is held because an earlier one did not)."""
        return self.cause in (HUNG, HELD)


def place_of(traceback: TracebackType | None, package: str) -> str:
    """File and line of the deepest frame inside `package`; failing that, of the deepest frame at all."""
    deepest, inside = "", ""
    while traceback is not None:
        here = _place(traceback.tb_frame, traceback.tb_lineno)
        deepest = here
        if _top(traceback.tb_frame) == package:
            inside = here
        traceback = traceback.tb_next
    return inside or deepest


def _top(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _place(frame: FrameType, line: int) -> str:
    """`package/module.py:12`: relative to the import path, so that no machine's folders show."""
    depth = str(frame.f_globals.get("__name__", "")).count(".") + 1
    parts = PurePath(frame.f_code.co_filename).parts
    if parts and parts[-1] == "__init__.py":
        depth += 1
    return f"{'/'.join(parts[-depth:])}:{line}"
