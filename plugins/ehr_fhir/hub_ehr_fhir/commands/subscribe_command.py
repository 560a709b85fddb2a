"""`hub fhir subscribe`: what the server is asked to send by itself, made to stand there as the settings want it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from hub.errors import Misconfigured
from hub.plugin.api import Commands, Context, Terminal
from hub_ehr_fhir.connect.http import Server
from hub_ehr_fhir.push import subscriptions
from hub_ehr_fhir.push.subscriptions import Ours, Plan
from hub_ehr_fhir.settings import FhirSettings
from hub_ehr_fhir.settings_push import PushSettings
from hub_ehr_fhir.settings_server import ServerSettings


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for on the command line."""

    name: str
    remove: bool = False
    show: bool = False
    dry_run: bool = False
    as_json: bool = False


def subscribe(given: Commands, wish: Wish, config: Path | None) -> None:
    """Bring what stands at the server and what the settings want together, or only tell of it."""
    with given.desk(config) as desk:
        push, server_settings = _settings(desk.settings(wish.name), wish.name)
        context = desk.context(wish.name)
        address = subscriptions.endpoint(push, wish.name)
        with closing(_server(server_settings, context)) as server:
            standing = subscriptions.ours(server, address)
            plan = _planned(push, standing, wish)
            made = {} if wish.dry_run or wish.show else _done(server, push, wish.name, plan, context)
    if wish.as_json:
        given.terminal.document(_document(wish, address, push, plan, made))
    else:
        _tell(given.terminal, wish, address, plan, made)
        _tell_resources(given.terminal, wish, push, plan)


def _settings(known: Any, name: str) -> tuple[PushSettings, ServerSettings]:
    if not isinstance(known, FhirSettings):
        raise Misconfigured(
            f"connector {name} is no FHIR source", fix="hub connector list tells the plugin of each"
        )
    if known.push is None or known.server is None:
        missing = "server" if known.server is None else "push"
        raise Misconfigured(
            f"connector {name} has no {missing} settings", fix=f"write [connectors.{name}.settings.{missing}]"
        )
    return known.push, known.server


def _server(settings: ServerSettings, context: Context) -> Server:
    return Server(
        settings,
        secrets=context.secrets,
        clock=context.clock,
        log=context.log,
        stop=context.stop,
        instance=context.instance,
    )


def _planned(push: PushSettings, standing: list[Ours], wish: Wish) -> Plan:
    if wish.show:
        return Plan(kept=tuple(standing))
    return Plan(removed=tuple(standing)) if wish.remove else subscriptions.plan(push, standing)


def _done(server: Server, push: PushSettings, name: str, plan: Plan, context: Context) -> dict[str, str]:
    """Create first, so that nothing goes unheard between; the status of each that was created."""
    made = {
        criteria: subscriptions.create(server, subscriptions.resource(push, name, criteria, context.secrets))
        for criteria in plan.created
    }
    for one in plan.removed:
        subscriptions.remove(server, one)
    return made


def _document(
    wish: Wish, address: str, push: PushSettings, plan: Plan, made: dict[str, str]
) -> dict[str, object]:
    resources = [subscriptions.resource(push, wish.name, one, None) for one in plan.created]
    return {
        "connector": wish.name,
        "endpoint": address,
        "dry_run": wish.dry_run,
        "kept": [msgspec.to_builtins(one) for one in plan.kept],
        "removed": [msgspec.to_builtins(one) for one in plan.removed],
        "created": [{"status": made.get(one["criteria"], ""), "resource": one} for one in resources],
    }


def _tell(terminal: Terminal, wish: Wish, address: str, plan: Plan, made: dict[str, str]) -> None:
    would = "would be " if wish.dry_run else ""
    rows = [("stands" if wish.show else "kept", one.criteria, one.status, one.id) for one in plan.kept]
    rows += [(f"{would}created", one, made.get(one, ""), "") for one in plan.created]
    rows += [(f"{would}removed", one.criteria, one.status, one.id) for one in plan.removed]
    if not rows:
        terminal.say(f"No Subscription there points to {address}.")
        return
    terminal.table(f"Subscriptions to {address}", ("what", "of", "status", "id"), rows)
    if made and any(status != "active" for status in made.values()):
        terminal.say("A server first tries to reach the hub: look again soon with --list; it shall say active.")
    if wish.dry_run:
        terminal.say("Nothing was changed.")


def _tell_resources(terminal: Terminal, wish: Wish, push: PushSettings, plan: Plan) -> None:
    """What would be sent, without what signs in; and what a server cannot be told by a Subscription."""
    if wish.dry_run:
        for one in plan.created:
            terminal.say(msgspec.json.format(msgspec.json.encode(_shown(push, wish.name, one))).decode())
    if plan.created and push.hmac_secret:
        terminal.say(
            "The secret of signatures stands in no Subscription: give it to the server by its own means."
        )


def _shown(push: PushSettings, name: str, criteria: str) -> dict[str, Any]:
    return subscriptions.resource(push, name, criteria, None)
