"""`hub fhir key`: the key pair of a connector, and what to do with its public part."""

from __future__ import annotations

import os
from pathlib import Path

from hub.errors import Misconfigured
from hub.plugin.api import Commands, Terminal
from hub_ehr_fhir.connect import keyfiles
from hub_ehr_fhir.connect.keyfiles import Made
from hub_ehr_fhir.settings_server import ServerSettings


def key(
    given: Commands, name: str, kind: str, *, rotate: bool, dry_run: bool, as_json: bool, config: Path | None
) -> None:
    """Make the key of a connector, or tell of the one that is there."""
    with given.desk(config) as desk:
        server = getattr(desk.settings(name), "server", None)
    if server is None:
        raise Misconfigured(
            f"connector {name} asks no FHIR server", fix=f"set [connectors.{name}.settings.server]"
        )
    path = _path(server, name, config)
    made = keyfiles.make(path, name, kind, rotate=rotate, dry_run=dry_run, key_id="" if rotate else server.key_id)
    if as_json:
        given.terminal.document(_document(made, name, dry_run=dry_run))
    elif dry_run:
        _would(given.terminal, made)
    else:
        _tell(given.terminal, made, name, server)


def _path(server: ServerSettings, name: str, config: Path | None) -> Path:
    """The file that `private_key` names, as the hub itself finds it."""
    kind, _, file = server.private_key.partition(":")
    if kind != "file":
        raise Misconfigured(
            "private_key names no file" if kind else "private_key is empty",
            fix=f'set auth = "smart" and private_key = "file:{name}.key.pem" in [connectors.{name}.settings.server]',
        )
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if credentials and "/" not in file and Path(credentials, file).is_file():
        raise Misconfigured(
            f"the service manager gives the hub {file}: what is made beside the settings would not be read",
            fix="make the key in another settings folder, and give it to the service manager",
        )
    return (config or Path(os.environ.get("HUB_CONFIG") or "config")) / file


def _document(made: Made, name: str, *, dry_run: bool) -> dict[str, object]:
    return {
        "connector": name,
        "key": str(made.key),
        "jwks": str(made.jwks),
        "kid": "" if dry_run and made.new else made.kid,
        "kind": made.kind,
        "previous": made.previous,
        "new": made.new,
        "dry_run": dry_run,
        "served": f"/connectors/{name}/jwks.json",
    }


def _would(terminal: Terminal, made: Made) -> None:
    if not made.new:
        terminal.say(f"The key is there already: {made.key} (kid {made.kid}). It would be left.")
    else:
        terminal.say(f"Would make an {made.kind} key in {made.key}, readable by its owner alone.")
    if made.previous and made.new:
        terminal.say(f"The key that is there (kid {made.previous}) would stay below it until the next --rotate.")
    terminal.say(f"Would write the public part to {made.jwks}. Nothing was written.")


def _tell(terminal: Terminal, made: Made, name: str, server: ServerSettings) -> None:
    if made.new:
        terminal.say(f"Made an {made.kind} key: {made.key}")
    else:
        terminal.say(f"The key was there and is left (--rotate makes a new one): {made.key}")
    terminal.say(f"Its public part, to register: {made.jwks}")
    terminal.say(f"Its kid: {made.kid}")
    if made.previous:
        terminal.say(
            f"The key before it still signs where the server does not know the new one: kid {made.previous}"
        )
    terminal.say()
    terminal.say("Next:")
    for number, line in enumerate(_next(made, name, server), 1):
        terminal.say(f"  {number}. {line}")


def _next(made: Made, name: str, server: ServerSettings) -> list[str]:
    register = "Register the hub at the EHR as a backend (system) client that reads, with its public keys:"
    if made.previous and made.new:
        register = "Let the EHR take over the new public key beside the one it knows:"
    where = (
        f"upload {made.jwks.name}, or name https://YOUR-HOST/connectors/{name}/jwks.json (`hub run` serves it)."
    )
    lines = [f"{register} {where}"]
    if server.key_id and made.new:
        lines.append(
            f"Write the kid that the EHR gives the new key in key_id (now {server.key_id}), or empty it."
        )
    if not server.client_id:
        lines.append("Write the id that it gives in client_id.")
    return [*lines, f"Keep a safe copy of {made.key.name}; it goes nowhere else.", f"hub connector test {name}"]
