"""`hub fhir probe`: what a server offers, how it will be asked, and what billing will not get from it."""

from __future__ import annotations

import textwrap
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NoReturn

import msgspec
import typer
from pydantic import ValidationError

from hub.clock import Clock, SystemClock
from hub.errors import Misconfigured
from hub.plugin.api import Commands, Context, Terminal
from hub_ehr_fhir.connect.http import Server
from hub_ehr_fhir.discover import telling
from hub_ehr_fhir.discover.offered import Offered
from hub_ehr_fhir.discover.probe import hints, learn
from hub_ehr_fhir.discover.strategy import Strategy, choose
from hub_ehr_fhir.settings import FhirSettings

_COLOUR = {"error": "error", "notice": "warning", "warning": "value"}
_SAVED = (
    "Nothing was written, neither there nor here: the connector learns this by itself, once a week and when a "
    "search that worked is refused."
)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for: a connector's `name`, or a `url` that asks for no sign-in; the id of a `patient` to try
    searches with; JSON.
    """

    name: str = ""
    url: str = ""
    patient: str = ""
    as_json: bool = False


def probe(given: Commands, choice: Choice, config: Path | None) -> None:
    """Try the server, tell what was found; ends with 1 where an error says that no claim can come of it."""
    terminal = given.terminal
    with _asked(given, choice, config) as (server, settings, context):
        found = _learned(terminal, server, settings, context, choice.patient)
        strategy = choose(found, settings, follows=context.follows)
    if choice.as_json:
        terminal.document(telling.document(choice.name, found, strategy))
    else:
        _tell(terminal, found, strategy)
    if any(each.severity == "error" for each in strategy.gaps):
        raise typer.Exit(1)


@contextmanager
def _asked(
    given: Commands, choice: Choice, config: Path | None
) -> Iterator[tuple[Server, FhirSettings, Context | _Alone]]:
    """The client of the connector, or of an address alone."""
    if bool(choice.name) == bool(choice.url):
        given.terminal.fail("name a connector, or an address with --url", fix="hub connector list")
    if choice.url:
        settings = of_url(choice.url)
        with closing(server_of(settings, _Alone())) as server:
            yield server, settings, _Alone()
        return
    with given.desk(config) as desk:
        known = desk.settings(choice.name)
        if not isinstance(known, FhirSettings):
            raise Misconfigured(
                f"connector {choice.name} is no FHIR source", fix="hub connector list tells the plugin of each"
            )
        context = desk.context(choice.name)
        with closing(server_of(known, context)) as server:
            yield server, known, context


def server_of(settings: FhirSettings, context: Context | _Alone) -> Server:
    """The client that the connector itself would use. Raises `Misconfigured` where it asks no server."""
    if settings.server is None:
        raise Misconfigured(
            "the connector asks no FHIR server",
            fix="set url and auth in its table [connectors.NAME.settings.server]",
        )
    return Server(
        settings.server,
        secrets=context.secrets,
        clock=context.clock,
        log=context.log,
        stop=context.stop,
        instance=context.instance,
    )


def of_url(url: str) -> FhirSettings:
    """Settings for an address that asks for no sign-in."""
    try:
        return FhirSettings.model_validate({"server": {"url": url, "auth": "none"}})
    except ValidationError as error:
        words = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise Misconfigured(f"--url: {words}", fix="such as https://fhir.example.org/r4") from None


def alone() -> _Alone:
    """What a client is given that no connector stands for."""
    return _Alone()


def _learned(
    terminal: Terminal, server: Server, settings: FhirSettings, context: Context | _Alone, patient: str
) -> Offered:
    found: Offered | None = None
    known = hints(settings)
    while found is None or not (found.complete or context.stop.is_set()):
        found = learn(
            server,
            found,
            clock=context.clock,
            stop=context.stop,
            patient=patient.removeprefix("Patient/") or known["patient"],
            group=known["group"],
            progress=lambda type_, done, of: terminal.progress(
                f"trying {type_}:" if type_ else "tried:", done, of
            ),
        )
    return found


def _tell(terminal: Terminal, found: Offered, strategy: Strategy) -> None:
    version = f"FHIR {found.fhir_version}" if found.fhir_version else "FHIR (no version told)"
    exports = ", ".join(found.exports) or "none"
    terminal.say(f"{version}{f', {found.software}' if found.software else ''}. Export declared: {exports}.")
    for warning in found.warnings:
        _say(terminal, warning)
    terminal.say()
    terminal.table("What it offers", telling.COLUMNS, telling.rows(found), styles=telling.styles(found))
    for line in telling.manners(found):
        terminal.say(f"  {line}")
    terminal.say()
    terminal.say(f"Strategy: {terminal.paint(strategy.kind, 'name')}")
    for sentence in strategy.why:
        _say(terminal, sentence, "  ")
    terminal.say()
    _tell_gaps(terminal, strategy)
    _say(terminal, f"{found.requests} requests. {_SAVED}")


def _tell_gaps(terminal: Terminal, strategy: Strategy) -> None:
    terminal.say("Missing for billing:" if strategy.gaps else "Missing for billing: nothing that is known.")
    for gap in strategy.gaps:
        terminal.say(f"  {terminal.paint(gap.severity, _COLOUR.get(gap.severity, ''))}  {gap.where}")
        _say(terminal, f"{gap.why[:1].upper()}{gap.why[1:]}.", "    ")
        _say(terminal, f"To do: {gap.fix}.", "    ")
    terminal.say()


def _say(terminal: Terminal, text: str, indent: str = "") -> None:
    width = terminal.width
    for line in textwrap.wrap(text, max(width - len(indent), 30), break_long_words=False) if width else [text]:
        terminal.say(f"{indent}{line}")


class _NoSecrets:
    def get(self, reference: str) -> NoReturn:
        raise Misconfigured(f"{reference}: an address alone has no secrets", fix="probe a connector by its name")


class _NoLog:
    def info(self, event: str, **values: str | float | bool) -> None:
        """Said nowhere: the person sees the table."""

    def warning(self, event: str, **values: str | float | bool) -> None:
        """Said nowhere: the person sees the table."""


class _Alone:
    """What a client is given that no connector stands for."""

    def __init__(self) -> None:
        self.instance = "probe"
        self.follows: tuple[str, ...] = ()
        self.clock: Clock = SystemClock()
        self.secrets, self.log, self.stop = _NoSecrets(), _NoLog(), threading.Event()
