"""`hub fhir codes`: what a sender calls things that settings do not know yet, and the lines to write down for it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import typer

from hub.errors import Refused
from hub.plugin.api import Commands, Desk, Terminal
from hub_ehr_fhir.commands.preview_command import PLUGIN, desk_of, settings_of
from hub_ehr_fhir.commands.previewed import plural, say
from hub_ehr_fhir.previewing import around
from hub_ehr_fhir.previewing.sample import One, Sample, of_bodies, of_paths
from hub_ehr_fhir.previewing.toml import lines
from hub_ehr_fhir.previewing.unmapped import (
    CHARGE,
    CLASS,
    CLINICIAN,
    DIAGNOSIS,
    PAYER,
    PLACE,
    Found,
    From,
    Survey,
    Unmapped,
    told_by,
)
from hub_ehr_fhir.settings import FhirSettings
from hub_ehr_fhir.source import NDJSON

_FEW = 20
_TITLES = {
    CHARGE: "Charge codes without a row",
    DIAGNOSIS: "Diagnoses without a row",
    PAYER: "Payers that are not mapped",
    PLACE: "Visits without a place of service",
    CLASS: "Classes of visit that nobody knows",
    CLINICIAN: "Clinicians without an NPI",
}


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    what: tuple[str, ...]
    connector: str = ""
    limit: int = 1000
    values: bool = False
    everything: bool = False
    as_json: bool = False


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of what was given, its resources, and with which settings it was read."""

    told: list[From]
    resources: tuple[One, ...]
    settings: FhirSettings
    instance: str = ""
    messages: int = 0


def codes(commands: Commands, choice: Choice, config: Path | None, by: str) -> None:
    """List what is not mapped; ends with 1 where there is something."""
    with ExitStack() as undo:
        desk = desk_of(commands, choice.connector, config, by, undo)
        heard = _heard(commands.terminal, choice, desk)
        survey = Survey(desk if heard.instance else None, heard.instance, heard.settings)
        survey.hear(heard.told)
        survey.see(heard.resources)
        found = survey.result()
    found.messages = heard.messages
    if choice.as_json:
        commands.terminal.document(_document(found, heard, values=choice.values))
    else:
        _tell(commands.terminal, found, heard, choice)
    raise typer.Exit(1 if found.unmapped else 0)


def _heard(terminal: Terminal, choice: Choice, desk: Desk | None) -> Heard:
    known = {one.name for one in desk.instances(plugin=PLUGIN)} if desk is not None else set()
    if desk is not None and len(choice.what) == 1 and choice.what[0] in known:
        return _of_messages(terminal, desk, choice.what[0], choice.limit)
    paths = [Path(one) for one in choice.what]
    if missing := next((path for path in paths if not path.exists()), None):
        raise Refused(
            f"{missing} is neither a FHIR connector nor a file",
            fix=f"the connectors are: {', '.join(sorted(known)) or 'none'}",
        )
    instance = choice.connector or (next(iter(known)) if len(known) == 1 else "")
    settings = settings_of(desk, instance) if desk is not None and instance else FhirSettings()
    return _of_files(of_paths(paths), settings, instance)


def _of_files(sample: Sample, settings: FhirSettings, instance: str) -> Heard:
    """Files have names that may be a patient's: examples are labels of encounters instead."""
    if not sample.resources:
        raise Refused("there is no FHIR resource in what was given", fix="it must be FHIR R4 as JSON or NDJSON")
    labels = {one.key: one.label for one in sample.resources}
    facts = around.whole(sample.resources, settings).facts
    told = [From(fact, labels.get(getattr(fact, "encounter_key", "") or fact.key, "")) for fact in facts]
    return Heard(told=told, resources=sample.resources, settings=settings, instance=instance)


def _of_messages(terminal: Terminal, desk: Desk, instance: str, limit: int) -> Heard:
    """What the hub has stored of a connector, the newest messages."""
    settings = settings_of(desk, instance)
    ids = [one.id for one in desk.messages(source=instance, limit=limit)]
    if not ids:
        raise Refused(
            f"the hub has no message of {instance} yet",
            fix="let it run, or name files: hub fhir codes FILE --connector NAME",
        )
    bodies, resources = list[tuple[str, bytes, bool]](), list[One]()
    for number, stored in enumerate(desk.bodies(ids), 1):
        terminal.progress("messages read:", number, len(ids))
        bodies.append((stored.id, stored.body, stored.content_type == NDJSON))
        resources += [msgspec.structs.replace(one, label=stored.id) for one in of_bodies([stored.body]).resources]
    told = told_by(bodies, settings)
    return Heard(
        told=told, resources=tuple(resources), settings=settings, instance=instance, messages=len(ids)
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------ what is told
def _tell(terminal: Terminal, found: Found, heard: Heard, choice: Choice) -> None:
    of = f" in {plural(found.messages, 'message')}" if found.messages else ""
    settings = f"connector {heard.instance}" if heard.instance else "no connector: nothing is mapped"
    say(terminal, f"{plural(found.encounters, 'encounter')}, {plural(found.charges, 'charge')}{of}; {settings}.")
    if found.history:
        say(
            terminal, f"{plural(found.history, 'more encounter')} before bill_from ({found.bill_from}): left out."
        )
    if found.uncovered:
        say(
            terminal,
            f"{plural(found.uncovered, 'encounter')} of patients without a coverage: nobody is told who pays. "
            "hub fhir preview shows one; hub fhir probe says whether the server shows Coverage.",
        )
    terminal.say()
    if found.systems:
        rows = [(system, str(all_), str(all_ - well)) for system, (all_, well) in found.systems.items()]
        terminal.table("Diagnoses by system", ("system", "diagnoses", "unmapped"), rows, right=(1, 2))
    for kind, title in _TITLES.items():
        some = [one for one in found.unmapped if one.kind == kind]
        if some:
            _table(terminal, title, some, choice)
    written = lines(found.unmapped, heard.instance or "NAME", words=choice.values)
    if written:
        terminal.say(terminal.paint("Lines to add, once you filled in what ... stands for:", "name"))
        terminal.say()
        for line in written:
            terminal.say(terminal.paint(line, "aside") if line.startswith("#") else line)
        terminal.say()
    count = len(found.unmapped)
    verdict = "Everything is mapped." if not count else f"{plural(count, 'name')} of this sender not mapped yet."
    terminal.say(terminal.paint(verdict, "error" if count else "good"))


def _table(terminal: Terminal, title: str, some: list[Unmapped], choice: Choice) -> None:
    most = len(some) if choice.everything else _FEW
    more = f" (the {most} most frequent of {len(some)}: --all)" if len(some) > most else ""
    systems = any(one.system for one in some)
    columns = [
        "name",
        *(["kind" if some[0].kind == PLACE else "system"] if systems else []),
        "times",
        "encounters",
        "such as",
    ]
    columns += ["called"] if choice.values else []
    rows = []
    for one in some[:most]:
        row = [one.name or "(none)", *([_short(one.system)] if systems else []), str(one.times)]
        row += [str(len(one.encounters)), ", ".join(one.examples)]
        rows.append(row + ([one.words] if choice.values else []))
    first = 2 if systems else 1
    terminal.table(title + more, columns, rows, right=(first, first + 1))


def _short(system: str) -> str:
    return system if "/" not in system else system.rstrip("/").rpartition("/")[2]


def _document(found: Found, heard: Heard, *, values: bool) -> dict[str, Any]:
    return {
        "connector": heard.instance,
        "messages": found.messages,
        "encounters": found.encounters,
        "charges": found.charges,
        "history": found.history,
        "bill_from": found.bill_from,
        "without_coverage": found.uncovered,
        "diagnosis_systems": [
            {"system": system, "diagnoses": all_, "unmapped": all_ - well}
            for system, (all_, well) in found.systems.items()
        ],
        "unmapped": [_data(one, values=values) for one in found.unmapped],
        "lines": lines(found.unmapped, heard.instance or "NAME", words=values),
    }


def _data(one: Unmapped, *, values: bool) -> dict[str, Any]:
    told = {name: getattr(one, name) for name in ("kind", "system", "name", "times", "examples")}
    return told | {"encounters": len(one.encounters)} | ({"words": one.words} if values else {})
