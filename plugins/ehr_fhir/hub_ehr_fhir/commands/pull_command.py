"""`hub fhir pull --dry-run`: what the first call of a pull asks and finds, as counts; nothing is stored."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path
from threading import Event

import msgspec

from hub.clock import Clock
from hub.errors import Misconfigured
from hub.plugin.api import Changes, Commands, Context, Errand, Told
from hub.plugin.api.ports import Log, Secrets
from hub_ehr_fhir.connect.http import Server
from hub_ehr_fhir.pull.pulling import Pulling
from hub_ehr_fhir.settings import FhirSettings

_CALLS = 12
"""Learning what the server offers may take some calls before the first that brings something."""


class _Memory:
    """A state that nobody keeps."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self._kept.get(key)

    def put(self, key: str, value: bytes) -> None:
        self._kept[key] = value


class _Dry:
    """The connector's context without a past: it begins as if nothing had been pulled before."""

    def __init__(self, real: Context) -> None:
        self.instance = real.instance
        self.clock: Clock = real.clock
        self.secrets: Secrets = real.secrets
        self.log: Log = real.log
        self.stop: Event = real.stop
        self.follows: tuple[str, ...] = real.follows
        self.state = _Memory()

    def told_by(self, source: str, after: str = "", limit: int = 500) -> Told:  # noqa: ARG002 - as the port says
        """Nobody told of anything."""
        return Told(mentions=(), position=after, more=False)

    def errands(self) -> tuple[Errand, ...]:
        """Nothing was left."""
        return ()


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str = ""


class _Entry(msgspec.Struct, frozen=True):
    resource: _Part = _Part(resource_type="deletion")


class _Bundle(msgspec.Struct, frozen=True):
    entry: tuple[_Entry, ...] = ()


def pull(given: Commands, name: str, config: Path | None, *, as_json: bool) -> None:
    """Run the first slice of a pull and count what it brought."""
    with given.desk(config) as desk:
        settings = desk.settings(name)
        if not isinstance(settings, FhirSettings) or settings.server is None:
            raise Misconfigured(
                f"connector {name} asks no FHIR server", fix="set url and auth in its table server"
            )
        context = _Dry(desk.context(name))
        server = Server(
            settings.server,
            secrets=context.secrets,
            clock=context.clock,
            log=context.log,
            stop=context.stop,
            instance=name,
        )
        with closing(server):
            found = _first(Pulling(settings, context, server))
    counts = Counter(part for one in found.messages for part in _types(one.body))
    if as_json:
        told = {"connector": name, "messages": len(found.messages), "resources": dict(counts), "more": found.more}
        given.terminal.document(told)
        return
    given.terminal.say(f"The first call of a pull brings {len(found.messages)} messages. Nothing was stored.")
    rows = [(kind, str(count)) for kind, count in sorted(counts.items())]
    given.terminal.table("What they hold", ("Type", "Resources"), rows, right=(1,))
    given.terminal.say("There is more." if found.more else "That is all there is now.")


def _first(part: Pulling) -> Changes:
    """What the first call brings that brings anything."""
    found = Changes(messages=(), more=True)
    for _ in range(_CALLS):
        found = part.changes(found.cursor)
        if found.messages or not found.more:
            break
    return found


def _types(body: bytes) -> list[str]:
    return [entry.resource.resource_type for entry in msgspec.json.decode(body, type=_Bundle).entry]
