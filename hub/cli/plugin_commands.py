"""`hub NAME ...` of installed plugins: found only when the hub has no such command itself, loaded only when used.

A distribution offers one by an entry point in the group `hub.commands` that names a `typer.Typer`
(`hub.plugin.api.desk` says what its commands are given). The hub's own names always win; a plugin whose commands
cannot be loaded, or that fail, is told by name and place and breaks nothing else.
"""

from __future__ import annotations

import sys
from typing import Any

import typer

from hub.cli.groups import WHOLE, Group

GROUP = "hub.commands"


class Root(Group):
    """The hub's own commands, and behind them those of plugins."""

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """A command of the hub, else of a plugin, with what it is given in `ctx.obj`."""
        own = super().get_command(ctx, cmd_name)
        if own is not None or (point := _point(cmd_name)) is None:
            return own
        from hub.cli.desk import Given

        command = typer.main.get_command(_loaded(point))
        ctx.obj = Given(cmd_name, _top(point))
        return command

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run what was asked; a bug in a plugin's command ends with its name and place, and without values."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if not _is_bug(error, ctx.obj):
                raise
            raise _bug(ctx.obj.name, ctx.obj.package, error) from None

    def format_commands(self, ctx: typer.Context, formatter: typer.HelpFormatter) -> None:  # type: ignore[name-defined, override]
        """The hub's commands, then those of plugins by what their distributions say of themselves: none is loaded."""
        super().format_commands(ctx, formatter)
        rows = [(point.name, _summary(point)) for point in _points() if point.name not in self.commands]
        if rows:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(rows)


def _points() -> list[Any]:
    """What is installed, by name; a name that two distributions bring stands there twice."""
    from importlib import metadata

    found = {(point.name, point.value, _owner(point)): point for point in metadata.entry_points(group=GROUP)}
    return [found[key] for key in sorted(found)]


def _point(name: str) -> Any:
    """The one entry point of that name, or None."""
    points = [point for point in _points() if point.name == name]
    if len(points) > 1:
        owners = " and ".join(map(_owner, points))
        raise _misconfigured(f"{owners} both bring the command {name}", "uninstall one of them")
    return points[0] if points else None


def _owner(point: Any) -> str:
    return _told(point, "Name") or "?"


def _summary(point: Any) -> str:
    return f"{_told(point, 'Summary')} (plugin {_owner(point)})".strip()[:WHOLE]


def _told(point: Any, field: str) -> str:
    """A field of a distribution's head, without the library that reads it whole: it costs more than all else here."""
    head = (point.dist.read_text("METADATA") or "") if point.dist else ""
    lines = head.partition("\n\n")[0].splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{field}:")), "")


def _top(point: Any) -> str:
    return str(point.module.partition(".")[0])


def _loaded(point: Any) -> typer.Typer:
    """The commands themselves; raises `Misconfigured` for what cannot be imported, is none, or is of another API."""
    from hub.plugin.api import API_VERSION

    try:
        found = point.load()
    except Exception as error:  # noqa: BLE001 - a plugin's import may raise anything
        raise _bug(point.name, _top(point), error) from None
    if not isinstance(found, typer.Typer):
        why = f"the command {point.name} of {_owner(point)} is no typer.Typer"
        raise _misconfigured(why, "tell the plugin's author")
    version = getattr(sys.modules.get(_top(point)), "HUB_API", None)
    if version != API_VERSION:
        why = f"the command {point.name} of {_owner(point)} is not made for API version {API_VERSION}"
        raise _misconfigured(why, f"{_top(point)} must say HUB_API = {API_VERSION}")
    return found


def _is_bug(error: Exception, given: Any) -> bool:
    """Whether a plugin's command failed by itself: not the hub's word, nor how the command line ends."""
    from hub.errors import HubError

    if not hasattr(given, "package") or isinstance(error, HubError | BrokenPipeError):
        return False
    return not any(base.__module__.startswith(_ENDS) for base in type(error).__mro__)


_ENDS = ("click", "typer")


def _bug(name: str, package: str, error: Exception) -> Exception:
    """What failed, of what kind and where; its message may hold values and is thrown away, but not the name of a
    module that is missing.
    """
    from hub.plugin.host.faults import place_of

    told = type(error).__name__
    if isinstance(error, ImportError) and error.name:
        told = f"{told} of {error.name}"
    place = place_of(error.__traceback__, package)
    return _misconfigured(f"the command {name} of the plugin {package} failed: {told} at {place}", _TELL)


_TELL = "install what it needs, or tell the plugin's author; every other command works"


def _misconfigured(why: str, fix: str) -> Exception:
    from hub.errors import Misconfigured

    return Misconfigured(why, fix=fix)
