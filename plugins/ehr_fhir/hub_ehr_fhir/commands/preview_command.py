"""`hub fhir preview`: where each element of an encounter's claim would come from, and what would hold it."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path

import msgspec
import typer

from hub.errors import Misconfigured, Refused
from hub.plugin.api import Commands, Desk, Terminal
from hub_ehr_fhir.commands import previewed
from hub_ehr_fhir.commands.probe_command import alone, of_url, server_of
from hub_ehr_fhir.previewing import looking, tracing
from hub_ehr_fhir.previewing.elements import Known
from hub_ehr_fhir.previewing.fetching import base_of, fetched, misplaced, remembered, unit_of
from hub_ehr_fhir.previewing.holding import judge
from hub_ehr_fhir.previewing.rows import rows, unused
from hub_ehr_fhir.previewing.sample import Sample, is_there, of_bodies, of_paths
from hub_ehr_fhir.settings import FhirSettings

PLUGIN = "ehr_fhir"
FOLDER = Path("config")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for. `alone`: not to look at what the hub keeps, nor at what was learned of a server."""

    what: str
    encounter: str = ""
    connector: str = ""
    alone: bool = False
    values: bool = False
    everything: bool = False
    as_json: bool = False


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at: resources, and the settings with which they are read; `instance` empty: the plain ones.
    `learned`: when it was learned what the server offers by which they were asked for.
    """

    sample: Sample
    settings: FhirSettings
    instance: str = ""
    desk: Desk | None = None
    learned: date | None = None


def preview(commands: Commands, choice: Choice, config: Path | None, by: str) -> None:
    """Look at one encounter and tell; ends with 1 where something would hold its claim."""
    with ExitStack() as undo:
        desk = desk_of(commands, choice.connector, config, by, undo)
        given = _given(commands.terminal, choice, desk)
        told = _told(commands.terminal, given, choice)
    if told is None:
        raise typer.Exit(1)
    if choice.as_json:
        commands.terminal.document(previewed.document(told, values=choice.values))
    else:
        previewed.tell(commands.terminal, told, values=choice.values, everything=choice.everything)
    raise typer.Exit(0 if told.verdict.well else 1)


def desk_of(commands: Commands, connector: str, config: Path | None, by: str, undo: ExitStack) -> Desk | None:
    """The hub's desk, where there is a folder of settings or one was asked for."""
    named = config or connector or os.environ.get("HUB_CONFIG")
    if not named and not FOLDER.is_dir():
        return None
    return undo.enter_context(commands.desk(config, by))


# -------------------------------------------------------------------------------------------------- what was given
def _given(terminal: Terminal, choice: Choice, desk: Desk | None) -> Given:
    what = choice.what
    if what == "-":
        return _of_files(desk, choice, of_bodies([sys.stdin.buffer.read()]))
    if is_there(what):
        sample = of_paths([Path(what)], lambda done, of: terminal.progress("files read:", done, of))
        return _of_files(desk, choice, sample)
    if unit := unit_of(what):
        return _of_server(terminal, desk, choice, unit)
    if "://" in what:
        raise Refused(
            "the address names neither an encounter nor a patient",
            fix="such as https://fhir.example.org/r4/Encounter/123",
        )
    if desk is None or "." in what or "/" in what:
        raise Refused(
            "there is no such file, and it is no message either",
            fix="name a file, a folder, - for standard input, an address of an Encounter, or a message of the hub",
        )
    stored = desk.message(what)
    settings = settings_of(desk, stored.source)
    sample = of_bodies([stored.body])
    return Given(sample=sample, settings=settings, instance=stored.source, desk=desk)


def _of_files(desk: Desk | None, choice: Choice, sample: Sample) -> Given:
    instance = _instance(desk, choice)
    settings = settings_of(desk, instance) if desk is not None and instance else FhirSettings()
    return Given(sample=sample, settings=settings, instance=instance, desk=desk if instance else None)


def _instance(desk: Desk | None, choice: Choice) -> str:
    """The connector that was named, else the only one of FHIR."""
    if choice.connector or desk is None:
        return choice.connector
    known = [one.name for one in desk.instances(plugin=PLUGIN)]
    return known[0] if len(known) == 1 else ""


def settings_of(desk: Desk, instance: str) -> FhirSettings:
    """The settings of a connector, which must be one of FHIR. Raises `Misconfigured`."""
    settings = desk.settings(instance)
    if not isinstance(settings, FhirSettings):
        named = ", ".join(one.name for one in desk.instances(plugin=PLUGIN)) or "none"
        raise Misconfigured(f"{instance} is no FHIR connector (there are: {named})", fix="name one of these")
    return settings


def _of_server(terminal: Terminal, desk: Desk | None, choice: Choice, unit: str) -> Given:
    if desk is None:
        return _of_open_server(terminal, choice, unit)
    instance = choice.connector or _asking(desk, choice.what)
    settings, context = settings_of(desk, instance), desk.context(instance)
    with closing(server_of(settings, context)) as server:
        if "://" in choice.what and not server.is_ours(choice.what):
            raise misplaced(unit, instance)
        found = None if choice.alone else remembered(desk, instance)
        bodies, learned = fetched(server, settings, context, unit, terminal.progress, found)
    sample = of_bodies(bodies)
    return Given(sample=sample, settings=settings, instance=instance, desk=desk, learned=learned)


def _of_open_server(terminal: Terminal, choice: Choice, unit: str) -> Given:
    """An address that asks for no sign-in, without a hub."""
    settings, context = of_url(base_of(choice.what)), alone()
    with closing(server_of(settings, context)) as server:
        bodies, _ = fetched(server, settings, context, unit, terminal.progress)
    return Given(sample=of_bodies(bodies), settings=settings)


def _asking(desk: Desk, address: str) -> str:
    """The connector whose server an address is of, or the only one that asks a server."""
    found = []
    for one in desk.instances(plugin=PLUGIN):
        settings = desk.settings(one.name)
        if isinstance(settings, FhirSettings) and settings.server is not None:
            found.append((one.name, settings.server.url.rstrip("/")))
    fitting = [name for name, url in found if address.startswith(f"{url}/")] or [name for name, _ in found]
    if len(fitting) == 1:
        return fitting[0]
    raise Misconfigured(
        f"which connector shall ask? ({', '.join(name for name, _ in found) or 'none asks a server'})",
        fix="name it with --connector",
    )


# ------------------------------------------------------------------------------------------------------- what it is
def _told(terminal: Terminal, given: Given, choice: Choice) -> previewed.Preview | None:
    if not given.sample.resources:
        raise Refused("there is no FHIR resource in what was given", fix="it must be FHIR R4 as JSON or NDJSON")
    found = looking.looked(given.sample.resources, given.settings, choice.encounter, _keeper(given, choice))
    if isinstance(found, looking.Nobody):
        _nobody(terminal, found, given, choice)
        return None
    settings = given.settings
    trace = tracing.traced(
        found.resources,
        found.visit.key,
        found.facts,
        settings,
        lambda done, of: terminal.progress("elements looked at:", done, of),
    )
    trace.kept = set(found.kept)
    npi_of = given.desk.provider if given.desk is not None else lambda _name: ""
    known = Known(foreseen=found.foreseen, instance=given.instance, zone=settings.time_zone, npi_of=npi_of)
    made = [*rows(found.told, trace, known), *unused(found.told, found.resources, settings)]
    return previewed.Preview(
        visit=found.visit,
        others=found.others,
        resources=len(found.resources),
        rows=tuple(made),
        verdict=judge(found.told, made, known, found.problems),
        known=known,
        trace=trace,
        beside=found.beside,
        learned=given.learned,
    )


def _keeper(given: Given, choice: Choice) -> looking.Keeper | None:
    if given.desk is None:
        return None
    return looking.Keeper(desk=given.desk, instance=given.instance, alone=choice.alone)


def _nobody(terminal: Terminal, found: looking.Nobody, given: Given, choice: Choice) -> None:
    """There is no encounter: what there is, and what could not be read."""
    counts = previewed.counted(given.sample)
    if choice.as_json:
        terminal.document({"encounter": None, "resources": counts, "problems": list(found.problems)})
        return
    previewed.tell_nobody(terminal, counts, found.problems, found.beside)
