"""`hub fhir preview`: where each element of an encounter's claim would come from, and what would hold it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import msgspec
import typer

from hub.errors import Misconfigured, Refused
from hub.model.facts import Reading
from hub.plugin.api import Commands, Desk, Terminal
from hub_ehr_fhir.commands import previewed
from hub_ehr_fhir.commands.probe_command import alone, of_url, server_of
from hub_ehr_fhir.previewing import around, tracing
from hub_ehr_fhir.previewing.elements import Known
from hub_ehr_fhir.previewing.fetching import base_of, fetched, misplaced, unit_of
from hub_ehr_fhir.previewing.holding import judge
from hub_ehr_fhir.previewing.rows import rows, unused
from hub_ehr_fhir.previewing.sample import Sample, of_bodies, of_paths
from hub_ehr_fhir.settings import FhirSettings

PLUGIN = "ehr_fhir"
FOLDER = Path("config")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    what: str
    encounter: str = ""
    connector: str = ""
    values: bool = False
    everything: bool = False
    as_json: bool = False


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at: resources, and the settings with which they are read; `instance` empty: the plain ones.
    `stored`: it is a message that the hub has.
    """

    sample: Sample
    settings: FhirSettings
    instance: str = ""
    desk: Desk | None = None
    stored: bool = False


def preview(commands: Commands, choice: Choice, config: Path | None, by: str) -> None:
    """Look at one encounter and tell; ends with 1 where something would hold its claim."""
    with ExitStack() as undo:
        desk = _desk(commands, choice, config, by, undo)
        given = _given(commands.terminal, choice, desk)
        told = _told(commands.terminal, given, choice)
    if told is None:
        raise typer.Exit(1)
    if choice.as_json:
        commands.terminal.document(previewed.document(told, values=choice.values))
    else:
        previewed.tell(commands.terminal, told, values=choice.values, everything=choice.everything)
    raise typer.Exit(0 if told.verdict.well else 1)


def _desk(commands: Commands, choice: Choice, config: Path | None, by: str, undo: ExitStack) -> Desk | None:
    """The hub's desk, where there is a folder of settings or one was asked for."""
    named = config or choice.connector or os.environ.get("HUB_CONFIG")
    if not named and not FOLDER.is_dir():
        return None
    return undo.enter_context(commands.desk(config, by))


# -------------------------------------------------------------------------------------------------- what was given
def _given(terminal: Terminal, choice: Choice, desk: Desk | None) -> Given:
    what = choice.what
    if what == "-":
        return _of_files(desk, choice, of_bodies([sys.stdin.buffer.read()]))
    if Path(what).exists():
        return _of_files(desk, choice, of_paths([Path(what)]))
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
    return Given(sample=sample, settings=settings, instance=stored.source, desk=desk, stored=True)


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
        bodies = fetched(server, settings, context, unit, terminal.progress)
    return Given(sample=of_bodies(bodies), settings=settings, instance=instance, desk=desk)


def _of_open_server(terminal: Terminal, choice: Choice, unit: str) -> Given:
    """An address that asks for no sign-in, without a hub."""
    settings, context = of_url(base_of(choice.what)), alone()
    with closing(server_of(settings, context)) as server:
        bodies = fetched(server, settings, context, unit, terminal.progress)
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
    resources, settings = given.sample.resources, given.settings
    if not resources:
        raise Refused("there is no FHIR resource in what was given", fix="it must be FHIR R4 as JSON or NDJSON")
    reading = around.whole(resources, settings)
    visits = around.visits(reading, resources)
    visit = _chosen(visits, choice.encounter)
    if visit is None:
        _nobody(terminal, reading, given, choice)
        return None
    told = around.told_of(reading, visit.key)
    assert told is not None  # noqa: S101 - it is one of those that were read
    few = around.belonging(resources, visit.key, settings, told)
    trace = tracing.traced(
        few, told, settings, lambda done, of: terminal.progress("elements looked at:", done, of)
    )
    foreseen = given.desk.foresee(given.instance, told.facts, visit.key) if given.desk is not None else None
    npi_of = given.desk.provider if given.desk is not None else lambda _name: ""
    known = Known(foreseen=foreseen, instance=given.instance, zone=settings.time_zone, npi_of=npi_of)
    made = [*rows(told, trace, known), *unused(told, few, settings)]
    problems = _of_these(reading, {one.label for one in few})
    return previewed.Preview(
        visit=visit,
        others=tuple(one for one in visits if one.key != visit.key),
        resources=len(few),
        rows=tuple(made),
        verdict=judge(told, made, known, problems),
        known=known,
        trace=trace,
        stored=given.stored,
    )


def _chosen(visits: list[around.Visit], wanted: str) -> around.Visit | None:
    if not wanted:
        return visits[0] if visits else None
    key = wanted if wanted.startswith("Encounter/") else f"Encounter/{wanted}"
    found = next((one for one in visits if one.key == key or one.label == wanted), None)
    if found is None:
        labels = ", ".join(one.label for one in visits[:10]) or "none"
        raise Refused(
            "there is no such encounter among those that could be read",
            fix=f"give its id or its label; there are: {labels}",
        )
    return found


def _of_these(reading: Reading, labels: set[str]) -> Iterator[Any]:
    """The problems of the resources that belong to the encounter, and those of nobody in particular."""
    for one in reading.problems:
        label = one.where.partition("]")[0] + "]" if "[" in one.where else ""
        if label in labels or not label:
            yield one


def _nobody(terminal: Terminal, reading: Reading, given: Given, choice: Choice) -> None:
    """There is no encounter: what there is, and what could not be read."""
    counts = previewed.counted(given.sample)
    if choice.as_json:
        terminal.document({"encounter": None, "resources": counts, "problems": list(reading.problems)})
        return
    previewed.tell_nobody(terminal, counts, reading.problems, stored=given.stored)
