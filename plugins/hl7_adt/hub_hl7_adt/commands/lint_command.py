"""`hub hl7 lint`: from sample messages to a profile that fits them."""

from __future__ import annotations

import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import typer
from pydantic import ValidationError

from hub.errors import Misconfigured, Refused
from hub.plugin.api import Commands, Desk, Terminal
from hub_hl7_adt.commands import linted
from hub_hl7_adt.linting import toml
from hub_hl7_adt.linting.gaps import Known, of_payers
from hub_hl7_adt.linting.report import Report
from hub_hl7_adt.linting.report import lint as linting
from hub_hl7_adt.linting.samples import Gathered, gathered
from hub_hl7_adt.presets import presets
from hub_hl7_adt.settings import Hl7Settings


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    profile: str = ""
    connector: str = ""
    write: Path | None = None
    everything: bool = False
    values: bool = False
    as_json: bool = False


def lint(given: Commands, paths: list[Path], choice: Choice, config: Path | None, by: str) -> None:
    """Lint the samples and tell; ends with 1 where something would stop a claim."""
    terminal = given.terminal
    if choice.write and choice.write.exists():
        terminal.fail(f"{choice.write} is there already", "give --write a new name, or take the old file away")
    with ExitStack() as undo:
        desk = undo.enter_context(given.desk(config, by)) if choice.connector else None
        settings = settings_of(choice, desk)
        known = _known(desk, choice.connector) if desk else None
    found = gathered(paths)
    if not found.samples:
        terminal.fail(
            "there is no HL7 message in what was given", "a message begins with MSH at the start of a line"
        )
    report = _report(terminal, found, settings, known)
    if choice.write:
        _write(choice.write, report, choice.connector)
    if choice.as_json:
        terminal.document(linted.as_data(report, found, values=choice.values))
    else:
        linted.tell(terminal, report, found, everything=choice.everything, values=choice.values)
        _next(terminal, report, choice)
    raise typer.Exit(1 if linted.stops(report) else 0)


def _report(terminal: Terminal, found: Gathered, settings: Hl7Settings, known: Known | None) -> Report:
    total = len(found.samples)

    def step(number: int) -> None:
        if number % 500 == 0:
            terminal.progress("messages read", number, total)

    return linting(found.samples, settings, known, step)


def settings_of(choice: Any, desk: Desk | None) -> Hl7Settings:
    """The settings to read with: of a connector, of a preset or a file, or the plain ones."""
    if desk is not None:
        settings = desk.settings(choice.connector)
        if not isinstance(settings, Hl7Settings):
            named = ", ".join(one.name for one in desk.instances(plugin="hl7_adt")) or "none"
            raise Misconfigured(f"{choice.connector} is no connector of HL7 messages (there are: {named})")
        return settings
    if not choice.profile:
        return Hl7Settings()
    if choice.profile in presets():
        return Hl7Settings(preset=choice.profile)
    return _of_file(Path(choice.profile))


def _of_file(path: Path) -> Hl7Settings:
    """The settings in a file: bare ones, or the first `settings` table of a connector."""
    if not path.is_file():
        known = ", ".join(presets())
        raise Refused(f"there is no preset and no file {path}", fix=f"the presets are: {known}")
    try:
        told: Any = tomllib.loads(path.read_text(encoding="utf-8"))
        for connector in told.get("connectors", {}).values():
            told = connector.get("settings", {})
            break
        return Hl7Settings.model_validate(told)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise Refused(f"{path.name} is not TOML", fix="take a file that --write wrote") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
        raise Refused(f"{path.name} holds a setting that cannot be: {wrong}") from None


def _known(desk: Desk, connector: str) -> Known:
    places = {*desk.facilities(connector), *desk.places(connector)}
    return Known(
        configured=True,
        payers=of_payers(desk.payers(connector)),
        codes=desk.charge_codes(),
        places=frozenset(places),
        npi_of=desk.provider,
    )


def _write(path: Path, report: Report, connector: str) -> None:
    head = f"[connectors.{connector or 'NAME'}.settings]\n"
    path.write_text(head + toml.profile(report.proposals), encoding="utf-8")


def _next(terminal: Terminal, report: Report, choice: Choice) -> None:
    """What to do now."""
    if choice.write:
        name = choice.connector or "NAME"
        terminal.say(
            f"Written to {choice.write}: look through it, and put it under [connectors.{name}] of hub.toml."
        )
    elif report.proposals:
        terminal.say("Write it down with --write FILE, and lint again with --profile FILE.")
