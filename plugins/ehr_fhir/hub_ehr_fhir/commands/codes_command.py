"""`hub fhir codes`: what a sender calls things that settings do not know yet, and the lines to write down for it."""

from __future__ import annotations

from collections.abc import Iterator
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
from hub_ehr_fhir.previewing.sample import is_there, of_bodies, of_paths
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
    """What was found in what was given, and with which settings it was read."""

    found: Found
    instance: str = ""


def codes(commands: Commands, choice: Choice, config: Path | None, by: str) -> None:
    """List what is not mapped; ends with 1 where there is something."""
    with ExitStack() as undo:
        desk = desk_of(commands, choice.connector, config, by, undo)
        heard = _heard(commands.terminal, choice, desk)
    if choice.as_json:
        commands.terminal.document(_document(heard.found, heard, values=choice.values))
    else:
        _tell(commands.terminal, heard.found, heard, choice)
    raise typer.Exit(1 if heard.found.unmapped else 0)


def _heard(terminal: Terminal, choice: Choice, desk: Desk | None) -> Heard:
    known = {one.name for one in desk.instances(plugin=PLUGIN)} if desk is not None else set()
    if desk is not None and len(choice.what) == 1 and choice.what[0] in known:
        return _of_messages(terminal, desk, choice.what[0], choice.limit)
    paths = [Path(one) for one in choice.what]
    if missing := next((one for one in choice.what if not is_there(one)), None):
        raise Refused(
            f"{missing} is neither a FHIR connector nor a file",
            fix=f"the connectors are: {', '.join(sorted(known)) or 'none'}",
        )
    instance = choice.connector or (next(iter(known)) if len(known) == 1 else "")
    return _of_files(terminal, desk if instance else None, paths, instance)


def _of_files(terminal: Terminal, desk: Desk | None, paths: list[Path], instance: str) -> Heard:
    """Files have names that may be a patient's: examples are labels of encounters instead."""
    settings = settings_of(desk, instance) if desk is not None else FhirSettings()
    sample = of_paths(paths, lambda done, of: terminal.progress("files read:", done, of))
    if not sample.resources:
        raise Refused("there is no FHIR resource in what was given", fix="it must be FHIR R4 as JSON or NDJSON")
    terminal.progress("resources, read together:", len(sample.resources))
    labels = {one.key: one.label for one in sample.resources}
    facts = around.whole(sample.resources, settings).facts
    survey = Survey(desk, instance, settings)
    survey.hear([From(fact, labels.get(getattr(fact, "encounter_key", "") or fact.key, "")) for fact in facts])
    survey.see(sample.resources)
    return Heard(found=survey.result(), instance=instance)


def _of_messages(terminal: Terminal, desk: Desk, instance: str, limit: int) -> Heard:
    """What the hub has stored of a connector, the newest messages."""
    settings = settings_of(desk, instance)
    ids = [one.id for one in desk.messages(source=instance, limit=limit)]
    if not ids:
        raise Refused(
            f"the hub has no message of {instance} yet",
            fix="let it run, or name files: hub fhir codes FILE --connector NAME",
        )
    survey = Survey(desk, instance, settings)
    survey.hear(told_by(_bodies(terminal, desk, ids, survey), settings))
    found = survey.result()
    found.messages = len(ids)
    return Heard(found=found, instance=instance)


def _bodies(terminal: Terminal, desk: Desk, ids: list[str], survey: Survey) -> Iterator[tuple[str, bytes, bool]]:
    """One message after the other: all of them at once may be more than there is memory."""
    for number, stored in enumerate(desk.bodies(ids), 1):
        terminal.progress("messages read:", number, len(ids))
        resources = of_bodies([stored.body]).resources
        survey.see(msgspec.structs.replace(one, label=stored.id) for one in resources)
        yield stored.id, stored.body, stored.content_type == NDJSON


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
